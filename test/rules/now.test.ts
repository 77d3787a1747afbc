import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import { formatTime, now } from '../../src/rules/clock.ts'
import { parseInstant } from '../../src/rules/instant.ts'

const TIMES: readonly (readonly [microseconds: number, text: string])[] = [
  [0, '1970-01-01T00:00:00.000000+00:00'],
  [1, '1970-01-01T00:00:00.000001+00:00'],
  [999, '1970-01-01T00:00:00.000999+00:00'],
  [1000, '1970-01-01T00:00:00.001000+00:00'],
  [1_000_010, '1970-01-01T00:00:01.000010+00:00'],
  [-1, '1969-12-31T23:59:59.999999+00:00'],
  [-1000, '1969-12-31T23:59:59.999000+00:00'],
  [-1001, '1969-12-31T23:59:59.998999+00:00'],
  [Date.UTC(2026, 4, 3, 1, 2, 3, 123) * 1000 + 456, '2026-05-03T01:02:03.123456+00:00'],
  [Date.UTC(2024, 1, 29) * 1000, '2024-02-29T00:00:00.000000+00:00'],
]
for (const [microseconds, text] of TIMES) {
  test(`${microseconds} microseconds since 1970 are ${text}`, () => {
    assert.equal(formatTime(microseconds), text)
    // Once more, when this millisecond was the last one.
    assert.equal(formatTime(microseconds), text)
  })
}

test('a time that is written reads back to the microsecond, and sorts as text as it does as a number', () => {
  const anyTime = fc.integer({ min: Date.UTC(1900, 0) * 1000, max: Date.UTC(2200, 0) * 1000 })
  fc.assert(
    fc.property(anyTime, anyTime, (a, b) => {
      assert.equal(parseInstant(formatTime(a)), a)
      assert.equal(formatTime(a) < formatTime(b), a < b)
    }),
  )
})

/** Sets the clock to a moment that no other test has used, which it returns. */
function setClock(t: TestContext, day: number): number {
  const moment = Date.UTC(2026, 0, day, 1, 2, 3, 123)
  t.mock.timers.enable({ apis: ['Date'], now: moment })
  return moment
}

const at = (moment: number, rest = 0) => formatTime(moment * 1000 + rest)

test('times of one millisecond count up', (t) => {
  const moment = setClock(t, 1)
  const times = Array.from({ length: 500 }, () => now())
  assert.deepEqual(
    times,
    times.map((_, index) => at(moment, index)),
  )
})

test('the next millisecond begins at its first microsecond', (t) => {
  const moment = setClock(t, 2)
  assert.deepEqual([now(), now()], [at(moment), at(moment, 1)])
  t.mock.timers.setTime(moment + 1)
  assert.deepEqual([now(), now()], [at(moment + 1), at(moment + 1, 1)])
})

test('a clock that goes back is followed', (t) => {
  const moment = setClock(t, 3)
  assert.equal(now(), at(moment))
  t.mock.timers.setTime(moment - 3_600_000)
  assert.deepEqual([now(), now()], [at(moment - 3_600_000), at(moment - 3_600_000, 1)])
})

const AFTER: readonly (readonly [title: string, after: (moment: number) => string, rest: number])[] = [
  ['a time of long ago', (moment) => at(moment - 3_600_000, 999), 0],
  ['the millisecond before', (moment) => at(moment - 1, 999), 0],
  ['this very time', (moment) => at(moment), 1],
  ['a later time of this millisecond', (moment) => at(moment, 456), 457],
  ['the last time of this millisecond', (moment) => at(moment, 999), 1000],
  ['a time of an hour ahead', (moment) => at(moment + 3_600_000), 0],
  ['this millisecond as JavaScript writes it', (moment) => new Date(moment).toISOString(), 0],
  ['this millisecond with four digits', (moment) => at(moment, 500).replace('500+', '5+'), 0],
  ['a time of this millisecond at another offset', (moment) => at(moment, 456).replace('+00', '+08'), 0],
  ['a text that is not a time', () => 'noon', 0],
  ['an empty text', () => '', 0],
]
for (const [index, [title, after, rest]] of AFTER.entries()) {
  test(`after ${title} comes microsecond ${rest} of the millisecond`, (t) => {
    const moment = setClock(t, 4 + index)
    assert.equal(now(after(moment)), at(moment, rest))
  })
}

test('after a time of this millisecond that another process wrote, the next times are later too', (t) => {
  const moment = setClock(t, 20)
  assert.deepEqual(
    [now(), now(at(moment, 456)), now(), now(at(moment, 3)), now(at(moment, 900))],
    [0, 457, 458, 459, 901].map((rest) => at(moment, rest)),
  )
})

test('a stored time that is ahead is followed by its own task alone, and no time comes twice', (t) => {
  const moment = setClock(t, 21)
  assert.deepEqual(
    [now(), now(at(moment + 5)), now(), now(at(moment + 5, 1))],
    [at(moment), at(moment + 5, 1), at(moment, 2), at(moment + 5, 2)],
  )
})
