import assert from 'node:assert/strict'
import test from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { wrong } from '../support/store.ts'

const STATUSES: readonly (readonly [statuses: readonly string[], status: string])[] = [
  [[], 'pending'],
  [['pending'], 'running'],
  [['running'], 'running'],
  [['success', 'pending'], 'running'],
  [['failed', 'running'], 'running'],
  [['cancelled', 'failed', 'success', 'running'], 'running'],
  [['success'], 'success'],
  [['success', 'success'], 'success'],
  [['failed'], 'failed'],
  [['success', 'failed'], 'failed'],
  [['cancelled', 'failed', 'success'], 'failed'],
  [['cancelled'], 'cancelled'],
  [['success', 'cancelled'], 'cancelled'],
  // Not terminal, as far as anybody knows.
  [['queued'], 'running'],
  [['success', 'SUCCESS'], 'running'],
  [['failed', ''], 'running'],
]

for (const [statuses, status] of STATUSES) {
  test(`shards that are ${JSON.stringify(statuses)} make a task ${status}, in any order`, () => {
    const shards = statuses.map((status) => ({ status }))
    assert.equal(TaskStore.aggregateStatus(shards), status)
    assert.equal(TaskStore.aggregateStatus(shards.toReversed()), status)
    assert.equal(TaskStore.aggregateStatus(new Set(shards)), status)
  })
}

test('aggregateStatus of anything but an iterable of shards is a TypeError', () => {
  for (const value of [5, true, {}, 'text'])
    assert.throws(() => TaskStore.aggregateStatus(wrong(value)), TypeError)
})
