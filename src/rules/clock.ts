const MICROSECONDS = 1000
let last = 0

/**
 * The time now, as the file holds it: UTC, six digits, with offset (`2026-05-03T01:02:03.123456+00:00`).
 * `Date.now()` is the one source, so a test that mocks `Date` sets it. Times of one millisecond are told
 * apart by their last three digits, which count up; with `after`, the time is later than that one, also where
 * another process wrote it this very millisecond.
 */
export function now(after?: string): string {
  const millisecond = Date.now() * MICROSECONDS
  const isSameMillisecond = last >= millisecond && last < millisecond + MICROSECONDS
  last = isSameMillisecond ? last + 1 : millisecond
  const time = formatTime(last)
  if (after === undefined || after < time || after.slice(0, 23) !== time.slice(0, 23)) return time
  const later = millisecond + Number(after.slice(23, 26)) + 1
  // A time with fewer digits is none of ours.
  if (Number.isNaN(later)) return time
  last = later
  return formatTime(later)
}

/** Microseconds since 1970 as the file holds them. */
export function formatTime(microseconds: number): string {
  const milliseconds = Math.floor(microseconds / MICROSECONDS)
  const rest = String(microseconds - milliseconds * MICROSECONDS).padStart(3, '0')
  return `${formatMilliseconds(milliseconds)}${rest}+00:00`
}

/** The last one, for all the calls of one millisecond. */
let formatted = { milliseconds: Number.NaN, text: '' }

function formatMilliseconds(milliseconds: number): string {
  if (milliseconds !== formatted.milliseconds) {
    formatted = { milliseconds, text: new Date(milliseconds).toISOString().slice(0, -1) }
  }
  return formatted.text
}
