import { parseJson } from './read.ts'
import { type JsonObject, type JsonValue, UnreadableJson } from './value.ts'
import { stringifyJson } from './write.ts'

/** The value of a JSON cell. An empty string reads as null, as in UnifiedQuantum. */
export function readJsonValue(cell: string | null): JsonValue | null {
  return cell === null || cell === '' ? null : readCell(cell)
}

/** The object of a JSON cell. An empty string reads as `{}`, as in UnifiedQuantum. */
export function readJsonObject(cell: string): JsonObject {
  if (cell === '') return {}
  const value = readCell(cell)
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? value : unreadable(cell)
}

/**
 * The text of a JSON cell. Drizzle passes null as well: it stays SQL NULL and does not become the text
 * `null`.
 */
export function writeJsonCell(value: JsonValue): string {
  if (value === null) return value as unknown as string
  return value instanceof UnreadableJson ? value.text : stringifyJson(value)
}

/**
 * The cell's value, or an {@link UnreadableJson}, so that one bad row does not hide the others. The types of
 * a task do not mention it: only a damaged file has one, and it can be used as the object `{ text }`.
 */
function readCell(cell: unknown): JsonValue {
  try {
    return parseJson(String(cell))
  } catch {
    // Not JSON, or nested deeper than the stack allows.
    return unreadable(cell)
  }
}

const unreadable = (cell: unknown) => new UnreadableJson(String(cell)) as unknown as JsonObject
