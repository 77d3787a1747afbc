import { wrongType, wrongValue } from './check-arguments.ts'
import { FIRST_TIME, formatTime } from './clock.ts'

const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?\s?(Z|[+-]\d\d(?::?\d\d)?)?$/i
const OFFSET = /^[+-](?:[01]\d|2[0-3]):[0-5]\d$/

/**
 * The moment of a time of a file, in microseconds since 1970; undefined if the text is not an ISO time. A
 * time without an offset is in `timeZone` (`UTC`, `+08:00`, `Asia/Shanghai`), by default in this machine's
 * zone.
 */
export function parseInstant(text: string, timeZone?: string): number | undefined {
  const match = TIME.exec(text)
  if (match === null) return undefined
  const [, date, minutes = '00:00', seconds = '00', fraction = '', offset] = match
  const wall = `${date}T${minutes}:${seconds}`
  const asUtc = Date.parse(`${wall}Z`)
  // Date reads a 31st of February as the 3rd of March, and 24:00 as the next day.
  const mayRollOver = (date as string).slice(8) > '28' || minutes.startsWith('24')
  if (Number.isNaN(asUtc) || (mayRollOver && !new Date(asUtc).toISOString().startsWith(wall)))
    return undefined
  const milliseconds =
    offset === undefined ? wallTimeIn(wall, asUtc, timeZone) : atOffset(wall, asUtc, offset)
  if (Number.isNaN(milliseconds)) return undefined
  return milliseconds * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'))
}

/** Of times as the store writes them those on days that every month has: they exist, and have the order of their texts. */
const ORDERED =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}\+00:00$/

/**
 * Returns a function that tells whether the moment of a time is before another one, which is in microseconds since 1970 and
 * before the year 10000; undefined for what {@link parseInstant} cannot read.
 */
export function isEarlierThan(moment: number, timeZone?: string): (time: string) => boolean | undefined {
  // No time of this form is before the year 0.
  const text = moment < FIRST_TIME * 1000 ? '' : formatTime(Math.ceil(moment))
  return (time) => {
    // To parse it takes ten times as long.
    if (ORDERED.test(time)) return time < text
    const instant = parseInstant(time, timeZone)
    return instant === undefined ? undefined : instant < moment
  }
}

/** @throws TypeError for a zone that this Node does not know. */
export function checkTimeZone(timeZone: unknown): asserts timeZone is string | undefined {
  if (timeZone === undefined || (typeof timeZone === 'string' && OFFSET.test(timeZone))) return
  try {
    if (typeof timeZone === 'string') return void new Intl.DateTimeFormat('en', { timeZone })
  } catch {
    // An unknown name: refused below.
  }
  const expected = "the name of a time zone or an offset ('UTC', 'Asia/Shanghai', '+08:00')"
  if (typeof timeZone !== 'string') throw wrongType('timeZone', expected, timeZone)
  throw wrongValue('timeZone', expected, timeZone)
}

/** Reads the option `timeZone`. @throws TypeError for a zone that this Node does not know. */
export function timeZone(_name: string, value: unknown): string | undefined {
  checkTimeZone(value)
  return value
}

function atOffset(wall: string, asUtc: number, offset: string): number {
  // As the store writes it, and most others.
  if (offset === '+00:00' || offset === 'Z' || offset === 'z') return asUtc
  const digits = offset.replace(':', '').padEnd(5, '0')
  return Date.parse(`${wall}${digits.slice(0, 3)}:${digits.slice(3)}`)
}

function wallTimeIn(wall: string, asUtc: number, timeZone: string | undefined): number {
  if (timeZone === undefined) return Date.parse(wall)
  if (OFFSET.test(timeZone)) return atOffset(wall, asUtc, timeZone)
  // A zone has an offset at a moment, not at a wall time: look twice, in case the guess is across a change.
  const guess = asUtc - offsetAt(asUtc, timeZone)
  return asUtc - offsetAt(guess, timeZone)
}

/** How far a zone is ahead of UTC at a moment, in milliseconds. */
function offsetAt(moment: number, timeZone: string): number {
  const parts = clockOf(timeZone).formatToParts(moment)
  const part = (type: string) => Number(parts.find((found) => found.type === type)?.value)
  const wall = Date.UTC(
    part('year'),
    part('month') - 1,
    part('day'),
    part('hour'),
    part('minute'),
    part('second'),
  )
  return wall - moment
}

/** One per zone: creating one costs more than using it. */
const clocks = new Map<string, Intl.DateTimeFormat>()

function clockOf(timeZone: string): Intl.DateTimeFormat {
  let clock = clocks.get(timeZone)
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat('en', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    clocks.set(timeZone, clock)
  }
  return clock
}
