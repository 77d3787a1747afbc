import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { LockFairness } from '../../src/sqlite/lock-fairness.ts'
import { temporaryFile } from '../support/temporary.ts'

test('what one connection did with the lock of a file counts for the next one', (t) => {
  const file = temporaryFile(t)
  const period = 1_800_000_000_000
  t.mock.timers.enable({ apis: ['Date'], now: period + 500 })
  using first = new TaskStore({ file })
  // Busy for half of a period of 2 seconds.
  first.transaction(() => t.mock.timers.setTime(period + 1500))
  first.close()
  using second = new TaskStore({ file })
  t.mock.timers.setTime(period + 2000)
  const start = performance.now()
  second.save({ taskId: 'a', backend: 'b', status: 'running' })
  assert.ok(performance.now() - start >= 140, 'it left the lock to others first')
})

/** How often a store pauses that saves so many tasks, one `every` so many milliseconds, each of which takes some. */
function pausesOf(t: TestContext, saves: number, every: number, takes: number): number {
  const start = 1_800_000_000_000
  t.mock.timers.enable({ apis: ['Date'], now: start })
  const wait = t.mock.method(Atomics, 'wait', (() => 'timed-out') as typeof Atomics.wait)
  using store = new TaskStore({ file: temporaryFile(t) })
  for (let i = 0; i < saves; i++) {
    t.mock.timers.setTime(start + i * every)
    store.transaction(() => {
      store.save({ taskId: `${i}`, backend: 'b', status: 'running' })
      t.mock.timers.setTime(start + i * every + takes)
    })
  }
  return wait.mock.callCount()
}

test('a store that saves every 100 milliseconds never pauses', (t) => {
  assert.equal(pausesOf(t, 50, 100, 0), 0)
})

test('a store that writes for a quarter of the time never pauses', (t) => {
  assert.equal(pausesOf(t, 50, 100, 25), 0)
})

test('a store that writes for more than a quarter of the time pauses once in each period of 2 seconds', (t) => {
  assert.equal(pausesOf(t, 60, 100, 27), 2)
})

test('a store that was busy, and has rested since, does not pause', (t) => {
  assert.equal(pausesOf(t, 5, 20_000, 1900), 0)
})

test('a long call pauses between batches that held the lock for more than 70 milliseconds in all, and not before', (t) => {
  const wait = t.mock.method(Atomics, 'wait', (() => 'timed-out') as typeof Atomics.wait)
  const lock = new LockFairness(temporaryFile(t), 5000)
  const pauses = [0, 30, 40, 1, 60, 5, 100].map((held) => {
    const before = wait.mock.callCount()
    lock.beforeBatch()
    lock.afterBatch(held)
    return wait.mock.callCount() - before
  })
  // Each pause is before the batch that follows.
  assert.deepEqual(pauses, [0, 0, 0, 0, 1, 0, 0])
  lock.beforeBatch()
  assert.equal(wait.mock.callCount(), 2)
})
