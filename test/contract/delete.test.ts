import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { NewTaskInfo } from 'uniqc-task-store'
import { memory, RUNNING } from '../support/store.ts'

function fill(t: TestContext) {
  const store = memory()
  t.after(() => store.close())
  const backends = [
    'originq',
    'originq:WK_C180',
    'originq:PQPUMESH8',
    'originq2',
    'originqx:y',
    'dummy:originq:WK',
    'ibm:ibm_fez',
  ]
  const statuses = ['pending', 'running', 'success', 'failed', 'cancelled'] as const
  const all = Array.from({ length: 70 }, (_, i) => ({
    taskId: `t${i}`,
    backend: backends[i % 7] as string,
    status: statuses[i % 5] as (typeof statuses)[number],
    submitTime: `2026-01-${String(1 + (i % 10)).padStart(2, '0')}T00:00:00.000000+00:00`,
  }))
  assert.equal(store.saveMany(all), 70)
  const newestFirst = all
    .map((task, i) => ({ task, i }))
    .sort((a, b) =>
      a.task.submitTime === b.task.submitTime ? b.i - a.i : a.task.submitTime < b.task.submitTime ? 1 : -1,
    )
    .map(({ task }) => task)
  return { store, newestFirst }
}

test('clearing removes the terminal tasks, those of some statuses, or all', (t) => {
  const { store } = fill(t)
  assert.equal(store.clearCompleted([]), 0)
  assert.equal(store.clearCompleted('failed'), 14)
  assert.equal(store.clearCompleted(), 28)
  assert.deepEqual(store.countByStatus(), { pending: 14, running: 14, success: 0, failed: 0, cancelled: 0 })
  assert.equal(store.clearAll(), 28)
  assert.equal(store.clearAll(), 0)
})

test('clearing more than one batch clears all', () => {
  using store = memory()
  const many = function* (): Generator<NewTaskInfo> {
    for (let i = 0; i < 12_000; i++)
      yield { ...RUNNING, taskId: `t${i}`, status: i % 6 === 0 ? 'running' : 'success' }
  }
  assert.equal(store.saveMany(many()), 12_000)
  assert.equal(store.clearCompleted(), 10_000)
  assert.equal(store.count(), 2000)
})

test('deleting gives whether there was something', () => {
  using store = memory()
  store.save(RUNNING)
  assert.deepEqual([store.delete('a'), store.delete('a'), store.delete("' OR 1=1")], [true, false, false])
})
