import { invalidValue } from './argument-error.ts'

/** A submit time as a cell holds it. Another program may have stored a BLOB. */
export type SubmitTime = string | Buffer

/**
 * The position of a task in a list: newest first by the text of the time, then the last inserted, then the
 * live one.
 */
export interface Cursor {
  readonly submitTime: SubmitTime
  /** A bigint where a number cannot hold it. */
  readonly rowid: number | bigint
  readonly isArchived: boolean
}

/** A cursor as callers see it: an opaque string. */
export function encodeCursor({ submitTime, rowid, isArchived }: Cursor): string {
  const time = typeof submitTime === 'string' ? submitTime : { blob: submitTime.toString('base64') }
  const row = typeof rowid === 'bigint' ? String(rowid) : rowid
  return Buffer.from(JSON.stringify([time, row, isArchived])).toString('base64url')
}

/** @throws ArgumentError for a string that {@link encodeCursor} did not return. */
export function decodeCursor(text: string): Cursor {
  try {
    const [time, row, isArchived] = JSON.parse(Buffer.from(text, 'base64url').toString())
    const submitTime = typeof time === 'string' ? time : Buffer.from(time.blob, 'base64')
    const rowid = typeof row === 'string' ? BigInt.asIntN(64, BigInt(row)) : row
    const cursor = { submitTime, rowid, isArchived }
    const isRowid = Number.isSafeInteger(Number(rowid)) === (typeof rowid === 'number')
    const isCursor = isRowid && typeof isArchived === 'boolean'
    // Anything else in the text would not be written again.
    if (isCursor && encodeCursor(cursor) === text) return cursor
  } catch {
    // Refused below.
  }
  throw invalidValue('after', 'after is not a cursor; pass the next of the previous page unchanged')
}
