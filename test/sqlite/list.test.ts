import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { type TaskFilter, TaskStore } from 'uniqc-task-store'
import { BACKENDS, STATUSES, TIMES } from '../contract/page.ts'
import { importTasks } from '../support/import-tasks.ts'
import { needsPython, runPython } from '../support/processes.ts'
import { temporaryFile } from '../support/temporary.ts'

const FILTERS: readonly TaskFilter[] = [
  {},
  { status: 'running' },
  { status: ['running', 'pending'] },
  { backend: 'originq:WK_C180' },
  { backend: 'originq:WK_C180', status: 'running' },
  { backend: 'originq:WK_C180', status: ['running', 'pending'] },
  { platform: 'originq' },
  { platform: 'originq', status: 'running' },
  { platform: 'originq', status: ['running', 'pending'] },
]
const RANGE = { submittedAfter: '2026-01-01', submittedBefore: '2026-01-04' }

/** A store that tells every statement that it runs, with its values. */
function openTelling(t: TestContext) {
  const statements: string[] = []
  const database = new Database(temporaryFile(t), {
    verbose: (statement) => statements.push(String(statement)),
  })
  const store = new TaskStore({ database })
  t.after(() => database.close())
  return { store, database, statements }
}

for (const filter of [...FILTERS, ...FILTERS.map((plain) => ({ ...plain, ...RANGE }))]) {
  test(`a list with ${JSON.stringify(filter)} sorts nothing and scans no table`, async (t) => {
    const { store, database, statements } = openTelling(t)
    const rows = BACKENDS.flatMap((backend) =>
      STATUSES.flatMap((status) =>
        TIMES.flatMap((submitTime) =>
          [true, false].map((isArchived) => ({ backend, status, submitTime, isArchived })),
        ),
      ),
    )
    await importTasks(
      t,
      store,
      rows.map((row, i) => ({ ...row, taskId: `t${i}` })),
    )
    statements.length = 0
    for (const archived of [false, true, 'both'] as const) {
      const options = { ...filter, archived, limit: 2 }
      const { next } = store.page(options)
      assert.ok(next, 'there is a second page')
      assert.ok(store.page({ ...options, after: next }).items.length > 0)
      assert.equal(store.list({ ...options, offset: 1 }).length, 2)
      assert.equal(store.listSummaries(options).length, 2)
    }
    assert.ok(store.count(filter) > 0)
    assert.ok(store.archive.count(filter) > 0)
    store.countByStatus(filter)
    const queries = [...new Set(statements)].filter((statement) => /^\s*(SELECT|WITH)/i.test(statement))
    assert.ok(queries.length > 10)
    for (const query of queries) {
      const plan = database.prepare(`EXPLAIN QUERY PLAN ${query}`).all() as { detail: string }[]
      for (const { detail } of plan) {
        assert.doesNotMatch(detail, /TEMP B-TREE/, query)
        // The merged keys and the steps of an enumeration are not tables; the index is the order of a list.
        const isScan = /^SCAN (?!(?:k|b|s|CONSTANT ROW)\b)/.test(detail)
        const isOrdered = /USING (?:COVERING )?INDEX .*(?:time|status|backend)/.test(detail)
        assert.ok(!isScan || isOrdered, `${detail} of ${query}`)
      }
    }
  })
}

test('iterate holds no lock: others write meanwhile, and the log does not grow', (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  using other = new TaskStore({ file, timeout: 0 })
  store.saveMany(
    Array.from({ length: 1000 }, (_, i) => ({ taskId: `t${i}`, backend: 'b', status: 'running' as const })),
  )
  let seen = 0
  for (const { taskId } of store.iterate()) {
    other.update(taskId, { status: 'success' })
    if (++seen % 100 === 0) {
      const [checkpoint] = other.db.$client.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[]
      assert.equal(checkpoint?.busy, 0)
    }
  }
  assert.equal(seen, 1000)
  assert.equal(store.count({ status: 'success' }), 1000)
})

test("Python's SQLite uses our indexes and keeps them sound", needsPython, async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.save({ taskId: 'a', backend: 'originq', status: 'running' })
  const output = await runPython(
    `
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
for i in range(500):
    c.execute("INSERT INTO tasks (task_id, backend, status, submit_time, update_time, result_json) VALUES (?, ?, ?, ?, '2026', 'NaN')",
              (f"p{i}", ["originq", "ibm"][i % 2], ["running", "failed", "queued"][i % 3], f"2026-01-{i % 28 + 1:02d}"))
c.execute("UPDATE tasks SET status = 'success' WHERE rowid % 5 = 0")
c.execute("DELETE FROM tasks WHERE rowid % 7 = 0")
c.commit()
for where, values in [("status = ?", ("running",)), ("backend = ? AND status = ?", ("ibm", "failed"))]:
    plan = c.execute(f"EXPLAIN QUERY PLAN SELECT * FROM tasks WHERE {where} ORDER BY submit_time DESC, rowid DESC LIMIT 20", values)
    print(plan.fetchall()[0][3])
print(c.execute("PRAGMA integrity_check").fetchone()[0])
`,
    file,
  )
  assert.deepEqual(output.trim().split('\n'), [
    'SEARCH tasks USING INDEX uniqc_tasks_status_time_idx (status=?)',
    'SEARCH tasks USING INDEX uniqc_tasks_backend_status_time_idx (backend=? AND status=?)',
    'ok',
  ])
  assert.deepEqual(
    store.check().findings.filter(({ severity }) => severity === 'error'),
    [],
  )
  assert.equal(store.list({ platform: 'ibm' }).length, store.count({ backend: 'ibm' }))
})
