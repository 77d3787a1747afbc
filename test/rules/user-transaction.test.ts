import assert from 'node:assert/strict'
import test from 'node:test'
import {
  checkNotInside,
  notOnTx,
  readTransactionOptions,
  runInside,
  TRANSACTION_TIMEOUT,
  type TransactionOptions,
  tookTooLong,
  txIsOver,
  type UserTransaction,
} from '../../src/rules/user-transaction.ts'
import { hasCode, isMisuseOf } from '../support/rule-errors.ts'

const REFUSED: readonly (readonly [title: string, options: unknown, word: string])[] = [
  ['null', null, 'options'],
  ['an unknown option', { retry: 1 }, 'retry'],
  ['retries: null', { retries: null }, 'retries'],
  ['retries: -1', { retries: -1 }, 'retries'],
  ['retries: 1.5', { retries: 1.5 }, 'retries'],
  ['retries: "1"', { retries: '1' }, 'retries'],
]
for (const [title, options, word] of REFUSED) {
  test(`${title} for the options of a transaction is a TypeError that names it`, () => {
    assert.throws(() => readTransactionOptions(options as TransactionOptions), isMisuseOf(word))
  })
}

test('a transaction is run once unless it is told to be run again', () => {
  assert.deepEqual(readTransactionOptions(undefined), { retries: 0 })
  assert.deepEqual(readTransactionOptions({ retries: undefined }), { retries: 0 })
  for (const retries of [0, 1, 20]) assert.deepEqual(readTransactionOptions({ retries }), { retries })
})

test('a transaction may be open for less time than Python waits for a lock', () => {
  assert.equal(TRANSACTION_TIMEOUT, 2000)
})

const inside = (...outers: readonly object[]): UserTransaction => ({
  isIn: (outer) => outers.includes(outer),
})
const [store, other] = [{}, {}]

test('a call on a store is refused inside a transaction of it, whatever is awaited before', async () => {
  await runInside(inside(store), async () => {
    await Promise.resolve()
    assert.throws(() => checkNotInside(store), isMisuseOf('tx', 'ERR_INVALID_ARG_VALUE'))
    assert.throws(() => checkNotInside(store), { message: /inside transaction\(\).*use tx/ })
  })
})

test('a call on a store is refused also inside a transaction of another one that is inside', () => {
  runInside(inside(store), () => {
    runInside(inside(other), () => {
      assert.throws(() => checkNotInside(store), isMisuseOf('tx'))
      assert.throws(() => checkNotInside(other), isMisuseOf('tx'))
    })
    checkNotInside(other)
  })
})

test('a call on a store is taken outside its transactions, and inside those of another one', () => {
  checkNotInside(store)
  assert.equal(
    runInside(inside(other), () => {
      checkNotInside(store)
      return 'done'
    }),
    'done',
  )
  runInside(inside(store), () => undefined)
  checkNotInside(store)
})

test('a call on a tx that is over is CLOSED, and says to use the store', () => {
  hasCode('CLOSED', 'is over', 'the store itself')(txIsOver())
})

test('what tx has not is misuse that names it', () => {
  isMisuseOf('backup', 'ERR_INVALID_ARG_VALUE')(notOnTx('backup'))
  assert.match(notOnTx('backup').message, /tx has no backup.*outside its transaction/)
})

test('a transaction that was open for too long is TIMED_OUT, and says what store and limit', () => {
  hasCode('TIMED_OUT', 'on the store', '1500 ms', 'transactionTimeout')(tookTooLong('the store', 1500))
})
