import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { formatTime, now } from '../../src/rules/clock.ts'

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
