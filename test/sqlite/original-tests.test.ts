// What the tests that UnifiedQuantum has of its own store ask of it, of this one. docs/python.md maps the calls.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import {
  generateTaskId,
  isUniqcTaskId,
  type NewTaskInfo,
  TaskPersistence,
  type TaskStatus,
  TaskStore,
} from 'uniqc-task-store'
import { temporaryFolder } from '../support/temporary.ts'

const BACKEND = 'dummy:local:simulator'
const RESULT = { '00': 50, '11': 50 }

function openRecords(t: TestContext, folder = temporaryFolder(t)): TaskPersistence {
  const persistence = new TaskPersistence(folder)
  t.after(() => persistence.close())
  return persistence
}

function openStore(t: TestContext): TaskStore {
  const store = new TaskStore(temporaryFolder(t))
  t.after(() => store.close())
  return store
}

const task = (taskId: string, given: Partial<NewTaskInfo> = {}): NewTaskInfo => ({
  taskId,
  backend: BACKEND,
  status: 'success',
  shots: 100,
  result: RESULT,
  metadata: { submitted_by: 'test' },
  ...given,
})

const idsOf = (tasks: readonly { readonly taskId: string }[]) => tasks.map(({ taskId }) => taskId).toSorted()
const recordIds = (records: readonly { readonly task_id: string }[]) =>
  records.map(({ task_id }) => task_id).toSorted()

// TaskPersistence

test('the folder of the records is made, and holds a .sqlite file', (t) => {
  const folder = join(temporaryFolder(t), 'new')
  const records = openRecords(t, folder)
  assert.equal(records.cacheDir, folder)
  assert.match(records.tasksFile, /\.sqlite$/)
  assert.ok(existsSync(records.tasksFile), 'the file is there')
})

test('a record is loaded with what it was saved with', (t) => {
  const records = openRecords(t)
  records.save('a', 'ibm', 'running', null, {
    shots: 2048,
    submit_time: '2026-05-01T00:00:00',
    custom_field: 'extra',
  })
  const { update_time, ...record } = records.load('a') ?? {}
  assert.equal(typeof update_time, 'string')
  assert.deepEqual(record, {
    task_id: 'a',
    platform: 'ibm',
    status: 'running',
    result: null,
    submit_time: '2026-05-01T00:00:00',
    shots: 2048,
    custom_field: 'extra',
  })
  records.save('b', 'originq', 'success', { counts: { '00': 512 } }, { shots: 1000 })
  const { result, submit_time } = records.load('b') ?? {}
  assert.deepEqual([result, typeof submit_time], [{ counts: { '00': 512 } }, 'string'])
})

test('a record that is missing is not loaded, updated or deleted', (t) => {
  const records = openRecords(t)
  assert.equal(records.load('ghost'), undefined)
  assert.equal(records.update('ghost', { status: 'success' }), false)
  assert.equal(records.delete('ghost'), false)
})

test('an update changes the status, the result, the platform and the metadata that it names', (t) => {
  const records = openRecords(t)
  records.save('a', 'originq', 'running', null, { note: 'first' })
  assert.equal(records.update('a', { status: 'success', result: { '00': 100 } }), true)
  assert.equal(records.update('a', { platform: 'ibm', note: 'second', extra: 42 }), true)
  const { submit_time, update_time, ...record } = records.load('a') ?? {}
  assert.deepEqual(record, {
    task_id: 'a',
    platform: 'ibm',
    status: 'success',
    result: { '00': 100 },
    note: 'second',
    extra: 42,
  })
})

test('upsert inserts a record, and then updates it', (t) => {
  const records = openRecords(t)
  records.upsert('a', 'ibm', 'pending')
  assert.equal(records.load('a')?.platform, 'ibm')
  records.upsert('a', 'ibm', 'success', { '00': 50 })
  assert.deepEqual([records.load('a')?.status, records.load('a')?.result], ['success', { '00': 50 }])
  assert.equal(records.count(), 1)
})

test('records are listed and counted by platform and by status', (t) => {
  const records = openRecords(t)
  records.save('a', 'originq', 'success')
  records.save('b', 'quafu', 'running')
  records.save('c', 'ibm', 'success')
  records.save('d', 'originq', 'pending')
  assert.deepEqual(recordIds(records.listAll()), ['a', 'b', 'c', 'd'])
  assert.deepEqual(recordIds(records.listAll({ platform: 'originq' })), ['a', 'd'])
  assert.deepEqual(recordIds(records.listByPlatform('quafu')), ['b'])
  assert.deepEqual(recordIds(records.listAll({ status: 'success' })), ['a', 'c'])
  assert.equal(records.listAll({ limit: 3 }).length, 3)
  assert.deepEqual(recordIds(records.listPending()), ['b', 'd'])
  assert.deepEqual(
    [records.count(), records.count({ platform: 'originq' }), records.count({ status: 'success' })],
    [4, 2, 2],
  )
})

test('the newest record is listed first', (t) => {
  const records = openRecords(t)
  records.save('old', 'originq', 'success', null, { submit_time: '2026-01-01T00:00:00' })
  records.save('new', 'originq', 'failed', null, { submit_time: '2026-02-01T00:00:00' })
  assert.deepEqual(
    records.listAll().map(({ task_id }) => task_id),
    ['new', 'old'],
  )
})

test('clearing what is completed leaves what runs, and a deleted record is gone', (t) => {
  const records = openRecords(t)
  records.save('a', 'originq', 'success')
  records.save('b', 'originq', 'failed')
  records.save('c', 'quafu', 'running')
  assert.equal(records.clearCompleted(), 2)
  assert.deepEqual(recordIds(records.listAll()), ['c'])
  assert.deepEqual([records.delete('c'), records.load('c'), records.delete('c')], [true, undefined, false])
})

// TaskStore

test('tasks are saved, found and listed by status and by backend', (t) => {
  const store = openStore(t)
  const { taskId, backend } = store.save(task('a', { backend: 'quafu', status: 'running' }))
  assert.deepEqual([taskId, backend], ['a', 'quafu'])
  store.save(task('b', { backend: 'originq', status: 'failed' }))
  store.save(task('c', { backend: 'quafu' }))
  assert.equal(store.get('a')?.backend, 'quafu')
  assert.equal(store.get('nonexistent'), undefined)
  assert.deepEqual(idsOf(store.list()), ['a', 'b', 'c'])
  assert.deepEqual(idsOf(store.list({ status: 'running' })), ['a'])
  assert.deepEqual(idsOf(store.list({ backend: 'quafu' })), ['a', 'c'])
  assert.deepEqual([store.countByStatus().success, store.countByStatus().failed], [1, 1])
  assert.equal(store.clearCompleted(), 2)
  assert.deepEqual(idsOf(store.list()), ['a'])
  store.clearAll()
  assert.deepEqual(store.list(), [])
})

test('an id that is generated is known as one, and others are not', () => {
  const id = generateTaskId()
  assert.deepEqual([id.slice(0, 4), id.length, isUniqcTaskId(id)], ['uqt_', 36, true])
  for (const other of ['ABC123DEADBEEF', 'not_uqt_xyz', '']) assert.equal(isUniqcTaskId(other), false)
})

/** A task with so many shards, each of one circuit. */
function saveWithShards(store: TaskStore, count: number): string {
  const { taskId } = store.save(task(generateTaskId(), { status: 'pending', result: null }))
  for (let i = 0; i < count; i++) {
    store.saveShard({
      uniqcTaskId: taskId,
      shardIndex: i,
      platformTaskId: `platform-${i}`,
      backend: BACKEND,
      circuitCount: 1,
      subIndexOffset: i,
      status: 'success',
      result: RESULT,
    })
  }
  return taskId
}

test('the shards of a task are in the order of their index, are found by the id of the platform, and go with it', (t) => {
  const store = openStore(t)
  const taskId = saveWithShards(store, 3)
  assert.deepEqual(
    store.getShards(taskId).map(({ shardIndex, subIndexOffset }) => [shardIndex, subIndexOffset]),
    [
      [0, 0],
      [1, 1],
      [2, 2],
    ],
  )
  assert.equal(store.findShards('platform-1')[0]?.uniqcTaskId, taskId)
  assert.deepEqual(store.findShards('missing'), [])
  store.delete(taskId)
  assert.deepEqual(store.getShards(taskId), [])
})

const AGGREGATES: readonly (readonly [shards: readonly TaskStatus[], status: TaskStatus])[] = [
  [[], 'pending'],
  [['running'], 'running'],
  [['pending', 'success'], 'running'],
  [['success', 'success'], 'success'],
  [['success', 'failed'], 'failed'],
  [['failed', 'cancelled'], 'failed'],
  [['cancelled', 'success'], 'cancelled'],
  [['cancelled', 'cancelled'], 'cancelled'],
]
for (const [shards, status] of AGGREGATES) {
  test(`shards that are ${shards.join(' and ') || 'not there'} make a task ${status}`, () => {
    assert.equal(TaskStore.aggregateStatus(shards.map((each) => ({ status: each }))), status)
  })
}

// ArchiveStore

test('a task is archived once, with its result, and listed in the archive', (t) => {
  const store = openStore(t)
  for (const id of ['a', 'b']) store.save(task(id))
  assert.deepEqual([store.archive.archive('a'), store.archive.archive('b')], [true, true])
  assert.equal(store.archive.archive('a'), false)
  assert.deepEqual([idsOf(store.archive.list()), store.archive.count()], [['a', 'b'], 2])
  const archived = store.archive.get('a')
  assert.deepEqual([archived?.taskId, archived?.result], ['a', RESULT])
  assert.equal(typeof archived?.archivedAt, 'string')
  assert.equal(store.archive.get('ghost'), undefined)
})

test('archived tasks are listed and counted by status and by backend, page by page', (t) => {
  const store = openStore(t)
  store.save(task('bad', { status: 'failed' }))
  for (const id of ['a', 'b', 'c', 'd']) store.save(task(id))
  for (const id of ['bad', 'a', 'b', 'c', 'd']) store.archive.archive(id)
  assert.deepEqual(idsOf(store.archive.list({ status: 'failed' })), ['bad'])
  assert.deepEqual(
    [{ status: 'success' }, { backend: BACKEND }, { backend: 'not-real' }].map((filter) =>
      store.archive.count(filter),
    ),
    [4, 5, 0],
  )
  const pages = [0, 2, 4].map((offset) => store.archive.list({ limit: 2, offset }))
  assert.deepEqual(
    pages.map((page) => page.length),
    [2, 2, 1],
  )
  assert.equal(new Set(pages.flat().map(({ taskId }) => taskId)).size, 5)
})

test('an archived task is restored or deleted once', (t) => {
  const store = openStore(t)
  for (const id of ['a', 'b']) store.save(task(id))
  store.archive.archiveMany(['a', 'b'])
  assert.equal(store.get('a'), undefined)
  assert.equal(store.archive.restore('a'), true)
  assert.deepEqual([store.get('a')?.taskId, store.archive.get('a')], ['a', undefined])
  assert.equal(store.archive.restore('ghost'), false)
  assert.deepEqual([store.archive.delete('b'), store.archive.get('b')], [true, undefined])
  assert.equal(store.archive.delete('b'), false)
})

test('the shards of a task are archived, restored and deleted with it', (t) => {
  const store = openStore(t)
  const taskId = saveWithShards(store, 2)
  store.archive.archive(taskId)
  assert.deepEqual(store.getShards(taskId), [])
  store.archive.restore(taskId)
  assert.deepEqual(
    store.getShards(taskId).map(({ platformTaskId, result }) => [platformTaskId, result]),
    [
      ['platform-0', RESULT],
      ['platform-1', RESULT],
    ],
  )
  store.archive.archive(taskId)
  assert.equal(store.archive.delete(taskId), true)
  const left = store.db.$client.prepare('SELECT count(*) FROM archived_task_shards').pluck().get()
  assert.equal(left, 0)
})
