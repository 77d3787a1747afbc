import type { Database } from 'better-sqlite3'
import type { TaskStore } from 'uniqc-task-store'

const TABLES = ['tasks', 'archived_tasks', 'task_shards', 'archived_task_shards'] as const

/** Every row of UnifiedQuantum's tables, cell for cell as it stands in the file, in the order of insertion. */
export function readRows(from: TaskStore | Database): Record<(typeof TABLES)[number], unknown[]> {
  const database = 'db' in from ? from.db.$client : from
  const rows = TABLES.map((table) => [
    table,
    database.prepare(`SELECT rowid, * FROM ${table} ORDER BY rowid`).all(),
  ])
  return Object.fromEntries(rows)
}
