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

test('what a subclass of the store does in a save or an update is done for a record, too', () => {
  const calls: string[] = []
  class Audited extends TaskStore {
    override save(...given: Parameters<TaskStore['save']>) {
      calls.push('save')
      return super.save(...given)
    }
    override update(...given: Parameters<TaskStore['update']>) {
      calls.push('update')
      return super.update(...given)
    }
  }
  using store = new Audited({ file: ':memory:' })
  const persistence = new TaskPersistence(store)
  persistence.save('a', 'originq', 'running')
  persistence.update('a', { status: 'success' })
  persistence.upsert('b', 'originq', 'running')
  assert.deepEqual(calls, ['save', 'update', 'update', 'save'])
})

test('what is put in place of a call of the store is called for a record, too', (t) => {
  using store = new TaskStore({ file: ':memory:' })
  const persistence = new TaskPersistence(store)
  const save = t.mock.method(store, 'save')
  persistence.save('a', 'originq', 'running')
  assert.equal(save.mock.callCount(), 1)
  save.mock.restore()
  const update = t.mock.method(store, 'update', () => undefined)
  assert.equal(persistence.update('a', { status: 'success' }), false)
  update.mock.restore()
  assert.equal(persistence.update('a', { status: 'success' }), true)
})
