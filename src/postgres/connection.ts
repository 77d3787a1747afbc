import { invalidValue } from '../rules/argument-error.ts'
import type { Row } from '../rules/task-row.ts'
import { type CallOutcome, TaskStoreError } from '../rules/task-store-error.ts'
import { checkNotInside, runInside, tookTooLong } from '../rules/user-transaction.ts'
import { isBroken, isLost, isNotDone, isRace, isRepeatable, translateDriverError } from './driver-error.ts'
import {
  type Answer,
  answerOf,
  ask,
  comparable,
  NOTHING,
  type PgClient,
  type PgPool,
  type PgQuery,
  type PgResult,
  rowsOf,
  Statements,
} from './statement.ts'
import { Session, Transaction, type UsersOptions } from './transaction.ts'

/**
 * How often a call of ours is run again that the server undid because of others, and how often before where another
 * one only came first: nobody waited for anybody.
 */
const OURS = { retries: 3, mostRaces: 20 }

const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED'
const BEGIN_SNAPSHOT = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'

/** The pool of a store, whose statements run each on any of its connections. */
export class Connection extends Session {
  readonly #pool: PgPool
  readonly #isOurs: boolean
  readonly #known = new WeakSet<PgClient>()
  #isClosed = false

  constructor(
    pool: PgPool,
    { isOurs, schema, prepare }: { isOurs: boolean; schema: string; prepare: boolean },
  ) {
    super(schema, new Statements(prepare))
    this.#pool = pool
    this.#isOurs = isOurs
    // Without a listener the loss of an idle connection would end the process.
    pool.on('error', ignore)
  }

  read(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    // A read that broke changes nothing, so it is sent again whatever became of it.
    return this.#send(text, values, isBroken, rowsOf)
  }

  write(text: string, values: readonly unknown[] = []): Promise<Answer> {
    return this.#send(text, values, isNotDone, answerOf)
  }

  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#transact(work, BEGIN)
  }

  snapshot<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#transact(work, BEGIN_SNAPSHOT)
  }

  usersTransaction<T>(work: (tx: Transaction) => Promise<T>, options: UsersOptions): Promise<T> {
    const inside = (tx: Transaction) => runInside(tx, () => work(tx))
    return this.#transact(inside, BEGIN, options)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    checkNotInside(this)
    this.#isClosed = true
    // Ours keeps its listener: its connections are still closing when it has ended.
    if (this.#isOurs) await this.#pool.end()
    else this.#pool.off('error', ignore)
  }

  async #send<T>(
    text: string,
    values: readonly unknown[],
    canRepeat: (error: unknown) => boolean,
    take: (result: PgResult) => T,
  ): Promise<T> {
    this.#check()
    const compared = comparable(values)
    if (compared === undefined) return take(NOTHING)
    const query = this.statements.query(text, compared)
    return take(await this.#repeatedly(OURS, canRepeat, () => this.#ask(query)))
  }

  /** Sends a statement on any connection. With callbacks, since each promise costs some of the time of a short call. */
  async #ask(query: PgQuery): Promise<PgResult> {
    let outcome: CallOutcome = 'not-done'
    try {
      return await new Promise((resolve, reject) => {
        this.#pool.connect((error, client) => {
          if (client === undefined) return reject(error)
          outcome = 'unknown'
          this.#listenTo(client)
          client.query(query, (failure, result) => {
            client.release(failure !== null && isLost(failure))
            if (failure) reject(failure)
            else resolve(result)
          })
        })
      })
    } catch (error) {
      throw translateDriverError(error, this.name, outcome)
    }
  }

  /** Runs work again that was undone because of others, and once at once if its connection was not there. */
  async #repeatedly<T>(
    { retries, mostRaces }: { readonly retries: number; readonly mostRaces: number },
    canRepeat: (error: unknown) => boolean,
    work: () => Promise<T>,
  ): Promise<T> {
    let isResent = false
    let races = 0
    for (let attempt = 0; ; ) {
      try {
        return await work()
      } catch (error) {
        const hasRaced = isRace(error)
        if (!isResent && canRepeat(error)) isResent = true
        else if (races < mostRaces && hasRaced) races++
        else if (attempt < retries && (hasRaced || isRepeatable(error))) attempt++
        else throw error
      }
    }
  }

  async #transact<T>(work: (tx: Transaction) => Promise<T>, begin: string, users?: UsersOptions): Promise<T> {
    this.#check()
    let isStarted = false
    const canRepeat = (error: unknown) => isNotDone(error) && (users === undefined || !isStarted)
    return this.#repeatedly(users ? { ...users, mostRaces: 0 } : OURS, canRepeat, async () => {
      const client = await this.#acquire()
      const tx = new Transaction(this, client)
      let destroy = false
      try {
        const begun = tx.send(begin)
        begun.catch(ignore)
        if (users !== undefined) await begun
        isStarted = true
        const value = await within(users?.timeout, this.name, () => work(tx))
        await begun
        await this.#commit(tx, client)
        return value
      } catch (error) {
        tx.end()
        // One that is busy would be waited for: without its connection the server undoes it by itself.
        destroy = isBroken(tx.failure) || isBroken(error) || tx.isBusy
        if (!destroy) destroy = !(await rollback(client))
        throw error
      } finally {
        client.release(destroy)
      }
    })
  }

  async #commit(tx: Transaction, client: PgClient): Promise<void> {
    tx.end()
    const committed = ask(client, { text: 'COMMIT' })
    committed.catch(ignore)
    await tx.settle()
    const { command } = await committed.catch((error) => {
      throw translateDriverError(error, this.name, 'unknown')
    })
    // After a statement that failed, whose error the callback caught, the server commits nothing.
    if (command === 'ROLLBACK')
      throw (
        tx.failure ?? invalidValue('work', 'the callback of transaction() ended its transaction by itself')
      )
  }

  async #acquire(): Promise<PgClient> {
    try {
      const client = await new Promise<PgClient>((resolve, reject) => {
        this.#pool.connect((error, client) => (client === undefined ? reject(error) : resolve(client)))
      })
      this.#listenTo(client)
      return client
    } catch (error) {
      throw translateDriverError(error, this.name, 'not-done')
    }
  }

  /** Without a listener the loss of a connection would end the process. */
  #listenTo(client: PgClient): void {
    if (this.#known.has(client)) return
    client.on('error', ignore)
    this.#known.add(client)
  }

  #check(): void {
    if (this.#isClosed) {
      throw new TaskStoreError('CLOSED', `the store of ${this.name} is closed; open a new one`)
    }
    checkNotInside(this)
  }
}

function ignore(): void {}

async function rollback(client: PgClient): Promise<boolean> {
  try {
    await ask(client, { text: 'ROLLBACK' })
    return true
  } catch {
    return false
  }
}

/** The result of `work`, unless that takes too long. */
async function within<T>(timeout: number | undefined, name: string, work: () => Promise<T>): Promise<T> {
  if (timeout === undefined) return work()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(tookTooLong(name, timeout))
    }, timeout)
  })
  try {
    return await Promise.race([work(), late])
  } finally {
    clearTimeout(timer)
  }
}
