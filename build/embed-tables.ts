import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { getTableColumns, getTableName, is } from 'drizzle-orm'
import { getTableConfig, SQLiteTable } from 'drizzle-orm/sqlite-core'
import * as schema from '../drizzle/schema.ts'

/** Writes what the sources have to know of each table of the file into a module of theirs, which takes no Drizzle to read. */
export function embedTables(root: string): void {
  const tables = Object.entries(schema).flatMap(([name, table]) =>
    is(table, SQLiteTable) ? [[name, describe(table)] as const] : [],
  )
  writeFileSync(
    join(root, 'drizzle/embedded-tables.json'),
    JSON.stringify(Object.fromEntries(tables), null, 2),
  )
}

function describe(table: SQLiteTable) {
  const columns = Object.entries(getTableColumns(table)).map(([property, { name, dataType, notNull }]) => [
    property,
    { name, dataType, notNull },
  ])
  const [key] = getTableConfig(table).primaryKeys
  return {
    name: getTableName(table),
    columns: Object.fromEntries(columns),
    key: key?.columns.map(({ name }) => name) ?? [],
  }
}
