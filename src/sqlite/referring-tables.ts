import type { Database } from 'better-sqlite3'
import { UPSTREAM_NAMES } from '../../drizzle/tables.ts'

/** The foreign keys of every table that has rows of its own, and the tables whose rows go when a row of ours goes. */
const SQL = `WITH RECURSIVE keys(child, parent, action) AS (
    SELECT m.name, f."table", f.on_delete
    FROM sqlite_schema AS m, pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table' AND m.rootpage > 0
  ), gone(name) AS (
    SELECT value FROM json_each(?)
    UNION SELECT child FROM keys JOIN gone ON parent = gone.name COLLATE NOCASE WHERE action = 'CASCADE'
  )
  SELECT DISTINCT child FROM keys JOIN gone ON parent = gone.name COLLATE NOCASE
  WHERE action NOT IN ('CASCADE', 'SET NULL') ORDER BY 1`

/**
 * The tables of the caller's own whose rows can keep a task from being deleted: they refer to one of our tables, or to a
 * table that a task takes along, and neither go with the row nor let go of it.
 */
export function referringTables(database: Database): string[] {
  return database.prepare(SQL).pluck().all(JSON.stringify(UPSTREAM_NAMES)) as string[]
}
