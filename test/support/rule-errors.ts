import assert from 'node:assert/strict'
import { ArgumentError } from '../../src/rules/argument-error.ts'
import { TaskStoreError, type TaskStoreErrorCode } from '../../src/rules/task-store-error.ts'

// For tests that import the rules from their sources, whose errors are not those of the package.

/** Asserts that an error is about an argument, which its message names: for `assert.throws`. */
export const isMisuseOf = (argument: string, code?: ArgumentError['code']) => (error: unknown) => {
  assert.ok(error instanceof ArgumentError, String(error))
  assert.equal(error.argument, argument)
  if (code !== undefined) assert.equal(error.code, code)
  assert.ok(error.message.includes(argument), error.message)
  return true
}

/** Asserts that an error has a code, and that its message names all of some words: for `assert.throws`. */
export const hasCode =
  (code: TaskStoreErrorCode, ...words: readonly string[]) =>
  (error: unknown) => {
    assert.ok(error instanceof TaskStoreError, String(error))
    assert.equal(error.code, code)
    for (const word of words) assert.ok(error.message.includes(word), error.message)
    return true
  }

/** Asserts that an error is an `INVALID_TASK` about a field, and that its message names the task and the field. */
export const isInvalid = (taskId: string | undefined, field: string) => (error: unknown) => {
  hasCode('INVALID_TASK', taskId === undefined ? '' : JSON.stringify(taskId), field)(error)
  assert.ok(error instanceof TaskStoreError, String(error))
  assert.deepEqual([error.invalid?.taskId, error.invalid?.field], [taskId, field])
  return true
}
