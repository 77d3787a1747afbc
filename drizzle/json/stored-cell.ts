import { readJsonObject, readJsonValue, writeJsonCell } from './cell.ts'
import type { JsonObject, JsonValue } from './value.ts'

// PostgreSQL cannot store a null character, which only a cell that is not JSON can hold. Such a cell is
// stored in the form of an export, and so is a cell that is spelled in that form by chance.

/** The text that stands in a cell for a text that PostgreSQL cannot store. */
const PREFIX = '{"$unreadable":"'

/** The text to store for the text of a cell. */
export function toStoredText(text: string): string {
  return text.includes('\0') || isWrapped(text) ? JSON.stringify({ $unreadable: text }) : text
}

/** The text of a cell, from the text that is stored. */
export function fromStoredText(stored: string): string {
  return stored.startsWith(PREFIX) ? (unwrap(stored) ?? stored) : stored
}

/** The value of a cell, from the text that is stored. */
export function readStoredValue(stored: string | null): JsonValue | null {
  return readJsonValue(stored === null ? null : fromStoredText(stored))
}

/** The object of a cell, from the text that is stored. */
export function readStoredObject(stored: string): JsonObject {
  return readJsonObject(fromStoredText(stored))
}

/** The text to store for a value. Drizzle passes null as well. */
export function writeStoredCell(value: JsonValue): string {
  const text = writeJsonCell(value)
  return text === null ? text : toStoredText(text)
}

const isWrapped = (text: string) => text.startsWith(PREFIX) && unwrap(text) !== undefined

function unwrap(stored: string): string | undefined {
  try {
    const { $unreadable: text } = JSON.parse(stored) as { $unreadable: string }
    const isOurs = JSON.stringify({ $unreadable: text }) === stored
    return isOurs && (text.includes('\0') || isWrapped(text)) ? text : undefined
  } catch {
    return undefined
  }
}
