import { invalidTask } from './task-store-error.ts'

const { hrtime } = process

/** It takes two milliseconds to load. */
const loadPerformance = () => process.getBuiltinModule('node:perf_hooks').performance

function monotonic(): number {
  const [seconds, nanoseconds] = hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}

const moment = monotonic()

/**
 * Milliseconds by a clock that only goes forward, for deadlines. The real one, whatever a test puts in its place: with one
 * that stands still, a lock would be waited for without end.
 */
export const elapsed = moment < monotonic() ? monotonic : otherMonotonic()

/** Where a test has replaced the clock of the process before, or it does not move on between two calls. */
function otherMonotonic(): () => number {
  const performance = loadPerformance()
  return performance.now.bind(performance)
}

/** Milliseconds since 1970, by the real clock: for what was written when. */
export function realTime(): number {
  const performance = loadPerformance()
  // Tests replace `Date.now` and `performance.now`. In Deno there is no duration.
  return performance.timeOrigin + (performance.nodeTiming.duration ?? performance.now())
}

/** The years 0 to 9999, in milliseconds since 1970: later ones have no form that others read. */
export const FIRST_TIME = -62_167_219_200_000
const LAST = 253_402_300_799_999

/**
 * Milliseconds since 1970 by `Date.now()`, so that a test that mocks `Date` sets it.
 *
 * @throws TaskStoreError `INVALID_TASK` if it returns no time.
 */
export function clockTime(): number {
  const time: unknown = Date.now()
  if (typeof time === 'number' && time >= FIRST_TIME && time <= LAST) return time
  throw invalidTask({
    field: 'the time now',
    problem: `must lie in the years 0 to 9999, and Date.now() returns ${time}; set the clock, or what stands in its place`,
  })
}

const MICROSECONDS = 1000
/** How far ahead of the clock a time may be and still be followed, in microseconds. */
const AHEAD = 1_000_000
let last = 0
let lastClock = 0

/**
 * The time now, as the file holds it: UTC, six digits, with offset (`2026-05-03T01:02:03.123456+00:00`).
 * Times of one millisecond are told apart by their last three digits, which count up, and into the next milliseconds if
 * there are more than a thousand.
 *
 * @param after The stored time that it replaces. It always differs from that one, and is later unless that one is of
 * another form, or more than a second ahead of this clock.
 * @throws TaskStoreError `INVALID_TASK` for a clock that tells no time.
 */
export function now(after?: string): string {
  const clock = clockTime() * MICROSECONDS
  const isThisMillisecond = (time: number) => time < clock + MICROSECONDS
  // A clock that was set back is followed.
  const isCounting = clock >= lastClock && last >= clock && last < clock + AHEAD
  const time = isCounting ? last + 1 : clock
  lastClock = clock
  const stored = after === undefined ? undefined : parseOwn(after)
  const isFollowed = stored !== undefined && stored >= time && stored <= clock + AHEAD
  const later = isFollowed ? stored + 1 : time
  // Other tasks do not follow a time that is ahead.
  last = isThisMillisecond(later) ? later : time
  return formatTime(later)
}

const OWN_FORM = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})(\d{3})\+00:00$/

/** A time of the form of {@link now} in microseconds since 1970; undefined for any other. */
function parseOwn(time: string): number | undefined {
  const [, milliseconds, rest] = OWN_FORM.exec(time) ?? []
  return milliseconds === undefined ? undefined : Date.parse(`${milliseconds}Z`) * MICROSECONDS + Number(rest)
}

/** Microseconds since 1970 in the form of the file. */
export function formatTime(microseconds: number): string {
  const milliseconds = Math.floor(microseconds / MICROSECONDS)
  const rest = String(microseconds - milliseconds * MICROSECONDS).padStart(3, '0')
  return `${formatMilliseconds(milliseconds)}${rest}+00:00`
}

/** The last result, for the other calls in the same millisecond. */
let formatted = { milliseconds: Number.NaN, text: '' }

function formatMilliseconds(milliseconds: number): string {
  if (milliseconds !== formatted.milliseconds) {
    formatted = { milliseconds, text: new Date(milliseconds).toISOString().slice(0, -1) }
  }
  return formatted.text
}
