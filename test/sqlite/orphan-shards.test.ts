import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { TaskStore, TaskStoreError } from 'uniqc-task-store'
import { temporaryFile } from '../support/temporary.ts'

const TWO_BILLION = 2_000_000_000

/** A store whose tasks were deleted without their shards. */
function orphaned(t: TestContext, counts: Readonly<Record<string, readonly unknown[]>>): TaskStore {
  const store = new TaskStore({ file: temporaryFile(t) })
  t.after(() => store.close())
  const { $client } = store.db
  $client.pragma('foreign_keys = OFF')
  const insert = $client.prepare(
    `INSERT INTO task_shards (uniqc_task_id, shard_index, platform_task_id, backend, circuit_count, status, result_json,
       submit_time, update_time) VALUES (?, ?, 'p', 'originq', ?, 'success', '{"0":1}', '2026-05-03', '2026-05-03')`,
  )
  for (const [taskId, ofShards] of Object.entries(counts)) {
    for (const [index, count] of ofShards.entries()) insert.run(taskId, index, count)
  }
  $client.pragma('foreign_keys = ON')
  return store
}

for (const [what, counts] of [
  ['a circuit count of two billion', [TWO_BILLION]],
  ['a circuit count that is infinite', [Number.POSITIVE_INFINITY]],
  ['a negative circuit count that hides another one', [-TWO_BILLION, TWO_BILLION]],
  ['a circuit count that is not a number, and another one', [Buffer.from('many'), TWO_BILLION]],
] as const) {
  test(`shards with ${what} are left as they are by a repair, which goes on`, (t) => {
    const store = orphaned(t, { bad: counts, good: [2] })
    const { repaired, unrepaired } = store.repair(store.check().findings)
    assert.deepEqual(repaired, [{ kind: 'orphan-shard', rows: ['good'] }])
    assert.deepEqual(
      unrepaired.map(({ kind, rows }) => [kind, rows]),
      [['orphan-shard', ['bad']]],
    )
    assert.match(unrepaired[0]?.reason ?? '', /circuitCount is .* in all, more than .* save\(\) a task/)
    assert.deepEqual(store.get('good')?.result, [{ 0: 1 }, null])
    assert.equal(store.get('bad'), undefined)
    assert.equal(store.getShards('bad').length, counts.length)
  })
}

test('a refresh is refused for shards of too many circuits, also where a negative count hides them', (t) => {
  const store = orphaned(t, { task: [-TWO_BILLION, TWO_BILLION] })
  store.save({ taskId: 'task', backend: 'originq', status: 'running' })
  const before = [store.get('task'), store.getShards('task')]
  const shard = { uniqcTaskId: 'task', shardIndex: 2, platformTaskId: 'p', status: 'success' } as const
  assert.throws(
    () => store.saveShard({ ...shard, subIndexOffset: 0 }, { refreshTask: true }),
    (error) => error instanceof TaskStoreError && error.code === 'INVALID_TASK',
  )
  assert.deepEqual([store.get('task'), store.getShards('task')], before)
})
