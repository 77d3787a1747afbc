import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { clockTime, formatTime, now, realTime } from '../../src/rules/clock.ts'
import { isInvalid } from '../support/rule-errors.ts'

const START = Date.UTC(2026, 4, 3, 1, 2, 3, 123)
const SECOND = 1_000_000

/** Stored times: of our own form around the clock, to the microsecond, and of others. */
const stored = fc.oneof(
  fc.integer({ min: -3 * SECOND, max: 3 * SECOND }).map((offset) => formatTime(START * 1000 + offset)),
  fc.integer({ min: -3, max: 3 }).map((offset) => formatTime(START * 1000 + offset)),
  fc.integer({ min: SECOND - 3, max: SECOND + 3 }).map((offset) => formatTime(START * 1000 + offset)),
  fc.constantFrom('2026-05-03T01:02:03.123Z', '2026-05-03T09:02:03.123456', '2030-01-01', '', 'x'),
)

test('a stamped time differs from the stored one, whatever that is and whatever the clock does', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: START })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(stored, fc.integer({ min: -2000, max: 2000 })), { maxLength: 20 }),
      (steps) => {
        for (const [before, clock] of steps) {
          t.mock.timers.setTime(START + clock)
          assert.notEqual(now(before), before)
        }
      },
    ),
    { numRuns: 2000 },
  )
})

test('a stamped time is later than a stored one of our form that is at most a second ahead', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: START })
  fc.assert(
    fc.property(fc.integer({ min: -3 * SECOND, max: SECOND }), (offset) => {
      const before = formatTime(START * 1000 + offset)
      assert.ok(now(before) > before, before)
    }),
  )
})

test('a stored time that is further ahead is replaced by that of the clock', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: START + 10_000 })
  const clock = (START + 10_000) * 1000
  for (const ahead of [SECOND + 1, 60 * SECOND, 365 * 86_400 * SECOND]) {
    const time = now(formatTime(clock + ahead))
    assert.ok(time < formatTime(clock + SECOND), time)
    assert.ok(time >= formatTime(clock), time)
  }
})

test('a clock that was set back is followed', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: START + 30_000 })
  now()
  t.mock.timers.setTime(START + 29_500)
  assert.equal(now().slice(0, 23), '2026-05-03T01:02:32.623')
})

for (const [time, isTime] of [
  [Date.UTC(2026, 0), true],
  [-62_167_219_200_000, true],
  [-62_167_219_200_001, false],
  [253_402_300_799_999, true],
  [253_402_300_800_000, false],
  [Number.NaN, false],
  [undefined, false],
  ['1', false],
  [null, false],
] as const) {
  test(`a clock that returns ${String(time)}${typeof time === 'string' ? ' as a text' : ''} ${isTime ? 'tells a time' : 'tells none, which is INVALID_TASK'}`, (t) => {
    t.mock.method(Date, 'now', () => time)
    if (isTime) return assert.equal(clockTime(), time)
    assert.throws(clockTime, isInvalid(undefined, 'the time now'))
    assert.throws(clockTime, {
      message: new RegExp(`years 0 to 9999.*returns ${String(time)}; set the clock`),
    })
  })
}

test('the real time is that of this machine, whatever a test makes of its clocks', (t) => {
  const before = Date.now()
  t.mock.timers.enable({ apis: ['Date'], now: 0 })
  t.mock.method(performance, 'now', () => 1e12)
  assert.ok(realTime() > performance.timeOrigin, 'it is later than the start of this process')
  // The two clocks of a machine drift apart by some milliseconds an hour.
  assert.ok(Math.abs(realTime() - before) < 60_000, `${realTime()} and ${before}`)
})

/** Days that no other test uses: the clock remembers the last time. */
const day = (n: number) => Date.UTC(2031, 0, n)
const at = (n: number, microseconds: number) => formatTime(day(n) * 1000 + microseconds)

test('a time of the next millisecond that another process wrote is followed by its own task alone', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: day(1) })
  assert.deepEqual([now(), now(at(1, 1000)), now()], [at(1, 0), at(1, 1001), at(1, 2)])
})

test('the last time of a millisecond is followed by the first of the next, which others do not follow', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: day(2) })
  assert.deepEqual([now(at(2, 999)), now()], [at(2, 1000), at(2, 1)])
})

test('a time of exactly a second ahead is followed, and one a microsecond later is not', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: day(3) })
  assert.equal(now(at(3, 1_000_000)), at(3, 1_000_001))
  assert.equal(now(at(3, 1_000_001)), at(3, 1))
})

test('times that were counted up to a second ahead of a clock that stands begin again at the clock', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: day(6) })
  for (let i = 0; i < 1_000_000; i++) now()
  assert.deepEqual([now(), now(), now()], [at(6, 1_000_000), at(6, 0), at(6, 1)])
})

for (const [what, text] of [
  ['with something before it', (time: string) => ` ${time}`],
  ['with something after it', (time: string) => `${time} `],
] as const) {
  test(`a time of our form ${what} is of another form`, (t) => {
    const n = what.includes('before') ? 4 : 5
    t.mock.timers.enable({ apis: ['Date'], now: day(n) })
    assert.equal(now(text(at(n, 500))), at(n, 0))
  })
}
