import assert from 'node:assert/strict'
import test from 'node:test'
import type Database from 'better-sqlite3'
import type { ArchiveOlderThanOptions, NewTaskInfo, TaskStore } from 'uniqc-task-store'
import { memory } from '../support/store.ts'

const DONE = { taskId: 'a', backend: 'originq:WK_C180', status: 'success' } as const

const TABLES = ['tasks', 'task_shards', 'archived_tasks', 'archived_task_shards'] as const
type Rows = Record<(typeof TABLES)[number], Record<string, unknown>[]>

/** Every row as it stands in the file, by its id: JSON as text, numbers to the digit. */
function rowsOf(database: Database.Database): Rows {
  const rows = (table: string) => {
    const key = table.endsWith('tasks') ? 'task_id' : 'uniqc_task_id, shard_index'
    return database.prepare(`SELECT * FROM ${table} ORDER BY ${key}`).safeIntegers().all()
  }
  return Object.fromEntries(TABLES.map((table) => [table, rows(table)])) as Rows
}

/** A task with shards, whose every text says which one it is. */
function saveWithShards(store: TaskStore, task: NewTaskInfo, mark: string, shards: number) {
  store.save({ ...task, result: mark })
  store.deleteShards(task.taskId)
  for (let i = 0; i < shards; i++) {
    store.addShard({ uniqcTaskId: task.taskId, platformTaskId: `${mark}-${i}`, result: mark })
  }
}

/** A store with a task both live, with one shard, and archived, with two. */
function conflicting(): TaskStore {
  const store = memory()
  saveWithShards(store, DONE, 'archived', 2)
  store.archive.archive('a')
  saveWithShards(store, DONE, 'live', 1)
  saveWithShards(store, { ...DONE, taskId: 'other' }, 'other', 1)
  return store
}

const HOUR = 3_600_000
/** The wall clock at an offset so many hours ago: `2026-05-03T01:02:03`. */
const wall = (hoursAgo: number, offset = 0) =>
  new Date(Date.now() - (hoursAgo - offset) * HOUR).toISOString().slice(0, 19)

/** Each against 24 hours. */
const TIMES: readonly (readonly [
  what: string,
  time: () => string,
  is: 'archived' | 'unreadable' | 'left',
  timeZone?: string,
])[] = [
  ['25 hours ago', () => `${wall(25)}.123456+00:00`, 'archived'],
  ['23 hours ago', () => `${wall(23)}.123456+00:00`, 'left'],
  ['25 hours ago, with a Z', () => `${wall(25)}Z`, 'archived'],
  ['25 hours ago, with a blank', () => `${wall(25).replace('T', ' ')}+0000`, 'archived'],
  ['25 hours ago, later as text', () => `${wall(25, 14)}+14:00`, 'archived'],
  ['23 hours ago, earlier as text', () => `${wall(23, -12)}-12:00`, 'left'],
  ['in an hour', () => `${wall(-1)}Z`, 'left'],
  ['a date long ago', () => '2020-01-01', 'archived'],
  ['naive, 25 hours ago in UTC', () => wall(25), 'archived', 'UTC'],
  ['naive, 23 hours ago in UTC', () => wall(23), 'left', 'UTC'],
  ['naive, 25 hours ago at +08:00', () => wall(25, 8), 'archived', '+08:00'],
  ['naive, 25 hours ago in Shanghai', () => wall(25, 8), 'archived', 'Asia/Shanghai'],
  ['naive, 23 hours ago in Shanghai', () => wall(23, 8), 'left', 'Asia/Shanghai'],
  ['naive, 25 hours ago in Shanghai, read as UTC', () => wall(25, 8), 'left', 'UTC'],
  ['with an offset, which a zone does not change', () => `${wall(25)}+00:00`, 'archived', '-11:00'],
  ['no time', () => 'yesterday', 'unreadable'],
  ['a 31st of February', () => '2020-02-31T00:00:00Z', 'unreadable'],
  ['a number', () => '1577836800', 'unreadable'],
]

for (const [what, time, is, timeZone] of TIMES) {
  test(`archiveOlderThan: a submit time ${what}: ${is}`, () => {
    using store = memory()
    saveWithShards(store, { ...DONE, submitTime: time() }, 'live', 1)
    const before = rowsOf(store.db.$client)
    const options = { hours: 24, timeZone }
    const expected = { archived: [], conflicts: [], unreadable: [], ...(is !== 'left' && { [is]: ['a'] }) }
    assert.deepEqual(store.archive.archiveOlderThan({ ...options, dryRun: true }), expected)
    assert.deepEqual(rowsOf(store.db.$client), before)
    assert.deepEqual(store.archive.archiveOlderThan(options), expected)
    assert.equal(store.archive.getShards('a').length, is === 'archived' ? 1 : 0)
    if (is !== 'archived') assert.deepEqual(rowsOf(store.db.$client), before)
  })
}

test('archiveOlderThan takes terminal tasks alone, or those of the statuses that are named', () => {
  const archived = (options: Partial<ArchiveOlderThanOptions>) => {
    using store = memory()
    for (const status of ['pending', 'running', 'success', 'failed', 'cancelled'] as const) {
      store.save({ ...DONE, taskId: status, status, submitTime: '2020-01-01' })
    }
    store.save({ ...DONE, taskId: 'queued', submitTime: 'no time' })
    store.db.$client.exec("UPDATE tasks SET status = 'queued' WHERE task_id = 'queued'")
    const report = store.archive.archiveOlderThan({ hours: 1, ...options })
    const ids = store.archive.list().map((task) => task.taskId)
    assert.deepEqual(ids.toSorted(), report.archived.toSorted())
    return [report.archived, report.unreadable]
  }
  assert.deepEqual(archived({}), [['success', 'failed', 'cancelled'], []])
  assert.deepEqual(archived({ statuses: 'running' }), [['running'], []])
  assert.deepEqual(archived({ statuses: ['pending', 'failed'] }), [['pending', 'failed'], []])
  assert.deepEqual(archived({ statuses: [] }), [[], []])
  assert.deepEqual(archived({ statuses: ['queued'] }), [[], ['queued']])
})

test('archiveOlderThan reports conflicts and leaves them, unless it is told which record wins', () => {
  const due = { hours: 1, statuses: ['success'] }
  const setUp = () => {
    const store = conflicting()
    store.db.$client.exec("UPDATE tasks SET submit_time = '2020-01-01'")
    return store
  }
  using store = setUp()
  const before = rowsOf(store.db.$client)
  const expected = { archived: ['other'], conflicts: ['a'], unreadable: [] }
  assert.deepEqual(store.archive.archiveOlderThan({ ...due, dryRun: true }), expected)
  assert.deepEqual(rowsOf(store.db.$client), before)
  assert.deepEqual(store.archive.archiveOlderThan(due), expected)
  assert.equal(store.get('a')?.result, 'live')
  assert.equal(store.archive.get('a')?.result, 'archived')

  for (const onConflict of ['live', 'archived'] as const) {
    using store = setUp()
    const options = { ...due, onConflict }
    const all = { archived: ['a', 'other'], conflicts: [], unreadable: [] }
    assert.deepEqual(store.archive.archiveOlderThan({ ...options, dryRun: true }), all)
    assert.deepEqual(rowsOf(store.db.$client).tasks.length, 2)
    assert.deepEqual(store.archive.archiveOlderThan(options), all)
    assert.equal(store.count(), 0)
    assert.equal(store.archive.get('a')?.result, onConflict)
    assert.equal(store.archive.getShards('a').length, onConflict === 'live' ? 1 : 2)
  }
})

test('archiveOlderThan goes through more tasks than it looks at in one go', () => {
  using store = memory()
  const COUNT = 5_250
  store.saveMany(
    Array.from({ length: COUNT }, (_, i) => ({
      ...DONE,
      taskId: `t${i}`,
      status: i % 5 === 0 ? ('running' as const) : DONE.status,
      submitTime: i % 1000 === 1 ? 'no time' : '2020-01-01',
    })),
  )
  const { archived, conflicts, unreadable } = store.archive.archiveOlderThan({ hours: 1 })
  const due = Array.from({ length: COUNT }, (_, i) => i).filter((i) => i % 5 !== 0)
  const ids = (isUnreadable: boolean) =>
    due.filter((i) => (i % 1000 === 1) === isUnreadable).map((i) => `t${i}`)
  assert.deepEqual(archived, ids(false))
  assert.deepEqual(unreadable, ids(true))
  assert.deepEqual(conflicts, [])
  assert.deepEqual([store.archive.count(), store.count()], [archived.length, COUNT - archived.length])
})
