import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import type { ImportOptions } from 'uniqc-task-store'
import { type AnyStore, type OpenStore, persistenceOf, type ReadRows } from '../support/any-store.ts'
import { fixturePath, needsFixtures, readLatestById } from '../support/fixtures.ts'
import {
  EARLY,
  exported,
  flat,
  idsOf,
  LATE,
  lines,
  reasonsOf,
  run,
  write,
} from '../support/import-records.ts'
import { saveReplacing } from '../support/replaced-id.ts'
import { wrong } from '../support/store.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { throws } from '../support/throws.ts'

const MISUSES: readonly (readonly [string, unknown[], RegExp])[] = [
  ['no path', [], /^path must be a string/],
  ['an empty path', [''], /^path must be a path/],
  ['a path with a NUL', ['a\0b'], /^path must be a path/],
  ['null for options', ['x', null], /^options must be an object/],
  ['an option that does not exist', ['x', { replace: true }], /^options has no "replace"/],
  ['overwrite that is a number', ['x', { overwrite: 1 }], /^overwrite must be true or false/],
  ['dryRun that is a string', ['x', { dryRun: 'yes' }], /^dryRun must be true or false/],
  ['a time zone that does not exist', ['x', { timeZone: 'Mars/Olympus' }], /^timeZone must be/],
  ['a time zone that is a number', ['x', { timeZone: 8 }], /^timeZone must be/],
  ['onProgress that is not a function', ['x', { onProgress: {} }], /^onProgress must be a function/],
]

/** Saves a task that was updated at noon of the 1st. */
async function saveOne(store: AnyStore): Promise<void> {
  const times = { submitTime: EARLY, updateTime: '2026-01-01T12:00:00+00:00' }
  await store.save(
    { taskId: 'a', backend: 'originq:WK_C180', status: 'running', metadata: { n: 1 }, ...times },
    { keepUpdateTime: true },
  )
}

const RIVAL = { platform: 'originq:WK_C180', n: 2 }

const RIVALS: readonly (readonly [string, object, ImportOptions, RegExp | undefined])[] = [
  ['newer', { update_time: LATE }, {}, undefined],
  ['older', { update_time: EARLY }, {}, /^the store has a newer record/],
  ['older, with overwrite', { update_time: EARLY }, { overwrite: true }, undefined],
  [
    'equally new, with other metadata',
    { update_time: '2026-01-01T20:00:00+08:00' },
    {},
    /^differs \(metadata\), and neither is newer/,
  ],
  ['equally new, with overwrite', { update_time: '2026-01-01T12:00:00Z' }, { overwrite: true }, undefined],
  ['without a readable time', { update_time: 'noon' }, {}, /^differs \(metadata\), and neither is newer/],
  [
    'newer, of another provider',
    { update_time: LATE, platform: 'ibm' },
    {},
    /^is of ibm there and of originq:/,
  ],
  [
    'newer, of another provider, with overwrite',
    { update_time: LATE, platform: 'ibm' },
    { overwrite: true },
    undefined,
  ],
  ['newer, of the same provider without a chip', { update_time: LATE, platform: 'originq' }, {}, undefined],
  ['newer in UTC', { update_time: '2026-01-01T13:00:00' }, { timeZone: 'UTC' }, undefined],
  [
    'older in Shanghai',
    { update_time: '2026-01-01T13:00:00' },
    { timeZone: 'Asia/Shanghai' },
    /newer record/,
  ],
  ['newer at -08:00', { update_time: '2026-01-01T11:00:00' }, { timeZone: '-08:00' }, undefined],
]

const NEW_ID = `uqt_${'0'.repeat(32)}`
const OTHER_ID = `uqt_${'1'.repeat(32)}`

export function importFileContract(open: OpenStore, rows: ReadRows): void {
  for (const [what, args, message] of MISUSES) {
    test(`${what} is a TypeError`, async (t) => {
      const store = await open(t)
      await throws(() => store.importFile(...wrong<[string]>(args)), { name: 'TypeError', message })
    })
  }

  test('a missing file is CANNOT_OPEN', async (t) => {
    const store = await open(t)
    const file = join(temporaryFolder(t), 'tasks.jsonl')
    await throws(() => store.importFile(file), { code: 'CANNOT_OPEN', message: /tasks\.jsonl.*ENOENT/ })
  })

  test('a folder without a file of tasks is CANNOT_OPEN', async (t) => {
    const store = await open(t)
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'other.jsonl'), flat('a'))
    await throws(() => store.importFile(folder), {
      code: 'CANNOT_OPEN',
      message: /neither a tasks\.jsonl nor/,
    })
  })

  for (const [what, fields, options, reason] of RIVALS) {
    test(`a record that is ${what} ${reason ? 'is skipped' : 'is imported'}`, async (t) => {
      const store = await open(t)
      await saveOne(store)
      const before = await rows(store)
      const file = write(t, flat('a', { ...RIVAL, ...fields }))
      const report = await run(store, file, options)
      if (reason === undefined) {
        assert.deepEqual([report.imported, report.skipped], [1, []])
        assert.deepEqual((await store.get('a'))?.metadata, { n: 2 })
        assert.equal((await run(store, file, options)).unchanged, 1)
      } else {
        assert.equal(report.skipped.length, 1)
        assert.match(report.skipped[0]?.reason ?? '', reason)
        assert.equal(report.skipped[0]?.taskId, 'a')
        assert.deepEqual(await rows(store), before)
      }
      assert.equal(await store.count(), 1)
    })
  }

  test('an archived record stays archived, and is updated there', async (t) => {
    const store = await open(t)
    await saveOne(store)
    await store.archive.archive('a')
    const archivedAt = (await store.archive.get('a'))?.archivedAt
    const file = write(t, flat('a', { ...RIVAL, update_time: LATE }))
    assert.equal((await run(store, file)).imported, 1)
    assert.equal(await store.count(), 0)
    const archived = await store.archive.get('a')
    assert.deepEqual([archived?.metadata, archived?.archivedAt], [{ n: 2 }, archivedAt])
    assert.equal((await run(store, file)).unchanged, 1)
  })

  test('an id that version 5 replaced updates its task, without a second row', async (t) => {
    const store = await open(t)
    await saveReplacing(store, 'old', { taskId: NEW_ID, submitTime: EARLY, updateTime: EARLY })
    const file = write(t, flat('old', { status: 'success', update_time: LATE, result: { '00': 1.0 }, n: 2 }))
    assert.equal((await run(store, file)).imported, 1)
    assert.equal(await store.count(), 1)
    const task = await store.get('old')
    assert.deepEqual([task?.taskId, task?.status, task?.result], [NEW_ID, 'success', { '00': 1 }])
    assert.deepEqual(task?.metadata, { n: 2, legacy_platform_id: 'old' })
    assert.equal((await store.getShards(NEW_ID)).length, 1)
    const before = await rows(store)
    assert.equal((await run(store, file)).unchanged, 1)
    assert.deepEqual(await rows(store), before)
  })

  test('an id that version 5 replaced in the archive updates the archived task', async (t) => {
    const store = await open(t)
    await saveReplacing(store, 'old', { taskId: NEW_ID, submitTime: EARLY, updateTime: EARLY })
    await store.archive.archive(NEW_ID)
    assert.equal(
      (await run(store, write(t, flat('old', { status: 'success', update_time: LATE })))).imported,
      1,
    )
    assert.equal(await store.count(), 0)
    assert.equal((await store.archive.get('old'))?.status, 'success')
  })

  test('an id that several tasks replaced is skipped, and the reason names them', async (t) => {
    const store = await open(t)
    await saveReplacing(store, 'old', { taskId: NEW_ID, submitTime: EARLY, updateTime: EARLY })
    await saveReplacing(store, 'old', { taskId: OTHER_ID, submitTime: EARLY, updateTime: EARLY })
    const before = await rows(store)
    const [reason] = reasonsOf(await run(store, write(t, flat('old', { update_time: LATE }))))
    assert.match(reason ?? '', /is the old id of several tasks/)
    assert.ok(reason?.includes(NEW_ID) && reason.includes(OTHER_ID))
    assert.deepEqual(await rows(store), before)
  })

  test('an old id still finds its task after unreadable metadata is imported', async (t) => {
    const store = await open(t)
    const { taskId } = await saveReplacing(store, 'old', { submitTime: EARLY })
    const line = exported('old', ',"metadata":{"$unreadable":"to\\"rn"}').replace('"2"', '"2099-01-01"')
    await run(store, write(t, line))
    assert.equal((await store.get('old'))?.taskId, taskId)
    assert.deepEqual((await store.get('old'))?.metadata, {
      legacy_metadata_raw: 'to"rn',
      legacy_platform_id: 'old',
    })
  })

  test('metadata keeps its text when the old id is added to it', async (t) => {
    const store = await open(t)
    await saveReplacing(store, 'old', { submitTime: EARLY })
    await run(
      store,
      write(t, exported('old', ',"metadata":{ "b": 1.0, "10": 1e3 }').replace('"2"', '"2099-01-01"')),
    )
    const text = (await rows(store)).tasks[0]?.metadata_json
    assert.equal(text, '{"b": 1.0, "10": 1e3, "legacy_platform_id": "old"}')
  })

  test('values nested too deeply to be compared count as different', async (t) => {
    const store = await open(t)
    const deep = (inner: string) => `${'['.repeat(20_000)}${inner}${']'.repeat(20_000)}`
    await run(store, write(t, exported('a', `,"result":${deep('1')}`)))
    const [reason] = reasonsOf(await run(store, write(t, exported('a', `,"result":${deep(' 1')}`))))
    assert.match(reason ?? '', /differs \(result\)/)
  })

  test('an error thrown by onProgress ends the import, and the same call completes it', async (t) => {
    const store = await open(t)
    const total = 2500
    const path = write(t, lines(total))
    const stop = new Error('enough')
    const told: number[] = []
    const onProgress = ({ read }: { read: number }) => {
      if (told.push(read) === 2) throw stop
    }
    await throws(() => store.importFile(path, { onProgress }), stop)
    const [, done = 0] = told
    assert.equal(await store.count(), done)
    const report = await run(store, path)
    assert.deepEqual([report.imported, report.unchanged, await store.count()], [total - done, done, total])
  })

  test('a dry run reports what the real run does, and writes nothing', async (t) => {
    const store = await open(t)
    await saveOne(store)
    await saveReplacing(store, 'old', { taskId: NEW_ID, submitTime: EARLY, updateTime: EARLY })
    const text = [
      flat('old', { update_time: LATE }),
      flat('a', { ...RIVAL, update_time: EARLY }),
      flat('new'),
      flat('new', { n: 2 }),
      'torn',
    ]
    const path = write(t, text.join('\n'))
    const before = await rows(store)
    const dry = await run(store, path, { dryRun: true })
    assert.deepEqual(await rows(store), before)
    assert.deepEqual(await run(store, path), dry)
    assert.deepEqual([dry.imported, dry.superseded, dry.skipped.length], [2, 1, 2])
    assert.notDeepEqual(await rows(store), before)
  })

  test('in a folder, the files in which UniQ kept tasks are imported', async (t) => {
    const store = await open(t)
    const folder = temporaryFolder(t)
    mkdirSync(join(folder, 'tasks'))
    mkdirSync(join(folder, 'cache'))
    const lines = join(folder, 'tasks', 'tasks.jsonl')
    const cache = join(folder, 'cache', 'tasks.json')
    writeFileSync(lines, flat('from-lines'))
    writeFileSync(cache, `{"from-cache": {"backend": "b", "status": "success", "submit_time": "1"}}`)
    writeFileSync(join(folder, 'tasks', 'other.jsonl'), flat('other'))
    const report = await run(store, folder)
    assert.deepEqual(report.files, [lines, cache])
    assert.deepEqual(await idsOf(store), ['from-cache', 'from-lines'])
    assert.deepEqual((await run(store, join(folder, 'cache'))).files, [cache])
  })

  test('of two files in a folder the newer record wins, even with overwrite', async (t) => {
    const folder = temporaryFolder(t)
    mkdirSync(join(folder, 'cache'))
    writeFileSync(
      join(folder, 'tasks.jsonl'),
      flat('x', { update_time: LATE, status: 'success', result: { a: 1 } }),
    )
    const entry = { backend: 'originq', status: 'running', submit_time: EARLY, update_time: EARLY }
    writeFileSync(join(folder, 'cache/tasks.json'), JSON.stringify({ x: entry }))
    const store = await open(t)
    await store.save({ taskId: 'x', backend: 'originq', status: 'pending' })
    const report = await run(store, folder, { overwrite: true })
    assert.deepEqual([report.imported, report.skipped.length], [1, 1])
    assert.deepEqual([(await store.get('x'))?.status, (await store.get('x'))?.result], ['success', { a: 1 }])
  })

  test('the JSON Lines of UniQ 0.0.3 are imported, the last line of each id', needsFixtures, async (t) => {
    const latest = readLatestById()
    const store = await open(t)
    const file = fixturePath('uniq-0.0.3-jsonl', 'tasks.jsonl')
    const report = await run(store, file)
    assert.deepEqual(
      report.skipped.map(({ line, taskId }) => [line, taskId]),
      [[62, undefined]],
    )
    assert.equal(report.imported, Object.keys(latest).length)
    assert.equal(report.read, 62)
    const persistence = persistenceOf(store)
    assert.equal(await persistence.count(), Object.keys(latest).length)
    for (const [id, { shots, ...record }] of Object.entries(latest)) {
      const expected = shots === 0 || shots === undefined ? record : { ...record, shots }
      assert.deepEqual(await persistence.load(id), expected)
    }
  })

  test('the JSON cache of UniQ 0.0.3 is imported, every entry with every value', needsFixtures, async (t) => {
    const store = await open(t)
    const file = fixturePath('uniq-0.0.3-json-cache', 'tasks.json')
    const entries = Object.values(JSON.parse(readFileSync(file, 'utf8'))) as { task_id: string }[]
    assert.deepEqual(await run(store, file), {
      ...{ files: [file], read: entries.length, imported: entries.length },
      ...{ unchanged: 0, superseded: 0, skipped: [] },
    })
    for (const entry of entries) {
      const { taskId, submitTime, updateTime, errorMessage, ...same } =
        (await store.get(entry.task_id)) ?? assert.fail()
      const expected = { task_id: taskId, submit_time: submitTime, update_time: updateTime, ...same }
      assert.deepEqual(entry, expected)
      assert.equal(errorMessage, null)
    }
  })

  for (const [folder, name] of [
    ['uniq-0.0.3-jsonl', 'tasks.jsonl'],
    ['uniq-0.0.3-json-cache', 'tasks.json'],
  ] as const) {
    test(`${folder}: importing it again changes nothing`, needsFixtures, async (t) => {
      const store = await open(t)
      const { imported, superseded, skipped } = await run(store, fixturePath(folder, name))
      const before = await rows(store)
      for (const options of [{}, { overwrite: true }]) {
        const again = await run(store, fixturePath(folder, name), options)
        assert.deepEqual(
          [again.imported, again.unchanged, again.superseded, again.skipped],
          [0, imported, superseded, skipped],
        )
        assert.deepEqual(await rows(store), before)
      }
    })
  }
}
