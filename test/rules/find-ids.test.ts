import assert from 'node:assert/strict'
import test from 'node:test'
import { checkFindIds, type FindIdsOptions, mergeIds } from '../../src/rules/find-ids.ts'
import { isMisuseOf } from '../support/rule-errors.ts'

const REFUSED: readonly (readonly [title: string, beginning: unknown, options: unknown, word: string])[] = [
  ['undefined', undefined, undefined, 'beginning'],
  ['a number', 5, undefined, 'beginning'],
  ['an empty beginning', '', undefined, 'beginning'],
  ['null for the options', 'a', null, 'options'],
  ['an unknown option', 'a', { limt: 1 }, 'limt'],
  ['archived: "yes"', 'a', { archived: 'yes' }, 'archived'],
  ['limit: 0.5', 'a', { limit: 0.5 }, 'limit'],
]
for (const [title, beginning, options, word] of REFUSED) {
  test(`${title}, where ids are to be found, is a TypeError that names it`, () => {
    assert.throws(() => checkFindIds(beginning as string, options as FindIdsOptions), isMisuseOf(word))
  })
}

test('an empty beginning is told what one is', () => {
  assert.throws(() => checkFindIds('', undefined), { message: /a string of at least one character/ })
})

test('all live ids are found, from the beginning up to what no character comes after', () => {
  const found = { places: ['live'], limit: -1, from: 'uqt_', to: 'uqt_\u{10FFFF}' }
  assert.deepEqual(checkFindIds('uqt_', undefined), found)
  assert.deepEqual(checkFindIds('uqt_', {}), found)
  const { to } = checkFindIds('a', {})
  for (const id of ['a', 'az', 'a\u{10FFFE}', 'a\uFFFF'])
    assert.ok(Buffer.compare(Buffer.from(id), Buffer.from(to)) < 0)
})

test('archived ids are found, or both, and so many', () => {
  assert.deepEqual(checkFindIds('a', { archived: true, limit: 3 }).places, ['archived'])
  assert.deepEqual(checkFindIds('a', { archived: 'both', limit: 3 }).places, ['live', 'archived'])
  assert.equal(checkFindIds('a', { limit: 3 }).limit, 3)
})

test('the ids of both places are merged in their order, each once, and so many', () => {
  const found = [
    ['b', 'd'],
    ['a', 'b', 'c'],
  ]
  assert.deepEqual(mergeIds(found, -1), ['a', 'b', 'c', 'd'])
  assert.deepEqual(mergeIds(found, 3), ['a', 'b', 'c'])
  assert.deepEqual(mergeIds(found, 1), ['a'])
  assert.deepEqual(mergeIds(found, 0), [])
  assert.deepEqual(mergeIds([], -1), [])
})
