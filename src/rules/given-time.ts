import { types } from 'node:util'
import { parseInstant } from './instant.ts'

/** What a time must be, in the words of a message. */
export const GIVEN_TIME = 'an ISO 8601 date or time, or a Date'

/** Whether a value has the type of a time. */
export function hasTimeType(value: unknown): value is string | Date {
  return typeof value === 'string' || types.isDate(value)
}

/**
 * The text of a time that a caller gives: an ISO 8601 text stays as it is, a Date takes the form that the store writes.
 * Undefined for a text that is not a time, and for a Date that is invalid or of a year without four digits, which
 * would sort wrongly.
 */
export function textOfTime(value: string | Date): string | undefined {
  if (typeof value === 'string') return parseInstant(value) === undefined ? undefined : value
  const text = Number.isNaN(value.getTime()) ? '' : value.toISOString()
  return /^\d{4}-/.test(text) ? text.replace('Z', '000+00:00') : undefined
}
