import { closeSync, lstatSync, openSync, rmSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Database } from 'better-sqlite3'
import { withFile } from '../../files/file-error.ts'
import { checkNotOwn, type FileIdentity, identifyFile, isSameFile } from '../../files/file-identity.ts'
import { checkNoLog, logsBeside, placeDatabase, replaceDatabase } from '../../files/left-logs.ts'
import { removeTemporary, temporaryName } from '../../files/temporary-file.ts'
import { existsAlready, finishFile } from '../../files/whole-file.ts'
import { checkDatabasePath, flag, optionsReader } from '../../rules/check-arguments.ts'
import { isError } from '../../rules/is-error.ts'
import { type LongCallOptions, longCall, type Step, stepOf } from '../../rules/long-call.ts'
import { TaskStoreError } from '../../rules/task-store-error.ts'
import type { Connection } from '../connection.ts'
import { openReader } from '../copy-beside.ts'
import { openDriver } from '../driver.ts'
import { translateDriverError } from '../driver-error.ts'
import { isSoundAside } from './is-sound-aside.ts'
import { runAside } from './run-aside.ts'

/** How a backup is made. */
export interface BackupOptions extends LongCallOptions<BackupProgress> {
  /** Replace an existing file. Default false. */
  readonly replace?: boolean | undefined
}

/** How far a backup is. */
export interface BackupProgress {
  readonly totalPages: number
  readonly remainingPages: number
}

/** The backup that was made. */
export interface BackupReport {
  /** Its absolute path. */
  readonly file: string
  readonly bytes: number
}

const readOptions = optionsReader({
  replace: flag(false),
  ...longCall<BackupProgress>(),
})

/** How many pages are copied in one step, between which others get their turn, and are told how far it is. */
const PAGES = 500

/** Copies a snapshot of a store's file, and checks the copy before it gets its name. */
export async function backupFile(
  connection: Connection,
  path: string,
  options?: BackupOptions,
): Promise<BackupReport> {
  checkDatabasePath('file', path)
  const { replace, ...following } = readOptions(options)
  const step = stepOf(following)
  const file = resolve(path)
  checkTarget(file, replace, connection.file)
  const temporary = temporaryName(file)
  const create = () => withFile(file, 'written', () => closeSync(openSync(temporary, 'wx', 0o600)))
  // Refuses a store that is closed, and goes on with the file that is there now.
  connection.run(() => undefined)
  try {
    create()
    if (!(await copyAside(connection.client, temporary, step))) {
      removeTemporary(temporary)
      create()
      await copyHere(connection, temporary, step)
    }
    if (!(await isSoundAside(temporary, { flush: true }))) checkCopy(temporary, connection.file)
    step()
    const bytes = withFile(file, 'written', () => statSync(temporary).size)
    const copy = identifyFile(temporary)
    finishFile(temporary, file, replace ? replaceDatabase : placeDatabase)
    await checkNamedCopy(file, copy)
    return { file, bytes }
  } catch (error) {
    removeTemporary(temporary)
    if (isClosedError(error)) connection.checkOpen()
    throw translateDriverError(error, file)
  }
}

/** Copies the pages in a thread of its own, which also writes them to the disk. Returns whether it could. */
async function copyAside(client: Database, copy: string, step: Step<BackupProgress>): Promise<boolean> {
  if (client.memory) return false
  return runAside(client.constructor, COPY, { file: client.name, copy, pages: PAGES }, step)
}

const COPY = `
  const { file, copy, pages } = data
  const reader = new Database(file, { readonly: true, fileMustExist: true })
  try {
    // One snapshot: others may go on writing, and the copy need not start again.
    reader.exec('PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; BEGIN; SELECT count(*) FROM sqlite_master')
    const progress = (copied) => {
      tell(copied)
      return pages
    }
    tell(await reader.backup(copy, { progress }))
  } finally {
    reader.close()
  }
  return true
`

/** Copies the pages in this thread: of a database in memory, or where no other thread can. */
async function copyHere(connection: Connection, copy: string, step: Step<BackupProgress>): Promise<void> {
  const reader = connection.run(() => {
    const { client } = connection
    return client.memory ? client : openReader(client)
  })
  try {
    if (reader !== connection.client) reader.exec('BEGIN; SELECT count(*) FROM sqlite_master')
    const progress = (copied: BackupProgress) => {
      step(copied)
      return PAGES
    }
    step(await reader.backup(copy, { progress }))
  } finally {
    if (reader !== connection.client) reader.close()
  }
}

/** Whether the database was closed meanwhile: one in memory has no second connection that goes on. */
const isClosedError = (error: unknown) =>
  isError(error) && error.name === 'TypeError' && error.message === 'The database connection is not open'

/** Checks the copy once more under its final name where a log lies beside it, which SQLite would replay. */
async function checkNamedCopy(file: string, copy: FileIdentity | undefined): Promise<void> {
  if (logsBeside(file).length === 0) return
  try {
    if (!(await isSoundAside(file, { flush: false }))) checkCopy(file, file)
  } catch (error) {
    // Else another program opened it meanwhile.
    if (!(error instanceof TaskStoreError && error.code === 'CORRUPT_FILE')) return
    if (isSameFile(identifyFile(file), copy)) rmSync(file, { force: true })
    throw error
  }
}

/** Makes a copy a single file, and refuses it if SQLite finds it damaged. */
export function checkCopy(copy: string, source: string): void {
  let database: Database | undefined
  try {
    database = openDriver(copy, {})
    // In WAL mode it would need a log beside it.
    database.pragma('journal_mode = DELETE')
    checkSound(database, source)
  } catch (error) {
    throw translateDriverError(error, source)
  } finally {
    database?.close()
  }
}

/** Refuses a database that SQLite finds damaged. */
export function checkSound(database: Database, source: string): void {
  const [first] = database.pragma('integrity_check(1)') as { integrity_check: string }[]
  if (first?.integrity_check === 'ok') return
  throw new TaskStoreError(
    'CORRUPT_FILE',
    `${source} is damaged (${first?.integrity_check}), and so would its copy be; nothing was kept. Call check() to see what is wrong`,
  )
}

/** A backup does not follow a link. */
function checkTarget(file: string, replace: boolean, own: string): void {
  const found = withFile(file, 'written', () => lstatSync(file, { throwIfNoEntry: false }))
  if (found === undefined) return
  if (!found.isFile()) {
    const what = found.isSymbolicLink() ? 'a link' : 'not a file'
    throw new TaskStoreError('CANNOT_OPEN', `${file} is ${what}; name the file itself`)
  }
  checkNotOwn('file', file, own, 'name another one')
  if (!replace) throw existsAlready(file)
  checkNoLog(file)
}
