import assert from 'node:assert/strict'
import test from 'node:test'
import { generateTaskId, type JsonValue } from 'uniqc-task-store'
import { insertShard } from '../support/insert-shard.ts'
import { memory, RUNNING, wrong } from '../support/store.ts'

/** A store with one task whose id `old` version 5 replaced. */
function withReplacedId(metadata: Record<string, JsonValue> = {}) {
  const store = memory()
  const taskId = generateTaskId()
  const task = store.save({
    taskId,
    backend: 'originq',
    status: 'running',
    submitTime: '2026-01-01',
    metadata: { ...metadata, legacy_platform_id: 'old' },
  })
  insertShard(store, taskId, 'old')
  return { store, taskId, task }
}

test('a replaced id finds its task in every call', () => {
  const { store, taskId, task } = withReplacedId({ note: 1 })
  assert.deepEqual(store.get('old'), task)
  assert.equal(store.update('old', { status: 'success' })?.taskId, taskId)
  assert.equal(store.update('old', wrong({ taskId: 'old', shots: 1 }))?.taskId, taskId)
  const saved = store.save({ taskId: 'old', backend: 'originq', status: 'failed', metadata: { other: 2 } })
  assert.deepEqual(saved.metadata, { other: 2, legacy_platform_id: 'old' })
  assert.deepEqual([saved.taskId, saved.submitTime], [taskId, '2026-01-01'])
  assert.deepEqual(store.get('old'), saved)
  assert.deepEqual(store.get(taskId), saved)
  store.save({ taskId, backend: 'originq', status: 'running', metadata: {} })
  assert.deepEqual(
    store.get('old')?.metadata,
    { legacy_platform_id: 'old' },
    'nor does saving under the new id lose it',
  )
  store.save({ taskId, backend: 'originq', status: 'running', metadata: { note: 'legacy_platform_id' } })
  assert.equal(store.get('old')?.taskId, taskId, 'nor does metadata that only mentions the key')
  assert.equal(store.saveMany([{ taskId: 'old', backend: 'b', status: 'success' }]), 1)
  assert.equal(store.count(), 1)
  assert.equal(store.delete('old'), true)
  assert.equal(store.count(), 0)
})

test('saving a task with another replaced id in its metadata keeps that one', () => {
  const { store, taskId } = withReplacedId()
  const { metadata } = store.save({ ...RUNNING, taskId, metadata: { legacy_platform_id: 'another' } })
  assert.deepEqual(metadata, { legacy_platform_id: 'another' })
  store.close()
})

test('a platform id that replaced nothing is no id of its task', () => {
  using store = memory()
  store.save(RUNNING)
  insertShard(store, 'a', 'job')
  assert.equal(store.get('job'), undefined)
  assert.equal(store.save({ ...RUNNING, taskId: 'job' }).taskId, 'job')
  assert.equal(store.count(), 2)
})

test('an id that several tasks replaced is ambiguous', () => {
  const { store, taskId } = withReplacedId()
  const second = generateTaskId()
  store.save({ taskId: second, backend: 'b', status: 'running', metadata: { legacy_platform_id: 'old' } })
  insertShard(store, second, 'old')
  for (const call of [
    () => store.get('old'),
    () => store.update('old', {}),
    () => store.delete('old'),
    () => store.save({ taskId: 'old', backend: 'b', status: 'running' }),
  ]) {
    assert.throws(call, (error: { code?: string; message?: string }) => {
      assert.equal(error.code, 'AMBIGUOUS_ID')
      assert.ok(error.message?.includes(taskId) && error.message.includes(second))
      return true
    })
  }
  assert.equal(store.count(), 2)
})
