import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { temporaryFile } from '../support/temporary.ts'

/** A task and a shard, and a time that another process wrote into their table in this very millisecond. */
function open(t: TestContext, millisecond: string, table: 'tasks' | 'task_shards'): [TaskStore, string] {
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse(`${millisecond}+00:00`) })
  const store = new TaskStore({ file: temporaryFile(t) })
  t.after(() => store.close())
  store.save({ taskId: 'a', backend: 'originq', status: 'running' })
  store.addShard({ uniqcTaskId: 'a', platformTaskId: 'p', status: 'running' })
  const theirs = `${millisecond}900+00:00`
  store.db.$client.prepare(`UPDATE ${table} SET update_time = ?`).run(theirs)
  return [store, theirs]
}

const SHARD = { uniqcTaskId: 'a', shardIndex: 0, platformTaskId: 'p', status: 'success' } as const

test("a shard's updateTime rises within one millisecond, also over that of another process", (t) => {
  const [store, theirs] = open(t, '2026-05-03T01:02:03.123', 'task_shards')
  const times = [theirs]
  for (let i = 0; i < 5; i++) {
    const { updateTime } = store.saveShard(SHARD)
    assert.equal(store.getShards('a')[0]?.updateTime, updateTime)
    times.push(updateTime)
  }
  assert.deepEqual(times, [...new Set(times)].toSorted())
  assert.equal(times.length, 6)
})

test("a refreshed task's updateTime rises within one millisecond, also over that of another process", (t) => {
  const [store, theirs] = open(t, '2026-05-03T01:02:03.124', 'tasks')
  const times = [theirs]
  for (let i = 0; i < 5; i++) {
    store.saveShard(SHARD, { refreshTask: true })
    times.push(store.get('a')?.updateTime ?? '')
  }
  assert.deepEqual(times, [...new Set(times)].toSorted())
  assert.equal(times.length, 6)
})
