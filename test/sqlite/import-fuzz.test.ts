import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import fc from 'fast-check'
import type { ImportReport, ListedTask, TaskInfo, TaskStore } from 'uniqc-task-store'
import { parseJson } from '../../drizzle/json/read.ts'
import { dump, prototypeKeys } from '../support/dump.ts'
import { anyPlace } from '../support/json-texts.ts'
import { memory } from '../support/store.ts'
import { temporaryFolder } from '../support/temporary.ts'

/** Makes a store as good as new, which costs less than a new one. */
function empty(store: TaskStore): void {
  store.clearAll()
  store.db.$client.exec('DELETE FROM archived_tasks; DELETE FROM archived_task_shards')
}

const TIMES = '"submit_time": "2026-04-20T09:37:08.686195", "update_time": "2026-04-20T09:38:00"'

/** Lines as UnifiedQuantum wrote them, the odd ones among them. */
const FLAT: readonly string[] = [
  `{"task_id": "task-1", "platform": "ibm", "status": "success", ${TIMES}, "result": {"counts": {"00": 512, "11": 488}}, "shots": 1000}`,
  `{"task_id": "task-2", "platform": "quafu", "status": "running", ${TIMES}, "result": null, "note": "naïve café ☕ \\"}, {\\\\"}`,
  `{"task_id": "6B46BFF47B1D", "platform": "originq", "status": "failed", ${TIMES}, "result": {"error": "x"}, "error_message": "adapter said no"}`,
  `{"task_id": "task-4", "platform": "ibm", "status": "success", ${TIMES}, "result": [NaN, -Infinity, 1.0, -0.0], "seed": -18446744073709551617}`,
  `{"task_id": "task-5", "platform": "ibm", "status": "cancelled", ${TIMES}, "result": {}, "__proto__": {"polluted": 1}, "constructor": [1]}`,
  `{"task_id": "task-1", "platform": "ibm", "status": "failed", ${TIMES}, "result": [{"00": 24}, null], "shots": "many", "error_message": 5}`,
  `{"task_id": "任务 \\ud83d\\ude00", "platform": "ibm", "status": "queued", ${TIMES}, "result": "text", "a\\u0000": "\\ud800"}`,
  `{"task_id": "a\\u0000b", "platform": "ibm", "status": "pending", ${TIMES}, "result": 12345678901234567890123}`,
  `{"platform":"ibm","task_id":"task-9","status":"success","submit_time":"yesterday","result":[[[[]]]],"$int":"5"}`,
  `{"task_id": "it's; DROP TABLE tasks; --", "platform": "ibm", "status": "success", ${TIMES}, "result": true, "backend": "shadow", "metadata": {"a": 1}}`,
]

/** What a line of {@link FLAT} is in the store: what UnifiedQuantum's own record said. */
function taskOf(line: string): TaskInfo {
  const { task_id, platform, status, result, submit_time, update_time, ...extra } = parseJson(line) as Record<
    string,
    never
  >
  const { shots, error_message, ...others } = extra
  const hasShots = typeof shots === 'number'
  const hasError = typeof error_message === 'string'
  return {
    taskId: task_id as never,
    backend: platform as never,
    status: status as never,
    shots: hasShots ? shots : 0,
    submitTime: submit_time as never,
    updateTime: update_time ?? (submit_time as never),
    result: result ?? null,
    metadata: {
      ...others,
      ...(!hasShots && shots !== undefined && { shots }),
      ...(!hasError && error_message !== undefined && { error_message }),
    },
    errorMessage: hasError ? error_message : null,
  }
}

/** Bytes to put in: parts of records, and bytes that are not UTF-8. */
const PIECES: readonly Buffer[] = [
  ...'{}[]",:\\\n\r\0 a0',
  '\n\n',
  '"task_id": "task-2", ',
  '"task_id": "task-9"',
  '"platform": "ibm", ',
  '"__proto__": {"polluted": true}, ',
  '"shots": -1, ',
  '"metadata": ',
  '"shards": [{}], ',
  '"\\ud800"',
  '\ufeff',
  'NaN',
  '1e999',
  '12345678901234567890',
  '['.repeat(3000),
]
  .map((text) => Buffer.from(text))
  .concat([Buffer.of(0xff), Buffer.of(0xc3), Buffer.of(0xed, 0xa0, 0x80)])

interface Mutation {
  readonly at: number
  readonly removed: number
  readonly put: Buffer
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: anyPlace,
  removed: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 300 })),
  put: fc.oneof(
    fc.constant(Buffer.alloc(0)),
    fc.constantFrom(...PIECES),
    fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes)),
  ),
})

function mutate(bytes: Buffer, { at, removed, put }: Mutation): Buffer {
  const start = placeOf(bytes, at)
  return Buffer.concat([bytes.subarray(0, start), put, bytes.subarray(start + removed)])
}

const placeOf = (bytes: Buffer, at: number) => Math.floor(at * (bytes.length + 1))

/** A line as it is, or damaged. */
interface Line {
  readonly bytes: Buffer
  /** Its text, where it was not touched. */
  readonly text: string | undefined
}

/** Some of the lines in any order, some twice, about a third of them damaged. */
function damagedLines(lines: readonly string[]): fc.Arbitrary<readonly Line[]> {
  const line = fc
    .tuple(
      fc.constantFrom(...lines),
      fc.oneof(
        { weight: 2, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: fc.array(mutation, { minLength: 1, maxLength: 3 }) },
      ),
    )
    .map(([text, mutations]) => {
      const bytes = Buffer.from(text)
      const damaged = mutations.reduce(mutate, bytes)
      return { bytes: damaged, text: damaged.equals(bytes) ? text : undefined }
    })
  return fc.array(line, { maxLength: 12 })
}

const joinLines = (lines: readonly Line[], newline: string) =>
  Buffer.concat(lines.flatMap(({ bytes }, index) => (index === 0 ? [bytes] : [Buffer.from(newline), bytes])))

/** The untouched lines of which no later line, damaged or not, may have the id. */
function lastOfTheirId(lines: readonly Line[]): string[] {
  return lines.flatMap(({ text }, index) => {
    if (text === undefined) return []
    const id = idOf(text)
    const isLast = lines.slice(index + 1).every((later) =>
      later.text === undefined
        ? later.bytes
            .toString()
            .split('\n')
            .every((part) => idOf(part) !== id)
        : idOf(later.text) !== id,
    )
    return isLast ? [text] : []
  })
}

function idOf(text: string): unknown {
  try {
    return (parseJson(text.replace(/^\ufeff/, '')) as { task_id?: unknown } | null)?.task_id
  } catch {
    return undefined
  }
}

/** Imports a file into an empty store twice, and checks all that holds for any file. */
function importTwice(file: string, store: TaskStore): ImportReport {
  const before = dump(store)
  const prototypes = prototypeKeys()
  const planned = store.importFile(file, { dryRun: true })
  assert.equal(dump(store), before, 'a dry run wrote something')
  const report = store.importFile(file)
  checkReport(report)
  assert.deepEqual(planned, report)
  const imported = dump(store)
  for (const options of [{}, { overwrite: true }]) {
    const again = store.importFile(file, options)
    checkReport(again)
    assert.equal(again.imported, 0)
    assert.equal(again.read, report.read)
    assert.equal(dump(store), imported, 'a second import changed something')
  }
  assert.equal(store.db.$client.pragma('integrity_check', { simple: true }), 'ok')
  assert.equal(prototypeKeys(), prototypes)
  return report
}

function checkReport({ read, imported, unchanged, superseded, skipped }: ImportReport): void {
  assert.equal(read, imported + unchanged + superseded + skipped.length)
  for (const { line, reason } of skipped) assert.ok(line >= 1 && reason !== '')
}

/** Exports a store and imports that into another, which must then show the same. */
function checkRoundTrip(store: TaskStore, other: TaskStore, file: string): void {
  const { tasks } = store.exportFile(file, { replace: true })
  empty(other)
  const { imported, skipped } = other.importFile(file)
  assert.deepEqual([imported, skipped], [tasks, []])
  assert.deepStrictEqual(wholeOf(other), wholeOf(store))
}

function wholeOf(store: TaskStore) {
  const whole = (task: TaskInfo & { readonly archivedAt?: string | null }) => ({
    ...task,
    shards: task.archivedAt ? store.archive.getShards(task.taskId) : store.getShards(task.taskId),
  })
  const tasks = store.list({ archived: 'both' }).map(whole)
  return tasks.sort((a, b) => (a.taskId < b.taskId ? -1 : 1))
}

test('a damaged tasks.jsonl imports every whole line once, and a second import changes nothing', (t) => {
  const folder = temporaryFolder(t)
  const file = join(folder, 'tasks.jsonl')
  using store = memory()
  using other = memory()
  let checked = 0
  fc.assert(
    fc.property(damagedLines(FLAT), fc.constantFrom('\n', '\r\n', '\n\n'), (lines, newline) => {
      writeFileSync(file, joinLines(lines, newline))
      empty(store)
      importTwice(file, store)
      for (const text of lastOfTheirId(lines)) {
        const task = taskOf(text)
        assert.deepStrictEqual(store.get(task.taskId), task)
        checked++
      }
      checkRoundTrip(store, other, join(folder, 'export.jsonl'))
    }),
    { numRuns: 300 },
  )
  assert.ok(checked > 300, `only ${checked} records were checked`)
})

const placeAndId = ({ taskId, archivedAt }: ListedTask) => `${archivedAt === null} ${taskId}`

/** A store with shards, an archive and values that an export has to tag. */
function fill(store: TaskStore): void {
  const ids = ['task-1', 'task-2', 'uqt_000102030405060708090a0b0c0d0e0f', '任务', "it's", 'a\0b', '"\\']
  for (const [n, taskId] of ids.entries()) {
    store.save(
      {
        taskId,
        backend: 'originq:WK_C180',
        status: n % 2 ? 'success' : 'running',
        result: [{ $int: '5' }, Number.NaN, 2n ** 70n, { $object: { $a: 1n << 60n } }, '\ud800\n'][n] ?? null,
        metadata: Object.fromEntries([
          ['__proto__', n],
          ['$float', 'NaN'],
          ...(n > 2 ? [] : [['legacy_platform_id', `old-${n}`]]),
        ]),
        errorMessage: n === 3 ? 'line 1\nline 2' : null,
        shots: n,
      },
      { keepUpdateTime: true },
    )
    for (let shard = 0; shard < n % 3; shard++) {
      store.addShard({
        uniqcTaskId: taskId,
        platformTaskId: `old-${n}`,
        result: shard ? { $b: [Infinity] } : null,
      })
    }
  }
  store.archive.archiveMany([ids[1] ?? '', ids[5] ?? ''])
}

test('a damaged export imports every whole line with its shards, live or archived', (t) => {
  const folder = temporaryFolder(t)
  const file = join(folder, 'tasks.jsonl')
  using source = memory()
  fill(source)
  source.exportFile(file)
  const exported = readFileSync(file, 'utf8').trimEnd().split('\n')
  const originals = new Map(wholeOf(source).map((task) => [task.taskId, task]))
  using store = memory()
  using other = memory()
  let checked = 0
  fc.assert(
    fc.property(damagedLines(exported), (lines) => {
      writeFileSync(file, joinLines(lines, '\n'))
      empty(store)
      importTwice(file, store)
      // Damage can make another record of an id in the other place.
      const found = new Map(wholeOf(store).map((task) => [placeAndId(task), task]))
      for (const text of lastOfTheirId(lines)) {
        const original = originals.get(idOf(text) as string)
        assert.ok(original)
        assert.deepStrictEqual(found.get(placeAndId(original)), original)
        checked++
      }
      checkRoundTrip(store, other, join(folder, 'export.jsonl'))
    }),
    { numRuns: 300 },
  )
  assert.ok(checked > 300, `only ${checked} records were checked`)
})

/** Entries of a `tasks.json`, as UnifiedQuantum wrote them. */
const ENTRIES = Object.fromEntries(
  FLAT.filter((line) => !/NaN|\d{17}|__proto__/.test(line)).map((line) => {
    const { taskId, submitTime, updateTime, errorMessage: _, ...task } = taskOf(line)
    return [taskId, { task_id: taskId, ...task, submit_time: submitTime, update_time: updateTime }]
  }),
)

test('a damaged tasks.json imports every entry before the damage', (t) => {
  const folder = temporaryFolder(t)
  const file = join(folder, 'tasks.json')
  const ids = Object.keys(ENTRIES)
  using store = memory()
  using other = memory()
  let checked = 0
  const spaces = fc.constantFrom(0, 2)
  fc.assert(
    fc.property(spaces, fc.array(mutation, { minLength: 1, maxLength: 3 }), (space, mutations) => {
      const whole = Buffer.from(JSON.stringify(ENTRIES, null, space))
      // From the last place to the first, so that what stands before the first stays as it is.
      const inOrder = mutations.toSorted((a, b) => b.at - a.at)
      const damaged = inOrder.reduce(mutate, whole)
      const first = whole.findIndex((byte, index) => byte !== damaged[index])
      writeFileSync(file, damaged)
      empty(store)
      importTwice(file, store)
      const end = first < 0 ? whole.length : first
      const intact = damaged.subarray(0, end).toString()
      const after = damaged.subarray(end).toString()
      for (const [index, id] of ids.entries()) {
        const next = ids[index + 1]
        const isBefore = next !== undefined && intact.includes(`${JSON.stringify(next)}:`)
        if (!isBefore || after.includes(id)) continue
        const { task_id, submit_time, update_time, ...task } = ENTRIES[id] as Record<string, unknown>
        assert.deepStrictEqual(store.get(id), {
          ...task,
          taskId: task_id,
          submitTime: submit_time,
          updateTime: update_time,
          errorMessage: null,
        })
        checked++
      }
      checkRoundTrip(store, other, join(folder, 'export.jsonl'))
    }),
    { numRuns: 300 },
  )
  assert.ok(checked > 300, `only ${checked} records were checked`)
})
