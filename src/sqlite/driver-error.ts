import type { Database } from 'better-sqlite3'
import { TOO_LONG } from '../../drizzle/json/write.ts'
import { fileError } from '../files/file-error.ts'
import { isError } from '../rules/is-error.ts'
import { invalidTask, TaskStoreError, type TaskStoreErrorCode } from '../rules/task-store-error.ts'
import { referringTables } from './referring-tables.ts'

/** What the result codes of SQLite mean, by prefix. The first match counts. */
const MEANINGS: readonly (readonly [prefix: string, code: TaskStoreErrorCode, advice: string])[] = [
  [
    'SQLITE_BUSY',
    'LOCKED',
    'is locked: another process or thread (perhaps Python, or a drizzle-kit studio) has been writing for longer than the timeout; try again, or raise the timeout option',
  ],
  ['SQLITE_LOCKED', 'LOCKED', 'is locked by another use of the same connection; finish that first'],
  [
    'SQLITE_READONLY',
    'READONLY',
    'cannot be written; check the permissions of the file and of its folder, where SQLite keeps the -wal and -shm files',
  ],
  ['SQLITE_FULL', 'DISK_FULL', 'could not grow: the disk is full; make room and call again'],
  [
    'SQLITE_IOERR_SHORT_READ',
    'CORRUPT_FILE',
    'is cut short; restore it from a copy, or save what can be read',
  ],
  ['SQLITE_IOERR_FSTAT', 'CANNOT_OPEN', 'was removed or replaced at this very moment; call again'],
  [
    'SQLITE_IOERR_CORRUPTFS',
    'CORRUPT_FILE',
    'is on a damaged file system; copy it elsewhere before anything else',
  ],
  [
    'SQLITE_IOERR',
    'DISK_FULL',
    'could not be read or written by the disk (full, over a quota or a size limit, or failing); see the cause, then call again',
  ],
  [
    'SQLITE_CORRUPT',
    'CORRUPT_FILE',
    'is damaged; keep a copy of it as it is, then restore a copy or save what can be read',
  ],
  [
    'SQLITE_ERROR: unsupported file format',
    'CORRUPT_FILE',
    'is damaged, or of a format that this SQLite does not know; restore it from a copy',
  ],
  ['SQLITE_NOTADB', 'CORRUPT_FILE', 'is not a database; check the path, or move that file away'],
  [
    'SQLITE_CANTOPEN',
    'CANNOT_OPEN',
    'cannot be opened; check that its folder exists and that this user may read and write both',
  ],
  ['SQLITE_PERM', 'CANNOT_OPEN', 'may not be opened by this user; check its permissions'],
  ['SQLITE_AUTH', 'CANNOT_OPEN', 'may not be opened by this user; check its permissions'],
]

/**
 * The driver's error in this package's terms, with the file's name; any other error unchanged.
 *
 * @param database Where the error comes from, to say which table refers to a task.
 */
export function translateDriverError(error: unknown, file: string, database?: Database): unknown {
  const code = driverCode(error)
  const text = `${code}: ${isError(error) ? error.message : ''}`
  if (database?.open && FOREIGN_KEY.test(text)) {
    return referredTo(referringTables(database), file, error) ?? error
  }
  if (code === 'SQLITE_TOOBIG' || isUnbound(error)) return tooLong(file, error)
  const meaning = code && MEANINGS.find(([prefix]) => text.startsWith(prefix))
  if (!meaning) return error
  return new TaskStoreError(meaning[1], `${file} ${meaning[2]} (${code})`, { cause: error })
}

/**
 * Runs `work`, which touches a database both as a plain file and through the driver, and translates the
 * errors of both.
 *
 * @throws TaskStoreError
 */
export function withDatabaseFile<T>(file: string, done: 'read' | 'written', work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw fileError(translateDriverError(error, file), file, done)
  }
}

/** Whether the driver refuses a text for its length. */
const isUnbound = (error: unknown) =>
  isError(error) && error.name === 'RangeError' && error.message.startsWith('The bound string')

function tooLong(file: string, cause: unknown): TaskStoreError {
  const problem = `${TOO_LONG}; nothing was written. If it stands in ${file}, another program put it there, which can shorten it`
  return invalidTask({ field: 'a row', problem }, cause)
}

/** A foreign key that says RESTRICT fails as a trigger does. */
const FOREIGN_KEY = /^SQLITE_CONSTRAINT_(?:FOREIGNKEY:|TRIGGER: FOREIGN KEY constraint failed)/

/** The error for a task that rows of other tables refer to; undefined if it can be none of our tasks. */
function referredTo(tables: readonly string[], file: string, cause: unknown): TaskStoreError | undefined {
  if (tables.length === 0) return undefined
  const [names, keys] = [
    tables.map((table) => JSON.stringify(table)).join(' or '),
    'ON DELETE CASCADE or SET NULL',
  ]
  return new TaskStoreError(
    'CONFLICT',
    `${file}: a row of ${names} refers to a task that would not be there; the change was undone. Delete such rows first, or give the foreign key of the table ${keys}`,
    { cause },
  )
}

/**
 * Whether a commit that has failed may be found done when the file is opened again: it was written, and the disk did not
 * confirm it.
 */
export function mayBeDone(error: unknown): boolean {
  return UNCONFIRMED.includes(driverCode(error instanceof TaskStoreError ? error.cause : error) ?? '')
}

const UNCONFIRMED = ['SQLITE_IOERR_FSYNC', 'SQLITE_IOERR_DIR_FSYNC', 'SQLITE_IOERR_DELETE']

/** Whether the driver gave up waiting for a lock. */
export function isBusy(error: unknown): boolean {
  return driverCode(error)?.startsWith('SQLITE_BUSY') ?? false
}

function driverCode(error: unknown): string | undefined {
  if (!isError(error)) return undefined
  // Drizzle wraps the driver's error in one of its own. Other causes are the caller's.
  const isDrizzles = 'query' in error && 'params' in error
  const own = isDrizzles ? error.cause : error
  if (!isError(own) || own.name !== 'SqliteError' || !('code' in own)) return undefined
  return String(own.code)
}
