import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import { Connection } from '../../src/sqlite/connection.ts'
import { LockFairness } from '../../src/sqlite/lock-fairness.ts'
import { LEDGER } from '../../src/sqlite/migrating/foreign-objects.ts'
import { locateStore } from '../../src/sqlite/store-location.ts'
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

test('a read of an old file that another program has upgraded meanwhile waits for a lock like any other', (t) => {
  const file = temporaryFile(t)
  new TaskStore({ file }).close()
  const other = new Database(file)
  t.after(() => other.close())
  other.exec(`
    PRAGMA journal_mode = DELETE;
    CREATE TABLE uniqc_kept AS SELECT * FROM ${LEDGER};
    DELETE FROM ${LEDGER}`)
  const connection = new Connection(locateStore({ file, readonly: true, timeout: 300 }))
  t.after(() => connection.close())
  other.exec(`INSERT INTO ${LEDGER} SELECT * FROM uniqc_kept; DROP TABLE uniqc_kept`)
  let attempts = 0
  const read = () => {
    if (++attempts === 1) other.exec('BEGIN EXCLUSIVE')
    if (attempts === 5) other.exec('COMMIT')
    return connection.live.find('a')
  }
  assert.equal(connection.run(read), undefined)
  assert.equal(attempts, 5)
})
