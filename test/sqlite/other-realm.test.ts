import assert from 'node:assert/strict'
import test from 'node:test'
import { runInNewContext } from 'node:vm'
import { codeOf, fileError } from '../../src/files/file-error.ts'
import { TaskStoreError } from '../../src/rules/task-store-error.ts'
import { isBusy, translateDriverError } from '../../src/sqlite/driver-error.ts'

/** An error as Node and the driver throw it where a test runner gave the package a realm of its own. */
const errorOf = (name: string, code: string): unknown =>
  runInNewContext('Object.assign(new Error(`it failed`), { name, code })', { name, code })

test('an error of another realm is no instance of Error', () => {
  assert.ok(!(errorOf('SqliteError', 'SQLITE_BUSY') instanceof Error))
})

for (const [code, expected] of [
  ['SQLITE_BUSY', 'LOCKED'],
  ['SQLITE_FULL', 'DISK_FULL'],
  ['SQLITE_NOTADB', 'CORRUPT_FILE'],
] as const) {
  test(`an error ${code} of the driver is ${expected} in any realm`, () => {
    const error = errorOf('SqliteError', code)
    assert.equal(isBusy(error), expected === 'LOCKED')
    const translated = translateDriverError(error, 'tasks.sqlite')
    assert.ok(translated instanceof TaskStoreError)
    assert.equal(translated.code, expected)
    assert.equal(translated.cause, error)
  })
}

test('an error of Node has its code in any realm', () => {
  const error = errorOf('Error', 'ENOSPC')
  assert.equal(codeOf(error), 'ENOSPC')
  assert.equal(fileError(error, 'export.jsonl', 'written').code, 'DISK_FULL')
})

test('what is no error has no code', () => {
  for (const value of [undefined, null, 'ENOSPC', { code: 'ENOSPC' }, 5]) {
    assert.equal(codeOf(value), undefined)
    assert.equal(isBusy(value), false)
    assert.equal(translateDriverError(value, 'tasks.sqlite'), value)
  }
})
