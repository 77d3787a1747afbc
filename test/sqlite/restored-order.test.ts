import assert from 'node:assert/strict'
import test from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { readRows } from '../support/read-rows.ts'
import { temporaryFile } from '../support/temporary.ts'

/** Of one submit time, so that the order of insertion is the order of the list. */
const TASK = { backend: 'originq', status: 'running', submitTime: '2026-05-03' } as const

/** Rows without their rowids, which may be counted again. */
const inOrder = (store: TaskStore) =>
  Object.entries(readRows(store)).map(([table, rows]) => [
    table,
    (rows as { rowid: number }[]).map(({ rowid: _, ...cells }) => cells),
  ])

for (const [where, isThere] of [
  ['in place', true],
  ['into a new file', false],
] as const) {
  test(`a backup that is restored ${where} keeps the order of insertion of tasks and shards`, async (t) => {
    const backup = temporaryFile(t)
    using store = new TaskStore({ file: temporaryFile(t) })
    const ids = ['m', 'z', 'b', 'y', 'a', 'n']
    for (const taskId of ids) store.save({ ...TASK, taskId })
    for (const taskId of ids.toReversed()) {
      for (const shardIndex of [1, 0]) {
        const shard = { uniqcTaskId: taskId, platformTaskId: `p-${taskId}`, status: 'running' } as const
        store.saveShard({ ...shard, shardIndex, subIndexOffset: 0 })
      }
    }
    // Rowids with gaps, and a task that was inserted first and is now the last.
    for (const taskId of ['b', 'm']) store.delete(taskId)
    store.save({ ...TASK, taskId: 'm' })
    store.archive.archiveMany(['z', 'a'])
    await store.backup(backup)
    const before = inOrder(store)

    const file = temporaryFile(t)
    if (isThere) {
      using other = new TaskStore({ file })
      for (const taskId of ids.toSorted()) other.save({ ...TASK, taskId })
      other.archive.archiveMany(['a', 'b'])
    }
    TaskStore.restoreBackup(backup, { file })
    using restored = new TaskStore({ file })
    assert.deepEqual(inOrder(restored), before)
    assert.deepEqual(
      restored.list().map(({ taskId }) => taskId),
      ['m', 'n', 'y'],
    )
    assert.deepEqual(
      restored.archive.list().map(({ taskId }) => taskId),
      ['a', 'z'],
    )
  })
}
