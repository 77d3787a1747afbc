import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'node:test'
import fc from 'fast-check'
import type { TaskStoreError } from 'uniqc-task-store'
import { anyJson, anyObject, anyShardResult } from '../support/any-json.ts'
import type { OpenStore, ReadRows } from '../support/any-store.ts'
import { asRead, roundTrip } from '../support/round-trip.ts'
import { RUNNING, wrong } from '../support/store.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { throws } from '../support/throws.ts'

const linesOf = (file: string) => readFileSync(file, 'utf8').split('\n').slice(0, -1)

const MISUSES: readonly (readonly [string, unknown[], RegExp])[] = [
  ['no file', [], /^file must be a string/],
  ['an empty file name', [''], /^file must be a path/],
  ['a string for options', ['x', 'live'], /^options must be an object/],
  ['an option that does not exist', ['x', { overwrite: true }], /^options has no "overwrite"/],
  ['archived that is a number', ['x', { archived: 1 }], /^archived must be true or false/],
  ['replace that is a string', ['x', { replace: 'yes' }], /^replace must be true or false/],
  ['a status that is a number', ['x', { status: 1 }], /^status must be/],
  ['a limit', ['x', { limit: 1 }], /^options has no "limit"/],
]
const anyTask = fc.record({
  result: anyJson,
  metadata: anyObject,
  errorMessage: fc.option(fc.string({ unit: 'grapheme', maxLength: 5 })),
  shardResults: fc.array(anyShardResult, { maxLength: 2 }),
  isArchived: fc.boolean(),
})

export function exportFileContract(open: OpenStore, rows: ReadRows): void {
  for (const [what, [file, ...options], message] of MISUSES) {
    test(`${what} is a TypeError, and no file is created`, async (t) => {
      const store = await open(t)
      const folder = temporaryFolder(t)
      const path = file === 'x' ? join(folder, 'x') : file
      const call = () => store.exportFile(...wrong<[string]>([path, ...options]))
      await throws(call, { name: 'TypeError', message })
      assert.deepEqual(readdirSync(folder), [])
    })
  }

  test('an existing file is a CONFLICT and stays as it is, unless replace is set', async (t) => {
    const store = await open(t)
    await store.save(RUNNING)
    const file = join(temporaryFolder(t), 'export.jsonl')
    writeFileSync(file, 'precious')
    await throws(() => store.exportFile(file), { code: 'CONFLICT', message: /replace: true/ })
    await throws(() => store.exportFile(file, { replace: false }), { code: 'CONFLICT' })
    assert.equal(readFileSync(file, 'utf8'), 'precious')
    assert.deepEqual(readdirSync(dirname(file)), ['export.jsonl'])
    assert.deepEqual(await store.exportFile(file, { replace: true }), { tasks: 1, shards: 0 })
    assert.equal(linesOf(file).length, 1)
    assert.deepEqual(readdirSync(dirname(file)), ['export.jsonl'])
  })

  test('a missing folder, or a folder in place of the file, is CANNOT_OPEN and leaves nothing behind', async (t) => {
    const store = await open(t)
    const folder = temporaryFolder(t)
    mkdirSync(join(folder, 'folder'))
    const cases = [join(folder, 'missing', 'export.jsonl'), join(folder, 'folder')]
    for (const file of cases) {
      await throws(
        () => store.exportFile(file, { replace: true }),
        (error: TaskStoreError) => error.code === 'CANNOT_OPEN' && error.message.includes(file),
      )
      assert.deepEqual(readdirSync(folder), ['folder'])
    }
  })

  test('the file is readable by its owner only, even if it replaces one that others could read', async (t) => {
    const store = await open(t)
    await store.save(RUNNING)
    const file = join(temporaryFolder(t), 'export.jsonl')
    await store.exportFile(file)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    chmodSync(file, 0o644)
    await store.exportFile(file, { replace: true })
    assert.equal(statSync(file).mode & 0o777, 0o600)
  })

  test('an empty store exports an empty file', async (t) => {
    const store = await open(t)
    const file = join(temporaryFolder(t), 'export.jsonl')
    assert.deepEqual(await store.exportFile(file), { tasks: 0, shards: 0 })
    assert.equal(readFileSync(file, 'utf8'), '')
    assert.equal((await store.importFile(file)).read, 0)
  })

  test('a line uses the names of the columns, and leaves out what a task does not have', async (t) => {
    const store = await open(t)
    const file = join(temporaryFolder(t), 'export.jsonl')
    const times = { submitTime: '2026-01-01', updateTime: '2026-01-02' }
    await store.save({ ...RUNNING, ...times }, { keepUpdateTime: true })
    const b = { taskId: 'b', shots: 7, result: { '0': 1n << 70n }, metadata: { x: Number.NaN } }
    await store.save({ ...RUNNING, ...times, ...b, errorMessage: 'é' }, { keepUpdateTime: true })
    await store.saveShard(
      { uniqcTaskId: 'b', shardIndex: 2, platformTaskId: 'p', ...times, result: [-Infinity] },
      { keepUpdateTime: true },
    )
    await store.archive.archive('b')
    const archivedAt = (await store.archive.get('b'))?.archivedAt
    await store.exportFile(file)
    const times_ = '"submit_time":"2026-01-01","update_time":"2026-01-02"'
    const backend = '"backend":"originq:WK_C180"'
    assert.deepEqual(linesOf(file), [
      `{"task_id":"a",${backend},"status":"running","shots":0,${times_},"result":null,"metadata":{},"error_message":null}`,
      `{"task_id":"b",${backend},"status":"running","shots":7,${times_},"result":{"0":{"$int":"${1n << 70n}"}},` +
        `"metadata":{"x":{"$float":"NaN"}},"error_message":"é","archived_at":"${archivedAt}",` +
        `"shards":[{"shard_index":2,"platform_task_id":"p",${backend},"circuit_count":1,"sub_index_offset":0,` +
        `"status":"pending","result":[{"$float":"-Infinity"}],"error_message":null,${times_}}]}`,
    ])
  })

  test('the filters and archived select what is exported', async (t) => {
    const store = await open(t)
    const save = (taskId: string, backend: string, status: 'success' | 'failed', submitTime: string) =>
      store.save({ taskId, backend, status, submitTime })
    await save('a', 'originq:WK_C180', 'success', '2026-01-01')
    await save('b', 'originq', 'failed', '2026-01-02')
    await save('c', 'ibm:ibm_fez', 'success', '2026-01-03')
    await save('d', 'originq:other', 'success', '2026-01-04')
    for (const id of ['c', 'd']) await store.archive.archive(id)
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
      const report = await store.exportFile(file, { ...options, replace: true })
      const found = linesOf(file).map((line) => JSON.parse(line).task_id)
      assert.equal(found.join(''), expected, JSON.stringify(options))
      assert.equal(report.tasks, expected.length)
    }
  })

  test('two tasks that replaced one id and one that has it now remain three tasks', async (t) => {
    const store = await open(t)
    const times = { submitTime: '2026-01-01', updateTime: '2026-01-02' }
    // Archived meanwhile, so that it does not find the others, and comes after them.
    await store.save({ ...RUNNING, ...times, taskId: 'old', backend: 'b' }, { keepUpdateTime: true })
    await store.archive.archive('old')
    for (const digit of ['0', '1']) {
      const taskId = `uqt_${digit.repeat(32)}`
      await store.save({ ...RUNNING, ...times, taskId, metadata: { legacy_platform_id: 'old' } })
      await store.addShard({ uniqcTaskId: taskId, platformTaskId: 'old' })
    }
    await store.archive.restore('old')
    const copy = await open(t)
    await roundTrip(store, copy, join(temporaryFolder(t), 'export.jsonl'))
    assert.deepEqual(await rows(copy), await rows(store))
    assert.equal(await copy.count(), 3)
  })

  test('a task that is both live and archived is imported as both', async (t) => {
    const store = await open(t)
    await store.save({ ...RUNNING, result: 'first' })
    await store.archive.archive('a')
    await store.save({ ...RUNNING, result: 'second' })
    const file = join(temporaryFolder(t), 'both.jsonl')
    assert.equal((await store.exportFile(file)).tasks, 2)
    const other = await open(t)
    assert.deepEqual((await other.importFile(file)).imported, 2)
    assert.deepEqual(
      [(await other.get('a'))?.result, (await other.archive.get('a'))?.result],
      ['second', 'first'],
    )
    assert.deepEqual((await other.importFile(file)).unchanged, 2)
  })
}

export function anyExportContract(open: OpenStore): void {
  test('whatever tasks hold, an export imported and exported again is byte for byte equal, and reads the same', async (t) => {
    const file = join(temporaryFolder(t), 'export.jsonl')
    await fc.assert(
      fc.asyncProperty(fc.array(anyTask, { minLength: 1, maxLength: 3 }), async (given) => {
        const store = await open(t)
        for (const [index, { result, metadata, errorMessage, shardResults, isArchived }] of given.entries()) {
          const taskId = `t${index}`
          await store.save({ ...RUNNING, taskId, result, metadata, errorMessage })
          for (const [i, shardResult] of shardResults.entries()) {
            await store.addShard({ uniqcTaskId: taskId, platformTaskId: `p${i}`, result: shardResult })
          }
          if (isArchived) await store.archive.archive(taskId)
        }
        const copy = await open(t)
        await roundTrip(store, copy, file)
        assert.deepEqual(await asRead(copy), await asRead(store))
        await store.close()
        await copy.close()
      }),
      { numRuns: 60 },
    )
  })
}
