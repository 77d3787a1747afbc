import assert from 'node:assert/strict'
import test from 'node:test'
import type { OpenStore } from '../support/any-store.ts'
import { RUNNING } from '../support/store.ts'
import { throws, throwsWithin } from '../support/throws.ts'
import { transact, wait } from '../support/work.ts'

export function transactionContract(open: OpenStore): void {
  test('a transaction is all or nothing, and a nested one can be undone alone', async (t) => {
    const store = await open(t)
    const saved = await transact(store, function* (tx) {
      return yield* wait(tx.save(RUNNING))
    })
    assert.equal(saved.taskId, 'a')
    const failure = new Error('stop')
    const deleting = () =>
      transact(store, function* (tx) {
        yield* wait(tx.delete('a'))
        throw failure
      })
    await throws(deleting, failure)
    assert.equal(await store.count(), 1)
    await transact(store, function* (tx) {
      yield* wait(tx.save({ ...RUNNING, taskId: 'outer' }))
      const clearing = () =>
        transact(tx, function* (inner) {
          yield* wait(inner.save({ ...RUNNING, taskId: 'inner' }))
          yield* wait(inner.clearAll())
          throw failure
        })
      yield* throwsWithin(clearing, failure)
      yield* wait(tx.update('outer', { shots: 4 }))
    })
    assert.deepEqual((await store.list()).map((task) => task.taskId).sort(), ['a', 'outer'])
  })

  test('an error of the callback is thrown as it is', async (t) => {
    const store = await open(t)
    const cause = Object.assign(new Error('elsewhere'), { code: 'SQLITE_BUSY' })
    const error = new Error('mine', { cause })
    await throws(
      () =>
        store.transaction(() => {
          throw error
        }),
      error,
    )
  })

  for (const thrown of ['a string', undefined, null, 5]) {
    test(`a callback that throws ${String(thrown)} is undone, and throws the same`, async (t) => {
      const store = await open(t)
      const saving = () =>
        transact(store, function* (tx) {
          yield* wait(tx.save(RUNNING))
          throw thrown
        })
      await throws(saving, (error) => error === thrown)
      assert.equal(await store.count(), 0)
    })
  }
}
