import assert from 'node:assert/strict'
import test from 'node:test'
import { UnreadableJson } from '../../drizzle/json/value.ts'
import {
  archivedAtOf,
  rawShard,
  rawTask,
  readArchivedShard,
  readArchivedTask,
  readShard,
  readSummary,
  readTask,
  rowOf,
  SUMMARY_FIELDS,
  shardArchivedAtOf,
} from '../../src/rules/task-row.ts'

const TASK_ROW = [
  't',
  'b',
  'success',
  10,
  '2026-01-01',
  '2026-01-02',
  '{"00":1}',
  '{"a":NaN}',
  'late',
] as const
const TASK = {
  taskId: 't',
  backend: 'b',
  status: 'success',
  shots: 10,
  submitTime: '2026-01-01',
  updateTime: '2026-01-02',
  errorMessage: 'late',
}
const SHARD_ROW = ['t', 2, 'p', 'b', 3, 4, 'failed', '[1]', 'no qubits', '2026-01-01', '2026-01-02'] as const
const SHARD = {
  uniqcTaskId: 't',
  shardIndex: 2,
  platformTaskId: 'p',
  backend: 'b',
  circuitCount: 3,
  subIndexOffset: 4,
  status: 'failed',
  errorMessage: 'no qubits',
  submitTime: '2026-01-01',
  updateTime: '2026-01-02',
}

test('a row is a task, with what its cells say in JSON', () => {
  assert.deepEqual(readTask(TASK_ROW), { ...TASK, result: { '00': 1 }, metadata: { a: Number.NaN } })
})

test('a row of the archive is a task with the time at which it was archived', () => {
  const task = { ...TASK, result: { '00': 1 }, metadata: { a: Number.NaN }, archivedAt: '2026-02-01' }
  assert.deepEqual(readArchivedTask([...TASK_ROW, '2026-02-01']), task)
})

test('a result that is null is null, and one that cannot be read is told to be', () => {
  const row = [...TASK_ROW]
  assert.equal(readTask(row.with(6, null as never)).result, null)
  assert.ok(readTask(row.with(6, '{' as never)).result instanceof UnreadableJson)
})

test('a task is a row again', () => {
  assert.deepEqual(rowOf(readTask(TASK_ROW)), TASK_ROW)
  const row: unknown[] = [...TASK_ROW]
  row[6] = null
  assert.deepEqual(rowOf(readTask(row)), row)
})

test('a raw task has the texts of its cells', () => {
  assert.deepEqual(rawTask(TASK_ROW), { ...TASK, result: '{"00":1}', metadata: '{"a":NaN}' })
})

test('when a task was archived stands last in its row, and is null for a live one', () => {
  assert.equal(archivedAtOf([...TASK_ROW, '2026-02-01']), '2026-02-01')
  assert.equal(archivedAtOf([...TASK_ROW, null]), null)
  assert.equal(archivedAtOf(TASK_ROW), null)
})

test('a row is a shard, with what its result says in JSON', () => {
  assert.deepEqual(readShard(SHARD_ROW), { ...SHARD, result: [1] })
  assert.deepEqual(rawShard(SHARD_ROW), { ...SHARD, result: '[1]' })
  assert.deepEqual(readArchivedShard([...SHARD_ROW, '2026-02-01']), {
    ...SHARD,
    result: [1],
    archivedAt: '2026-02-01',
  })
})

test('when a shard was archived stands last in its row, and is null for a live one', () => {
  assert.equal(shardArchivedAtOf([...SHARD_ROW, '2026-02-01']), '2026-02-01')
  assert.equal(shardArchivedAtOf([...SHARD_ROW, null]), null)
  assert.equal(shardArchivedAtOf(SHARD_ROW), null)
})

test('a summary has the fields of its row, and says whether there is a result, as either engine tells it', () => {
  assert.deepEqual([...SUMMARY_FIELDS], Object.keys(TASK))
  const row = ['t', 'b', 'success', 10, '2026-01-01', '2026-01-02', 'late']
  for (const [cell, hasResult] of [
    [1, true],
    [true, true],
    [0, false],
    [false, false],
  ] as const) {
    assert.deepEqual(readSummary([...row, cell]), { ...TASK, hasResult })
  }
})
