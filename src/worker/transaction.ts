import { checkNotInside, runInside, txIsOver, type UserTransaction } from '../rules/user-transaction.ts'
import type { Caller, Following } from './caller.ts'
import type { End, Thread } from './thread.ts'

/** A transaction in the thread of a store, or a savepoint in one. While it is open, the thread does nothing else. */
export class Transaction implements Caller, UserTransaction {
  readonly isStore = false
  readonly #outer: object
  readonly #thread: Thread
  readonly #id: number
  #isOver = false

  constructor(outer: object, thread: Thread, id: number) {
    this.#outer = outer
    this.#thread = thread
    this.#id = id
  }

  isIn(outer: object): boolean {
    if (this.#isOver) return false
    return this.#outer === outer || (this.#outer instanceof Transaction && this.#outer.isIn(outer))
  }

  end(): void {
    this.#isOver = true
  }

  async call<T>(method: string, args: readonly unknown[], following?: Following): Promise<T> {
    this.#check()
    const end = await this.#thread.ask({
      method,
      args,
      tx: this.#id,
      outcome: () => 'not-done',
      following,
    })
    if ('fail' in end) throw end.fail()
    return end.value as T
  }

  together(): Caller {
    return this
  }

  async transaction<T>(work: (tx: Caller) => Promise<T>): Promise<T> {
    this.#check()
    return runTransaction(this, this.#thread, work, { tx: this.#id })
  }

  #check(): void {
    if (this.#isOver) throw txIsOver()
    checkNotInside(this)
  }
}

/**
 * Runs a callback in a transaction of a thread.
 *
 * @param where For how many milliseconds it may be open, or the transaction that it is a savepoint of.
 */
export async function runTransaction<T>(
  outer: object,
  thread: Thread,
  work: (tx: Caller) => Promise<T>,
  where: { readonly timeout: number } | { readonly tx: number },
): Promise<T> {
  let begin: (id: number) => void = () => {}
  const begun = new Promise<number>((resolve) => {
    begin = resolve
  })
  const isSavepoint = 'tx' in where
  const ended = thread.ask({
    method: 'transaction',
    args: isSavepoint ? [] : [where.timeout],
    ...(isSavepoint && where),
    following: { onProgress: begin },
    outcome: (lost, id) => (!isSavepoint && lost.hasCommitted(id) ? 'unknown' : 'not-done'),
  })
  const id = await Promise.race([begun, ended])
  if (typeof id !== 'number') throw failureOf(id)
  const tx = new Transaction(outer, thread, id)
  const run = runInside(tx, async () => work(tx)).then(
    (value) => ({ value }),
    (error) => ({ error }),
  )
  const done = await Promise.race([run, ended])
  tx.end()
  // Its callback may still be running.
  if ('fail' in done) throw done.fail()
  thread.tell({ method: 'error' in done ? 'rollback' : 'commit', args: [], tx: id })
  const end = await ended
  if ('error' in done) throw done.error
  if ('fail' in end) throw end.fail()
  return done.value as T
}

const failureOf = (end: End) => ('fail' in end ? end.fail() : undefined)
