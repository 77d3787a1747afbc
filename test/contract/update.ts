import assert from 'node:assert/strict'
import test from 'node:test'
import type { OpenStore } from '../support/any-store.ts'
import { RUNNING, wrong } from '../support/store.ts'
import { throws } from '../support/throws.ts'

export function updateContract(open: OpenStore): void {
  test('update changes the given fields and leaves the rest', async (t) => {
    const store = await open(t)
    const saved = await store.save({
      ...RUNNING,
      result: { a: 1 },
      metadata: { x: 1, y: 2 },
      errorMessage: 'e',
      shots: 3,
    })
    const updated = await store.update('a', {
      status: 'success',
      metadata: { y: null, z: 3 },
      errorMessage: null,
      shots: undefined,
    })
    assert.deepEqual(updated, {
      ...saved,
      status: 'success',
      metadata: { x: 1, y: null, z: 3 },
      errorMessage: null,
      updateTime: updated?.updateTime,
    })
    assert.deepEqual(await store.get('a'), updated)
    assert.equal((await store.update('a', { result: null }))?.result, null)
    assert.equal((await store.get('a'))?.result, null)
    assert.equal(await store.update('missing', { shots: 1 }), undefined)
  })

  test('update never changes the id of a task', async (t) => {
    const store = await open(t)
    const saved = await store.save(RUNNING)
    await throws(() => store.update('a', wrong({ taskId: 'b', shots: 1 })), /taskId is another id/)
    assert.deepEqual(await store.get('a'), saved)
    assert.equal((await store.update('a', wrong({ ...saved, shots: 7 })))?.shots, 7)
  })

  test('an update whose condition does not hold changes nothing', async (t) => {
    const store = await open(t)
    const saved = await store.save(RUNNING)
    assert.equal(await store.update('a', { shots: 1 }, { ifStatus: 'pending' }), undefined)
    assert.equal(await store.update('a', { shots: 1 }, { ifStatus: [] }), undefined)
    assert.equal(await store.update('a', { shots: 1 }, { ifUpdateTime: 'x' }), undefined)
    assert.deepEqual(await store.get('a'), saved)
    assert.equal((await store.update('a', { shots: 1 }, { ifStatus: ['pending', 'running'] }))?.shots, 1)
    assert.equal(await store.update('a', { shots: 2 }, { ifUpdateTime: saved.updateTime }), undefined)
    const { updateTime } = (await store.get('a')) ?? {}
    assert.equal(
      (await store.update('a', { shots: 2 }, { ifUpdateTime: updateTime, ifStatus: 'running' }))?.shots,
      2,
    )
  })
}
