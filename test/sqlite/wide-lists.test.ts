import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { type TaskListOptions, TaskStore } from 'uniqc-task-store'
import { temporaryFile } from '../support/temporary.ts'

/** More backends and statuses than are merged. */
const BACKENDS = 150
const STATUSES = Array.from({ length: 130 }, (_, i) => `s${i}`)

/** More tasks of `wide` than are sorted, few of `rare`, and some of a backend with many statuses. */
function fill(t: TestContext): { store: TaskStore; ran: string[] } {
  const ran: string[] = []
  const database = new Database(temporaryFile(t), { verbose: (sql) => ran.push(String(sql)) })
  t.after(() => database.close())
  const store = new TaskStore({ database })
  const insert = (table: string, more: string) =>
    database.prepare(
      `INSERT INTO ${table} (task_id, backend, status, shots, submit_time, update_time, metadata_json${more && ', archived_at'})
         VALUES (?, ?, ?, 1, ?, '2026-05-03', '{}'${more})`,
    )
  const [live, archived] = [insert('tasks', ''), insert('archived_tasks', ", '2026-05-03'")]
  database.transaction(() => {
    for (let i = 0; i < 6000; i++) {
      const chip = (i * 7919) % BACKENDS
      const name =
        i % 60 === 0 ? `rare:c${chip}` : i % 10 === 0 ? 'one' : i % 7 === 0 ? 'wider' : `wide:c${chip}`
      // Many of one time, so that pages end among them.
      const time = `2026-05-${String(1 + ((i * 31) % 20)).padStart(2, '0')}`
      ;(i % 3 === 0 ? archived : live).run(`t${i}`, name, STATUSES[(i * 31) % STATUSES.length], time)
    }
  })()
  ran.length = 0
  return { store, ran }
}

interface Row {
  readonly task_id: string
  readonly backend: string
  readonly status: string
  readonly submit_time: string
  readonly rowid: number
  readonly place: number
}

/** The ids that a list is to have, found without any index. */
function expected(store: TaskStore, options: TaskListOptions): string[] {
  const rows = (['tasks', 'archived_tasks'] as const).flatMap((table, place) =>
    (store.db.$client.prepare(`SELECT rowid, * FROM ${table}`).all() as Omit<Row, 'place'>[]).map((row) => ({
      ...row,
      place,
    })),
  )
  const { archived = false, status, backend, platform, submittedAfter, submittedBefore } = options
  return rows
    .filter(({ place }) => archived === 'both' || place === Number(archived))
    .filter((row) => status === undefined || status.includes(row.status))
    .filter((row) => backend === undefined || row.backend === backend)
    .filter((row) => platform === undefined || row.backend.split(':')[0] === platform)
    .filter((row) => submittedAfter === undefined || row.submit_time > submittedAfter)
    .filter((row) => submittedBefore === undefined || row.submit_time < submittedBefore)
    .toSorted((a, b) => {
      if (a.submit_time !== b.submit_time) return a.submit_time < b.submit_time ? 1 : -1
      return b.rowid - a.rowid || a.place - b.place
    })
    .map(({ task_id }) => task_id)
}

const FILTERS: readonly TaskListOptions[] = [
  { platform: 'wide' },
  { platform: 'wide', status: ['s1', 's3', 's129'] },
  { platform: 'wide', status: STATUSES },
  { platform: 'rare' },
  { platform: 'rare', status: STATUSES.slice(0, 110) },
  { platform: 'none' },
  { backend: 'one' },
  { backend: 'one', status: STATUSES },
  { backend: 'one', platform: 'one' },
  { backend: 'one', platform: 'wide' },
  { status: STATUSES },
  { status: STATUSES.slice(0, 101) },
]

for (const filter of FILTERS) {
  const named = JSON.stringify(filter, (_, value) => (Array.isArray(value) ? value.length : value))
  test(`lists, pages and iterations of ${named} are those of a search without an index`, (t) => {
    const { store } = fill(t)
    const range = { submittedAfter: '2026-05-04', submittedBefore: '2026-05-15' }
    for (const archived of [false, true, 'both'] as const) {
      for (const options of [
        { ...filter, archived },
        { ...filter, ...range, archived },
      ]) {
        const ids = expected(store, options)
        assert.deepEqual(
          store.list(options).map(({ taskId }) => taskId),
          ids,
        )
        assert.deepEqual(
          [...store.iterate(options)].map(({ taskId }) => taskId),
          ids,
        )
        const pages: string[] = []
        for (let after: string | undefined; ; ) {
          const { items, next } = store.page({ ...options, limit: 333, after })
          pages.push(...items.map(({ taskId }) => taskId))
          if (next === undefined) break
          after = next
        }
        assert.deepEqual(pages, ids)
        assert.deepEqual(
          store.listSummaries({ ...options, limit: 7, offset: 5 }).map(({ taskId }) => taskId),
          ids.slice(5, 12),
        )
      }
    }
  })
}

test('pages of more ranges than are merged sort nothing, and look up no more than they merge', (t) => {
  const { store, ran } = fill(t)
  const { $client } = store.db
  for (const filter of [{ platform: 'wide' }, { platform: 'wide', status: STATUSES }, { status: STATUSES }]) {
    const { next } = store.page({ ...filter, limit: 50 })
    ran.length = 0
    store.page({ ...filter, limit: 50, after: next })
    let lists = 0
    for (const sql of [...ran]) {
      if (sql.startsWith('WITH RECURSIVE')) assert.ok($client.prepare(sql).all().length <= 210, sql)
      if (!sql.includes('ORDER BY')) continue
      lists++
      const plan = $client.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[]
      const steps = plan.map(({ detail }) => detail)
      assert.ok(!steps.some((step) => step.includes('TEMP B-TREE')), steps.join('\n'))
      assert.ok(
        steps.some((step) => step.includes('tasks USING INDEX tasks_submit_time_idx')),
        steps.join('\n'),
      )
    }
    assert.equal(lists, 1)
  }
})
