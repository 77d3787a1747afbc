import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { type JsonValue, TaskStore, type TaskStoreError } from 'uniqc-task-store'
import { copyFixture, FIXTURE_NAMES, needsFixtures } from '../support/fixtures.ts'
import { keepMoving, MOVING_TASKS } from '../support/keep-moving.ts'
import { runModule, runModuleWithFileLimit } from '../support/processes.ts'
import { readRows } from '../support/read-rows.ts'
import { memory, RUNNING, wrong } from '../support/store.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const linesOf = (file: string) => readFileSync(file, 'utf8').split('\n').slice(0, -1)

const MISUSES: readonly (readonly [string, unknown[], RegExp])[] = [
  ['no file', [], /^file must be a string/],
  ['an empty file name', [''], /^file must be a path/],
  ['options that are a text', ['x', 'live'], /^options must be an object/],
  ['an option that does not exist', ['x', { overwrite: true }], /^options has no "overwrite"/],
  ['archived that is a number', ['x', { archived: 1 }], /^archived must be true or false/],
  ['replace that is a text', ['x', { replace: 'yes' }], /^replace must be true or false/],
  ['a status that is a number', ['x', { status: 1 }], /^status must be/],
  ['a limit', ['x', { limit: 1 }], /^options has no "limit"/],
]
for (const [what, [file, ...options], message] of MISUSES) {
  test(`${what} is a TypeError, and no file is made`, (t) => {
    using store = memory()
    const folder = temporaryFolder(t)
    const path = file === 'x' ? join(folder, 'x') : file
    const call = () => store.exportFile(...wrong<[string]>([path, ...options]))
    assert.throws(call, { name: 'TypeError', message })
    assert.deepEqual(readdirSync(folder), [])
  })
}

test('a file that exists is a CONFLICT and stays as it is, unless it is to be replaced', (t) => {
  using store = memory()
  store.save(RUNNING)
  const file = join(temporaryFolder(t), 'export.jsonl')
  writeFileSync(file, 'precious')
  assert.throws(() => store.exportFile(file), { code: 'CONFLICT', message: /replace: true/ })
  assert.throws(() => store.exportFile(file, { replace: false }), { code: 'CONFLICT' })
  assert.equal(readFileSync(file, 'utf8'), 'precious')
  assert.deepEqual(readdirSync(dirname(file)), ['export.jsonl'])
  assert.deepEqual(store.exportFile(file, { replace: true }), { tasks: 1, shards: 0 })
  assert.equal(linesOf(file).length, 1)
  assert.deepEqual(readdirSync(dirname(file)), ['export.jsonl'])
})

test('a folder that is missing, or in the place of the file, is CANNOT_OPEN and leaves nothing behind', (t) => {
  using store = memory()
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'folder'))
  const cases = [join(folder, 'missing', 'export.jsonl'), join(folder, 'folder')]
  for (const file of cases) {
    assert.throws(
      () => store.exportFile(file, { replace: true }),
      (error: TaskStoreError) => error.code === 'CANNOT_OPEN' && error.message.includes(file),
    )
    assert.deepEqual(readdirSync(folder), ['folder'])
  }
})

const needsLimits = process.platform === 'win32' ? { skip: 'there are no file-size limits here' } : {}

for (const isOld of [false, true]) {
  const what = isOld ? 'leaves the old file whole' : 'leaves no file'
  test(`an export that the disk does not take is DISK_FULL and ${what}`, needsLimits, async (t) => {
    const file = temporaryFile(t)
    using store = new TaskStore({ file })
    const result = 'x'.repeat(10_000)
    store.saveMany(Array.from({ length: 150 }, (_, i) => ({ ...RUNNING, taskId: `t${i}`, result })))
    const folder = temporaryFolder(t)
    const target = join(folder, 'export.jsonl')
    if (isOld) writeFileSync(target, 'old')
    const source = `
      import { TaskStore } from 'uniqc-task-store'
      const [file, target] = process.argv.slice(1)
      // Readonly, so that the limit meets the export alone.
      const store = new TaskStore({ file, readonly: true })
      try {
        store.exportFile(target, { replace: true })
      } catch (error) {
        console.log(error.code, error.message)
      }
    `
    const output = await runModuleWithFileLimit(600, source, file, target)
    assert.match(output, /^DISK_FULL .*export\.jsonl could not be written/)
    assert.deepEqual(readdirSync(folder), isOld ? ['export.jsonl'] : [])
    if (isOld) assert.equal(readFileSync(target, 'utf8'), 'old')
  })
}

const needsModes = process.platform === 'win32' ? { skip: 'there are no modes of files here' } : {}

test('into a folder that may be written and not read an export is written', needsModes, async (t) => {
  const folder = temporaryFolder(t)
  chmodSync(folder, 0o333)
  const source = `
    import { TaskStore } from 'uniqc-task-store'
    const store = new TaskStore({ file: ':memory:' })
    store.save({ taskId: 'a', backend: 'b', status: 'running' })
    // Root may read every folder.
    const isRoot = process.getuid() === 0
    if (isRoot) process.seteuid(65534)
    console.log(store.exportFile(process.argv[1]).tasks)
    if (isRoot) process.seteuid(0)
  `
  const target = join(folder, 'export.jsonl')
  assert.equal(await runModule(source, target), '1\n')
  chmodSync(folder, 0o700)
  assert.deepEqual(readdirSync(folder), ['export.jsonl'])
  assert.equal(linesOf(target).length, 1)
})

test('an export that is killed leaves the old file whole, and the next one replaces it', async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.saveMany(Array.from({ length: 250 }, (_, i) => ({ ...RUNNING, taskId: `t${i}` })))
  const target = join(temporaryFolder(t), 'export.jsonl')
  store.exportFile(target)
  const old = readFileSync(target, 'utf8')
  store.save({ ...RUNNING, taskId: 'late' })
  const source = `
    import { TaskStore } from 'uniqc-task-store'
    const [file, target, count] = process.argv.slice(1)
    const store = new TaskStore({ file })
    const stringify = JSON.stringify
    let calls = 0
    // Dies while a line is being written out.
    JSON.stringify = (...args) => {
      if (++calls > Number(count)) process.kill(process.pid, 'SIGKILL')
      return stringify(...args)
    }
    store.exportFile(target, { replace: true })
  `
  for (const calls of [0, 1000]) {
    await assert.rejects(runModule(source, file, target, String(calls)), /ended with null/)
    assert.equal(readFileSync(target, 'utf8'), old)
  }
  assert.equal(store.exportFile(target, { replace: true }).tasks, 251)
  assert.equal(linesOf(target).length, 251)
})

test('the file is for this user alone, also where it replaces one that was not', (t) => {
  using store = memory()
  store.save(RUNNING)
  const file = join(temporaryFolder(t), 'export.jsonl')
  store.exportFile(file)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  chmodSync(file, 0o644)
  store.exportFile(file, { replace: true })
  assert.equal(statSync(file).mode & 0o777, 0o600)
})

test('an empty store gives an empty file', (t) => {
  using store = memory()
  const file = join(temporaryFolder(t), 'export.jsonl')
  assert.deepEqual(store.exportFile(file), { tasks: 0, shards: 0 })
  assert.equal(readFileSync(file, 'utf8'), '')
  assert.equal(store.importFile(file).read, 0)
})

test('a line has the names of the columns, and what is not there is left out', (t) => {
  using store = memory()
  const file = join(temporaryFolder(t), 'export.jsonl')
  const times = { submitTime: '1', updateTime: '2' }
  store.save({ ...RUNNING, ...times }, { keepUpdateTime: true })
  const b = { taskId: 'b', shots: 7, result: { '0': 1n << 70n }, metadata: { x: Number.NaN } }
  store.save({ ...RUNNING, ...times, ...b, errorMessage: 'é' }, { keepUpdateTime: true })
  store.saveShard(
    { uniqcTaskId: 'b', shardIndex: 2, platformTaskId: 'p', ...times, result: [-Infinity] },
    { keepUpdateTime: true },
  )
  store.archive.archive('b')
  const archivedAt = store.archive.get('b')?.archivedAt
  store.exportFile(file)
  const times_ = '"submit_time":"1","update_time":"2"'
  const backend = '"backend":"originq:WK_C180"'
  assert.deepEqual(linesOf(file), [
    `{"task_id":"a",${backend},"status":"running","shots":0,${times_},"result":null,"metadata":{},"error_message":null}`,
    `{"task_id":"b",${backend},"status":"running","shots":7,${times_},"result":{"0":{"$int":"${1n << 70n}"}},` +
      `"metadata":{"x":{"$float":"NaN"}},"error_message":"é","archived_at":"${archivedAt}",` +
      `"shards":[{"shard_index":2,"platform_task_id":"p",${backend},"circuit_count":1,"sub_index_offset":0,` +
      `"status":"pending","result":[{"$float":"-Infinity"}],"error_message":null,${times_}}]}`,
  ])
})

test('the filters and archived choose what is exported', (t) => {
  using store = memory()
  const save = (taskId: string, backend: string, status: 'success' | 'failed', submitTime: string) =>
    store.save({ taskId, backend, status, submitTime })
  save('a', 'originq:WK_C180', 'success', '2026-01-01')
  save('b', 'originq', 'failed', '2026-01-02')
  save('c', 'ibm:ibm_fez', 'success', '2026-01-03')
  save('d', 'originq:other', 'success', '2026-01-04')
  for (const id of ['c', 'd']) store.archive.archive(id)
  const folder = temporaryFolder(t)
  const cases: readonly (readonly [object, string])[] = [
    [{}, 'abcd'],
    [{ archived: 'both' }, 'abcd'],
    [{ archived: false }, 'ab'],
    [{ archived: true }, 'cd'],
    [{ platform: 'originq' }, 'abd'],
    [{ backend: 'originq' }, 'b'],
    [{ status: 'success' }, 'acd'],
    [{ status: ['success', 'failed'], archived: false }, 'ab'],
    [{ submittedAfter: '2026-01-01', submittedBefore: '2026-01-04' }, 'bc'],
    [{ platform: 'originq', status: 'success', archived: true }, 'd'],
    [{ status: [] }, ''],
  ]
  for (const [options, expected] of cases) {
    const file = join(folder, 'export.jsonl')
    const report = store.exportFile(file, { ...options, replace: true })
    const found = linesOf(file).map((line) => JSON.parse(line).task_id)
    assert.equal(found.join(''), expected, JSON.stringify(options))
    assert.equal(report.tasks, expected.length)
  }
})

const exportText = (store: TaskStore, file: string) => {
  store.exportFile(file, { replace: true })
  return readFileSync(file, 'utf8')
}

/** Exports, imports into an empty store, and exports that: equal bytes, each line strict JSON. */
function roundTrip(
  t: TestContext,
  store: TaskStore,
  file = join(temporaryFolder(t), 'export.jsonl'),
): TaskStore {
  const first = exportText(store, file)
  for (const line of first.split('\n').slice(0, -1)) JSON.parse(line)
  const copy = memory()
  t.after(() => copy.close())
  const report = copy.importFile(file)
  assert.deepEqual(report.skipped, [])
  assert.equal(exportText(copy, file), first)
  return copy
}

/** The rows but for white space and spelling of their JSON: as a reader sees them. */
const asRead = (store: TaskStore) => ({
  live: store.list(),
  archived: store.archive.list(),
  liveShards: store.list().map((task) => store.getShards(task.taskId)),
  archivedShards: store.archive.list().map((task) => store.archive.getShards(task.taskId)),
})

for (const name of [...FIXTURE_NAMES, 'hot-wal']) {
  test(`${name}: exported, imported and exported again it is equal`, needsFixtures, (t) => {
    using store = new TaskStore({ file: copyFixture(t, name) })
    const copy = roundTrip(t, store)
    assert.ok(copy.count() > 0)
    assert.deepEqual(asRead(copy), asRead(store))
    const rows = readRows(copy)
    const counts = Object.values(rows).map((table) => table.length)
    assert.deepEqual(
      counts,
      Object.values(readRows(store)).map((table) => table.length),
    )
  })
}

for (const name of FIXTURE_NAMES.filter((name) => /-schema[13]$/.test(name))) {
  test(`${name}: opened readonly, it is exported under its old ids`, needsFixtures, (t) => {
    const file = copyFixture(t, name)
    using store = new TaskStore({ file, readonly: true })
    const copy = roundTrip(t, store)
    assert.deepEqual(copy.list(), store.list())
  })
}

test('two tasks that replaced one id, and one that has it now, stay three', (t) => {
  using store = memory()
  const times = { submitTime: '1', updateTime: '2' }
  for (const digit of ['0', '1']) {
    const taskId = `uqt_${digit.repeat(32)}`
    store.save({ ...RUNNING, ...times, taskId, metadata: { legacy_platform_id: 'old' } })
    store.addShard({ uniqcTaskId: taskId, platformTaskId: 'old' })
  }
  store.db.$client.exec(
    `INSERT INTO tasks (task_id, backend, status, submit_time, update_time) VALUES ('old', 'b', 'running', '1', '2')`,
  )
  const copy = roundTrip(t, store)
  assert.deepEqual(readRows(copy), readRows(store))
  assert.equal(copy.count(), 3)
})

const KEYS = [
  ...['$int', '$float', '$object', '$unreadable', '$', '$date', '__proto__', 'constructor', '0', '10'],
]

/** Whatever a cell can hold, with what looks like an export's own tags. */
const { value: anyJson } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom<JsonValue>(null, true, Number.NaN, Infinity, -Infinity, -0, 1e21, 2 ** 60, 5e-324),
    fc.constantFrom<JsonValue>(
      'NaN',
      '$int',
      '"$',
      '12345678901234567890',
      '-Infinity',
      '\ud800',
      '\u2028\r\n',
    ),
    fc.double(),
    fc.bigInt({ min: 2n ** 53n, max: 10n ** 40n }),
    fc.bigInt({ min: -(10n ** 40n), max: -(2n ** 53n) }),
    fc.string({ unit: 'binary', maxLength: 5 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc
      .array(fc.tuple(fc.oneof(fc.constantFrom(...KEYS), fc.string({ maxLength: 3 })), tie('value')), {
        maxLength: 3,
      })
      .map((entries) => Object.fromEntries(entries)),
  ),
}))
const anyObject = fc
  .array(fc.tuple(fc.oneof(fc.constantFrom(...KEYS), fc.string({ maxLength: 3 })), anyJson), { maxLength: 3 })
  .map((entries) => Object.fromEntries(entries))

/** The text of a cell that no codec wrote: Python's, an editor's, half of one. */
const anyCell = fc.oneof(
  fc.constantFrom('', 'null', '{', 'torn', '{"a": NaN', '{"$unreadable": "x', '"\\ud800"', '[1.0,\n -0.0]'),
  fc.constantFrom('{"\\u0024int": "5"}', '{"a": 1.0, "a": NaN}', '{"$int": "5"}', '{"$unreadable":"NaN"}'),
  fc.constantFrom('{"\\u0024int": "5", "n": NaN}', '{"n": {"\\u0024int": "5"}, "m": 12345678901234567890}'),
  fc.integer({ min: 1, max: 900 }).map((depth) => `${'['.repeat(depth)}NaN${']'.repeat(depth)}`),
  fc.integer({ min: 1, max: 900 }).map((depth) => `${'{"a":'.repeat(depth)}"$int"${'}'.repeat(depth)}`),
  fc.integer({ min: 1, max: 900 }).map((depth) => `${'['.repeat(depth)}1.0${']'.repeat(depth)}`),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
)

const anyTask = fc.record({
  result: anyJson,
  metadata: anyObject,
  errorMessage: fc.option(fc.string({ unit: 'grapheme', maxLength: 5 })),
  resultCell: fc.option(anyCell),
  // JSON that is no object is shown by its spelling, of which an export keeps only what it means.
  metadataCell: fc.option(anyCell.filter((text) => !text.startsWith('['))),
  shardResults: fc.array(anyJson, { maxLength: 2 }),
  shardCell: fc.option(anyCell),
  isArchived: fc.boolean(),
})

test('whatever tasks hold is exported, imported and exported again to equal bytes, and reads as before', (t) => {
  const folder = temporaryFolder(t)
  fc.assert(
    fc.property(fc.array(anyTask, { minLength: 1, maxLength: 3 }), (given) => {
      using store = memory()
      const set = (table: string, column: string, id: string, cell: string | null) => {
        if (cell === null) return
        store.db.$client
          .prepare(`UPDATE ${table} SET ${column} = ? WHERE ${table === 'tasks' ? '' : 'uniqc_'}task_id = ?`)
          .run(cell, id)
      }
      for (const [index, task] of given.entries()) {
        const { result, metadata, errorMessage } = task
        const taskId = `t${index}`
        store.save({ ...RUNNING, taskId, result, metadata, errorMessage })
        for (const [i, shardResult] of task.shardResults.entries()) {
          store.addShard({ uniqcTaskId: taskId, platformTaskId: `p${i}`, result: shardResult })
        }
        set('tasks', 'result_json', taskId, task.resultCell)
        set('tasks', 'metadata_json', taskId, task.metadataCell)
        set('task_shards', 'result_json', taskId, task.shardCell)
        if (task.isArchived) store.archive.archive(taskId)
      }
      const copy = roundTrip(t, store, join(folder, 'export.jsonl'))
      assert.deepEqual(asRead(copy), asRead(store))
      copy.close()
    }),
    { numRuns: 60 },
  )
})

test('an export shows one moment, whatever another process writes meanwhile', async (t) => {
  using store = new TaskStore({ file: temporaryFile(t) })
  const target = join(temporaryFolder(t), 'export.jsonl')
  const moments = new Set<number>()
  await keepMoving(store, () => {
    for (let i = 0; i < 10 || moments.size < 3; i++) {
      assert.equal(store.exportFile(target, { replace: true }).tasks, MOVING_TASKS)
      const tasks = linesOf(target).map((line) => JSON.parse(line))
      const [{ shots }] = tasks
      assert.ok(tasks.every((task) => task.shots === shots))
      assert.equal(new Set(tasks.map((task) => task.task_id)).size, MOVING_TASKS)
      moments.add(shots)
    }
  })
})

test("the store's own file is never exported to", (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.save(RUNNING)
  for (const own of [file, `${file}-wal`]) {
    assert.throws(() => store.exportFile(own, { replace: true }), { name: 'TypeError', message: /own file/ })
  }
  assert.equal(store.get('a')?.status, 'running')
})

test('a task that is both live and archived comes back as both', (t) => {
  using store = memory()
  store.save({ ...RUNNING, result: 'first' })
  store.archive.archive('a')
  store.save({ ...RUNNING, result: 'second' })
  const file = join(temporaryFolder(t), 'both.jsonl')
  assert.equal(store.exportFile(file).tasks, 2)
  using other = memory()
  assert.deepEqual(other.importFile(file).imported, 2)
  assert.deepEqual([other.get('a')?.result, other.archive.get('a')?.result], ['second', 'first'])
  assert.deepEqual(other.importFile(file).unchanged, 2)
})

test('a filtered export walks the table once: its plan sorts nothing', (t) => {
  const statements: string[] = []
  const database = new Database(temporaryFile(t), { verbose: (text) => statements.push(String(text)) })
  const store = new TaskStore({ database })
  store.save(RUNNING)
  statements.length = 0
  const options = { platform: 'originq', status: ['running', 'failed'], submittedAfter: '2020' }
  store.exportFile(join(temporaryFolder(t), 'some.jsonl'), options)
  store.clearCompleted(['running', 'failed'])
  const queries = statements.filter((text) => /order by rowid/i.test(text))
  assert.ok(queries.length >= 2)
  for (const query of queries) {
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${query}`).all() as { detail: string }[]
    for (const { detail } of plan) assert.doesNotMatch(detail, /TEMP B-TREE/, query)
  }
  database.close()
})
