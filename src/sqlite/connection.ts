import type { Database } from 'better-sqlite3'
import type { ArchivedTaskInfo } from '../../drizzle/schema.ts'
import { type FileIdentity, followLinks, identifyFile, isSameFile } from '../files/file-identity.ts'
import { forgetClosed, noteOpen } from '../files/open-databases.ts'
import { removeLeftOversBeside } from '../files/temporary-file.ts'
import { invalidValue } from '../rules/argument-error.ts'
import { wrongType } from '../rules/check-arguments.ts'
import { elapsed } from '../rules/clock.ts'
import type { PlaceName } from '../rules/place-name.ts'
import { readArchivedTask, readTask } from '../rules/task-row.ts'
import { TaskStoreError } from '../rules/task-store-error.ts'
import { isBusy, translateDriverError } from './driver-error.ts'
import { drizzleOn } from './drizzle-on.ts'
import { newLogRemover } from './leave-no-log.ts'
import { LockFairness } from './lock-fairness.ts'
import type { MigrateGoal } from './migrating/migrate.ts'
import { type OpenFile, openFile } from './open-file.ts'
import { Statement, type Statements, type TaskDatabase } from './statement.ts'
import { StatementCache } from './statement-cache.ts'
import { checkExists, type StoreLocation } from './store-location.ts'
import { ARCHIVE, LIVE } from './tables/place.ts'
import { TaskTable } from './tables/task-table.ts'

/** For how long reads may go on with a file that was replaced, in milliseconds. A write checks each time. */
const READS_LOOK_AFTER = 500

/** How often it is looked whether the log is still the one that was opened, in milliseconds. */
const LOG_LOOK_AFTER = 1000

const TRIGGERS = `SELECT 1 FROM sqlite_schema WHERE type = 'trigger'
  UNION ALL SELECT 1 FROM sqlite_temp_schema WHERE type = 'trigger' LIMIT 1`

/**
 * The SQLite file while it is open: an up-to-date schema, one transaction at a time, errors in this package's
 * terms. It follows its path: if the file is removed or replaced, it goes on with the one that is there.
 */
export class Connection implements Statements {
  readonly live: TaskTable
  readonly archive: TaskTable<ArchivedTaskInfo>
  readonly #location: StoreLocation
  readonly #goal: MigrateGoal
  readonly #lock: LockFairness
  readonly #statements = new StatementCache()
  /** Removes the log that SQLite creates for a reader, and which a reader cannot remove. */
  #removeNewLog: (() => void) | undefined
  #opened: OpenFile
  /** How many times a file was opened. */
  #openings = 1
  #drizzle: TaskDatabase | undefined
  #isHandedOut = false
  #lookedAt: number
  /** The log that is open, and its path; undefined where there is none. */
  #log: { readonly path: string; readonly identity: FileIdentity } | undefined
  #logLookedAt: number
  /** Whether {@link close} was called. To ask the client each time takes a twentieth of the shortest call. */
  #isClosed = false
  /** How many of our transactions are open, one inside another. */
  #depth = 0
  /** The error that made SQLite undo the transaction by itself. */
  #undoneBy: unknown

  constructor(location: StoreLocation, goal: MigrateGoal = 'newest') {
    this.#location = location
    this.#goal = goal
    this.#lock = new LockFairness(location.file, location.timeout)
    this.live = new TaskTable(this, LIVE, readTask)
    this.archive = new TaskTable(this, ARCHIVE, readArchivedTask)
    this.#opened = this.#open()
    this.#lookedAt = elapsed()
    this.#log = findLog(this.#opened)
    this.#logLookedAt = this.#lookedAt
  }

  get client(): Database {
    return this.#opened.client
  }

  get file(): string {
    return this.#location.file
  }

  get readonly(): boolean {
    return this.#location.readonly || (!this.#opened.isOurs && this.client.readonly)
  }

  /** A text that is another one after each change of what this connection reads, whoever made it. */
  get changes(): string {
    return this.#changesAfter(this.#commitsOfOthers)
  }

  get #commitsOfOthers(): unknown {
    return this.statement('data version', () => 'PRAGMA data_version').get()?.[0]
  }

  #changesAfter(commitsOfOthers: unknown): string {
    const ownChanges = this.statement('own changes', () => 'SELECT total_changes()').get()?.[0]
    return `${this.#openings} ${commitsOfOthers} ${ownChanges}`
  }

  /**
   * The {@link changes} by which what was read can be told to be as it is now; undefined where that is not sure: in a
   * transaction, which may be undone, and where a caller has the connection, and may be in the middle of a statement.
   */
  get version(): string | undefined {
    return this.#isOursAlone && !this.#isInTransaction ? this.changes : undefined
  }

  /** Whether a statement can make triggers run: those of others, who may have made them since the file was opened, too. */
  get hasTriggers(): boolean {
    const statement = this.statement('triggers', () => TRIGGERS)
    return statement.get() !== undefined
  }

  get #isOursAlone(): boolean {
    return this.#opened.isOurs && !this.#isHandedOut
  }

  /**
   * Whether a transaction is open. The client is asked only where a caller can have begun one, or SQLite can have ended
   * ours: to ask it takes a quarter of a microsecond.
   */
  get #isInTransaction(): boolean {
    return (this.#depth > 0 || !this.#isOursAlone) && this.client.inTransaction
  }

  /** The tables of a place. */
  at(place: PlaceName): TaskTable {
    return place === 'live' ? this.live : this.archive
  }

  /** The statement with this name, prepared on first use, and again after the file was replaced. */
  statement(name: string, sql: () => string): Statement {
    let statement = this.#statements.get(name)
    if (statement === undefined) {
      statement = new Statement(this.client, sql())
      this.#statements.set(name, statement)
    }
    return statement
  }

  /**
   * Drizzle for statements of the caller's own, which nothing retries: the driver does all the waiting from
   * now on.
   */
  handOut(): TaskDatabase {
    return this.run(() => {
      this.#isHandedOut = true
      this.#lock.waitInDriver()
      this.#setBusyTimeout()
      this.#drizzle ??= drizzleOn(this.client)
      return this.#drizzle
    })
  }

  /** Runs `work`, which only reads, and returns its result. The driver's errors are translated. */
  run<T>(work: () => T): T {
    return this.#call(READS_LOOK_AFTER, work, true)
  }

  /** Like {@link run}, for one statement that writes. */
  write<T>(work: () => T): T {
    this.#checkWritable()
    return this.#call(0, () => {
      if (!this.#waits) return work()
      this.#lock.beforeWrite()
      try {
        return this.#lock.patiently(work)
      } finally {
        this.#lock.afterWrite()
      }
    })
  }

  /**
   * Like {@link write}, in one transaction that holds the write lock from its first moment. One inside
   * another is a savepoint.
   */
  transaction<T>(work: () => T): T {
    this.#checkWritable()
    return this.#call(0, () => {
      if (this.#isInTransaction) return this.#savepoint(work)
      const begin = this.statement('begin immediate', () => 'BEGIN IMMEDIATE')
      if (!this.#waits) {
        begin.run()
        return this.#lock.holding(() => this.#transact(work))
      }
      this.#lock.beforeWrite()
      try {
        this.#lock.patiently(() => begin.run())
        return this.#lock.holding(() => this.#transact(work))
      } finally {
        this.#lock.afterWrite()
      }
    })
  }

  /** Like {@link transaction}, for one batch of a long call: others get their turn between batches. */
  batch<T>(work: () => T): T {
    if (this.#isAlone) return this.transaction(work)
    this.#lock.beforeBatch()
    let start = 0
    const value = this.transaction(() => {
      start = elapsed()
      return work()
    })
    this.#lock.afterBatch(elapsed() - start)
    return value
  }

  /**
   * Like {@link run}, in a read transaction: every read sees one snapshot, and writers are not blocked.
   *
   * @param work Is given the {@link version} of the snapshot, for when it asks.
   */
  snapshot<T>(work: (version: () => string | undefined) => T): T {
    return this.#call(READS_LOOK_AFTER, () => {
      if (this.#isInTransaction) return work(() => undefined)
      const commitsOfOthers = this.#beginRead()
      const version = () => (this.#isOursAlone ? this.#changesAfter(commitsOfOthers) : undefined)
      return this.#transact(() => work(version))
    })
  }

  /** @throws TaskStoreError `CLOSED`. */
  checkOpen(): void {
    if (this.#isClosed || !this.client.open) throw this.#closed()
  }

  close(): void {
    if (!this.#opened.isOurs) return
    if (this.client.inTransaction) {
      throw invalidValue('work', 'close() was called inside transaction(); call it afterwards')
    }
    if (!this.client.open) return
    this.client.close()
    this.#isClosed = true
    forgetClosed(this.#opened.identity)
    this.#removeNewLog?.()
  }

  /**
   * Whether no other connection can be in the way: true for a database in memory, and inside a transaction.
   */
  get #isAlone(): boolean {
    return this.#opened.identity === undefined || this.#isInTransaction
  }

  /** Whether to wait for locks here. A client that was handed in waits as its own settings say. */
  get #waits(): boolean {
    return this.#opened.isOurs && !this.#isAlone
  }

  #checkWritable(): void {
    if (!this.readonly) return
    throw new TaskStoreError(
      'READONLY',
      `the store of ${this.file} was opened readonly; open it without that option to write`,
    )
  }

  /** @param isPatient Whether to run `work` again while another connection holds the lock. */
  #call<T>(lookAfter: number, work: () => T, isPatient = false): T {
    if (this.#isClosed) throw this.#closed()
    this.#checkNotUndone()
    try {
      this.#follow(lookAfter)
      return this.#opened.schemaVersion === undefined ? work() : this.#readAsNewest(work, isPatient)
    } catch (error) {
      // Made only now: one more closure takes a fiftieth of the shortest call.
      if (isPatient && isBusy(error) && this.#depth === 0 && this.#waits) {
        return this.#call(lookAfter, () => this.#lock.patiently(work))
      }
      // A caller can close the client itself.
      const translated = this.client.open ? this.#translate(error) : this.#closed(error)
      if (this.#depth > 0 && !this.client.inTransaction) this.#undoneBy ??= translated
      throw translated
    }
  }

  #closed(cause?: unknown): TaskStoreError {
    return new TaskStoreError('CLOSED', `the store of ${this.file} is closed; create a new one`, { cause })
  }

  #translate(error: unknown): unknown {
    if (!isBusy(error) || !this.#lock.isHeldHere) return translateDriverError(error, this.file, this.client)
    return new TaskStoreError(
      'LOCKED',
      `${this.file} is locked by another store of this very process, which is inside its transaction(); use that store there, or call this one after it`,
      { cause: error },
    )
  }

  /** Runs `work` in the transaction that has begun, and commits it; undoes it if that throws. */
  #transact<T>(work: () => T): T {
    return this.#inside(
      work,
      () => this.statement('commit', () => 'COMMIT').run(),
      () => this.statement('rollback', () => 'ROLLBACK').run(),
    )
  }

  #savepoint<T>(work: () => T): T {
    this.statement('savepoint', () => 'SAVEPOINT uniqc').run()
    const release = () => this.statement('release', () => 'RELEASE uniqc').run()
    return this.#inside(work, release, () => {
      this.statement('rollback to', () => 'ROLLBACK TO uniqc').run()
      release()
    })
  }

  #inside<T>(work: () => T, keep: () => void, undo: () => void): T {
    this.#depth++
    try {
      const value = settled(work())
      this.#checkNotUndone()
      keep()
      return value
    } catch (error) {
      // A full disk may have undone it already.
      if (this.client.inTransaction) undo()
      throw error
    } finally {
      this.#depth--
      if (this.#depth === 0) this.#undoneBy = undefined
    }
  }

  /** Returns how many times others had committed. */
  #beginRead(): unknown {
    return this.#waits ? this.#lock.patiently(() => this.#tryToBeginRead()) : this.#tryToBeginRead()
  }

  #tryToBeginRead(): unknown {
    this.statement('begin', () => 'BEGIN').run()
    try {
      // The snapshot begins with the first read.
      return this.#commitsOfOthers
    } catch (error) {
      this.statement('rollback', () => 'ROLLBACK').run()
      throw error
    }
  }

  #readSchemaVersion(): unknown {
    return this.statement('schema version', () => 'PRAGMA schema_version').get()?.[0]
  }

  /**
   * A full disk ends a transaction. Later writes of the same callback would be committed without the earlier
   * ones.
   */
  #checkNotUndone(): void {
    if (this.#depth === 0 || this.client.inTransaction) return
    throw (
      this.#undoneBy ?? invalidValue('work', 'the callback of transaction() ended its transaction by itself')
    )
  }

  /** Goes on with the file that the path leads to now, if it is not the one that was opened. */
  #follow(lookAfter: number): void {
    const moment = elapsed()
    if (moment - this.#lookedAt < lookAfter) return
    const { identity, isOurs } = this.#opened
    if (identity === undefined || this.#isInTransaction) return
    const found = identifyFile(this.file)
    if (!isSameFile(found, identity)) {
      if (!isOurs) {
        throw new TaskStoreError(
          'CANNOT_OPEN',
          `${this.file} was removed or replaced while the connection that was handed in had it open; open a new connection, and a new store on it`,
        )
      }
      if (found === undefined) this.#settle()
      this.#reopen()
    } else this.#followLog(moment)
    this.#lookedAt = moment
  }

  /**
   * Goes on with the log that others will read: where somebody removed it from under this connection, what is written
   * to it is lost when it is closed.
   */
  #followLog(moment: number): void {
    if (this.#log === undefined || moment - this.#logLookedAt < LOG_LOOK_AFTER) return
    this.#logLookedAt = moment
    const found = identifyFile(this.#log.path)
    if (isSameFile(found, this.#log.identity)) return
    // Written into a file that has another log by now, it would damage that one.
    if (found === undefined) this.#settle()
    // First, since SQLite shares a -shm that was removed as well among the connections of a process to one file.
    this.#closeOld(this.#opened)
    this.#reopen()
  }

  /** Writes the log into a file that was moved away, so that no commit is left behind in the log. */
  #settle(): void {
    try {
      this.client.pragma('wal_checkpoint(TRUNCATE)')
    } catch {
      // Read-only, or another process is checkpointing and will finish.
    }
  }

  #open(): OpenFile {
    const { readonly, cacheDir, database, file } = this.#location
    checkExists(this.#location)
    if (readonly && cacheDir !== undefined) this.#removeNewLog ??= newLogRemover(file)
    if (!readonly && database === undefined && cacheDir !== undefined) removeLeftOversBeside(file)
    const opened = openFile(this.#location, this.#goal)
    noteOpen(opened.identity, opened.client)
    this.#setBusyTimeout(opened)
    return opened
  }

  #setBusyTimeout({ client, isOurs }: OpenFile = this.#opened): void {
    if (isOurs) client.pragma(`busy_timeout = ${this.#lock.driverTimeout}`)
  }

  #reopen(): void {
    const old = this.#opened
    this.#opened = this.#open()
    this.#log = findLog(this.#opened)
    this.#openings++
    this.#drizzle = undefined
    this.#isHandedOut = false
    this.#statements.clear()
    this.#closeOld(old)
  }

  #closeOld({ client, identity }: OpenFile): void {
    try {
      // SQLite sees where its file has moved, and leaves the log of a new one alone.
      client.close()
    } catch {
      // The caller's own iterator still reads from it: it is closed when it is garbage-collected.
    }
    forgetClosed(identity)
  }

  /** Reads a file of an older version as the newest, unless another process has upgraded it meanwhile. */
  #readAsNewest<T>(work: () => T, isPatient: boolean): T {
    if (this.#isInTransaction) return work()
    this.#beginRead()
    const read = this.#transact(() => {
      const isStale = this.#readSchemaVersion() !== this.#opened.schemaVersion
      return isStale ? undefined : { value: work() }
    })
    if (read !== undefined) return read.value
    this.#reopen()
    return this.#call(READS_LOOK_AFTER, work, isPatient)
  }
}

function findLog({ identity, isOurs, client }: OpenFile) {
  if (identity === undefined || !isOurs) return undefined
  const path = `${followLinks(client.name)}-wal`
  const log = identifyFile(path)
  return log && { path, identity: log }
}

/** Refuses a promise, whose work would run after the commit. */
function settled<T>(value: T): T {
  if (typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function') {
    // Swallow its result, or it would be an unhandled rejection.
    Promise.resolve(value).catch(() => undefined)
    throw wrongType(
      'the callback of transaction()',
      'a function that does not return a promise',
      value,
      'work',
    )
  }
  return value
}
