import type { ArchivedTaskInfo } from '../../drizzle/schema.ts'
import type { PlaceName } from '../rules/place-name.ts'
import { type Row, readArchivedTask, readTask } from '../rules/task-row.ts'
import { checkNotInside, runInside, txIsOver, type UserTransaction } from '../rules/user-transaction.ts'
import { translateDriverError } from './driver-error.ts'
import {
  type Answer,
  answerOf,
  ask,
  comparable,
  type Executor,
  NOTHING,
  type PgClient,
  type Statements,
} from './statement.ts'
import { tablesOf } from './tables/place.ts'
import { TaskTable } from './tables/task-table.ts'

/** Where statements run: on any connection, each for itself, or on the one of a transaction. */
export abstract class Session implements Executor {
  readonly schema: string
  readonly statements: Statements
  readonly live: TaskTable
  readonly archive: TaskTable<ArchivedTaskInfo>

  constructor(schema: string, statements: Statements) {
    this.schema = schema
    this.statements = statements
    const { live, archived } = tablesOf(schema)
    this.live = new TaskTable(this, live, readTask)
    this.archive = new TaskTable(this, archived, readArchivedTask)
  }

  /** The server and the schema, as messages name them. */
  get name(): string {
    return `the PostgreSQL schema ${this.schema}`
  }

  at(place: PlaceName): TaskTable {
    return place === 'live' ? this.live : this.archive
  }

  text(shape: string, build: () => string): string {
    return this.statements.text(shape, build)
  }

  abstract read(text: string, values?: readonly unknown[]): Promise<Row[]>
  abstract write(text: string, values?: readonly unknown[]): Promise<Answer>
  /** Runs `work` in one transaction; inside another one in a savepoint. */
  abstract transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  /** Runs a callback of the user's in a transaction, once unless it is said that it may run again. */
  abstract usersTransaction<T>(work: (tx: Transaction) => Promise<T>, options: UsersOptions): Promise<T>
  /** Runs `work`, which only reads, on one snapshot. */
  abstract snapshot<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
}

export interface UsersOptions {
  readonly retries: number
  /** In milliseconds; undefined for no limit. */
  readonly timeout: number | undefined
}

/** A transaction, or a savepoint in one. */
export class Transaction extends Session implements UserTransaction {
  readonly #parent: Session
  readonly #client: PgClient
  /** Resolves when the savepoint that is open ends. */
  #child: Promise<void> | undefined
  #isOver = false
  #underWay = 0
  readonly #later: Promise<unknown>[] = []
  /** The error after which the server refuses all but the end of the transaction. */
  #failure: unknown

  constructor(parent: Session, client: PgClient) {
    super(parent.schema, parent.statements)
    this.#parent = parent
    this.#client = client
  }

  get failure(): unknown {
    return this.#failure
  }

  /** Whether a statement was sent that the server has not answered. */
  get isBusy(): boolean {
    return this.#underWay > 0
  }

  isIn(session: object): boolean {
    if (this.#isOver) return false
    return this.#parent === session || (this.#parent instanceof Transaction && this.#parent.isIn(session))
  }

  end(): void {
    this.#isOver = true
  }

  async read(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return (await this.write(text, values)).rows
  }

  async write(text: string, values: readonly unknown[] = []): Promise<Answer> {
    const compared = comparable(values)
    if (compared === undefined) return answerOf(NOTHING)
    while (this.#child !== undefined) await this.#turn()
    return this.send(text, compared)
  }

  /**
   * Leaves a last write to be awaited when the transaction is committed, which is asked for at once: so the
   * two cost one round trip.
   */
  later(write: Promise<unknown>): void {
    write.catch(() => undefined)
    this.#later.push(write)
  }

  /** Waits for what was left for later. */
  async settle(): Promise<void> {
    await Promise.all(this.#later)
  }

  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    // Asked again after each wait: another call may have come first.
    while (this.#child !== undefined) await this.#turn()
    if (this.#isOver) throw txIsOver()
    let resolve = () => {}
    this.#child = new Promise<void>((fulfil) => {
      resolve = fulfil
    })
    const tx = new Transaction(this, this.#client)
    try {
      const begun = this.send('SAVEPOINT uniqc')
      begun.catch(() => undefined)
      let value: T
      try {
        value = await work(tx)
        await begun
        tx.end()
        const released = this.send('RELEASE SAVEPOINT uniqc')
        released.catch(() => undefined)
        await tx.settle()
        await released
      } catch (error) {
        tx.end()
        await this.#undo(begun)
        throw error
      }
      return value
    } finally {
      this.#child = undefined
      resolve()
    }
  }

  usersTransaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.transaction((tx) => runInside(tx, () => work(tx)))
  }

  /**
   * Waits for other calls that write many tasks at once. Two that wrote the same tasks in different orders
   * would wait for each other; and to sort them would change the order in which they are inserted.
   *
   * Until the end of the transaction indexes are used although the server takes a table for a small one: while many tasks
   * are written, it has not counted them yet.
   */
  async alone(): Promise<void> {
    await this.read(
      `SELECT pg_advisory_xact_lock(hashtextextended($1, 1)), set_config('enable_seqscan', 'off', true)`,
      [`uniqc-task-store ${this.schema}`],
    )
  }

  /** In a transaction of READ COMMITTED each statement sees what others committed before it. */
  snapshot<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return work(this)
  }

  async send(text: string, values: readonly unknown[] = []): Promise<Answer> {
    if (this.#isOver) throw txIsOver()
    if (this.#failure !== undefined) throw this.#failure
    this.#underWay++
    try {
      return answerOf(await ask(this.#client, this.statements.query(text, values)))
    } catch (error) {
      // A connection that is lost before the commit takes the whole transaction with it.
      const translated = translateDriverError(error, this.name, 'not-done')
      this.#failure ??= translated
      throw translated
    } finally {
      this.#underWay--
    }
  }

  /** Goes back to the savepoint, if there is one and the connection lives. */
  async #undo(begun: Promise<unknown>): Promise<void> {
    try {
      await begun
    } catch {
      return
    }
    const failure = this.#failure
    this.#failure = undefined
    try {
      await this.send('ROLLBACK TO SAVEPOINT uniqc')
      await this.send('RELEASE SAVEPOINT uniqc')
    } catch (error) {
      this.#failure = failure ?? error
    }
  }

  /** Waits for the savepoint that is open: what is sent meanwhile would be undone with it. */
  #turn(): Promise<void> | undefined {
    checkNotInside(this)
    return this.#child
  }
}
