import assert from 'node:assert/strict'
import test from 'node:test'
import { stringifyJson } from '../../drizzle/json/write.ts'
import { findLoneSurrogate } from '../../src/rules/lone-surrogate.ts'

const LONE = '\uD800'

const FOUND: readonly (readonly [value: unknown, path: string])[] = [
  [LONE, ''],
  [`a${LONE}b`, ''],
  ['\uDC00\uD800', ''],
  [{ a: LONE }, '.a'],
  [[1, LONE], '[1]'],
  [{ a: [{ b: LONE }] }, '.a[0].b'],
  [{ a: 1, [LONE]: 2 }, '["\\ud800"]'],
  [{ a: { [LONE]: {} } }, '.a["\\ud800"]'],
  // The first in the order of the text.
  [{ a: [LONE], b: LONE }, '.a[0]'],
  [[[], { x: '' }, [LONE], LONE], '[2][0]'],
  [{ 'a b': LONE }, '["a b"]'],
  [['\\ud800', LONE], '[1]'],
]
for (const [value, path] of FOUND) {
  test(`the lone surrogate of ${JSON.stringify(value)} is at ${path || 'the value itself'}`, () => {
    assert.equal(findLoneSurrogate(stringifyJson(value)), path)
  })
}

for (const value of [null, 1, '', 'a', '\u{1F600}', '\\ud83d', { a: ['\u{10FFFF}', null, { b: {} }] }, []]) {
  test(`there is no lone surrogate in ${JSON.stringify(value)}`, () => {
    assert.equal(findLoneSurrogate(stringifyJson(value)), undefined)
  })
}

test('a lone surrogate is found however deeply it is nested', () => {
  const depth = 100_000
  const text = `${'['.repeat(depth)}"\\ud800"${']'.repeat(depth)}`
  assert.equal(findLoneSurrogate(text), '[0]'.repeat(depth))
})

test('an emoji is no lone surrogate, also where one follows', () => {
  assert.equal(findLoneSurrogate(stringifyJson(['\u{1F600}', null, 5, LONE])), '[3]')
})
