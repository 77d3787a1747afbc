import { invalidValue } from './argument-error.ts'

/**
 * The position of a task in a list: newest first by the text of the time, then the last inserted, then the
 * live one.
 */
export interface Cursor {
  readonly submitTime: string
  readonly rowid: number
  readonly isArchived: boolean
}

/** A cursor as callers see it: an opaque string. */
export function encodeCursor({ submitTime, rowid, isArchived }: Cursor): string {
  return Buffer.from(JSON.stringify([submitTime, rowid, isArchived])).toString('base64url')
}

/** @throws ArgumentError for a string that {@link encodeCursor} did not return. */
export function decodeCursor(text: string): Cursor {
  try {
    const [submitTime, rowid, isArchived, ...rest] = JSON.parse(Buffer.from(text, 'base64url').toString())
    const cursor = { submitTime, rowid, isArchived }
    const isCursor =
      typeof submitTime === 'string' && Number.isSafeInteger(rowid) && typeof isArchived === 'boolean'
    if (isCursor && rest.length === 0 && encodeCursor(cursor) === text) return cursor
  } catch {
    // Refused below.
  }
  throw invalidValue('after', 'after is not a cursor; pass the next of the previous page unchanged')
}
