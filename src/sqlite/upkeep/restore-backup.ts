import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Database } from 'better-sqlite3'
import { getTableColumns, getTableName } from 'drizzle-orm'
import { archivedTaskShards, archivedTasks, taskShards, tasks } from '../../../drizzle/schema.ts'
import { checkNotOwn, followLinks, identifyFile } from '../../files/file-identity.ts'
import { LOG_ENDINGS, placeDatabase } from '../../files/left-logs.ts'
import { freeTimedName } from '../../files/timed-name.ts'
import { finishFile, temporaryName } from '../../files/whole-file.ts'
import { invalidValue } from '../../rules/argument-error.ts'
import { checkDatabasePath } from '../../rules/check-arguments.ts'
import { TaskStoreError } from '../../rules/task-store-error.ts'
import { Connection } from '../connection.ts'
import { copyBeside, pruneCopies } from '../copy-beside.ts'
import { openDriver } from '../driver.ts'
import { withDatabaseFile } from '../driver-error.ts'
import { inspectFile } from '../migrating/inspect-file.ts'
import { locateStore, type TaskStoreOptions } from '../store-location.ts'
import { checkCopy } from './backup-file.ts'

/** What restoring a backup did. */
export interface RestoreReport {
  /** The store's file. */
  readonly file: string
  /** Where the previous contents are kept; undefined if there were none. */
  readonly kept: string | undefined
  /** How many tasks there are now, live and archived. */
  readonly tasks: number
}

/** The tasks before their shards. */
const TABLES = [tasks, taskShards, archivedTasks, archivedTaskShards]

/** Replaces the contents of a store with those of a backup. */
export function restoreBackup(backup: string, options?: string | TaskStoreOptions): RestoreReport {
  checkDatabasePath('backup', backup)
  const location = locateStore(options)
  if (location.database !== undefined || location.readonly || location.cacheDir === undefined) {
    throw invalidValue('options', 'restoreBackup() takes a cacheDir or a file that can be written')
  }
  const file = followLinks(location.file)
  const staged = temporaryName(file)
  stage(backup, staged, file)
  try {
    if (!existsSync(file)) return moveInto(file, staged, undefined)
    const report = isReadable(file) ? unlessDamaged(() => replaceContents(file, options, staged)) : undefined
    return report ?? moveInto(file, staged, setAside(file))
  } finally {
    removeStaged(staged)
  }
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

/** Makes a sound copy of the backup, at the newest version, in the folder of the store. */
function stage(backup: string, staged: string, file: string): void {
  const source = locateStore({ file: backup, readonly: true })
  checkNotOwn('backup', source.file, file, 'name a backup of it')
  // Refuses a folder, which SQLite would report as a failing disk.
  identifyFile(source.file)
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  rmSync(staged, { force: true })
  probe(source.file, (reader) => reader.prepare('VACUUM INTO ?').run(staged))
  new Connection(locateStore({ file: staged })).close()
  checkCopy(staged, source.file)
}

/** In one transaction: a process that has the file open sees either the old contents or the new ones. */
function replaceContents(file: string, options: string | TaskStoreOptions | undefined, staged: string) {
  const connection = new Connection(locateStore(options))
  try {
    connection.write(() => connection.client.prepare('ATTACH ? AS restored').run(staged))
    const kept = connection.transaction(() => {
      const copy = copyBeside(connection.client, file, 'before-restore')
      for (const table of TABLES.toReversed()) {
        connection.client.exec(`DELETE FROM main.${getTableName(table)}`)
      }
      for (const table of TABLES) {
        const columns = Object.values(getTableColumns(table)).map(({ name }) => name)
        connection.client.exec(
          `INSERT INTO main.${getTableName(table)} (${columns.join()}) SELECT ${columns.join()} FROM restored.${getTableName(table)} ORDER BY rowid`,
        )
      }
      return copy
    })
    connection.client.exec('DETACH restored')
    if (kept !== undefined) pruneCopies(file, 'before-restore', kept)
    return { file, kept, tasks: countTasks(connection) }
  } finally {
    connection.close()
  }
}

function moveInto(file: string, staged: string, kept: string | undefined): RestoreReport {
  finishFile(staged, file, placeDatabase)
  const connection = new Connection(locateStore({ file }))
  try {
    return { file, kept, tasks: countTasks(connection) }
  } finally {
    connection.close()
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

/** Removes what is left of it, and the copies that its migration made. */
function removeStaged(staged: string): void {
  const folder = dirname(staged)
  for (const name of readdirSync(folder)) {
    if (name.startsWith(basename(staged))) rmSync(join(folder, name), { force: true })
  }
}
