import assert from 'node:assert/strict'
import test from 'node:test'
import type { NewTaskInfo } from 'uniqc-task-store'
import type { OpenStore } from '../support/any-store.ts'
import { RUNNING } from '../support/store.ts'
import { saveSeventyTasks } from './seventy-tasks.ts'

export function deleteContract(open: OpenStore): void {
  test('clearing removes the terminal tasks, the tasks of given statuses, or all tasks', async (t) => {
    const store = await open(t)
    await saveSeventyTasks(store)
    assert.equal(await store.clearCompleted([]), 0)
    assert.equal(await store.clearCompleted('failed'), 14)
    assert.equal(await store.clearCompleted(), 28)
    assert.deepEqual(await store.countByStatus(), {
      pending: 14,
      running: 14,
      success: 0,
      failed: 0,
      cancelled: 0,
    })
    assert.equal(await store.clearAll(), 28)
    assert.equal(await store.clearAll(), 0)
  })

  test('clearing removes more tasks than fit into one batch', async (t) => {
    const store = await open(t)
    const many = function* (): Generator<NewTaskInfo> {
      for (let i = 0; i < 12_000; i++)
        yield { ...RUNNING, taskId: `t${i}`, status: i % 6 === 0 ? 'running' : 'success' }
    }
    assert.equal(await store.saveMany(many()), 12_000)
    assert.equal(await store.clearCompleted(), 10_000)
    assert.equal(await store.count(), 2000)
  })

  test('delete returns whether there was a task', async (t) => {
    const store = await open(t)
    await store.save(RUNNING)
    assert.deepEqual(
      [await store.delete('a'), await store.delete('a'), await store.delete("' OR 1=1")],
      [true, false, false],
    )
  })
}
