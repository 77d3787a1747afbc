// What every setup runs: a file of its own, one that UnifiedQuantum 0.0.7 wrote, queries of its own, and errors.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import Database from 'better-sqlite3'
import { eq } from 'drizzle-orm'
import { TaskPersistence, TaskStore, TaskStoreError, UnreadableJson } from 'uniqc-task-store'
import { tasks } from 'uniqc-task-store/schema'

rmSync('cache', { recursive: true, force: true })
const store = new TaskStore({ cacheDir: 'cache', timeout: 0 })
const result = { counts: { '00': 2n ** 70n }, wrong: Number.NaN }
store.save({ taskId: 'a', backend: 'originq:WK_C180', status: 'running', result })
assert.deepEqual(store.get('a')?.result, result)

const [found] = store.db.select().from(tasks).where(eq(tasks.taskId, 'a')).all()
assert.deepEqual(found?.result, result)
store.db.$client.prepare("UPDATE tasks SET result_json = '{torn'").run()
const [torn] = store.db.select().from(tasks).all()
assert.ok(torn?.result instanceof UnreadableJson)

const other = new Database(store.file)
other.exec('BEGIN IMMEDIATE')
assert.throws(
  () => store.delete('a'),
  (error) => error instanceof TaskStoreError && error.code === 'LOCKED',
)
other.close()
assert.equal(new TaskPersistence(store).load('a')?.platform, 'originq:WK_C180')
store.close()

const old = new TaskStore({ file: 'old.sqlite' })
assert.equal(old.count(), 59)
assert.equal(old.check().isSound, true)
old.close()
console.log('the program ran')
