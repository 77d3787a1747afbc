import assert from 'node:assert/strict'
import test from 'node:test'
import type { ArchiveOlderThanOptions } from 'uniqc-task-store'
import type { OpenStore, ReadRows } from '../support/any-store.ts'
import { importTasks } from '../support/import-tasks.ts'
import { DONE, saveInBothPlaces } from '../support/tasks-with-shards.ts'

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
  ['25 hours ago, with a Z,', () => `${wall(25)}Z`, 'archived'],
  ['25 hours ago, with a space for the T,', () => `${wall(25).replace('T', ' ')}+0000`, 'archived'],
  ['25 hours ago, at an offset that looks later,', () => `${wall(25, 14)}+14:00`, 'archived'],
  ['23 hours ago, at an offset that looks earlier,', () => `${wall(23, -12)}-12:00`, 'left'],
  ['in an hour', () => `${wall(-1)}Z`, 'left'],
  ['on a date long ago', () => '2020-01-01', 'archived'],
  ['25 hours ago in UTC, without an offset,', () => wall(25), 'archived', 'UTC'],
  ['23 hours ago in UTC, without an offset,', () => wall(23), 'left', 'UTC'],
  ['25 hours ago at +08:00, without an offset,', () => wall(25, 8), 'archived', '+08:00'],
  ['25 hours ago in Shanghai, without an offset,', () => wall(25, 8), 'archived', 'Asia/Shanghai'],
  ['23 hours ago in Shanghai, without an offset,', () => wall(23, 8), 'left', 'Asia/Shanghai'],
  ['25 hours ago in Shanghai, without an offset and read as UTC,', () => wall(25, 8), 'left', 'UTC'],
  ['25 hours ago with an offset, whatever the time zone,', () => `${wall(25)}+00:00`, 'archived', '-11:00'],
  ['at "yesterday"', () => 'yesterday', 'unreadable'],
  ['on a 31st of February', () => '2020-02-31T00:00:00Z', 'unreadable'],
  ['at "1577836800"', () => '1577836800', 'unreadable'],
]

export function archiveOlderThanContract(open: OpenStore, rows: ReadRows): void {
  for (const [what, time, is, timeZone] of TIMES) {
    test(`archiveOlderThan: a task submitted ${what} is ${is}`, async (t) => {
      const store = await open(t)
      // Imported, because a save refuses a time that cannot be read.
      await importTasks(t, store, [{ ...DONE, submitTime: time() }])
      await store.addShard({ uniqcTaskId: 'a', platformTaskId: 'p' })
      const before = await rows(store)
      const options = { hours: 24, timeZone }
      const expected = { archived: [], conflicts: [], unreadable: [], ...(is !== 'left' && { [is]: ['a'] }) }
      assert.deepEqual(await store.archive.archiveOlderThan({ ...options, dryRun: true }), expected)
      assert.deepEqual(await rows(store), before)
      assert.deepEqual(await store.archive.archiveOlderThan(options), expected)
      assert.equal((await store.archive.getShards('a')).length, is === 'archived' ? 1 : 0)
      if (is !== 'archived') assert.deepEqual(await rows(store), before)
    })
  }

  test('archiveOlderThan moves terminal tasks only, or tasks of the given statuses', async (t) => {
    const archived = async (options: Partial<ArchiveOlderThanOptions>) => {
      const store = await open(t)
      for (const status of ['pending', 'running', 'success', 'failed', 'cancelled'] as const) {
        await store.save({ ...DONE, taskId: status, status, submitTime: '2020-01-01' })
      }
      await importTasks(t, store, [{ ...DONE, taskId: 'queued', status: 'queued', submitTime: 'no time' }])
      const report = await store.archive.archiveOlderThan({ hours: 1, ...options })
      const ids = (await store.archive.list()).map((task) => task.taskId)
      assert.deepEqual(ids.toSorted(), report.archived.toSorted())
      return [report.archived, report.unreadable]
    }
    assert.deepEqual(await archived({}), [['success', 'failed', 'cancelled'], []])
    assert.deepEqual(await archived({ statuses: 'running' }), [['running'], []])
    assert.deepEqual(await archived({ statuses: ['pending', 'failed'] }), [['pending', 'failed'], []])
    assert.deepEqual(await archived({ statuses: [] }), [[], []])
    assert.deepEqual(await archived({ statuses: ['queued'] }), [[], ['queued']])
  })

  test('archiveOlderThan reports conflicts and leaves them, unless onConflict says which record wins', async (t) => {
    const due = { hours: 1, statuses: ['success'] }
    const setUp = async () => {
      const store = await open(t)
      await saveInBothPlaces(store)
      for (const taskId of ['a', 'other']) await store.update(taskId, { submitTime: '2020-01-01' })
      return store
    }
    const store = await setUp()
    const before = await rows(store)
    const expected = { archived: ['other'], conflicts: ['a'], unreadable: [] }
    assert.deepEqual(await store.archive.archiveOlderThan({ ...due, dryRun: true }), expected)
    assert.deepEqual(await rows(store), before)
    assert.deepEqual(await store.archive.archiveOlderThan(due), expected)
    assert.equal((await store.get('a'))?.result, 'live')
    assert.equal((await store.archive.get('a'))?.result, 'archived')

    for (const onConflict of ['live', 'archived'] as const) {
      const store = await setUp()
      const options = { ...due, onConflict }
      const all = { archived: ['a', 'other'], conflicts: [], unreadable: [] }
      assert.deepEqual(await store.archive.archiveOlderThan({ ...options, dryRun: true }), all)
      assert.equal((await rows(store)).tasks.length, 2)
      assert.deepEqual(await store.archive.archiveOlderThan(options), all)
      assert.equal(await store.count(), 0)
      assert.equal((await store.archive.get('a'))?.result, onConflict)
      assert.equal((await store.archive.getShards('a')).length, onConflict === 'live' ? 1 : 2)
    }
  })

  test('archiveOlderThan handles more tasks than fit into one batch', async (t) => {
    const store = await open(t)
    const COUNT = 5_250
    await importTasks(
      t,
      store,
      Array.from({ length: COUNT }, (_, i) => ({
        ...DONE,
        taskId: `t${i}`,
        status: i % 5 === 0 ? ('running' as const) : DONE.status,
        submitTime: i % 1000 === 1 ? 'no time' : '2020-01-01',
      })),
    )
    const { archived, conflicts, unreadable } = await store.archive.archiveOlderThan({ hours: 1 })
    const due = Array.from({ length: COUNT }, (_, i) => i).filter((i) => i % 5 !== 0)
    const ids = (isUnreadable: boolean) =>
      due.filter((i) => (i % 1000 === 1) === isUnreadable).map((i) => `t${i}`)
    assert.deepEqual(archived, ids(false))
    assert.deepEqual(unreadable, ids(true))
    assert.deepEqual(conflicts, [])
    assert.deepEqual(
      [await store.archive.count(), await store.count()],
      [archived.length, COUNT - archived.length],
    )
  })
}
