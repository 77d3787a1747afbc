import { closeSync, openSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Database } from 'better-sqlite3'
import {
  type FileIdentity,
  followLinks,
  identifyFile,
  isSameFile,
  waitUntilRemoved,
} from '../files/file-identity.ts'
import { LOG_ENDINGS, placeDatabase } from '../files/left-logs.ts'
import { makeFolder } from '../files/make-folder.ts'
import { sleep } from '../files/sleep.ts'
import { synchroniseFolder, temporaryName } from '../files/whole-file.ts'
import { elapsed } from '../rules/clock.ts'
import { TaskStoreError } from '../rules/task-store-error.ts'
import { openDriver } from './driver.ts'
import { isBusy, translateDriverError, withDatabaseFile } from './driver-error.ts'
import { inspectFile } from './migrating/inspect-file.ts'
import { type MigrateGoal, migrate } from './migrating/migrate.ts'
import { readAsNewest } from './migrating/read-as-newest.ts'
import type { StoreLocation } from './store-location.ts'

/** A file that is open, and whose schema is the newest or is read as the newest. */
export interface OpenFile {
  readonly client: Database
  /** Undefined for a database in memory. */
  readonly identity: FileIdentity | undefined
  /** The version of the file's own schema, if the file is of an older version and read as the newest. */
  readonly schemaVersion: number | undefined
  /** Whether the client is ours to set up and to close; false for one that was handed in. */
  readonly isOurs: boolean
}

/** How many times to try opening while other processes remove or replace the file. */
const ATTEMPTS = 10

/**
 * Opens the file of a store, creating it if it is missing and migrating it if it is old.
 *
 * @throws TaskStoreError with the codes of opening a store.
 */
export function openFile(location: StoreLocation, goal: MigrateGoal): OpenFile {
  const { database, file } = location
  if (database !== undefined) {
    try {
      return openHandedIn(database, file, goal, location.readonly)
    } catch (error) {
      throw translateDriverError(error, file)
    }
  }
  const { client, identity } = openOwn(location, goal)
  try {
    const schemaVersion = prepareOwn(client, location, goal)
    return { client, identity, schemaVersion, isOurs: true }
  } catch (error) {
    client.close()
    throw translateDriverError(error, file)
  }
}

function openHandedIn(client: Database, file: string, goal: MigrateGoal, readonly: boolean): OpenFile {
  const identity = client.memory ? undefined : identifyFile(file)
  // Before anything is written: a foreign file stays as it is.
  const { isUpToDate } = inspectFile(client, file, 'handed-in')
  if (!readonly && !client.readonly) {
    client.pragma('foreign_keys = ON')
    if (!isUpToDate) migrate(client, file, goal, 'handed-in')
  } else if (!isUpToDate) {
    throw new TaskStoreError(
      'READONLY',
      `${file} lacks tables of this release and is readonly; hand it in once with a connection that may write. For an older file of UnifiedQuantum you can also pass its path as the file option, which reads it as the newest`,
    )
  }
  return { client, identity, schemaVersion: undefined, isOurs: false }
}

/** Returns the version of the schema if a file of an older version is only read as the newest. */
function prepareOwn(client: Database, location: StoreLocation, goal: MigrateGoal): number | undefined {
  const { file, timeout, synchronous } = location
  const { isUpToDate } = inspectFile(client, file, 'by-name')
  if (location.readonly) return isUpToDate ? undefined : readAsNewest(client)
  switchToWal(client, timeout)
  client.pragma(`synchronous = ${synchronous}`)
  client.pragma('journal_size_limit = 16777216')
  client.pragma('foreign_keys = ON')
  if (!isUpToDate) migrate(client, file, goal, 'by-name')
  return undefined
}

function openOwn(
  { file, timeout, readonly, create }: StoreLocation,
  goal: MigrateGoal,
): Pick<OpenFile, 'client' | 'identity'> {
  if (file === ':memory:') return { client: openDriver(file, { timeout }), identity: undefined }
  for (let attempt = 1; ; attempt++) {
    if (create) createIfMissing(file, goal)
    const identity = identifyFile(file)
    const isStillThere = () => identity !== undefined && isSameFile(identity, identifyFile(file))
    let client: Database | undefined
    try {
      // SQLite must not create it: beside an empty file that is gone again it would delete the log of the
      // next one.
      client = openDriver(file, { timeout, readonly, fileMustExist: true })
      if (isStillThere()) {
        // Opens the log. If the path leads to the same file after that, the log is that file's.
        client.pragma('schema_version')
        if (isStillThere()) return { client, identity }
      }
      client.close()
    } catch (error) {
      client?.close()
      const isMissing = !create && identity === undefined
      if (isMissing || isStillThere() || attempt >= ATTEMPTS) throw openError(error, file)
    }
    // Replaced at this very moment: it is unknown which of the two was opened.
    if (attempt >= ATTEMPTS) {
      throw new TaskStoreError(
        'CANNOT_OPEN',
        `${file} was removed or replaced again and again while it was opened; call again`,
      )
    }
  }
}

function openError(error: unknown, file: string): TaskStoreError {
  const translated = translateDriverError(error, file)
  if (translated instanceof TaskStoreError) return translated
  const reason = error instanceof Error ? error.message : String(error)
  return new TaskStoreError(
    'CANNOT_OPEN',
    `${file} cannot be opened (${reason}); check the path and its permissions`,
    { cause: error },
  )
}

/**
 * New folders are 0700 and files 0600; existing ones keep their mode. The file gets its name once it has
 * tables: SQLite deletes a log beside an empty file, and it could be the log of a file that another process
 * just put there.
 */
function createIfMissing(path: string, goal: MigrateGoal): void {
  if (identifyFile(path) !== undefined) return
  withDatabaseFile(path, 'written', () => {
    const file = followLinks(path)
    waitUntilRemoved(file)
    makeFolder(dirname(file))
    if (identifyFile(file) === undefined) createFile(file, goal)
  })
}

function createFile(file: string, goal: MigrateGoal): void {
  const temporary = temporaryName(file)
  closeSync(openSync(temporary, 'wx', 0o600))
  try {
    const client = openDriver(temporary, {})
    try {
      client.pragma('journal_mode = WAL')
      migrate(client, file, goal, 'by-name')
      // Closing does it too, but says nothing where the disk is full, and the log does not get the name.
      client.pragma('wal_checkpoint(TRUNCATE)')
    } finally {
      client.close()
    }
    placeDatabase(temporary, file)
    synchroniseFolder(dirname(file))
  } catch (error) {
    // Another process was faster: its file is as good.
    if (!(error instanceof TaskStoreError && error.code === 'CONFLICT')) throw error
  } finally {
    for (const ending of ['', ...LOG_ENDINGS]) rmSync(temporary + ending, { force: true })
  }
}

/** SQLite does not wait for the lock when it changes the journal mode, so this does. */
function switchToWal(client: Database, timeout: number): void {
  const deadline = elapsed() + timeout
  for (;;) {
    try {
      if (client.pragma('journal_mode', { simple: true }) === 'wal') return
      client.pragma('journal_mode = WAL')
      return
    } catch (error) {
      if (!isBusy(error) || elapsed() >= deadline) throw error
      sleep(5)
    }
  }
}
