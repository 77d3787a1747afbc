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

test('many small tasks, more than are held in memory, are saved as they are, in their order', () => {
  using store = memory()
  const count = 6000
  const taskAt = (i: number) => ({
    taskId: `t${i % 5000}`,
    backend: 'b',
    status: i < 5000 ? ('running' as const) : ('success' as const),
    submitTime: '2026-01-01',
    result: { '0': i, note: 'é\n"' },
    metadata: { index: i, text: '\u0000\u2028 ü', none: null, long: 12345678901234567890n },
  })
  assert.equal(store.saveMany(Array.from({ length: count }, (_, i) => taskAt(i))), count)
  assert.equal(store.count(), 5000)
  for (const i of [1000, 2500, 4999, 5000, 5999]) {
    const { taskId, status, result, metadata } = taskAt(i)
    const saved = store.get(taskId)
    assert.deepStrictEqual(
      { status: saved?.status, result: saved?.result, metadata: saved?.metadata },
      { status, result, metadata },
    )
  }
  assert.deepEqual(
    [...store.iterate()].map(({ taskId }) => taskId).toReversed(),
    Array.from({ length: 5000 }, (_, i) => `t${i}`),
  )
})
