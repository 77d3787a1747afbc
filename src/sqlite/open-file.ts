import type { Database } from 'better-sqlite3'
import { type FileIdentity, identifyFile } from '../files/file-identity.ts'
import { elapsed } from '../rules/clock.ts'
import { TaskStoreError } from '../rules/task-store-error.ts'
import { translateDriverError } from './driver-error.ts'
import { inspectFile } from './migrating/inspect-file.ts'
import { type MigrateGoal, migrate } from './migrating/migrate.ts'
import { readAsNewest } from './migrating/read-as-newest.ts'
import { type Upgrade, upgradeAlone } from './migrating/upgrade-alone.ts'
import { openByName } from './open-by-name.ts'
import { setUpWriter } from './set-up-writer.ts'
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
  return openOwn(location, goal)
}

function openOwn(location: StoreLocation, goal: MigrateGoal): OpenFile {
  const { file, timeout, readonly } = location
  const deadline = elapsed() + timeout
  for (let upgrade: Upgrade = 'in-use'; ; ) {
    const { client, identity } = openByName(location, goal)
    try {
      const { isUpToDate, hasOldTables } = inspectFile(client, file, 'by-name')
      const opened = { client, identity, schemaVersion: undefined, isOurs: true }
      if (readonly) return isUpToDate ? opened : { ...opened, schemaVersion: readAsNewest(client) }
      const isToWait = hasOldTables && upgrade === 'in-use' && elapsed() < deadline
      if (!isToWait) {
        setUpWriter(client, location)
        const isBegun = goal === 'begun' && upgrade === 'done'
        if (!isUpToDate && !isBegun) migrate(client, file, goal, 'by-name')
        return opened
      }
    } catch (error) {
      client.close()
      throw translateDriverError(error, file)
    }
    // Or it would have the file open itself.
    client.close()
    upgrade = upgradeAlone(location, goal)
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
