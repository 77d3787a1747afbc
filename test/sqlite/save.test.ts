import assert from 'node:assert/strict'
import test from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { taskShards } from 'uniqc-task-store/schema'
import { insertShard } from '../support/insert-shard.ts'
import { memory, RUNNING } from '../support/store.ts'
import { temporaryFile } from '../support/temporary.ts'

test('saving a task keeps its rows of shards, and deleting it deletes them', () => {
  using store = memory()
  store.save(RUNNING)
  insertShard(store, 'a', 'p')
  store.save({ ...RUNNING, status: 'success' })
  assert.equal(store.db.select().from(taskShards).all().length, 1)
  store.delete('a')
  assert.equal(store.db.select().from(taskShards).all().length, 0, 'deleting does not')
})

test('tasks that do not fit in memory wait in a temporary file, and are saved in their order', (t) => {
  using store = new TaskStore({ file: temporaryFile(t), synchronous: 'NORMAL' })
  const result = 'x'.repeat(1_500_000)
  function* tasks() {
    for (let i = 0; i < 50; i++)
      yield { ...RUNNING, taskId: `t${i}`, result: `${i} ${result}`, submitTime: '2026-01-01' }
  }
  assert.equal(store.saveMany(tasks()), 50)
  assert.deepEqual(
    store.listSummaries().map(({ taskId }) => taskId),
    Array.from({ length: 50 }, (_, i) => `t${49 - i}`),
  )
  for (const i of [0, 21, 22, 43, 49]) assert.equal(store.get(`t${i}`)?.result, `${i} ${result}`)
})
