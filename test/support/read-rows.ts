import Database from 'better-sqlite3'
import type { TaskStore } from 'uniqc-task-store'
import type { Row, Rows } from './any-store.ts'

const TABLES = ['tasks', 'archived_tasks', 'task_shards', 'archived_task_shards'] as const

/** Prepared once for a connection: some tests read many thousand times. */
const statements = new WeakMap<Database.Database, readonly Database.Statement[]>()

/** Every row of UnifiedQuantum's tables, cell for cell as it stands in the file, in the order of insertion. */
export function readRows(from: TaskStore | Database.Database): Rows {
  const database = 'db' in from ? from.db.$client : from
  let queries = statements.get(database)
  if (queries === undefined) {
    queries = TABLES.map((table) =>
      database.prepare(`SELECT rowid, * FROM ${table} ORDER BY rowid`).safeIntegers(),
    )
    statements.set(database, queries)
  }
  return Object.fromEntries(queries.map((query, i) => [TABLES[i], query.all()]))
}

const keyOf = (row: Row) => `${row.task_id ?? row.uniqc_task_id} ${row.shard_index ?? ''}`

/** Rows in the order of their keys, without their place in the table. */
export function byKey(rows: readonly Row[]): Row[] {
  return rows
    .map(({ rowid: _, ...row }) => row)
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0))
}

/** The rows of each table {@link byKey}, of a store or of a file that another one has open. */
export function rowsByKey(from: TaskStore | string): Rows {
  const source = typeof from === 'string' ? new Database(from, { readonly: true }) : from
  const rows = Object.entries(readRows(source)).map(([table, list]) => [table, byKey(list)])
  if (typeof from === 'string') source.close()
  return Object.fromEntries(rows)
}
