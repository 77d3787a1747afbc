import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { formatTime } from '../../src/rules/clock.ts'
import { checkTimeZone, isEarlierThan, parseInstant } from '../../src/rules/instant.ts'

const REFUSED = [
  '',
  'noon',
  '2026',
  '2026-01',
  '2026-02-31',
  '2026-13-01',
  '2026-00-10',
  '2025-02-29T00:00:00Z',
  '2026-01-01T24:00:00Z',
  '2026-01-01T12:60:00Z',
  '2026-01-01T12:00:60Z',
  '2026-01-01T12',
  '2026-01-01T12:00:00.Z',
  '2026-01-01T12:00:00+99:00',
  '2026-01-01T12:00:00+08:60',
  '2026-01-01T12:00:00 CET',
  '2026-01-01T12:00:00Z and more',
  ' 2026-01-01T12:00:00Z',
  '26-01-01T12:00:00Z',
  '1767225600',
]
for (const text of REFUSED) {
  test(`${JSON.stringify(text)} is not a time`, () => {
    assert.equal(parseInstant(text), undefined)
    assert.equal(parseInstant(text, 'Asia/Shanghai'), undefined)
  })
}

const NO_ZONES = ['', 'Mars/Olympus', '+8', '08:00', '+08:00:00', 8, null, {}, new Date()]
for (const zone of NO_ZONES) {
  test(`${JSON.stringify(zone)} is not a time zone`, () => {
    assert.throws(() => checkTimeZone(zone), { name: 'TypeError', message: /^timeZone must be/ })
  })
}

for (const zone of [undefined, 'UTC', 'Asia/Shanghai', '+08:00', '-11:30', 'Pacific/Apia']) {
  test(`${zone} is a time zone`, () => assert.equal(checkTimeZone(zone), undefined))
}

const READS: readonly (readonly [text: string, zone: string | undefined, utc: string, micros: number])[] = [
  ['2026-05-03T01:02:03.123456+00:00', undefined, '2026-05-03T01:02:03Z', 123456],
  ['2026-05-03T01:02:03.123456Z', 'Asia/Shanghai', '2026-05-03T01:02:03Z', 123456],
  ['2026-05-03 01:02:03z', undefined, '2026-05-03T01:02:03Z', 0],
  ['2026-05-03t01:02:03 Z', undefined, '2026-05-03T01:02:03Z', 0],
  ['2026-05-03T01:02:03.5+08:00', undefined, '2026-05-02T17:02:03Z', 500000],
  ['2026-05-03T01:02:03,000007-0330', undefined, '2026-05-03T04:32:03Z', 7],
  ['2026-05-03T01:02:03.123456789+08', undefined, '2026-05-02T17:02:03Z', 123456],
  ['2026-05-03T01:02+08:00', undefined, '2026-05-02T17:02:00Z', 0],
  ['1969-12-31T23:59:59.999999Z', undefined, '1969-12-31T23:59:59Z', 999999],
  ['2024-02-29', 'UTC', '2024-02-29T00:00:00Z', 0],
  ['2026-05-03', '+08:00', '2026-05-02T16:00:00Z', 0],
  ['2026-05-03T01:02:03', 'UTC', '2026-05-03T01:02:03Z', 0],
  ['2026-05-03T01:02:03.000001', '-11:30', '2026-05-03T12:32:03Z', 1],
  ['2026-05-03T01:02:03', 'Asia/Shanghai', '2026-05-02T17:02:03Z', 0],
  ['2026-05-03T01:02:03', 'Asia/Kathmandu', '2026-05-02T19:17:03Z', 0],
  // Around the changes of the clocks, forward and back, west and east.
  ['2026-03-08T01:59:59', 'America/New_York', '2026-03-08T06:59:59Z', 0],
  ['2026-03-08T03:00:00', 'America/New_York', '2026-03-08T07:00:00Z', 0],
  ['2026-11-01T00:59:59', 'America/New_York', '2026-11-01T04:59:59Z', 0],
  ['2026-11-01T02:00:00', 'America/New_York', '2026-11-01T07:00:00Z', 0],
  ['2026-03-29T01:59:59', 'Europe/Berlin', '2026-03-29T00:59:59Z', 0],
  ['2026-03-29T03:00:00', 'Europe/Berlin', '2026-03-29T01:00:00Z', 0],
  ['2026-10-25T01:59:59', 'Europe/Berlin', '2026-10-24T23:59:59Z', 0],
  ['2026-10-25T03:00:00', 'Europe/Berlin', '2026-10-25T02:00:00Z', 0],
]
for (const [text, zone, utc, micros] of READS) {
  test(`${text} in ${zone ?? 'any zone'} is ${utc} and ${micros} microseconds`, () => {
    assert.equal(parseInstant(text, zone), Date.parse(utc) * 1000 + micros)
  })
}

test('without a time zone, a time is one of this machine', () => {
  const { TZ } = process.env
  try {
    for (const [zone, hour] of [
      ['Asia/Shanghai', 4],
      ['America/New_York', 16],
      ['UTC', 12],
    ] as const) {
      process.env.TZ = zone
      const expected = Date.UTC(2026, 6, 1, hour) * 1000
      assert.equal(parseInstant('2026-07-01T12:00:00'), expected, zone)
      assert.equal(parseInstant('2026-07-01T12:00:00Z'), Date.UTC(2026, 6, 1, 12) * 1000)
      assert.equal(parseInstant('2026-07-01'), expected - 12 * 3600e6)
    }
  } finally {
    if (TZ === undefined) delete process.env.TZ
    else process.env.TZ = TZ
  }
})

const anyMoment = fc.integer({ min: Date.UTC(1971, 0), max: Date.UTC(2037, 11) })
const two = (number: number) => String(number).padStart(2, '0')

test('the same moment at any offset is the same number', () => {
  fc.assert(
    fc.property(
      anyMoment,
      fc.nat(999),
      fc.integer({ min: -23 * 60, max: 23 * 60 }),
      (milliseconds, rest, offset) => {
        const wall = new Date(milliseconds + offset * 60_000).toISOString().slice(0, -1)
        const sign = offset < 0 ? '-' : '+'
        const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60].map(two)
        const text = `${wall}${String(rest).padStart(3, '0')}`
        const expected = milliseconds * 1000 + rest
        assert.equal(parseInstant(`${text}${sign}${hours}:${minutes}`), expected)
        assert.equal(parseInstant(`${text}${sign}${hours}${minutes}`, 'Asia/Shanghai'), expected)
        assert.equal(parseInstant(text, `${sign}${hours}:${minutes}`), expected)
      },
    ),
  )
})

test('a local time is read as a moment at which the clocks of its zone show it', () => {
  const zones = ['America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'Pacific/Apia', 'Asia/Shanghai']
  fc.assert(
    fc.property(anyMoment, fc.constantFrom(...zones), (moment, zone) => {
      // Swedish writes times as ISO does.
      const clock = new Intl.DateTimeFormat('sv', {
        ...{ timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' },
        ...{ hour: '2-digit', minute: '2-digit', second: '2-digit' },
      })
      const wall = clock.format(moment)
      const found = parseInstant(wall, zone)
      assert.equal(found === undefined ? found : clock.format(found / 1000), wall)
    }),
  )
})

const ZONE = "timeZone must be the name of a time zone or an offset ('UTC', 'Asia/Shanghai', '+08:00')"

for (const [zone, what] of [
  [5, 'a number'],
  [null, 'null'],
  [['UTC'], 'an array'],
  [['+08:00'], 'an array'],
] as const) {
  test(`${JSON.stringify(zone)} has not the type of a time zone`, () => {
    const expected = { code: 'ERR_INVALID_ARG_TYPE', argument: 'timeZone', message: `${ZONE}, not ${what}` }
    assert.throws(() => checkTimeZone(zone), expected)
  })
}

test('a name that no zone has is not the value of a time zone', () => {
  const expected = { code: 'ERR_INVALID_ARG_VALUE', argument: 'timeZone', message: `${ZONE}, not "Mars"` }
  assert.throws(() => checkTimeZone('Mars'), expected)
})

/** The first moment that a time of the store can have, in microseconds since 1970. */
const FIRST = -62_167_219_200_000_000

test('a time of the store is before a moment if its own moment is', () => {
  // From 1684 to 2255: of these, a number holds each microsecond.
  const anyMoment = fc.integer({ min: Number.MIN_SAFE_INTEGER + 9, max: Number.MAX_SAFE_INTEGER - 9 })
  fc.assert(
    fc.property(anyMoment, fc.integer({ min: -2, max: 2 }), anyMoment, (moment, steps, any) => {
      for (const other of [moment + steps, any]) {
        assert.equal(isEarlierThan(other, '+08:00')(formatTime(moment)), moment < other)
      }
    }),
  )
  assert.equal(isEarlierThan(1000.5)(formatTime(1000)), true)
  assert.equal(isEarlierThan(999.5)(formatTime(1000)), false)
})

test('no time is before a moment before all times', () => {
  for (const moment of [FIRST, FIRST - 1, FIRST * 1000, Number.NEGATIVE_INFINITY]) {
    assert.equal(isEarlierThan(moment)('0000-01-01T00:00:00.000000+00:00'), false)
  }
})

test('a time of any other form is compared by its moment, and one that cannot be read with none', () => {
  const isBeforeNoon = isEarlierThan(Date.UTC(2026, 0, 31, 12) * 1000, '+08:00')
  for (const [time, expected] of [
    ['2026-01-31T11:59:59.999999+00:00', true],
    ['2026-01-31T12:00:00.000000+00:00', false],
    ['2026-01-31T19:59:59', true],
    ['2026-01-31T20:00:00', false],
    ['2026-01-31 13:59:59.999999+02:00', true],
    ['2026-02-31T12:00:00.000000+00:00', undefined],
    ['2026-00-10T12:00:00.000000+00:00', undefined],
    ['2026-01-00T12:00:00.000000+00:00', undefined],
    ['2025-12-10T24:00:00.000000+00:00', undefined],
    ['2025-12-10T12:60:00.000000+00:00', undefined],
    ['noon', undefined],
  ] as const) {
    assert.equal(isBeforeNoon(time), expected, time)
  }
})
