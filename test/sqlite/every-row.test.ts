import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test, { type TestContext } from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { temporaryFile } from '../support/temporary.ts'

const ROWIDS = [
  -(2n ** 63n),
  -(2n ** 63n) + 1n,
  -(2n ** 53n) - 1n,
  -5n,
  -1n,
  0n,
  1n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 63n - 2n,
  2n ** 63n - 1n,
]
const IDS = ROWIDS.map((_, i) => `t${String(i).padStart(2, '0')}`)

/** A store whose rows have rowids from one end of the range to the other, each with a shard of such a rowid. */
function open(t: TestContext): TaskStore {
  const store = new TaskStore({ file: temporaryFile(t) })
  t.after(() => store.close())
  const { $client } = store.db
  const task = $client.prepare(
    `INSERT INTO tasks (rowid, task_id, backend, status, submit_time, update_time) VALUES (?, ?, 'originq:x', 'success', '2026-01-01', '2026-01-01')`,
  )
  const shard = $client.prepare(
    `INSERT INTO task_shards (rowid, uniqc_task_id, shard_index, platform_task_id, backend, status, submit_time, update_time)
     VALUES (?, ?, 0, ?, 'originq:x', 'success', '2026-01-01', '2026-01-01')`,
  )
  for (const [i, rowid] of ROWIDS.entries()) {
    task.run(rowid, IDS[i])
    shard.run(rowid, IDS[i], `p${i}`)
  }
  return store
}

const idsOf = (tasks: Iterable<{ readonly taskId: string }>) => [...tasks].map(({ taskId }) => taskId)

test('an export holds the rows of every rowid', (t) => {
  const store = open(t)
  const file = `${store.file}.jsonl`
  assert.deepEqual(store.exportFile(file), { tasks: IDS.length, shards: IDS.length })
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).task_id),
    IDS,
  )
})

test('a merge takes the rows of every rowid', (t) => {
  const store = open(t)
  using other = new TaskStore({ file: ':memory:' })
  assert.equal(other.mergeFile(store.file).added, IDS.length)
  assert.deepEqual(idsOf(other.list()).toSorted(), IDS)
})

test('archiving by age moves the rows of every rowid', (t) => {
  const store = open(t)
  assert.deepEqual(store.archive.archiveOlderThan({ hours: 0 }).archived, IDS)
  assert.equal(store.count(), 0)
})

test('clearing deletes the rows of every rowid', (t) => {
  const store = open(t)
  assert.equal(store.clearCompleted(), IDS.length)
  assert.equal(store.count(), 0)
})

test('pages of one task each list every rowid once, and so does iterating', (t) => {
  const store = open(t)
  store.db.$client.exec(
    'INSERT INTO archived_tasks (rowid, task_id, backend, status, submit_time, update_time, archived_at) SELECT rowid, task_id, backend, status, submit_time, update_time, 1 FROM tasks',
  )
  for (const filter of [
    {},
    { platform: 'originq' },
    { archived: 'both' },
    { archived: 'both', status: ['success', 'failed'] },
  ] as const) {
    const listed: string[] = []
    for (let after: string | undefined, first = true; first || after !== undefined; first = false) {
      const page = store.page({ ...filter, limit: 1, after })
      listed.push(...idsOf(page.items))
      after = page.next
    }
    assert.deepEqual(listed, idsOf(store.list(filter)))
    assert.deepEqual(listed, idsOf(store.iterate(filter)))
    assert.equal(listed.length, IDS.length * ('archived' in filter ? 2 : 1))
  }
})

test('pages go on after a time that is a BLOB', (t) => {
  const store = open(t)
  store.db.$client.exec("UPDATE tasks SET submit_time = CAST('2026-01-01' AS BLOB) WHERE rowid < 0")
  for (const filter of [{}, { submittedAfter: '2025-01-01' }, { platform: 'originq' }]) {
    const listed: string[] = []
    for (let after: string | undefined, first = true; first || after !== undefined; first = false) {
      const page = store.page({ ...filter, limit: 1, after })
      listed.push(...idsOf(page.items))
      after = page.next
    }
    assert.deepEqual(listed, idsOf(store.list(filter)))
    assert.equal(listed.length, IDS.length)
  }
  assert.deepEqual(
    store.check().findings.map(({ kind, count }) => [kind, count]),
    [['invalid-time', 5]],
  )
})

test('a check looks at the rows of every rowid', (t) => {
  const store = open(t)
  store.db.$client.exec("UPDATE tasks SET result_json = '{'; UPDATE task_shards SET result_json = '{'")
  assert.deepEqual(
    store.check().findings.map(({ kind, count }) => [kind, count]),
    [['unreadable-json', 2 * IDS.length]],
  )
})

test('a task without an id is found by check, exported, and skipped with the reason by import and merge', (t) => {
  const store = open(t)
  store.db.$client.exec(
    "INSERT INTO archived_tasks (rowid, backend, status, submit_time, update_time, archived_at) VALUES (-7, 'originq', 'success', '2026-01-01', '2026-01-01', '2026-01-01')",
  )
  const found = store.check().findings
  assert.deepEqual(
    found.map(({ kind, rows }) => [kind, rows]),
    [['missing-id', ['archived_tasks, row -7']]],
  )
  const file = `${store.file}.jsonl`
  assert.equal(store.exportFile(file).tasks, IDS.length + 1)
  using other = new TaskStore({ file: ':memory:' })
  const { imported, skipped } = other.importFile(file)
  assert.deepEqual([imported, skipped.map(({ reason }) => reason)], [IDS.length, ['has no task_id']])
  const { added, unchanged, conflicts } = other.mergeFile(store.file)
  assert.deepEqual([added, unchanged], [0, IDS.length])
  assert.deepEqual(
    conflicts.map(({ reason }) => reason),
    ['has no id; see the check of that file'],
  )
})

test('walks seek by the rowid', (t) => {
  const store = open(t)
  const plan = store.db.$client
    .prepare('EXPLAIN QUERY PLAN SELECT task_id FROM tasks WHERE rowid > ? ORDER BY rowid LIMIT 5')
    .all(Number.NEGATIVE_INFINITY) as { detail: string }[]
  assert.deepEqual(
    plan.map(({ detail }) => detail),
    ['SEARCH tasks USING INTEGER PRIMARY KEY (rowid>?)'],
  )
})
