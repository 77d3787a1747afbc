import { closeSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type BetterSqlite3 from 'better-sqlite3'
import type { Database } from 'better-sqlite3'

/** What a copy was made before. */
export type CopyReason = 'before-v5' | 'before-repair' | 'before-restore'

/** So many copies of one reason are kept; older ones make room. */
const KEPT = 5

/**
 * Leaves a copy of a file beside it, `tasks.sqlite.before-v5.<time>`, readable by whom the file is. The caller
 * holds the write lock and has committed nothing: a second connection reads what was there before.
 *
 * @returns The path of the copy; undefined for a database in memory, which has none.
 */
export function copyFile(database: Database, file: string, reason: CopyReason): string | undefined {
  if (database.memory) return undefined
  const copy = `${file}.${reason}.${new Date(Date.now()).toISOString().replace(/[-:]/g, '')}`
  const unfinished = `${copy}.unfinished`
  closeSync(openSync(unfinished, 'wx', statSync(file).mode))
  const reader = openBeside(database)
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

/** Removes the copies of a file that are too many, the oldest ones. */
export function pruneCopies(file: string, reason: CopyReason): void {
  const folder = dirname(file)
  const prefix = `${basename(file)}.${reason}.`
  // The time in the name is the order.
  const copies = readdirSync(folder)
    .filter((name) => name.startsWith(prefix) && !name.endsWith('.unfinished'))
    .toSorted()
  for (const name of copies.slice(0, -KEPT)) rmSync(join(folder, name), { force: true })
}

/** A second connection to the file of a first one, that only reads. */
export function openBeside(database: Database): Database {
  // The very library of the connection: a second copy of SQLite in one process would drop the lock on closing.
  const Driver = database.constructor as typeof BetterSqlite3
  return new Driver(database.name, { readonly: true })
}
