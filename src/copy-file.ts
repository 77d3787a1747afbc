import { closeSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import BetterSqlite3, { type Database } from 'better-sqlite3'

/**
 * Leaves a copy of a file beside it, `tasks.sqlite.before-v5.<time>`, as it stands before the version 5 step rewrites its
 * ids, readable by whom the file is. The caller holds the write lock and has committed nothing: a second connection
 * reads what was there before. Nothing to do for a database in memory.
 */
export function copyFile(database: Database, file: string): void {
  if (database.memory) return
  const copy = `${file}.before-v5.${new Date(Date.now()).toISOString().replace(/[-:]/g, '')}`
  const unfinished = `${copy}.unfinished`
  closeSync(openSync(unfinished, 'wx', statSync(file).mode))
  const reader = new BetterSqlite3(database.name, { readonly: true })
  try {
    reader.prepare('VACUUM INTO ?').run(unfinished)
    renameSync(unfinished, copy)
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw error
  } finally {
    reader.close()
  }
}
