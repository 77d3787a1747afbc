import assert from 'node:assert/strict'
import test from 'node:test'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { formatTime } from '../../src/rules/clock.ts'
import { hasTimeType, textOfTime } from '../../src/rules/given-time.ts'
import { parseInstant } from '../../src/rules/instant.ts'

const REFUSED = [
  ...[
    '',
    'yesterday',
    '7 days ago',
    '2026',
    '2026-01',
    '2026-02-31',
    '1767225600',
    '2026-01-01T00:00:00 CET',
  ],
  ...[new Date(Number.NaN), new Date('+010000-01-01'), new Date('-000001-12-31'), new Date(8.64e15)],
]
for (const given of REFUSED) {
  test(`${String(given) || 'an empty text'} is not a time`, () => assert.equal(textOfTime(given), undefined))
}

for (const value of [null, undefined, 0, 1n, {}, [], { toISOString: () => '2026-01-01' }, Date]) {
  test(`${String(value)} has not the type of a time`, () => assert.equal(hasTimeType(value), false))
}

test('a text that is a time stays as it is', () => {
  for (const text of [
    '2026-01-01',
    '2026-01-01 12:30',
    '2026-01-01T12:30:00.5+08:00',
    '2026-01-01T12:30:00Z',
  ]) {
    assert.equal(textOfTime(text), text)
  }
})

test('a Date of another realm is a time', () => {
  const date: unknown = runInNewContext('new Date(0)')
  assert.ok(hasTimeType(date))
  assert.equal(textOfTime(date), '1970-01-01T00:00:00.000000+00:00')
})

test('any Date of a year with four digits takes the form of the store, and means its moment', () => {
  const dates = fc.date({
    min: new Date('0000-01-01'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  })
  fc.assert(
    fc.property(dates, (date) => {
      const text = textOfTime(date)
      assert.match(String(text), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}000\+00:00$/)
      assert.equal(parseInstant(String(text)), date.getTime() * 1000)
      if (Number.isSafeInteger(date.getTime() * 1000)) assert.equal(text, formatTime(date.getTime() * 1000))
    }),
  )
})
