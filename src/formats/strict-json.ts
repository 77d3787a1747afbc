import { holdsLongInteger, parseJson } from '../../drizzle/json/read.ts'
import { isPlainObject, type JsonObject, type JsonValue } from '../../drizzle/json/value.ts'
import { stringifyJson } from '../../drizzle/json/write.ts'

// An export is JSON as everybody reads it. What Python's json writes beyond that is carried as an object with
// one key: {"$float": "NaN"} (or "Infinity", "-Infinity"), {"$int": "12345678901234567890123"}, and for a cell
// that cannot be read {"$unreadable": "its text"}. An object of the data whose only key begins with $ stands
// inside {"$object": ...}. A cell with one of these is written anew; any other is its text as it is, but for
// line breaks between its parts.

/** The text of a JSON cell as strict JSON on one line. */
export function toStrictJson(text: string): string {
  if (isStrict(text)) return text.replace(/[\r\n]+/g, ' ')
  try {
    return stringifyJson(tag(parseJson(text)))
  } catch {
    return JSON.stringify({ $unreadable: text })
  }
}

/**
 * The text of a JSON cell that {@link toStrictJson} wrote.
 *
 * @throws SyntaxError for a tag that this release does not know.
 */
export function fromStrictJson(text: string): string {
  if (!text.includes('"$')) return text
  const value = parseJson(text)
  if (isPlainObject(value) && Object.keys(value).length === 1 && typeof value.$unreadable === 'string') {
    return value.$unreadable
  }
  return stringifyJson(untag(value))
}

function isStrict(text: string): boolean {
  if (text.includes('"$') || holdsLongInteger(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function tag(value: JsonValue): JsonValue {
  if (typeof value === 'bigint') return { $int: value.toString() }
  if (typeof value === 'number') return Number.isFinite(value) ? value : { $float: String(value) }
  if (Array.isArray(value)) return value.map(tag)
  if (!isPlainObject(value)) return value
  const tagged = mapValues(value, tag)
  return soleTag(value) === undefined ? tagged : { $object: tagged }
}

function untag(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(untag)
  if (!isPlainObject(value)) return value
  const name = soleTag(value)
  if (name === undefined) return mapValues(value, untag)
  const content = value[name]
  if (name === '$object' && isPlainObject(content)) return mapValues(content, untag)
  if (name === '$int' && typeof content === 'string' && /^-?\d+$/.test(content)) return BigInt(content)
  if (name === '$float' && /^(?:NaN|-?Infinity)$/.test(String(content))) return Number(content)
  throw new SyntaxError(`the value of a ${JSON.stringify(name)} that this release does not know`)
}

/** The key of an object that has one, which begins with $. */
function soleTag(value: JsonObject): string | undefined {
  const [key, ...others] = Object.keys(value)
  return others.length === 0 && key?.startsWith('$') ? key : undefined
}

function mapValues(value: JsonObject, map: (content: JsonValue) => JsonValue): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([key, content]) => [key, map(content)]))
}
