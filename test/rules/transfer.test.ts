import assert from 'node:assert/strict'
import test from 'node:test'
import { isAmong, recordName, TRANSFER } from '../../src/rules/transfer.ts'

test('a task is known in the place where it was found, and in no other', () => {
  const isThere = isAmong(new Set([recordName('a', 'live'), recordName('b', 'archived')]))
  assert.equal(isThere('a', 'live'), true)
  assert.equal(isThere('a', 'archived'), false)
  assert.equal(isThere('b', 'archived'), true)
  assert.equal(isThere('c', 'live'), false)
})

test('no two tasks have one name, whatever their ids', () => {
  assert.equal(recordName('a', 'live'), 'live a')
  assert.notEqual(recordName('a', 'live'), recordName('a', 'archived'))
})

test('a store of another copy of the package has what a copy needs under the same property', () => {
  assert.equal(TRANSFER, Symbol.for('uniqc-task-store.transfer'))
})
