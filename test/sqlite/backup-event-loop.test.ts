import assert from 'node:assert/strict'
import test from 'node:test'
import { setImmediate } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import { temporaryFile } from '../support/temporary.ts'

test('while a copy is checked, others on this thread get their turns', async (t) => {
  using store = new TaskStore({ file: temporaryFile(t) })
  store.saveMany(
    Array.from({ length: 2000 }, (_, i) => ({ taskId: `t${i}`, backend: 'b', status: 'running' })),
  )
  let isCopied = false
  let isDone = false
  const onProgress = ({ remainingPages }: { readonly remainingPages: number }) => {
    isCopied = remainingPages === 0
  }
  const backup = store.backup(`${store.file}.backup`, { onProgress }).finally(() => {
    isDone = true
  })
  let turns = 0
  while (!isDone) {
    if (isCopied) turns++
    await setImmediate()
  }
  const { file } = await backup
  // To start a thread alone takes far more of them.
  assert.ok(turns > 5, `${turns} turns`)
  using copy = new TaskStore({ file, readonly: true })
  assert.equal(copy.count(), 2000)
})

test('pages are copied in another thread, but for a database in memory, which only this one has', async (t) => {
  const backup = t.mock.method(Database.prototype, 'backup')
  using store = new TaskStore({ file: temporaryFile(t) })
  store.save({ taskId: 'a', backend: 'b', status: 'running' })
  const steps: number[] = []
  const onProgress = ({ remainingPages }: { readonly remainingPages: number }) => steps.push(remainingPages)
  await store.backup(`${store.file}.backup`, { onProgress })
  assert.equal(backup.mock.callCount(), 0)
  assert.equal(steps.at(-1), 0)
  using memory = new TaskStore({ file: ':memory:' })
  await memory.backup(`${store.file}.memory`)
  assert.equal(backup.mock.callCount(), 1)
})

test('pages are copied in this thread where another one cannot load the driver', async (t) => {
  class OwnDriver extends Database {}
  const database = new OwnDriver(temporaryFile(t))
  using store = new TaskStore({ database })
  store.save({ taskId: 'a', backend: 'b', status: 'running' })
  const backup = t.mock.method(Database.prototype, 'backup')
  const { file } = await store.backup(`${database.name}.backup`)
  database.close()
  assert.equal(backup.mock.callCount(), 1)
  using copy = new TaskStore({ file, readonly: true })
  assert.equal(copy.count(), 1)
})
