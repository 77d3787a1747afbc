import { closeSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Database } from 'better-sqlite3'
import {
  type FileIdentity,
  followLinks,
  identifyFile,
  isSameFile,
  waitUntilRemoved,
} from '../files/file-identity.ts'
import { placeDatabase } from '../files/left-logs.ts'
import { makeFolder } from '../files/make-folder.ts'
import { removeTemporary, temporaryName } from '../files/temporary-file.ts'
import { synchroniseFolder } from '../files/whole-file.ts'
import { TaskStoreError } from '../rules/task-store-error.ts'
import { openDriver } from './driver.ts'
import { translateDriverError, withDatabaseFile } from './driver-error.ts'
import { type MigrateGoal, migrate } from './migrating/migrate.ts'
import type { StoreLocation } from './store-location.ts'

/** A file that is open, whatever its schema. */
export interface NamedFile {
  readonly client: Database
  /** Undefined for a database in memory. */
  readonly identity: FileIdentity | undefined
}

/** How many times to try opening while other processes remove or replace the file. */
const ATTEMPTS = 10

/**
 * Opens the file of a path, creating it if it is missing: the one that the path leads to, with its own log.
 *
 * @param lockingMode With `EXCLUSIVE`, a file with a log is `LOCKED` while another connection has it open, and the others
 * are kept out until this one is closed.
 * @throws TaskStoreError `CANNOT_OPEN`, or with the code of a driver error.
 */
export function openByName(
  { file, timeout, readonly, create }: StoreLocation,
  goal: MigrateGoal,
  lockingMode: 'NORMAL' | 'EXCLUSIVE' = 'NORMAL',
): NamedFile {
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
      // Before the first read, or SQLite leaves the mode as it is while the file is open.
      if (lockingMode === 'EXCLUSIVE') client.pragma('locking_mode = EXCLUSIVE')
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
  try {
    closeSync(openSync(temporary, 'wx', 0o600))
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
    removeTemporary(temporary)
  }
}
