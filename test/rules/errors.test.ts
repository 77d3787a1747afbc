import assert from 'node:assert/strict'
import test from 'node:test'
import { runInNewContext } from 'node:vm'
import { ArgumentError, invalidType, invalidValue } from '../../src/rules/argument-error.ts'
import { isError } from '../../src/rules/is-error.ts'
import { invalidTask, TaskStoreError } from '../../src/rules/task-store-error.ts'

test('an error of the store has its name, its code and its message, and nothing that it was not given', () => {
  const error = new TaskStoreError('LOCKED', 'tasks.sqlite is locked')
  assert.ok(error instanceof Error)
  assert.deepEqual(
    [error.name, error.code, error.message],
    ['TaskStoreError', 'LOCKED', 'tasks.sqlite is locked'],
  )
  for (const name of ['cause', 'invalid', 'outcome']) assert.equal(Object.hasOwn(error, name), false, name)
  const none = { cause: undefined, invalid: undefined, outcome: undefined } as object
  const given = new TaskStoreError('LOCKED', '', none)
  for (const name of ['cause', 'invalid', 'outcome']) assert.equal(Object.hasOwn(given, name), false, name)
})

test('an error of the store has the cause, the field and the outcome that it was given', () => {
  const cause = new Error('busy')
  assert.equal(new TaskStoreError('LOCKED', '', { cause }).cause, cause)
  assert.equal(new TaskStoreError('DISCONNECTED', '', { outcome: 'unknown' }).outcome, 'unknown')
  const invalid = { field: 'shots', problem: 'is negative' }
  assert.equal(new TaskStoreError('INVALID_TASK', '', { invalid }).invalid, invalid)
})

test('the error for a field names the task, the field and what is wrong', () => {
  const invalid = { taskId: 'a"b', field: 'shots', problem: 'is negative' }
  const error = invalidTask(invalid)
  assert.deepEqual([error.code, error.message], ['INVALID_TASK', 'task "a\\"b": shots is negative'])
  assert.deepEqual(error.invalid, invalid)
  assert.equal(Object.hasOwn(error, 'cause'), false)
})

test('the error for a field of a task without an id says so, and names the cause', () => {
  const cause = new TypeError('a Map')
  const error = invalidTask({ taskId: undefined, field: 'metadata', problem: 'is a Map' }, cause)
  assert.equal(error.message, 'the task: metadata is a Map')
  assert.deepEqual(Object.keys(error.invalid ?? {}), ['field', 'problem'])
  assert.equal(error.cause, cause)
})

test('an error for an argument is a TypeError that has its code and its argument', () => {
  const cause = new Error('why')
  for (const [error, code] of [
    [invalidType('limit', 'limit must be a number'), 'ERR_INVALID_ARG_TYPE'],
    [invalidValue('limit', 'limit must be a number', { cause }), 'ERR_INVALID_ARG_VALUE'],
  ] as const) {
    assert.ok(error instanceof ArgumentError && error instanceof TypeError)
    assert.deepEqual([error.code, error.argument, error.message], [code, 'limit', 'limit must be a number'])
    assert.equal(error.cause, code === 'ERR_INVALID_ARG_VALUE' ? cause : undefined)
  }
})

test('an error of any realm is an error', () => {
  assert.equal(isError(new TypeError('x')), true)
  assert.equal(isError(runInNewContext('new Error()')), true)
})

for (const value of [undefined, null, 'Error', 5, {}, { name: 'Error' }, { message: 'x' }, () => undefined]) {
  test(`${JSON.stringify(value) ?? String(value)} is no error`, () => assert.equal(isError(value), false))
}
