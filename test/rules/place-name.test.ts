import assert from 'node:assert/strict'
import test from 'node:test'
import { otherPlace, PLACE_NAMES } from '../../src/rules/place-name.ts'

test('a task is live or archived, and the other place of each is the other one', () => {
  assert.deepEqual(PLACE_NAMES, ['live', 'archived'])
  assert.deepEqual(PLACE_NAMES.map(otherPlace), ['archived', 'live'])
})
