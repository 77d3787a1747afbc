import assert from 'node:assert/strict'
import test from 'node:test'
import Database from 'better-sqlite3'
import { TaskStore, TaskStoreError } from 'uniqc-task-store'
import { temporaryFile } from '../support/temporary.ts'

const TASK = { taskId: 'a', backend: 'originq', status: 'running' } as const

for (const nested of [false, true]) {
  test(`a callback${nested ? ' inside another one' : ''} that swallows DISK_FULL gets it at the end, and nothing is stored`, (t) => {
    const database = new Database(temporaryFile(t))
    t.after(() => database.close())
    const store = new TaskStore({ database })
    store.save({ ...TASK, taskId: 'before' })
    const pages = database.pragma('page_count', { simple: true }) as number
    database.pragma(`max_page_count = ${pages + 10}`)
    let swallowed: unknown
    let later: unknown
    const work = () => {
      store.save(TASK)
      try {
        // Without a statement journal, the whole transaction is undone.
        store.saveMany([{ ...TASK, taskId: 'large', result: 'x'.repeat(200_000) }])
      } catch (error) {
        swallowed = error
      }
      try {
        store.save({ ...TASK, taskId: 'after' })
      } catch (error) {
        later = error
      }
    }
    assert.throws(
      () => store.transaction(nested ? () => store.transaction(work) : work),
      (error) => error instanceof TaskStoreError && error.code === 'DISK_FULL' && error === swallowed,
    )
    assert.equal(later, swallowed, 'what comes after it in the callback is not stored alone')
    assert.deepEqual(
      store.list().map(({ taskId }) => taskId),
      ['before'],
    )
    // The next transaction knows nothing of it.
    assert.equal(
      store.transaction(() => store.save(TASK).taskId),
      'a',
    )
    assert.throws(() => store.transaction(() => database.exec('COMMIT')), {
      name: 'TypeError',
      message: /ended its transaction by itself/,
    })
  })
}

test("a callback that throws a BUSY of another database of the caller's runs once, and nothing is stored", (t) => {
  using store = new TaskStore({ file: temporaryFile(t) })
  const file = temporaryFile(t)
  const [holder, own] = [new Database(file), new Database(file, { timeout: 0 })]
  t.after(() => [holder, own].map((database) => database.close()))
  holder.exec('CREATE TABLE notes (text); BEGIN IMMEDIATE')
  let runs = 0
  assert.throws(() =>
    store.transaction(() => {
      runs++
      store.save(TASK)
      own.exec("INSERT INTO notes VALUES ('mine')")
    }),
  )
  assert.equal(runs, 1)
  assert.equal(store.count(), 0)
})
