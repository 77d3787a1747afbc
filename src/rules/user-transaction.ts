import { AsyncLocalStorage } from 'node:async_hooks'
import { type ArgumentError, invalidValue } from './argument-error.ts'
import { checkInteger, optionsReader } from './check-arguments.ts'
import { TaskStoreError } from './task-store-error.ts'

/** How a transaction is run. */
export interface TransactionOptions {
  /** How often to run the callback again if the transaction was undone because of others. Default 0. */
  readonly retries?: number | undefined
}

export const readTransactionOptions = optionsReader<{ readonly retries: number }>({
  retries: (name, value = 0) => {
    checkInteger(name, value, 0)
    return value as number
  },
})

/** For how long a transaction may be open by default, in milliseconds: Python gives up after 5000. */
export const TRANSACTION_TIMEOUT = 2000

/** A transaction of an asynchronous store that runs a callback of the user's. */
export interface UserTransaction {
  /** Whether it is one of a store, or of a transaction: directly or inside another one, and not over. */
  isIn(outer: object): boolean
}

/** The transactions around a call, of any store, so that a call on the store around one is noticed. */
const running = new AsyncLocalStorage<readonly UserTransaction[]>()

/** Runs the callback of a transaction. */
export function runInside<T>(transaction: UserTransaction, work: () => T): T {
  return running.run([...(running.getStore() ?? []), transaction], work)
}

/** Refuses a call on a store, or on a transaction, from inside a transaction of it. */
export function checkNotInside(outer: object): void {
  if (!running.getStore()?.some((transaction) => transaction.isIn(outer))) return
  throw invalidValue(
    'tx',
    'this call is inside transaction() and would wait for it, or not be part of it; use tx, which the callback gets',
  )
}

/** The error for a call on a transaction that is over. */
export function txIsOver(): TaskStoreError {
  return new TaskStoreError('CLOSED', 'the transaction of this tx is over; use the store itself')
}

/** The error for a call that needs the whole store. */
export function notOnTx(name: string): ArgumentError {
  return invalidValue(name, `tx has no ${name}; use that of the store, outside its transaction`)
}

/** The error for a transaction that was open for too long. */
export function tookTooLong(store: string, timeout: number): TaskStoreError {
  return new TaskStoreError(
    'TIMED_OUT',
    `a transaction on ${store} took longer than ${timeout} ms and was undone; do less in it, or raise transactionTimeout`,
  )
}
