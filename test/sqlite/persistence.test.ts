import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { TaskPersistence, TaskStore } from 'uniqc-task-store'
import { wrong } from '../support/store.ts'
import { temporaryFolder } from '../support/temporary.ts'

test('an unknown option is a TypeError that names it', () => {
  assert.throws(() => new TaskPersistence(wrong<string>({ folder: 'x' })), {
    name: 'TypeError',
    message: /options has no "folder"/,
  })
})

test('it opens what a store opens, and closes only what it opened', (t) => {
  const folder = temporaryFolder(t)
  const persistence = new TaskPersistence(folder)
  assert.equal(persistence.cacheDir, folder)
  assert.equal(persistence.tasksFile, join(folder, 'tasks.sqlite'))
  persistence.save('a', 'originq', 'running')
  persistence.close()
  assert.throws(() => persistence.load('a'), { code: 'CLOSED' })
  using store = new TaskStore(folder)
  const shared = new TaskPersistence(store)
  assert.equal(shared.load('a')?.platform, 'originq')
  shared.close()
  assert.equal(store.count(), 1)
})
