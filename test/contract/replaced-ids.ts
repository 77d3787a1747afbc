import assert from 'node:assert/strict'
import test from 'node:test'
import type { OpenStore } from '../support/any-store.ts'
import { addPlatformId, saveReplacing } from '../support/replaced-id.ts'
import { RUNNING, wrong } from '../support/store.ts'
import { throws } from '../support/throws.ts'

export function replacedIdsContract(open: OpenStore): void {
  test('a replaced id finds its task in every call', async (t) => {
    const store = await open(t)
    const task = await saveReplacing(store, 'old', { submitTime: '2026-01-01', metadata: { note: 1 } })
    const { taskId } = task
    assert.deepEqual(await store.get('old'), task)
    assert.equal((await store.update('old', { status: 'success' }))?.taskId, taskId)
    assert.equal((await store.update('old', wrong({ taskId: 'old', shots: 1 })))?.taskId, taskId)
    const saved = await store.save({
      taskId: 'old',
      backend: 'originq',
      status: 'failed',
      metadata: { other: 2 },
    })
    assert.deepEqual(saved.metadata, { other: 2, legacy_platform_id: 'old' })
    assert.deepEqual([saved.taskId, saved.submitTime], [taskId, '2026-01-01'])
    assert.deepEqual(await store.get('old'), saved)
    assert.deepEqual(await store.get(taskId), saved)
    await store.save({ taskId, backend: 'originq', status: 'running', metadata: {} })
    assert.deepEqual(
      (await store.get('old'))?.metadata,
      { legacy_platform_id: 'old' },
      'nor does saving under the new id lose it',
    )
    await store.save({
      taskId,
      backend: 'originq',
      status: 'running',
      metadata: { note: 'legacy_platform_id' },
    })
    assert.equal((await store.get('old'))?.taskId, taskId, 'nor does metadata that only mentions the key')
    assert.equal(await store.saveMany([{ taskId: 'old', backend: 'b', status: 'success' }]), 1)
    assert.equal(await store.count(), 1)
    assert.equal(await store.delete('old'), true)
    assert.equal(await store.count(), 0)
  })

  test('a task saved with another replaced id in its metadata keeps that id', async (t) => {
    const store = await open(t)
    const { taskId } = await saveReplacing(store, 'old')
    const { metadata } = await store.save({ ...RUNNING, taskId, metadata: { legacy_platform_id: 'another' } })
    assert.deepEqual(metadata, { legacy_platform_id: 'another' })
  })

  test('a platform task id that was not replaced is not an id of its task', async (t) => {
    const store = await open(t)
    await store.save(RUNNING)
    await addPlatformId(store, 'a', 'job')
    assert.equal(await store.get('job'), undefined)
    assert.equal((await store.save({ ...RUNNING, taskId: 'job' })).taskId, 'job')
    assert.equal(await store.count(), 2)
  })

  test('an id that several tasks replaced is AMBIGUOUS_ID', async (t) => {
    const store = await open(t)
    const { taskId } = await saveReplacing(store, 'old')
    const { taskId: second } = await saveReplacing(store, 'old', { backend: 'b' })
    for (const call of [
      () => store.get('old'),
      () => store.update('old', {}),
      () => store.delete('old'),
      () => store.save({ taskId: 'old', backend: 'b', status: 'running' }),
    ]) {
      await throws(call, (error: { code?: string; message?: string }) => {
        assert.equal(error.code, 'AMBIGUOUS_ID')
        assert.ok(error.message?.includes(taskId) && error.message.includes(second))
        return true
      })
    }
    assert.equal(await store.count(), 2)
  })
}
