import type { Database } from 'better-sqlite3'
import { columnNames, UPSTREAM_TABLES } from '../../../drizzle/tables.ts'
import { readPragma } from './inspect-file.ts'

/**
 * Lets a read-only connection read a file of an older version: if a table or a column is missing, a temporary
 * view of the same name, which SQLite finds first, shows it as empty. The file is not touched.
 *
 * @returns The version of the file's own schema. The views are right as long as it does not change.
 */
export function readAsNewest(database: Database): number {
  const schemaVersion = readPragma(database, 'schema_version')
  for (const table of UPSTREAM_TABLES) {
    const { name } = table
    const found = database.prepare("SELECT name FROM pragma_table_info(?, 'main')").pluck().all(name)
    const columns = columnNames(table)
    if (columns.every((column) => found.includes(column))) continue
    const shown = columns.map((column) => (found.includes(column) ? column : `NULL AS ${column}`))
    const source = found.length > 0 ? `rowid AS rowid, ${shown.join()} FROM main.${name}` : undefined
    database.exec(
      `CREATE TEMP VIEW ${name} AS SELECT ${source ?? `NULL AS rowid, ${shown.join()} WHERE false`}`,
    )
  }
  return schemaVersion
}
