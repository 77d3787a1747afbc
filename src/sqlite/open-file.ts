import type { Database } from 'better-sqlite3'
import { type FileIdentity, identifyFile } from '../files/file-identity.ts'
import { sleep } from '../files/sleep.ts'
import { elapsed } from '../rules/clock.ts'
import { TaskStoreError } from '../rules/task-store-error.ts'
import { isBusy, translateDriverError } from './driver-error.ts'
import { inspectFile } from './migrating/inspect-file.ts'
import { type MigrateGoal, migrate } from './migrating/migrate.ts'
import { readAsNewest } from './migrating/read-as-newest.ts'
import { openByName } from './open-by-name.ts'
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
  const { client, identity } = openByName(location, goal)
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
