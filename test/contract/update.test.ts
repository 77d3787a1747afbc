import assert from 'node:assert/strict'
import test from 'node:test'
import { memory, RUNNING, wrong } from '../support/store.ts'

test('update changes what is given and leaves the rest', () => {
  using store = memory()
  const saved = store.save({
    ...RUNNING,
    result: { a: 1 },
    metadata: { x: 1, y: 2 },
    errorMessage: 'e',
    shots: 3,
  })
  const updated = store.update('a', {
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
  assert.deepEqual(store.get('a'), updated)
  assert.equal(store.update('a', { result: null })?.result, null)
  assert.equal(store.get('a')?.result, null)
  assert.equal(store.update('missing', { shots: 1 }), undefined)
})

test('update does not change an id', () => {
  using store = memory()
  const saved = store.save(RUNNING)
  assert.throws(() => store.update('a', wrong({ taskId: 'b', shots: 1 })), /taskId is another id/)
  assert.deepEqual(store.get('a'), saved)
  assert.equal(store.update('a', wrong({ ...saved, shots: 7 }))?.shots, 7)
})

test('an update whose condition does not hold changes nothing', () => {
  using store = memory()
  const saved = store.save(RUNNING)
  assert.equal(store.update('a', { shots: 1 }, { ifStatus: 'pending' }), undefined)
  assert.equal(store.update('a', { shots: 1 }, { ifStatus: [] }), undefined)
  assert.equal(store.update('a', { shots: 1 }, { ifUpdateTime: 'x' }), undefined)
  assert.deepEqual(store.get('a'), saved)
  assert.equal(store.update('a', { shots: 1 }, { ifStatus: ['pending', 'running'] })?.shots, 1)
  assert.equal(store.update('a', { shots: 2 }, { ifUpdateTime: saved.updateTime }), undefined)
  const { updateTime } = store.get('a') ?? {}
  assert.equal(store.update('a', { shots: 2 }, { ifUpdateTime: updateTime, ifStatus: 'running' })?.shots, 2)
})
