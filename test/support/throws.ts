import assert from 'node:assert/strict'
import { type Work, wait, work } from './work.ts'

type Expected = assert.AssertPredicate

/** Asserts that a call throws, or that its promise is rejected, as `assert.throws` does. */
export async function throws(call: () => unknown, expected: Expected): Promise<void> {
  await work(throwsWithin)(call, expected)
}

/** {@link throws} for work in a transaction, where nothing may be awaited. */
export function* throwsWithin(call: () => unknown, expected: Expected): Work<void> {
  let outcome = () => {}
  try {
    yield* wait(call())
  } catch (error) {
    outcome = () => {
      throw error
    }
  }
  assert.throws(outcome, expected)
}
