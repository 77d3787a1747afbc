import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { holdsLongInteger } from '../../drizzle/json/read.ts'

const CASES: readonly (readonly [text: string, isLong: boolean])[] = [
  ['', false],
  ['999999999999999', false],
  ['9999999999999999', true],
  ['-9999999999999999', true],
  ['[1,9999999999999999]', true],
  ['{"a":9999999999999999}', true],
  ['{"a": \n9999999999999999 }', true],
  ['0.1234567890123456789', false],
  ['1.1234567890123456', false],
  ['{"0101010101010101":1}', false],
  ['{"0101010101010101010101010101010101":1,"x":1234567890123456}', true],
  ['"1234567890123456"', false],
  ['"at 1234567890123456"', true],
]
for (const [text, isLong] of CASES) {
  test(`${JSON.stringify(text)} ${isLong ? 'may hold' : 'does not hold'} an integer that JSON.parse rounds`, () => {
    assert.equal(holdsLongInteger(text), isLong)
  })
}

test('wherever in a text sixteen digits stand, they are found', () => {
  const piece = fc.constantFrom(
    '0',
    '1',
    '12345678',
    '1234567890123456',
    '.',
    '"',
    ':',
    ',',
    '-',
    ' ',
    'a',
    '[',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const text = pieces.join('')
      assert.equal(holdsLongInteger(text), /(?:^|[ \t\n\r[,:-])\d{16}/.test(text))
    }),
    { numRuns: 20_000 },
  )
})
