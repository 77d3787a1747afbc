import assert from 'node:assert/strict'
import test from 'node:test'
import { and, desc, eq, sql } from 'drizzle-orm'
import { tasks } from 'uniqc-task-store/schema'
import { memory, RUNNING, wrong } from '../support/store.ts'

const toJSON = (value: unknown) => ({ toJSON: () => value })

test("the caller's own queries use the same tables and codec", () => {
  using store = memory()
  store.save({ ...RUNNING, result: { p: Number.NaN } })
  store.db
    .insert(tasks)
    .values({
      taskId: 'own',
      backend: 'b',
      status: 'running',
      submitTime: '9',
      updateTime: '9',
      result: [1n << 70n],
      metadata: { x: -0 },
    })
    .run()
  assert.deepEqual(store.get('own')?.result, [1n << 70n])
  const found = store.db
    .select({ result: tasks.result })
    .from(tasks)
    .where(and(eq(tasks.status, 'running'), eq(tasks.taskId, 'a')))
    .orderBy(desc(tasks.submitTime))
    .all()
  assert.deepEqual(found, [{ result: { p: Number.NaN } }])
  store.db
    .insert(tasks)
    .values({
      taskId: 'null',
      backend: 'b',
      status: 'running',
      submitTime: '9',
      updateTime: '9',
      result: null,
    })
    .run()
  assert.equal(
    store.db.$client
      .prepare("SELECT result_json IS NULL AND metadata_json = '{}' FROM tasks WHERE task_id = 'null'")
      .pluck()
      .get(),
    1,
  )
})

test('a null result is stored as NULL, even if it comes from toJSON or a placeholder', () => {
  using store = memory()
  store.save({ ...RUNNING, result: wrong(toJSON(null)) })
  for (const taskId of ['b', 'c']) store.save({ ...RUNNING, taskId, result: 1 })
  store.db.update(tasks).set({ result: null }).where(eq(tasks.taskId, 'b')).run()
  const set = { result: wrong<null>(sql.placeholder('result')) }
  store.db.update(tasks).set(set).where(eq(tasks.taskId, 'c')).prepare().run({ result: null })
  const cells = store.db.$client.prepare('SELECT result_json FROM tasks').pluck().all()
  assert.deepEqual(cells, [null, null, null])
  assert.deepEqual(
    store.list().map(({ result }) => result),
    [null, null, null],
  )
})
