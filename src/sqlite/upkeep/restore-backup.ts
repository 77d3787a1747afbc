import { closeSync, existsSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Database } from 'better-sqlite3'
import { getTableName } from 'drizzle-orm'
import { archivedTasks, tasks } from '../../../drizzle/schema.ts'
import { withFile } from '../../files/file-error.ts'
import { checkNotOwn, checkRegularFile, followLinks } from '../../files/file-identity.ts'
import { LOG_ENDINGS, placeDatabase } from '../../files/left-logs.ts'
import { makeFolder } from '../../files/make-folder.ts'
import { freeTimedName } from '../../files/timed-name.ts'
import { finishFile, temporaryName } from '../../files/whole-file.ts'
import { invalidValue } from '../../rules/argument-error.ts'
import { checkDatabasePath, checkObject, optionsReader } from '../../rules/check-arguments.ts'
import {
  type LongCallOptions,
  longCall,
  type RecordProgress,
  type Step,
  stepOf,
} from '../../rules/long-call.ts'
import { TaskStoreError } from '../../rules/task-store-error.ts'
import { Connection } from '../connection.ts'
import { copyBeside, pruneCopies } from '../copy-beside.ts'
import { openDriver } from '../driver.ts'
import { withDatabaseFile } from '../driver-error.ts'
import { inspectFile } from '../migrating/inspect-file.ts'
import { locateStore, type TaskStoreOptions } from '../store-location.ts'
import { checkCopy, checkSound } from './backup-file.ts'
import { exchangeRows, findOthers } from './exchange-rows.ts'

/** The store that a backup is restored to, and how the call is followed and ended. */
export interface RestoreOptions extends TaskStoreOptions, LongCallOptions<RecordProgress> {}

/** What restoring a backup did. */
export interface RestoreReport {
  /** The store's file. */
  readonly file: string
  /** Where the previous contents are kept; undefined if there were none. */
  readonly kept: string | undefined
  /** How many tasks there are now, live and archived. */
  readonly tasks: number
  /** The tables and views of others that the backup holds: they were not restored. */
  readonly notRestored: readonly string[]
}

/** How often a restore begins again where other processes make the file that was missing. */
const ATTEMPTS = 5

const readLongCall = optionsReader(longCall<RecordProgress>())

/** Replaces the contents of a store with those of a backup. */
export function restoreBackup(backup: string, given: string | RestoreOptions = {}): RestoreReport {
  checkDatabasePath('backup', backup)
  const { options, following } = splitOptions(given)
  const location = locateStore(options)
  if (location.database !== undefined || location.readonly || location.cacheDir === undefined) {
    throw invalidValue('options', 'restoreBackup() takes a cacheDir or a file that can be written')
  }
  const file = followLinks(location.file)
  const step = stepOf(readLongCall(following))
  const staged = temporaryName(file)
  try {
    const notRestored = stage(backup, staged, file)
    step()
    for (let attempt = 1; ; attempt++) {
      const restored =
        existsSync(file) && isReadable(file)
          ? unlessDamaged(() => exchange(file, options, staged, step))
          : undefined
      if (restored !== undefined) return { file, ...restored, notRestored }
      try {
        return { file, ...createFrom(file, staged, step), notRestored }
      } catch (error) {
        const isConflict = error instanceof TaskStoreError && error.code === 'CONFLICT'
        if (!isConflict || attempt >= ATTEMPTS) throw error
      }
    }
  } finally {
    removeStaged(staged)
  }
}

function splitOptions(given: string | RestoreOptions) {
  if (typeof given === 'string') return { options: given, following: {} }
  checkObject('options', given)
  const { onProgress, signal, ...options } = given
  return { options, following: { onProgress, signal } }
}

/** Opens the file read-only: SQLite would otherwise remove the log of a file that it cannot read. */
function isReadable(file: string): boolean {
  return unlessDamaged(() => probe(file, () => true)) ?? false
}

/** Returns undefined if the file turns out to be damaged. */
function unlessDamaged<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (error instanceof TaskStoreError && error.code === 'CORRUPT_FILE') return undefined
    throw error
  }
}

/** Runs `work` on a file that must be one of ours, opened read-only. */
function probe<T>(file: string, work: (reader: Database) => T): T {
  return withDatabaseFile(file, 'read', () => {
    const reader = openDriver(file, { readonly: true, fileMustExist: true })
    try {
      inspectFile(reader, file, 'by-name')
      return work(reader)
    } finally {
      reader.close()
    }
  })
}

/** Makes a sound copy of the backup, at the newest version, in the folder of the store. Returns what it holds of others. */
function stage(backup: string, staged: string, file: string): string[] {
  const source = locateStore({ file: backup, readonly: true })
  checkNotOwn('backup', source.file, file, 'name a backup of it')
  checkRegularFile(source.file)
  makeFolder(dirname(file))
  const others = probe(source.file, (reader) => {
    withFile(staged, 'written', () => closeSync(openSync(staged, 'wx', 0o600)))
    reader.prepare('VACUUM INTO ?').run(staged)
    return findOthers(reader)
  })
  new Connection(locateStore({ file: staged })).close()
  checkCopy(staged, source.file)
  return others
}

/** In one transaction: a process that has the file open sees either the old contents or the new ones. */
function exchange(
  file: string,
  options: string | TaskStoreOptions,
  staged: string,
  step: Step<RecordProgress>,
) {
  const connection = new Connection(locateStore(options))
  try {
    let copy: string | undefined
    const before = () => {
      copy = copyBeside(connection.client, file, 'before-restore')
      return copy
    }
    const stepOrUndo: Step<RecordProgress> = (progress) => {
      try {
        step(progress)
      } catch (error) {
        // The transaction is undone, so the copy is not needed.
        if (copy !== undefined) rmSync(copy, { force: true })
        throw error
      }
    }
    const kept = exchangeRows(connection, staged, before, stepOrUndo)
    if (kept !== undefined) pruneCopies(file, 'before-restore', kept)
    return { kept, tasks: countTasks(connection) }
  } finally {
    connection.close()
  }
}

/** A new file of ours in the place of one that is missing or damaged. */
function createFrom(
  file: string,
  staged: string,
  step: Step<RecordProgress>,
): Pick<RestoreReport, 'kept' | 'tasks'> {
  const fresh = `${staged}.new`
  try {
    const connection = new Connection(locateStore({ file: fresh }))
    try {
      exchangeRows(connection, staged, () => undefined, step)
      // Closing does it too, but says nothing where the disk is full.
      connection.run(() => connection.client.pragma('wal_checkpoint(TRUNCATE)'))
    } finally {
      connection.close()
    }
    const kept = existsSync(file) ? setAside(file) : undefined
    finishFile(fresh, file, placeDatabase)
    const restored = new Connection(locateStore({ file }))
    try {
      restored.run(() => checkSound(restored.client, file))
      return { kept, tasks: countTasks(restored) }
    } finally {
      restored.close()
    }
  } finally {
    removeStaged(fresh)
  }
}

/** Moves a file that cannot be read out of the way, with its log, which would damage the new file. */
function setAside(file: string): string {
  const kept = freeTimedName(`${file}.damaged`)
  for (const ending of [...LOG_ENDINGS, '']) {
    if (existsSync(file + ending)) renameSync(file + ending, kept + ending)
  }
  return kept
}

function countTasks(connection: Connection): number {
  const count = (table: string) =>
    connection.client.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number
  return connection.run(() => count(getTableName(tasks)) + count(getTableName(archivedTasks)))
}

/** Removes what is left of it, and the copies that its migration made. An error must not hide the outcome of the restore. */
function removeStaged(staged: string): void {
  const folder = dirname(staged)
  try {
    for (const name of readdirSync(folder)) {
      if (name.startsWith(basename(staged))) rmSync(join(folder, name), { force: true })
    }
  } catch {
    // The folder was never made, or cannot be read.
  }
}
