import { closeSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type BetterSqlite3 from 'better-sqlite3'
import type { Database } from 'better-sqlite3'

/** Why a copy is made. */
export type CopyReason = 'before-v5' | 'before-repair' | 'before-restore'

/** How many copies are kept for each reason. */
const KEPT = 5

/**
 * Copies a file to `tasks.sqlite.before-v5.<time>` beside it, with the permissions of the file. The caller
 * holds the write lock and has not committed: a second connection reads what was there before.
 *
 * @returns The path of the copy; undefined for a database in memory, which has none.
 */
export function copyBeside(database: Database, file: string, reason: CopyReason): string | undefined {
  if (database.memory) return undefined
  const copy = `${file}.${reason}.${new Date(Date.now()).toISOString().replace(/[-:]/g, '')}`
  const temporary = `${copy}.unfinished`
  closeSync(openSync(temporary, 'wx', statSync(file).mode))
  const reader = openReader(database)
  try {
    reader.prepare('VACUUM INTO ?').run(temporary)
    renameSync(temporary, copy)
    return copy
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  } finally {
    reader.close()
  }
}

/** Removes all but the newest few copies of a file. */
export function pruneCopies(file: string, reason: CopyReason): void {
  const folder = dirname(file)
  const prefix = `${basename(file)}.${reason}.`
  // The time in the name sorts them.
  const copies = readdirSync(folder)
    .filter((name) => name.startsWith(prefix) && !name.endsWith('.unfinished'))
    .toSorted()
  for (const name of copies.slice(0, -KEPT)) rmSync(join(folder, name), { force: true })
}

/** Opens a second, read-only connection to the file of a connection. */
export function openReader(database: Database): Database {
  // Use the connection's own SQLite: a second copy of the library in one process would drop the lock on
  // closing.
  const Driver = database.constructor as typeof BetterSqlite3
  return new Driver(database.name, { readonly: true })
}
