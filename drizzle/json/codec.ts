import { endOfString } from './text.ts'

/** Any value that the JSON columns can hold: JSON, and what Python's `json` writes beyond it. */
export type JsonValue = null | boolean | number | bigint | string | JsonArray | JsonObject

/** A list of {@link JsonValue}. */
export type JsonArray = JsonValue[]

/** An object of {@link JsonValue}. Every key is an own key, `__proto__` too. */
export type JsonObject = { [key: string]: JsonValue }

/**
 * What a JSON cell shows that cannot be read: its text, as it stands in the file. Saving a task that holds
 * one writes the same text back.
 *
 * @example
 * ```ts
 * import { TaskStore, UnreadableJson } from 'uniqc-task-store'
 *
 * using store = new TaskStore({ file: ':memory:' })
 * for (const task of store.list()) {
 *   if (task.result instanceof UnreadableJson) console.warn(task.taskId, task.result.text)
 * }
 * ```
 */
export class UnreadableJson {
  /** The text of the cell. */
  readonly text: string

  /** @internal */
  constructor(text: string) {
    this.text = text
  }
}

/**
 * A value that JSON cannot hold. `path` leads to it from the value that was given: `.a[2]`, or an empty text.
 */
export class JsonEncodeError extends Error {
  override readonly name = 'JsonEncodeError'
  readonly path: string
  /** What is wrong, to be read behind the path: `is a function, which JSON cannot hold`. */
  readonly problem: string

  constructor(path: string, problem: string, options?: ErrorOptions) {
    super(`value${path} ${problem}`, options)
    this.path = path
    this.problem = problem
  }
}

/**
 * An integer of sixteen digits or more where a number can stand. `JSON.parse` would round it. A fraction does
 * not match (its digits follow a dot), digits inside a string may: then the slow way gives the same value.
 */
const LONG_INTEGER = /[\s[,:-]\d{16}/
const LONG_INTEGER_ALONE = /^\d{16}/

/** Whether a text may hold an integer that `JSON.parse` would round. */
export function holdsLongInteger(text: string): boolean {
  return LONG_INTEGER.test(text) || LONG_INTEGER_ALONE.test(text)
}

/**
 * The value of a JSON text, read as Python's `json.loads` reads it: `NaN` and the infinities are numbers, an
 * integer beyond 2^53-1 is a bigint, and of two equal keys the last one counts.
 *
 * @throws SyntaxError when the text is not JSON; RangeError when it is nested deeper than the stack allows.
 */
export function parseJson(text: string): JsonValue {
  if (!holdsLongInteger(text)) {
    try {
      return JSON.parse(text)
    } catch {
      // Perhaps a NaN. The parser below decides.
    }
  }
  return new PythonJsonParser(text).parse()
}

/**
 * The JSON text of a value, as Python's `json.loads` reads it back: `NaN` and the infinities as bare words, a
 * bigint digit by digit, `-0` as `-0.0`, a number that is whole and beyond 2^53-1 with `.0`, so that it stays
 * a float. An object with a `toJSON` method is written as what that returns. A property that is `undefined`
 * is left out.
 *
 * @throws JsonEncodeError for what JSON cannot hold, with the path of the value.
 */
export function stringifyJson(value: unknown): string {
  return writeJson(value).text
}

/** {@link stringifyJson}, and whether the text reads back as the very value that was given. */
export function writeJson(value: unknown): { readonly text: string; readonly isAsGiven: boolean } {
  try {
    const plain = tryPlain(value)
    return plain === undefined
      ? { text: write(value, [], []), isAsGiven: false }
      : { text: plain, isAsGiven: true }
  } catch (error) {
    if (isStackOverflow(error)) throw new JsonEncodeError('', 'is nested too deeply', { cause: error })
    throw error
  }
}

/** {@link writePlain}, where the stack is deep enough. */
function tryPlain(value: unknown): string | undefined {
  try {
    return writePlain(value)
  } catch (error) {
    // A cycle, or deeper than the stack: the writer finds out which.
    if (isStackOverflow(error)) return undefined
    throw error
  }
}

/** Keys that stand in JSON as they are. */
const SIMPLE_KEYS = /^[\w.:-]*$/

/**
 * What `JSON.stringify` writes, where that reads back equal; else undefined. To look through a value before
 * takes as long as to write it, and a getter may answer otherwise the second time: so both are done in one.
 */
function writePlain(value: unknown): string | undefined {
  if (typeof value === 'number') return isPlainNumber(value) ? `${value}` : undefined
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (value === null) return 'null'
  if (typeof value !== 'object' || hasToJson(value)) return undefined
  if (Object.getOwnPropertySymbols(value).length > 0) return undefined
  if (Array.isArray(value)) return writePlainArray(value)
  return isPlainObject(value) ? writePlainObject(value) : undefined
}

function writePlainArray(value: readonly unknown[]): string | undefined {
  const items: string[] = []
  for (let i = 0; i < value.length; i++) {
    const item = writePlain(value[i])
    if (item === undefined) return undefined
    items.push(item)
  }
  return `[${items.join()}]`
}

function writePlainObject(value: Readonly<Record<string, unknown>>): string | undefined {
  const keys = Object.keys(value)
  const areSimple = SIMPLE_KEYS.test(keys.join(''))
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string
    const given = value[key]
    // Counts are numbers by the thousand: no call for each.
    const content = typeof given === 'number' && isPlainNumber(given) ? given : writePlain(given)
    if (content === undefined) return undefined
    keys[i] = areSimple ? `"${key}":${content}` : `${JSON.stringify(key)}:${content}`
  }
  return `{${keys.join()}}`
}

/** NaN and the infinities fail the comparisons; a whole number beyond 2^53-1 would read back as a bigint. */
function isPlainNumber(value: number): boolean {
  return (
    value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER && (value !== 0 || 1 / value > 0)
  )
}

/** True for object literals, objects without a prototype, and those of other realms. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function hasToJson(value: object): value is { toJSON(key: string): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function'
}

/** A Date of another realm, too. */
function isDate(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object Date]'
}

function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError
}

function write(value: unknown, path: (string | number)[], ancestors: object[]): string {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value)
    case 'bigint':
      return value.toString()
    case 'number':
      return writeNumber(value)
    case 'object':
      return value === null ? 'null' : writeObject(value, path, ancestors)
    default:
      throw refuse(path, `is ${describe(value)}`)
  }
}

function writeNumber(value: number): string {
  if (isPlainNumber(value)) return JSON.stringify(value)
  if (value === 0) return '-0.0'
  const digits = String(value)
  return /^-?\d+$/.test(digits) ? `${digits}.0` : digits
}

function writeObject(value: object, path: (string | number)[], ancestors: object[]): string {
  if (ancestors.includes(value)) throw refuse(path, 'refers back to an object that holds it')
  ancestors.push(value)
  const text = writeContents(value, path, ancestors)
  ancestors.pop()
  return text
}

function writeContents(value: object, path: (string | number)[], ancestors: object[]): string {
  const member = (key: string | number, content: unknown) => {
    path.push(key)
    const text = write(content, path, ancestors)
    path.pop()
    return text
  }
  // A Date has a toJSON, but what it gives reads back as a text: refused rather than changed.
  if (hasToJson(value) && !isDate(value)) {
    return write(value.toJSON(String(path.at(-1) ?? '')), path, ancestors)
  }
  const symbol = Object.getOwnPropertySymbols(value)[0]
  if (symbol !== undefined) throw refuse(path, `has the key ${String(symbol)}`)
  if (Array.isArray(value)) {
    // Not map: it skips holes.
    return `[${Array.from(value, (item, index) => member(index, item)).join(',')}]`
  }
  if (!isPlainObject(value)) throw refuse(path, `is ${describe(value)}`)
  const members: string[] = []
  for (const key of Object.keys(value)) {
    const content = value[key]
    if (content !== undefined) members.push(`${JSON.stringify(key)}:${member(key, content)}`)
  }
  return `{${members.join(',')}}`
}

function refuse(path: readonly (string | number)[], problem: string): JsonEncodeError {
  return new JsonEncodeError(path.map(pathSegment).join(''), `${problem}, which JSON cannot hold`)
}

function pathSegment(key: string | number): string {
  if (typeof key === 'number') return `[${key}]`
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
}

/** What kind of value this is, in words and without its content: `a function`, `a Map`. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'an array'
  if (typeof value !== 'object') return `a ${typeof value}`
  const name = isPlainObject(value) ? 'object' : value.constructor?.name || 'object'
  return `${/^[aeiou]/i.test(name) ? 'an' : 'a'} ${name}`
}

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const SPACE = /[ \t\n\r]*/y
const WORDS: ReadonlyMap<string, JsonValue> = new Map<string, JsonValue>([
  ['null', null],
  ['true', true],
  ['false', false],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
])

class PythonJsonParser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  parse(): JsonValue {
    const value = this.#value()
    this.#space()
    if (this.#at < this.#text.length) throw this.#unexpected()
    return value
  }

  #value(): JsonValue {
    this.#space()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object()
      case '[':
        return this.#array()
      case '"':
        return this.#string()
      default:
        return this.#wordOrNumber()
    }
  }

  #object(): JsonObject {
    const object: JsonObject = {}
    this.#at++
    this.#space()
    if (this.#skip('}')) return object
    do {
      this.#space()
      if (this.#text[this.#at] !== '"') throw this.#unexpected()
      const key = this.#string()
      this.#space()
      if (!this.#skip(':')) throw this.#unexpected()
      const value = this.#value()
      if (key === '__proto__') {
        Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
      } else {
        object[key] = value
      }
      this.#space()
    } while (this.#skip(','))
    if (!this.#skip('}')) throw this.#unexpected()
    return object
  }

  #array(): JsonArray {
    const array: JsonArray = []
    this.#at++
    this.#space()
    if (this.#skip(']')) return array
    do {
      array.push(this.#value())
      this.#space()
    } while (this.#skip(','))
    if (!this.#skip(']')) throw this.#unexpected()
    return array
  }

  #string(): string {
    const end = endOfString(this.#text, this.#at)
    if (end < 0) throw this.#unexpected()
    const string = JSON.parse(this.#text.slice(this.#at, end))
    this.#at = end
    return string
  }

  #wordOrNumber(): JsonValue {
    for (const [word, value] of WORDS) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length
        return value
      }
    }
    return this.#number()
  }

  #number(): number | bigint {
    NUMBER.lastIndex = this.#at
    const match = NUMBER.exec(this.#text)
    if (match === null) throw this.#unexpected()
    const [digits, fraction, exponent] = match
    this.#at += digits.length
    const value = Number(digits)
    const isInteger = fraction === undefined && exponent === undefined
    return isInteger && !Number.isSafeInteger(value) ? BigInt(digits) : value
  }

  #space(): void {
    SPACE.lastIndex = this.#at
    SPACE.exec(this.#text)
    this.#at = SPACE.lastIndex
  }

  #skip(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #unexpected(): SyntaxError {
    const found = this.#at < this.#text.length ? 'character' : 'end'
    return new SyntaxError(`Unexpected ${found} of JSON at position ${this.#at}`)
  }
}
