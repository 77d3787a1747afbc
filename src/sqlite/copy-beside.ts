import { closeSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type BetterSqlite3 from 'better-sqlite3'
import type { Database } from 'better-sqlite3'
import { LOG_ENDINGS } from '../files/left-logs.ts'
import { freeTimedName, TIME_ENDING } from '../files/timed-name.ts'
import { harden } from './driver.ts'

/** Why a copy is made. */
export type CopyReason = 'before-v5' | 'before-repair' | 'before-restore'

/** How many copies are kept for each reason. */
const KEPT = 5

const UNFINISHED = '.unfinished'

/**
 * Copies a file to `tasks.sqlite.before-v5.<time>` beside it, with the permissions of the file. The caller keeps others
 * from writing. In a transaction that has not committed, a second connection reads what was there before.
 *
 * @returns The path of the copy; undefined for a database in memory, which has none.
 */
export function copyBeside(database: Database, file: string, reason: CopyReason): string | undefined {
  if (database.memory) return undefined
  removeUnfinished(file, reason)
  const copy = freeTimedName(`${file}.${reason}`)
  const temporary = copy + UNFINISHED
  closeSync(openSync(temporary, 'wx', statSync(file).mode))
  try {
    const reader = database.inTransaction ? openReader(database) : database
    try {
      reader.prepare('VACUUM INTO ?').run(temporary)
    } finally {
      if (reader !== database) reader.close()
    }
    renameSync(temporary, copy)
    return copy
  } catch (error) {
    for (const ending of ['', ...LOG_ENDINGS]) rmSync(temporary + ending, { force: true })
    throw error
  }
}

/** Removes what killed processes left half made: no other one makes a copy now, since others are kept from writing. */
function removeUnfinished(file: string, reason: CopyReason): void {
  try {
    for (const ending of ['', ...LOG_ENDINGS]) {
      for (const path of findCopies(file, reason, UNFINISHED + ending)) rmSync(path, { force: true })
    }
  } catch {
    // A folder that cannot be listed.
  }
}

/** The copies beside a file. */
function findCopies(file: string, reason: CopyReason, ending = ''): string[] {
  const folder = dirname(file)
  const prefix = `${basename(file)}.${reason}.`
  const isCopy = (name: string) =>
    name.startsWith(prefix) &&
    name.endsWith(ending) &&
    TIME_ENDING.test(name.slice(prefix.length, name.length - ending.length))
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
    for (const { path } of copies.slice(KEPT - 1)) rmSync(path, { force: true })
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
