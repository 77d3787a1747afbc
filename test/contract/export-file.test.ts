import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import type { TaskStore, TaskStoreError } from 'uniqc-task-store'
import { readRows } from '../support/read-rows.ts'
import { memory, RUNNING, wrong } from '../support/store.ts'
import { temporaryFolder } from '../support/temporary.ts'

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
