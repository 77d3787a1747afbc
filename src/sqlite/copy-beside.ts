import { closeSync, openSync, readdirSync, renameSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type BetterSqlite3 from 'better-sqlite3'
import type { Database } from 'better-sqlite3'
import { withFile } from '../files/file-error.ts'
import { remove, removeTemporary, temporaryName } from '../files/temporary-file.ts'
import { freeTimedName, TIME_ENDING } from '../files/timed-name.ts'
import { finishFile } from '../files/whole-file.ts'
import { harden } from './driver.ts'

/** Why a copy is made. */
export type CopyReason = 'before-v5' | 'before-repair' | 'before-restore'

/** How many copies are kept for each reason. */
const KEPT = 5

/**
 * Copies a file to `tasks.sqlite.before-v5.<time>` beside it, with the permissions of the file. The caller keeps others
 * from writing. In a transaction that has not committed, a second connection reads what was there before.
 *
 * @returns The path of the copy; undefined for a database in memory, which has none.
 */
export function copyBeside(database: Database, file: string, reason: CopyReason): string | undefined {
  if (database.memory) return undefined
  const copy = freeTimedName(`${file}.${reason}`)
  const temporary = temporaryName(copy)
  try {
    withFile(copy, 'written', () => closeSync(openSync(temporary, 'wx', statSync(file).mode & 0o777)))
    const reader = database.inTransaction ? openReader(database) : database
    try {
      reader.prepare('VACUUM INTO ?').run(temporary)
    } finally {
      if (reader !== database) reader.close()
    }
    // On the disk before the file changes.
    finishFile(temporary, copy, renameSync)
    return copy
  } catch (error) {
    removeTemporary(temporary)
    throw error
  }
}

/** The copies beside a file. */
function findCopies(file: string, reason: CopyReason): string[] {
  const folder = dirname(file)
  const prefix = `${basename(file)}.${reason}.`
  const isCopy = (name: string) => name.startsWith(prefix) && TIME_ENDING.test(name.slice(prefix.length))
  return readdirSync(folder)
    .filter(isCopy)
    .map((name) => join(folder, name))
}

/**
 * Removes the oldest copies of a file, so that the newest few are left, and never the one that was just made: the clock
 * may have been set back. What was done is done, so that nothing is thrown.
 */
export function pruneCopies(file: string, reason: CopyReason, made: string): void {
  try {
    const copies = findCopies(file, reason)
      .filter((path) => path !== join(dirname(file), basename(made)))
      .map((path) => ({ path, time: statSync(path).mtimeMs }))
      .toSorted((a, b) => b.time - a.time || (a.path < b.path ? 1 : -1))
    for (const { path } of copies.slice(KEPT - 1)) remove(path)
  } catch {
    // A folder that cannot be listed, or a copy that another process removed.
  }
}

/** Opens a second, read-only connection to the file of a connection. */
export function openReader(database: Database): Database {
  // Use the connection's own SQLite: a second copy of the library in one process would drop the lock on
  // closing.
  const Driver = database.constructor as typeof BetterSqlite3
  return harden(new Driver(database.name, { readonly: true }))
}
