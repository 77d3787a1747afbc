import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import { temporaryFile } from '../support/temporary.ts'

const TASK = { taskId: 'a', backend: 'originq', status: 'success', submitTime: '2026-05-03' } as const

const SHARDS = 'SELECT count(*) FROM task_shards'

/** A store on a database that was handed in without foreign keys, with a task and its shard. */
function withoutForeignKeys(t: TestContext, file: string, wasThere: boolean): TaskStore {
  if (wasThere) new TaskStore({ file }).close()
  const database = new Database(file)
  t.after(() => database.close())
  database.pragma('foreign_keys = OFF')
  const store = new TaskStore({ database })
  store.save(TASK)
  store.addShard({ uniqcTaskId: 'a', platformTaskId: 'p', status: 'success' })
  return store
}

for (const [what, remove] of [
  ['delete', (store: TaskStore) => store.delete('a')],
  ['clearAll', (store: TaskStore) => store.clearAll()],
  ['clearCompleted', (store: TaskStore) => store.clearCompleted()],
  ['archive', (store: TaskStore) => store.archive.archive('a')],
  ['archiveOlderThan', (store: TaskStore) => store.archive.archiveOlderThan({ hours: 1 })],
] as const) {
  for (const wasThere of [false, true]) {
    test(`${what}() leaves no shard in a database that was handed in with foreign_keys = OFF, ${wasThere ? 'up to date' : 'empty'}`, (t) => {
      const store = withoutForeignKeys(t, temporaryFile(t), wasThere)
      const { $client } = store.db
      assert.equal($client.prepare(SHARDS).pluck().get(), 1)
      remove(store)
      assert.equal($client.prepare(SHARDS).pluck().get(), 0)
      assert.equal(store.count(), 0)
    })
  }
}

for (const [what, open] of [
  ['a store', (file: string) => new TaskStore({ file, timeout: 0 })],
  [
    'a database that was handed in',
    (file: string) => new TaskStore({ database: new Database(file, { timeout: 0 }) }),
  ],
] as const) {
  test(`a write of ${what} with timeout 0 is LOCKED at once, without a wait`, (t) => {
    const file = temporaryFile(t)
    const store = open(file)
    t.after(() => store.db.$client.close())
    const other = new Database(file)
    t.after(() => other.close())
    other.exec('BEGIN IMMEDIATE')
    // Who waits, and asks again after it, finds the lock free.
    const wait = t.mock.method(Atomics, 'wait', (() => {
      if (other.inTransaction) other.exec('COMMIT')
      return 'timed-out'
    }) as typeof Atomics.wait)
    for (const write of [
      () => store.save(TASK),
      () => store.update('a', { status: 'failed' }),
      () => store.delete('a'),
      () => store.transaction(() => store.save(TASK)),
      () => store.clearAll(),
    ]) {
      assert.throws(write, { code: 'LOCKED' })
    }
    assert.equal(wait.mock.callCount(), 0)
    t.mock.restoreAll()
    other.exec('COMMIT')
    assert.equal(store.save(TASK).taskId, 'a')
  })
}
