import { holdsLongInteger, parseJson } from '../../drizzle/json/read.ts'
import {
  isPlainObject,
  type JsonObject,
  type JsonValue,
  typeName,
  UnreadableJson,
} from '../../drizzle/json/value.ts'
import { JsonEncodeError, type JsonForms, pathText, writeJson } from '../../drizzle/json/write.ts'
import { invalidType, invalidValue } from '../rules/argument-error.ts'

/**
 * The JSON text of anything that a store returns: strict JSON on one line, which every parser reads. A value
 * that JSON has no form for becomes an object with one key, as in an export: `{"$float":"NaN"}` (or
 * `"Infinity"`, `"-Infinity"`), `{"$int":"12345678901234567890123"}` for a bigint,
 * `{"$unreadable":"its text"}` for an {@link UnreadableJson}, and `{"$object":{...}}` around an object of the
 * data whose only key begins with `$`, so that it is not taken for one of these. `-0` is `-0.0`.
 *
 * {@link fromJson} returns an equal value, with two exceptions, which are those of `JSON.stringify`: a
 * property that is undefined is left out, and an object with a `toJSON` is written as what the method
 * returns.
 *
 * @throws ArgumentError for a value that it cannot carry, with the path: a Date, a Map, a function, a cycle,
 * undefined in a list or alone.
 * @example
 * ```ts
 * import { fromJson, type ListedTask, type Page, TaskStore, toJson } from 'uniqc-task-store'
 *
 * using store = new TaskStore({ file: ':memory:' })
 * const text = toJson(store.page({ limit: 20 }))
 * const page = fromJson<Page<ListedTask>>(text)
 * console.log(page.items.length)
 * ```
 */
export function toJson(value: unknown): string {
  try {
    return writeJson(value, TAGS).text
  } catch (error) {
    if (!(error instanceof JsonEncodeError)) throw error
    throw invalidValue('value', error.message, { cause: error })
  }
}

/**
 * The value of a text that {@link toJson} wrote, or of any other JSON. An integer beyond 2^53-1 that is
 * written digit by digit is a bigint, too. The type parameter is what the caller knows about the text: it is
 * not checked.
 *
 * A save writes the text of an {@link UnreadableJson} as it is, even if it came from elsewhere.
 *
 * @throws SyntaxError for a text that is not JSON, and for an object whose only key begins with `$` and which
 * is not one of the forms of {@link toJson}.
 */
export function fromJson<T = JsonValue>(text: string): T {
  if (typeof text !== 'string') throw invalidType('text', `text must be a string, not ${typeName(text)}`)
  // Python's bare NaN is not JSON.
  const plain: JsonValue = JSON.parse(text)
  try {
    const value = holdsLongInteger(text) ? parseJson(text) : plain
    return (mayHoldTag(text) ? readTags(value) : value) as T
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new SyntaxError('the text is nested too deeply', { cause: error })
  }
}

const TAGS: JsonForms = {
  bigint: (value) => `{"$int":"${value}"}`,
  notFinite: (value) => `{"$float":"${value}"}`,
  unreadable: (value) => `{"$unreadable":${JSON.stringify(value.text)}}`,
  oneKey: (key, text) => (key.startsWith('$') ? `{"$object":${text}}` : text),
  isPlain: (text) => !mayHoldTag(text),
}

const TAG = /"(?:\$|\\u0024)/

/** Whether a JSON text has a string that begins with `$`, as the key of every tag does. */
export function mayHoldTag(text: string): boolean {
  return TAG.test(text)
}

/**
 * A parsed value with each tag in it replaced, in place, by what it carries.
 *
 * @throws SyntaxError, with the path, for a tag that this release does not know.
 */
export function readTags(value: JsonValue, path: (string | number)[] = []): JsonValue {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) value[index] = readMember(index, item, path)
    return value
  }
  if (!isPlainObject(value)) return value
  const [key = '', ...others] = Object.keys(value)
  const isTag = others.length === 0 && key.startsWith('$')
  return isTag ? readTag(key, value[key] as JsonValue, path) : readMembers(value, path)
}

function readTag(tag: string, content: JsonValue, path: (string | number)[]): JsonValue {
  switch (tag) {
    case '$float':
      if (typeof content === 'string' && /^(?:NaN|-?Infinity)$/.test(content)) return Number(content)
      throw malformed(tag, 'must hold "NaN", "Infinity" or "-Infinity"', path)
    case '$int':
      if (typeof content === 'string' && /^(?:0|-?[1-9]\d*)$/.test(content)) return BigInt(content)
      throw malformed(tag, 'must hold the digits of an integer in a string', path)
    case '$unreadable':
      // The types of a task do not mention it.
      if (typeof content === 'string') return new UnreadableJson(content) as unknown as JsonObject
      throw malformed(tag, 'must hold a string', path)
    case '$object':
      if (isPlainObject(content)) return readMembers(content as JsonObject, path)
      throw malformed(tag, 'must hold an object', path)
    default:
      throw malformed(tag, 'is not a form that this release knows; wrap an object of data in "$object"', path)
  }
}

function readMembers(object: JsonObject, path: (string | number)[]): JsonObject {
  for (const key of Object.keys(object)) object[key] = readMember(key, object[key] as JsonValue, path)
  return object
}

function readMember(key: string | number, content: JsonValue, path: (string | number)[]): JsonValue {
  // Counts hold thousands of numbers, and a tag is an object.
  if (typeof content !== 'object' || content === null) return content
  path.push(key)
  const value = readTags(content, path)
  path.pop()
  return value
}

function malformed(tag: string, problem: string, path: readonly (string | number)[]): SyntaxError {
  return new SyntaxError(`value${pathText(path)}: ${JSON.stringify(tag)} ${problem}`)
}
