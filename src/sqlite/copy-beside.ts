import { closeSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type BetterSqlite3 from 'better-sqlite3'
import type { Database } from 'better-sqlite3'

/** What a copy is made before. */
export type CopyReason = 'before-v5' | 'before-repair' | 'before-restore'

/** How many copies of one reason are kept. */
const KEPT = 5

/**
 * Leaves a copy of a file beside it, `tasks.sqlite.before-v5.<time>`, with the permissions of the file. The caller
 * holds the write lock and has committed nothing: a second connection reads what was there before.
 *
 * @returns The path of the copy; undefined for a database in memory, which has none.
 */
export function copyBeside(database: Database, file: string, reason: CopyReason): string | undefined {
  if (database.memory) return undefined
  const copy = `${file}.${reason}.${new Date(Date.now()).toISOString().replace(/[-:]/g, '')}`
  const unfinished = `${copy}.unfinished`
  closeSync(openSync(unfinished, 'wx', statSync(file).mode))
  const reader = openReader(database)
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

/** Removes the oldest copies of a file, so that only the newest few are left. */
export function pruneCopies(file: string, reason: CopyReason): void {
  const folder = dirname(file)
  const prefix = `${basename(file)}.${reason}.`
  // The time in the name is the order.
  const copies = readdirSync(folder)
    .filter((name) => name.startsWith(prefix) && !name.endsWith('.unfinished'))
    .toSorted()
  for (const name of copies.slice(0, -KEPT)) rmSync(join(folder, name), { force: true })
}

/** A second connection to the file of a first one, which only reads. */
export function openReader(database: Database): Database {
  // The very library of the connection: a second copy of SQLite in one process would drop the lock on closing.
  const Driver = database.constructor as typeof BetterSqlite3
  return new Driver(database.name, { readonly: true })
}
