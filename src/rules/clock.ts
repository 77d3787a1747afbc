import { performance } from 'node:perf_hooks'

/**
 * Milliseconds since this process began, for deadlines. The real clock, whatever a test puts in its place: with one
 * that stands still, a lock would be waited for without end.
 */
export const elapsed: () => number = performance.now.bind(performance)

const MICROSECONDS = 1000
let last = 0

/**
 * The current time in the form of the file: UTC, six digits, with offset
 * (`2026-05-03T01:02:03.123456+00:00`). `Date.now()` is the only source, so a test that mocks `Date` sets it.
 * Times of the same millisecond differ in their last three digits, which count up. The time is later than an
 * `after` of the same millisecond, even if another process wrote that.
 */
export function now(after?: string): string {
  const millisecond = Date.now() * MICROSECONDS
  const isSameMillisecond = last >= millisecond && last < millisecond + MICROSECONDS
  last = isSameMillisecond ? last + 1 : millisecond
  const time = formatTime(last)
  if (after === undefined || after < time || after.slice(0, 23) !== time.slice(0, 23)) return time
  const later = millisecond + Number(after.slice(23, 26)) + 1
  // A time with fewer digits is not one of ours.
  if (Number.isNaN(later)) return time
  last = later
  return formatTime(later)
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
