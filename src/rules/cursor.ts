import { invalidValue } from './argument-error.ts'

/** The place of a task in a list: newest first by the text of the time, then the last inserted, then the live one. */
export interface Cursor {
  readonly submitTime: string
  readonly rowid: number
  readonly isArchived: boolean
}

/** A cursor as callers carry it about: a text without a meaning. */
export function encodeCursor({ submitTime, rowid, isArchived }: Cursor): string {
  return Buffer.from(JSON.stringify([submitTime, rowid, isArchived])).toString('base64url')
}

/** @throws ArgumentError for a text that {@link encodeCursor} did not make. */
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
  throw invalidValue('after', 'after is no cursor of a page; give the next of the page before, as it came')
}
