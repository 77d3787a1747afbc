import assert from 'node:assert/strict'
import test from 'node:test'
import { Pool } from 'pg'
import type { TaskListOptions } from 'uniqc-task-store'
import { PostgresTaskStore } from 'uniqc-task-store/postgres'
import { needsPostgres, oldestPrograms, query, startServer } from '../support/postgres.ts'

const SCHEMA = 'uniqc'
const ROWS = 30_000

const FILTERS: readonly TaskListOptions[] = [
  {},
  { status: 'running' },
  { status: ['failed', 'cancelled'] },
  { backend: 'originq:chip7' },
  { platform: 'originq' },
  { platform: 'rare' },
  { backend: 'originq:chip7', status: 'success' },
  { platform: 'quafu', status: ['running', 'pending'] },
  { archived: 'both' },
  { archived: true, platform: 'originq' },
  { submittedBefore: '2026-01-01T05:00' },
  { submittedAfter: '2026-01-01T03:00', submittedBefore: '2026-01-01T04:00', status: 'success' },
]

/** Fills the tables of a server. */
async function fill(url: string): Promise<void> {
  for (const table of ['tasks', 'archived_tasks']) {
    const [column, value] = table === 'tasks' ? ['', ''] : [', archived_at', `, 'then'`]
    await query(
      url,
      `INSERT INTO ${SCHEMA}.${table} (task_id, backend, status, submit_time, update_time${column})
     SELECT 't' || n, CASE WHEN n % 3000 = 0 THEN 'rare' WHEN n % 3 = 0 THEN 'quafu:a' ELSE 'originq:chip' || n % 40 END,
       CASE WHEN n % 100 < 90 THEN 'success' WHEN n % 100 < 96 THEN 'failed' WHEN n % 100 < 98 THEN 'running'
         WHEN n % 1000 = 999 THEN 'odd' ELSE 'cancelled' END,
       '2026-01-01T' || lpad((n / 3600)::text, 2, '0') || ':' || lpad((n / 60 % 60)::text, 2, '0') || ':' || lpad((n % 60)::text, 2, '0'), 'now'${value}
     FROM generate_series(1, ${ROWS}) AS n`,
    )
    await query(url, `VACUUM ANALYZE ${SCHEMA}.${table}`)
  }
}

/** Collects the statements of a pool. */
function recording(url: string) {
  const pool = new Pool({ connectionString: url, max: 1 })
  const sent: { text: string; values: unknown[] }[] = []
  pool.on('connect', (client) => {
    const send = client.query.bind(client) as (...args: unknown[]) => unknown
    client.query = ((...args: unknown[]) => {
      sent.push(args[0] as (typeof sent)[0])
      return send(...args)
    }) as typeof client.query
  })
  return { pool, sent }
}

test(
  'a list of 20 reads hardly more rows than it returns, whatever the filter, and sorts no table',
  needsPostgres,
  async (t) => {
    const { url } = await startServer(oldestPrograms)
    const { pool, sent } = recording(url)
    t.after(() => pool.end())
    const store = await PostgresTaskStore.open({ pool })
    await fill(url)
    const [{ version }] = (await query(url, 'SHOW server_version')) as [{ version: string }]
    for (const filter of FILTERS) {
      for (const first of [undefined, await store.page({ ...filter, limit: 20 })]) {
        sent.length = 0
        await store.page({ ...filter, limit: 20, after: first?.next })
        assert.equal(sent.length, 1, 'one round trip')
        const [{ text, values }] = sent as [(typeof sent)[0]]
        for (const mode of ['force_custom_plan', 'force_generic_plan']) {
          await pool.query(`SET plan_cache_mode = ${mode}`)
          await pool.query(`PREPARE shown AS ${text}`)
          const given = values.map((value) => (typeof value === 'number' ? value : `'${value}'`)).join()
          const { rows } = await pool.query(
            `EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE shown${values.length > 0 ? `(${given})` : ''}`,
          )
          await pool.query('DEALLOCATE shown')
          const label = `${version} ${mode} ${JSON.stringify(filter)} ${first ? 'next page' : 'first page'}`
          const read = rowsRead(rows[0]['QUERY PLAN'][0].Plan)
          // A part a status and place, of 21 rows, and a few of other statuses that a filter leaves out.
          assert.ok(
            read <= 12 * 21 + 80,
            `${label}: ${read} rows were read\n${JSON.stringify(rows[0]['QUERY PLAN'][0].Plan)}`,
          )
        }
      }
    }
  },
)

interface Plan {
  readonly 'Node Type': string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly Plans?: readonly Plan[]
}

/** How many rows the scans of a plan read. */
function rowsRead(plan: Plan): number {
  const below = (plan.Plans ?? []).reduce((sum, part) => sum + rowsRead(part), 0)
  if (!plan['Node Type'].includes('Scan') || plan['Node Type'] === 'Subquery Scan') return below
  return below + (plan['Actual Rows'] + (plan['Rows Removed by Filter'] ?? 0)) * plan['Actual Loops']
}

test('a list keeps its plan, whatever it is of', needsPostgres, async (t) => {
  const { url } = await startServer(oldestPrograms)
  const pool = new Pool({ connectionString: url, max: 1 })
  t.after(() => pool.end())
  const store = await PostgresTaskStore.open({ pool })
  await fill(url)
  for (const filter of FILTERS) {
    for (const after of [undefined, (await store.page({ ...filter, limit: 20 })).next]) {
      for (let call = 0; call < 10; call++) await store.page({ ...filter, limit: 20, after })
    }
  }
  // The server makes five plans for given values before it may keep one for any.
  const { rows } = await pool.query(
    `SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%LIMIT 21%' AND custom_plans > 5`,
  )
  assert.deepEqual(rows, [])
})
