import assert from 'node:assert/strict'
import test from 'node:test'
import { getTableColumns } from 'drizzle-orm'
import { RECORD_NAMES, SHARD_COLUMNS, SHARD_NAMES, TASK_COLUMNS, TASK_NAMES } from '../../drizzle/columns.ts'
import { archivedTaskShards, archivedTasks, taskShards, tasks } from '../../drizzle/schema.ts'

test('a task has these columns, in the order of the live table', () => {
  assert.deepEqual(Object.entries(TASK_COLUMNS), [
    ['taskId', 'task_id'],
    ['backend', 'backend'],
    ['status', 'status'],
    ['shots', 'shots'],
    ['submitTime', 'submit_time'],
    ['updateTime', 'update_time'],
    ['result', 'result_json'],
    ['metadata', 'metadata_json'],
    ['errorMessage', 'error_message'],
  ])
})

test('a shard has these columns, in the order of the live table', () => {
  assert.deepEqual(Object.entries(SHARD_COLUMNS), [
    ['uniqcTaskId', 'uniqc_task_id'],
    ['shardIndex', 'shard_index'],
    ['platformTaskId', 'platform_task_id'],
    ['backend', 'backend'],
    ['circuitCount', 'circuit_count'],
    ['subIndexOffset', 'sub_index_offset'],
    ['status', 'status'],
    ['result', 'result_json'],
    ['errorMessage', 'error_message'],
    ['submitTime', 'submit_time'],
    ['updateTime', 'update_time'],
  ])
})

test('in JSON lines a field has the name of its column, less _json', () => {
  assert.deepEqual(TASK_NAMES, { ...TASK_COLUMNS, result: 'result', metadata: 'metadata' })
  assert.deepEqual(SHARD_NAMES, { ...SHARD_COLUMNS, result: 'result' })
})

test('in a flat record the backend is the platform, and metadata have no key of their own', () => {
  const { metadata: _, ...names } = TASK_NAMES
  assert.deepEqual(RECORD_NAMES, { ...names, backend: 'platform' })
})

for (const [title, live, archived] of [
  ['task', tasks, archivedTasks],
  ['shard', taskShards, archivedTaskShards],
] as const) {
  test(`an archived ${title} has the columns of a live one, and when it was archived`, () => {
    const names = (table: typeof live | typeof archived) =>
      Object.values(getTableColumns(table)).map(({ name }) => name)
    assert.deepEqual(names(archived).toSorted(), [...names(live), 'archived_at'].toSorted())
  })
}
