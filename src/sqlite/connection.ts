import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Database } from 'better-sqlite3'
import { type BetterSQLite3Database, drizzle } from 'drizzle-orm/better-sqlite3'
import {
  type FileIdentity,
  followLinks,
  identifyFile,
  isSameFile,
  waitUntilRemoved,
} from '../files/file-identity.ts'
import { sleep } from '../files/sleep.ts'
import { linkAlone, unfinishedName } from '../files/whole-file.ts'
import { wrongType } from '../rules/check-arguments.ts'
import { TaskStoreError } from '../rules/task-store-error.ts'
import { openDriver } from './driver.ts'
import { isBusy, translateDriverError, withDatabaseFile } from './driver-error.ts'
import { LockCourtesy } from './lock-fairness.ts'
import { inspectFile, readPragma } from './migrating/inspect-file.ts'
import { type MigrateGoal, migrate } from './migrating/migrate.ts'
import { showAsNewest } from './migrating/read-as-newest.ts'
import type { StoreLocation } from './store-location.ts'

/** Drizzle, and under `$client` the connection that it speaks through. */
export type TaskDatabase = BetterSQLite3Database & { readonly $client: Database }

/** How long a read may go on with a file that was replaced, in milliseconds. A write looks each time. */
const READS_LOOK_AFTER = 500

/** How often opening is tried while others remove the file or put another in its place. */
const ATTEMPTS = 10

/**
 * The SQLite file while it is open: an up-to-date schema, one transaction at a time, errors in this package's
 * terms. It follows its path: where the file was removed or replaced, it goes on with the one that is there.
 */
export class Connection {
  readonly #location: StoreLocation
  readonly #goal: MigrateGoal
  readonly #isOurs: boolean
  #opened: OpenedFile
  readonly #prepared = new Map<string, unknown>()
  readonly #courtesy: LockCourtesy
  #lookedAt: number
  #depth = 0
  /** What made SQLite undo the transaction by itself. */
  #undoneBy: unknown

  constructor(location: StoreLocation, goal: MigrateGoal = 'newest') {
    this.#location = location
    this.#goal = goal
    this.#isOurs = location.database === undefined
    this.#courtesy = new LockCourtesy(location.timeout)
    this.#opened = this.#open()
    this.#lookedAt = performance.now()
  }

  get database(): Database {
    return this.#opened.database
  }

  /** Drizzle on the same connection. */
  get db(): TaskDatabase {
    return this.#opened.db
  }

  get file(): string {
    return this.#location.file
  }

  get readonly(): boolean {
    return this.#location.readonly || this.database.readonly
  }

  /** A query that is prepared when it is first asked for by this name, and again when the file was replaced. */
  prepared<T>(name: string, prepare: (db: TaskDatabase) => T): T {
    let query = this.#prepared.get(name) as T | undefined
    if (query === undefined) {
      query = prepare(this.db)
      this.#prepared.set(name, query)
    }
    return query
  }

  /** What `work` returns. The driver's errors come out as a TaskStoreError. */
  run<T>(work: () => T): T {
    return this.#run(() => this.#reading(work), READS_LOOK_AFTER)
  }

  /** Like {@link run}, for work that writes. */
  write<T>(work: () => T): T {
    return this.#write(() => this.#writing(work))
  }

  /**
   * Like {@link write}, in one transaction that holds the write lock from its first moment. One inside
   * another is a savepoint.
   */
  transaction<T>(work: () => T): T {
    return this.#write(() =>
      this.#writing((begun) =>
        this.#inside(() => {
          const begin = () => {
            begun()
            return work()
          }
          return this.#opened.transact(begin) as T
        }),
      ),
    )
  }

  /**
   * Like {@link transaction}, for one of the many that a long call makes: others get their turns between them.
   */
  turn<T>(work: () => T): T {
    if (this.#isAlone) return this.transaction(work)
    this.#courtesy.beforeTurn()
    let start = 0
    const value = this.transaction(() => {
      start = performance.now()
      return work()
    })
    this.#courtesy.afterTurn(performance.now() - start)
    return value
  }

  /** Like {@link run}, with all that `work` reads as it was at one moment. It takes no lock that others feel. */
  snapshot<T>(work: () => T): T {
    const attempt = () => {
      if (this.database.inTransaction) return work()
      return this.#reading((begun) => {
        const begin = () => {
          // The moment is that of the first read.
          this.database.pragma('schema_version')
          begun()
          return work()
        }
        return this.#inside(() => this.database.transaction(begin).deferred())
      })
    }
    return this.#run(attempt, READS_LOOK_AFTER)
  }

  close(): void {
    if (this.database.inTransaction && this.#isOurs) {
      throw new TypeError('close() was called inside transaction(); call it afterwards')
    }
    if (this.#isOurs) this.database.close()
  }

  #write<T>(work: () => T): T {
    if (this.readonly) {
      throw new TaskStoreError(
        'READONLY',
        `the store of ${this.file} was opened readonly; open it without that option to write`,
      )
    }
    return this.#run(work, 0)
  }

  #run<T>(work: () => T, lookAfter: number): T {
    if (!this.database.open) {
      throw new TaskStoreError('CLOSED', `the store of ${this.file} is closed; make a new one`)
    }
    this.#checkNotUndone()
    try {
      this.#follow(lookAfter)
      return this.#opened.schemaVersion === undefined ? work() : this.#readAsNewest(work)
    } catch (error) {
      const translated = translateDriverError(error, this.file)
      if (this.#depth > 0 && !this.database.inTransaction) this.#undoneBy ??= translated
      throw translated
    }
  }

  #reading<T>(work: (begun: () => void) => T): T {
    return this.#isWaiting ? this.#courtesy.read(work) : work(() => undefined)
  }

  #writing<T>(work: (begun: () => void) => T): T {
    return this.#isWaiting ? this.#courtesy.write(work) : work(() => undefined)
  }

  /** A connection of the caller's waits as it was told to. */
  get #isWaiting(): boolean {
    return this.#isOurs && !this.#isAlone
  }

  /** Nobody is in the way of a transaction that has begun, or of a database in memory. */
  get #isAlone(): boolean {
    return this.#opened.identity === undefined || this.database.inTransaction
  }

  #inside<T>(work: () => T): T {
    this.#depth++
    try {
      return work()
    } finally {
      this.#depth--
      if (this.#depth === 0) this.#undoneBy = undefined
    }
  }

  /** A full disk ends a transaction. What came after it in the same callback would be kept alone. */
  #checkNotUndone(): void {
    if (this.#depth === 0 || this.database.inTransaction) return
    throw this.#undoneBy ?? new TypeError('the callback of transaction() ended its transaction by itself')
  }

  /** Goes on with the file that the path leads to now, where it is another one than was opened. */
  #follow(lookAfter: number): void {
    const { identity } = this.#opened
    if (identity === undefined || this.database.inTransaction) return
    const moment = performance.now()
    if (moment - this.#lookedAt < lookAfter) return
    const found = identifyFile(this.file)
    if (!isSameFile(found, identity)) {
      if (!this.#isOurs) {
        throw new TaskStoreError(
          'CANNOT_OPEN',
          `${this.file} was removed or replaced while the connection that was handed in had it open; open a new connection, and a new store on it`,
        )
      }
      if (found === undefined) this.#settle()
      this.#reopen()
    }
    this.#lookedAt = moment
  }

  /** Writes the log into a file that was moved away: else what is only in the log would stay behind. */
  #settle(): void {
    try {
      this.database.pragma('wal_checkpoint(TRUNCATE)')
    } catch {
      // Readonly, or somebody else is at it: then it is theirs to do.
    }
  }

  #reopen(): void {
    const old = this.#opened.database
    this.#opened = this.#open()
    this.#prepared.clear()
    try {
      // SQLite sees that its file has moved, and leaves the log of the new one alone.
      old.close()
    } catch {
      // An iterator of the caller's own is still reading from it: it closes when nobody holds it any more.
    }
  }

  /** Reads a file of an older version that is shown as the newest, unless somebody has upgraded it meanwhile. */
  #readAsNewest<T>(work: () => T): T {
    if (this.database.inTransaction) return work()
    const { value, isStale } = this.#inside(() =>
      this.database
        .transaction(() => {
          const isStale = readPragma(this.database, 'schema_version') !== this.#opened.schemaVersion
          return isStale ? { value: undefined, isStale } : { value: work(), isStale }
        })
        .deferred(),
    )
    if (!isStale) return value as T
    this.#reopen()
    return this.#run(work, READS_LOOK_AFTER)
  }

  #open(): OpenedFile {
    const { database: handedIn, file } = this.#location
    const { database, identity } = handedIn
      ? { database: handedIn, identity: handedIn.memory ? undefined : identifyFile(file) }
      : openFile(this.#location, this.#goal)
    try {
      const schemaVersion = this.#prepare(database)
      const transaction = database.transaction((work: () => unknown) => {
        const value = settled(work())
        this.#checkNotUndone()
        return value
      })
      const db = drizzle({ client: database })
      return { database, db, transact: transaction.immediate, identity, schemaVersion }
    } catch (error) {
      if (this.#isOurs) database.close()
      throw translateDriverError(error, file)
    }
  }

  /** Gives the version of the schema, where a file of an older version is only shown as the newest. */
  #prepare(database: Database): number | undefined {
    const { file, timeout, synchronous } = this.#location
    // Before anything is written: a foreign file stays as it is.
    const { isUpToDate } = inspectFile(database, file)
    if (this.#location.readonly || database.readonly) {
      if (isUpToDate) {
        this.#setBusyTimeout(database)
        return undefined
      }
      if (!this.#isOurs) {
        throw new TaskStoreError(
          'READONLY',
          `${file} is of an older version, and readonly; name it as the file option, which shows it as the newest`,
        )
      }
      return showAsNewest(database)
    }
    if (this.#isOurs) {
      switchToWal(database, timeout)
      database.pragma(`synchronous = ${synchronous}`)
      database.pragma('journal_size_limit = 16777216')
    }
    database.pragma('foreign_keys = ON')
    if (!isUpToDate) migrate(database, file, this.#goal)
    this.#setBusyTimeout(database)
    return undefined
  }

  #setBusyTimeout(database: Database): void {
    if (this.#isOurs) database.pragma(`busy_timeout = ${this.#courtesy.driverTimeout}`)
  }

  /** For statements of the caller's own, which nobody tries again. */
  waitInDriver(): void {
    this.#courtesy.waitInDriver()
    this.#setBusyTimeout(this.database)
  }
}

interface OpenedFile {
  readonly database: Database
  readonly db: TaskDatabase
  readonly transact: (work: () => unknown) => unknown
  /** Undefined for a database in memory. */
  readonly identity: FileIdentity | undefined
  /** Set where a file of an older version is shown as the newest: the version of its own schema. */
  readonly schemaVersion: number | undefined
}

/** Refuses a promise: its work would run after the commit. */
function settled<T>(value: T): T {
  if (typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function') {
    // It is refused here: how it ends is nobody's business any more.
    Promise.resolve(value).catch(() => undefined)
    throw wrongType('the callback of transaction()', 'a function that returns no promise', value)
  }
  return value
}

function openFile(
  { file, timeout, readonly }: StoreLocation,
  goal: MigrateGoal,
): Pick<OpenedFile, 'database' | 'identity'> {
  if (file === ':memory:') return { database: openDriver(file, { timeout }), identity: undefined }
  for (let attempt = 1; ; attempt++) {
    if (!readonly) createPrivately(file, goal)
    const identity = identifyFile(file)
    const isStillThere = () => identity !== undefined && isSameFile(identity, identifyFile(file))
    let database: Database | undefined
    try {
      // Never made by SQLite: an empty file that is gone again has it remove the log of the next one.
      database = openDriver(file, { timeout, readonly, fileMustExist: true })
      if (isStillThere()) {
        // Opens the log. If the path leads to the same file after that, the log is that file's.
        database.pragma('schema_version')
        if (isStillThere()) return { database, identity }
      }
      database.close()
    } catch (error) {
      database?.close()
      const isMissing = readonly && identity === undefined
      if (isMissing || isStillThere() || attempt >= ATTEMPTS) throw openError(error, file)
    }
    // Replaced at this very moment: nobody knows which of the two was opened.
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
 * A folder and a file that we make are for this user alone; those that are there stay as they are. The file
 * gets its name when its tables are in it: SQLite takes the log beside an empty file for a left-over and
 * removes it, though it may be that of a file which somebody else has just put there.
 */
function createPrivately(path: string, goal: MigrateGoal): void {
  if (identifyFile(path) !== undefined) return
  withDatabaseFile(path, 'written', () => {
    const file = followLinks(path)
    waitUntilRemoved(file)
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    if (identifyFile(file) === undefined) createFile(file, goal)
  })
}

function createFile(file: string, goal: MigrateGoal): void {
  const unfinished = unfinishedName(file)
  closeSync(openSync(unfinished, 'wx', 0o600))
  try {
    const database = openDriver(unfinished, {})
    try {
      database.pragma('journal_mode = WAL')
      migrate(database, file, goal)
      // Closing does it, too, but keeps quiet where the disk is full, and the log does not get the name.
      database.pragma('wal_checkpoint(TRUNCATE)')
    } finally {
      database.close()
    }
    linkAlone(unfinished, file)
  } catch (error) {
    // Another process was faster: its file is as good.
    if (!(error instanceof TaskStoreError && error.code === 'CONFLICT')) throw error
  } finally {
    for (const ending of ['', '-wal', '-shm']) rmSync(unfinished + ending, { force: true })
  }
}

/** SQLite does not wait for the lock when it changes the journal mode, so this does. */
function switchToWal(database: Database, timeout: number): void {
  const deadline = performance.now() + timeout
  for (;;) {
    try {
      if (database.pragma('journal_mode', { simple: true }) === 'wal') return
      database.pragma('journal_mode = WAL')
      return
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw error
      sleep(5)
    }
  }
}
