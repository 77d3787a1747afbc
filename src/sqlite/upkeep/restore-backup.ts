import { closeSync, existsSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Database } from 'better-sqlite3'
import { withFile } from '../../files/file-error.ts'
import { checkNotOwn, checkRegularFile, followLinks } from '../../files/file-identity.ts'
import { logsBeside, placeDatabase, replaceDamaged } from '../../files/left-logs.ts'
import { makeFolder } from '../../files/make-folder.ts'
import { remove, removeTemporary, temporaryName } from '../../files/temporary-file.ts'
import { finishFile } from '../../files/whole-file.ts'
import { invalidValue } from '../../rules/argument-error.ts'
import { checkDatabasePath, checkObject, optionsReader } from '../../rules/check-arguments.ts'
import {
  type LongCallOptions,
  longCall,
  type RecordProgress,
  type Step,
  stepOf,
} from '../../rules/long-call.ts'
import { TaskStoreError, type TaskStoreErrorCode } from '../../rules/task-store-error.ts'
import { Connection } from '../connection.ts'
import { copyBeside, pruneCopies } from '../copy-beside.ts'
import { openDriver } from '../driver.ts'
import { mayBeDone, withDatabaseFile } from '../driver-error.ts'
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
  const step = stepOf(readLongCall(following))
  const source = locateStore({ file: backup, readonly: true }).file
  checkNotOwn('backup', source, location.file, 'name a backup of it')
  checkRegularFile(source)
  const file = withFile(location.file, 'written', () => followLinks(location.file))
  withFile(file, 'written', () => makeFolder(dirname(file)))
  const staged = temporaryName(file)
  try {
    const notRestored = stage(source, staged)
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
        if (!hasCode(error, 'CONFLICT') || attempt >= ATTEMPTS) throw error
      }
    }
  } finally {
    removeTemporary(staged)
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
  const isFound = unlessDamaged(() => {
    try {
      return probe(file, () => true)
    } catch (error) {
      // Its journal is to be rolled back first, which opening it to write does.
      if (hasCode(error, 'READONLY')) return true
      throw error
    }
  })
  return isFound ?? false
}

/** Returns undefined if the file turns out to be damaged, twice: SQLite says so of a read that has failed, too. */
function unlessDamaged<T>(work: () => T): T | undefined {
  for (let attempt = 1; attempt <= 2; attempt++) {
    try {
      return work()
    } catch (error) {
      if (!hasCode(error, 'CORRUPT_FILE')) throw error
    }
  }
  return undefined
}

function hasCode(error: unknown, code: TaskStoreErrorCode): boolean {
  return error instanceof TaskStoreError && error.code === code
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
function stage(source: string, staged: string): string[] {
  const others = probe(source, (reader) => {
    withFile(staged, 'written', () => closeSync(openSync(staged, 'wx', 0o600)))
    reader.prepare('VACUUM INTO ?').run(staged)
    return findOthers(reader)
  })
  new Connection(locateStore({ file: staged })).close()
  checkCopy(staged, source)
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
  let kept: string | undefined
  try {
    const before = () => {
      kept = copyBeside(connection.client, file, 'before-restore')
    }
    const tasks = exchangeRows(connection, staged, before, step)
    if (kept !== undefined) pruneCopies(file, 'before-restore', kept)
    return { kept, tasks }
  } catch (error) {
    // Nothing was changed, so the copy is not needed.
    if (kept !== undefined && !mayBeDone(error)) remove(kept)
    throw error
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
  const tasks = fill(fresh, staged, step)
  let kept: string | undefined
  finishFile(fresh, file, () => {
    if (existsSync(file)) kept = replaceDamaged(fresh, file)
    else placeDatabase(fresh, file)
  })
  checkNamed(file)
  return { kept, tasks }
}

function fill(fresh: string, staged: string, step: Step<RecordProgress>): number {
  const connection = new Connection(locateStore({ file: fresh }))
  try {
    const tasks = exchangeRows(connection, staged, () => undefined, step)
    // Closing does it too, but says nothing where the disk is full.
    connection.run(() => connection.client.pragma('wal_checkpoint(TRUNCATE)'))
    return tasks
  } finally {
    connection.close()
  }
}

/** SQLite would replay a log that lies beside it, which may be that of another file. */
function checkNamed(file: string): void {
  if (logsBeside(file).length === 0) return
  try {
    const restored = new Connection(locateStore({ file }))
    try {
      restored.run(() => checkSound(restored.client, file))
    } finally {
      restored.close()
    }
  } catch (error) {
    // Else another program has opened it meanwhile, and what was restored is there.
    if (hasCode(error, 'CORRUPT_FILE')) throw error
  }
}
