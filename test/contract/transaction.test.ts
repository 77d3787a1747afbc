import assert from 'node:assert/strict'
import test from 'node:test'
import { memory, RUNNING } from '../support/store.ts'

test('a transaction is all or nothing, and one inside another can be undone alone', () => {
  using store = memory()
  assert.equal(
    store.transaction(() => store.save(RUNNING).taskId),
    'a',
  )
  const failure = new Error('stop')
  assert.throws(
    () =>
      store.transaction(() => {
        store.delete('a')
        throw failure
      }),
    failure,
  )
  assert.equal(store.count(), 1)
  store.transaction(() => {
    store.save({ ...RUNNING, taskId: 'outer' })
    assert.throws(
      () =>
        store.transaction(() => {
          store.save({ ...RUNNING, taskId: 'inner' })
          store.clearAll()
          throw failure
        }),
      failure,
    )
    store.update('outer', { shots: 4 })
  })
  assert.deepEqual(
    store
      .list()
      .map((task) => task.taskId)
      .sort(),
    ['a', 'outer'],
  )
})

test('an error of the callback comes out as it is', () => {
  using store = memory()
  const cause = Object.assign(new Error('elsewhere'), { code: 'SQLITE_BUSY' })
  const error = new Error('mine', { cause })
  assert.throws(
    () =>
      store.transaction(() => {
        throw error
      }),
    error,
  )
})

for (const thrown of ['a text', undefined, null, 5]) {
  test(`${String(thrown)} that the callback throws comes out as it is, and what it did is undone`, () => {
    using store = memory()
    const work = () =>
      store.transaction(() => {
        store.save(RUNNING)
        throw thrown
      })
    assert.throws(work, (error) => error === thrown)
    assert.equal(store.count(), 0)
  })
}
