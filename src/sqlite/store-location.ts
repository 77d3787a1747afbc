import { dirname, join, resolve } from 'node:path'
import type { Database } from 'better-sqlite3'
import { identifyFile } from '../files/file-identity.ts'
import { invalidValue } from '../rules/argument-error.ts'
import {
  checkBoolean,
  checkDatabasePath,
  checkInteger,
  checkKeys,
  oneOf,
  wrongType,
  wrongValue,
} from '../rules/check-arguments.ts'
import { TaskStoreError } from '../rules/task-store-error.ts'
import { cacheFolder } from './cache-folder.ts'

/**
 * Where a store keeps its file, and how it opens it. Give at most one of `cacheDir`, `file` and `database`.
 */
export interface TaskStoreOptions {
  /** The folder of `tasks.sqlite`, created if missing. Default: `$UNIQC_CACHE_DIR`, else `~/.uniqc/cache`. */
  readonly cacheDir?: string | undefined
  /** The file itself, created with its folder if missing, or `:memory:`. */
  readonly file?: string | undefined
  /**
   * A better-sqlite3 connection that stays the caller's to set up and to close: `timeout` and `synchronous` have
   * no effect on it. It may be the database of another program, which gets our tables beside its own.
   */
  readonly database?: Database | undefined
  /**
   * How long a call waits for the write lock of another process or store, in milliseconds. Default 5000. A
   * process that writes for a quarter of the time or more also leaves the lock to others for 150 of every 2000
   * milliseconds, whatever the timeout. To upgrade a file from before UnifiedQuantum 0.0.12, opening waits as
   * long for others to close it: a Python that upgrades it at the same moment would leave each task twice.
   */
  readonly timeout?: number | undefined
  /**
   * Read only: the file must exist and is neither migrated nor locked. A file of an older version reads as
   * the newest. Default false.
   */
  readonly readonly?: boolean | undefined
  /** Create the file if it is missing. With `false` that is a `CANNOT_OPEN`. Default true. */
  readonly create?: boolean | undefined
  /**
   * `FULL` (default): a commit survives a power cut. `NORMAL`: faster, and a power cut can undo the last
   * commits. Both survive a killed process.
   */
  readonly synchronous?: 'FULL' | 'NORMAL' | undefined
}

/** {@link TaskStoreOptions} with defaults filled in. */
export interface StoreLocation {
  /** An absolute path, or `:memory:`. */
  readonly file: string
  /** The folder of the file; undefined for a database in memory. */
  readonly cacheDir: string | undefined
  /** Whether the options do not say where the store is. */
  readonly isDefault: boolean
  readonly database: Database | undefined
  readonly timeout: number
  readonly readonly: boolean
  /** False if the file must be there. */
  readonly create: boolean
  readonly synchronous: 'FULL' | 'NORMAL'
}

const OPTIONS = ['cacheDir', 'file', 'database', 'timeout', 'readonly', 'create', 'synchronous'] as const
const MEMORY = ':memory:'
/** The driver accepts a 32-bit number. */
const MAX_TIMEOUT = 2 ** 31 - 1
const FILE_NAME = 'tasks.sqlite'

const readSynchronous = oneOf('FULL', 'NORMAL')

/**
 * Resolves the options of a store.
 *
 * @throws TypeError for an option that does not exist or has the wrong type.
 */
export function locateStore(given: string | TaskStoreOptions = {}): StoreLocation {
  if (typeof given === 'string') return locateStore({ cacheDir: given })
  checkKeys('options', given, OPTIONS)
  const { database, timeout, readonly, create } = given
  checkInteger('options.timeout', timeout, 0)
  if (timeout !== undefined && timeout > MAX_TIMEOUT) {
    throw wrongValue('options.timeout', `at most ${MAX_TIMEOUT}`, timeout)
  }
  checkBoolean('options.readonly', readonly)
  checkBoolean('options.create', create)
  const synchronous = readSynchronous('options.synchronous', given.synchronous)
  const places = [given.cacheDir, given.file, database].filter((place) => place !== undefined)
  if (places.length > 1) {
    throw invalidValue('options', 'options has more than one of "cacheDir", "file" and "database"; pass one')
  }
  const file = database === undefined ? locateFile(given) : databaseFile(database)
  return {
    file,
    cacheDir: file === MEMORY ? undefined : dirname(file),
    isDefault: places.length === 0,
    database,
    // The driver refuses -0.
    timeout: (timeout ?? 5000) + 0,
    readonly: readonly ?? false,
    create: readonly !== true && create !== false,
    synchronous,
  }
}

/** The file that a store with these options opens. */
export function locateFile({ cacheDir, file }: TaskStoreOptions = {}): string {
  if (file !== undefined) {
    checkDatabasePath('options.file', file)
    return file === MEMORY ? file : resolve(file)
  }
  return join(resolve(cacheFolder(cacheDir)), FILE_NAME)
}

/**
 * Says of a file that is missing and not to be created that it is, which SQLite does not.
 *
 * @throws TaskStoreError `CANNOT_OPEN`.
 */
export function checkExists({ file, database, create, readonly, isDefault }: StoreLocation): void {
  if (create || database !== undefined || file === MEMORY || identifyFile(file) !== undefined) return
  const reason = readonly ? ', and is not created to be read' : ''
  const option = readonly ? 'readonly' : 'create: false'
  const advice = isDefault
    ? `no program has made the default file yet: open a store without ${option} first, or name another file`
    : 'check the path'
  throw new TaskStoreError('CANNOT_OPEN', `${file} does not exist${reason}; ${advice}`)
}

function databaseFile(database: Database): string {
  if (typeof database !== 'object' || database === null || typeof database.prepare !== 'function') {
    throw wrongType('options.database', 'a better-sqlite3 Database', database)
  }
  if (!database.open || database.inTransaction) {
    throw invalidValue('database', 'options.database must be open and not in a transaction')
  }
  if (typeof database.prepare('SELECT 1').pluck().get() === 'bigint') {
    const problem = 'must not have defaultSafeIntegers on: counts and shots are numbers'
    throw invalidValue('database', `options.database ${problem}`)
  }
  return database.memory ? MEMORY : resolve(database.name)
}
