import { closeSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import type BetterSqlite3 from 'better-sqlite3'
import type { Database } from 'better-sqlite3'

/**
 * Leaves a copy of a file beside it, `tasks.sqlite.before-v5.<time>`, as it stands before the version 5 step
 * rewrites its ids, readable by whom the file is. The caller holds the write lock and has committed nothing:
 * a second connection reads what was there before.
 *
 * @returns The path of the copy; undefined for a database in memory, which has none.
 */
export function copyFile(database: Database, file: string): string | undefined {
  if (database.memory) return undefined
  const copy = `${file}.before-v5.${new Date(Date.now()).toISOString().replace(/[-:]/g, '')}`
  const unfinished = `${copy}.unfinished`
  closeSync(openSync(unfinished, 'wx', statSync(file).mode))
  // The very library of the connection: a second copy of SQLite in one process would drop the lock on closing.
  const Driver = database.constructor as typeof BetterSqlite3
  const reader = new Driver(database.name, { readonly: true })
  try {
    reader.prepare('VACUUM INTO ?').run(unfinished)
    renameSync(unfinished, copy)
    return copy
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw error
  } finally {
    reader.close()
  }
}
