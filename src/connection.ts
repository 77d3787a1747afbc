import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Database } from 'better-sqlite3'
import { type BetterSQLite3Database, drizzle } from 'drizzle-orm/better-sqlite3'
import { wrongType } from './check-options.ts'
import { openDriver } from './driver.ts'
import { translateDriverError } from './driver-error.ts'
import { inspectFile } from './inspect-file.ts'
import { type MigrateGoal, migrate } from './migrate.ts'
import { showAsNewest } from './show-as-newest.ts'
import type { StoreLocation } from './store-location.ts'
import { TaskStoreError } from './task-store-error.ts'

/** Drizzle, and under `$client` the connection that it speaks through. */
export type TaskDatabase = BetterSQLite3Database & { readonly $client: Database }

/**
 * The SQLite file while it is open: an up-to-date schema, one transaction at a time, errors in this package's
 * terms.
 */
export class Connection {
  readonly database: Database
  /** Drizzle on the same connection. */
  readonly db: TaskDatabase
  readonly readonly: boolean
  readonly #file: string
  readonly #isOurs: boolean
  readonly #transact: (work: () => unknown) => unknown
  #depth = 0
  /** What made SQLite undo the transaction by itself. */
  #undoneBy: unknown

  constructor(location: StoreLocation, goal: MigrateGoal = 'newest') {
    this.#file = location.file
    this.#isOurs = location.database === undefined
    this.database = location.database ?? openFile(location)
    this.readonly = location.readonly || this.database.readonly
    try {
      this.#prepare(location, goal)
    } catch (error) {
      if (this.#isOurs) this.database.close()
      throw translateDriverError(error, location.file)
    }
    this.db = drizzle({ client: this.database })
    const transaction = this.database.transaction((work: () => unknown) => {
      const value = settled(work())
      this.#checkNotUndone()
      return value
    })
    this.#transact = transaction.immediate
  }

  #prepare(location: StoreLocation, goal: MigrateGoal): void {
    // Before anything is written: a foreign file stays as it is.
    const { isUpToDate } = inspectFile(this.database, location.file)
    if (this.readonly) {
      if (isUpToDate) return
      if (!this.#isOurs) {
        throw new TaskStoreError(
          'READONLY',
          `${location.file} is of an older version, and readonly; name it as the file option, which shows it as the newest`,
        )
      }
      showAsNewest(this.database)
      return
    }
    if (this.#isOurs) {
      switchToWal(this.database, location.timeout)
      this.database.pragma(`synchronous = ${location.synchronous}`)
      this.database.pragma('journal_size_limit = 16777216')
    }
    this.database.pragma('foreign_keys = ON')
    if (!isUpToDate) migrate(this.database, location.file, goal)
  }

  /** What `work` returns. The driver's errors come out as a TaskStoreError. */
  run<T>(work: () => T): T {
    if (!this.database.open) {
      throw new TaskStoreError('CLOSED', `the store of ${this.#file} is closed; make a new one`)
    }
    this.#checkNotUndone()
    try {
      return work()
    } catch (error) {
      const translated = translateDriverError(error, this.#file)
      if (this.#depth > 0 && !this.database.inTransaction) this.#undoneBy ??= translated
      throw translated
    }
  }

  /** Like {@link run}, for work that writes. */
  write<T>(work: () => T): T {
    if (this.readonly) {
      throw new TaskStoreError(
        'READONLY',
        `the store of ${this.#file} was opened readonly; open it without that option to write`,
      )
    }
    return this.run(work)
  }

  /**
   * Like {@link write}, in one transaction that holds the write lock from its first moment. One inside
   * another is a savepoint.
   */
  transaction<T>(work: () => T): T {
    return this.write(() => {
      this.#depth++
      try {
        return this.#transact(work) as T
      } finally {
        this.#depth--
        if (this.#depth === 0) this.#undoneBy = undefined
      }
    })
  }

  /** A full disk ends a transaction. What came after it in the same callback would be kept alone. */
  #checkNotUndone(): void {
    if (this.#depth === 0 || this.database.inTransaction) return
    throw this.#undoneBy ?? new TypeError('the callback of transaction() ended its transaction by itself')
  }

  close(): void {
    if (this.database.inTransaction && this.#isOurs) {
      throw new TypeError('close() was called inside transaction(); call it afterwards')
    }
    if (this.#isOurs) this.database.close()
  }
}

/** Refuses a promise: its work would run after the commit. */
function settled<T>(value: T): T {
  if (typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function') {
    throw wrongType('the callback of transaction()', 'a function that returns no promise', value)
  }
  return value
}

function openFile({ file, timeout, readonly }: StoreLocation): Database {
  const isFile = file !== ':memory:'
  try {
    if (isFile && !readonly) createPrivately(file)
    return openDriver(file, { timeout, readonly: readonly && isFile, fileMustExist: readonly && isFile })
  } catch (error) {
    const translated = translateDriverError(error, file)
    if (translated instanceof TaskStoreError) throw translated
    const reason = error instanceof Error ? error.message : String(error)
    throw new TaskStoreError(
      'CANNOT_OPEN',
      `${file} cannot be opened (${reason}); check the path and its permissions`,
      { cause: error },
    )
  }
}

/** A folder and a file that we make are for this user alone; those that are there stay as they are. */
function createPrivately(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  try {
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}

/** SQLite does not wait for the lock when it changes the journal mode, so this does. */
function switchToWal(database: Database, timeout: number): void {
  const deadline = performance.now() + timeout
  const pause = new Int32Array(new SharedArrayBuffer(4))
  for (;;) {
    try {
      if (database.pragma('journal_mode', { simple: true }) === 'wal') return
      database.pragma('journal_mode = WAL')
      return
    } catch (error) {
      const isBusy = error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_BUSY')
      if (!isBusy || performance.now() >= deadline) throw error
      Atomics.wait(pause, 0, 0, 5)
    }
  }
}
