import { BACKSLASH, QUOTE, SPACE } from './characters.ts'
import { isPlainNumber } from './plain-number.ts'
import { isPlainObject, spreadHint, typeName, UnreadableJson } from './value.ts'
import { writeNumbers } from './write-numbers.ts'

/**
 * The error for a value that JSON cannot hold. `path` leads to it from the given value: `.a[2]`, or an empty
 * string.
 */
export class JsonEncodeError extends Error {
  override readonly name = 'JsonEncodeError'
  readonly path: string
  /** What is wrong, worded to follow the path: `is a function, which JSON cannot hold`. */
  readonly problem: string

  constructor(path: string, problem: string, options?: ErrorOptions) {
    super(`value${path} ${problem}`, options)
    this.path = path
    this.problem = problem
  }
}

/** How to write values that JSON has no form for, and values whose own form is taken by another one. */
export interface JsonForms {
  readonly bigint: (value: bigint) => string
  /** NaN or one of the infinities. */
  readonly notFinite: (value: number) => string
  /** The text of an object with only this key, given the text that it would have. */
  readonly oneKey: (key: string, text: string) => string
  /** Undefined if such a value is refused. */
  readonly unreadable: ((value: UnreadableJson) => string) | undefined
  /** Whether the text that `JSON.stringify` writes can stay as it is. */
  readonly isPlain: (text: string) => boolean
}

/** The forms of Python's `json`. An unreadable cell inside another value has none. */
const PYTHON: JsonForms = {
  bigint: String,
  notFinite: String,
  oneKey: (_key, text) => text,
  unreadable: undefined,
  isPlain: () => true,
}

/**
 * The JSON text of a value, for Python's `json.loads` to read back: `NaN` and the infinities as bare words, a
 * bigint digit by digit, `-0` as `-0.0`, and a whole number beyond 2^53-1 with `.0`, so that it stays a
 * float. An object with a `toJSON` method is written as what the method returns. A property that is
 * `undefined` is left out.
 *
 * @throws JsonEncodeError for a value that JSON cannot hold, with its path.
 */
export function stringifyJson(value: unknown): string {
  return writeJson(value).text
}

/** What is wrong with a text of more bytes than a string can have characters, which could not be read back. */
export const TOO_LONG = 'is longer than 512 MB, which is more than JavaScript can hold in a string'

/**
 * Like {@link stringifyJson}, in any forms. `isAsGiven` tells that the text reads back as the given value.
 */
export function writeJson(
  value: unknown,
  forms = PYTHON,
): { readonly text: string; readonly isAsGiven: boolean } {
  try {
    const plain = tryPlain(value)
    // Flattens the text, which was grown piece by piece: a row that waits to be written would hold the pieces.
    plain?.charCodeAt(0)
    return plain === undefined || !forms.isPlain(plain)
      ? { text: write(value, { forms, path: [], ancestors: [] }), isAsGiven: false }
      : { text: plain, isAsGiven: true }
  } catch (error) {
    if (isTooLong(error)) throw new JsonEncodeError('', TOO_LONG, { cause: error })
    if (isStackOverflow(error)) throw new JsonEncodeError('', 'is nested too deeply', { cause: error })
    throw error
  }
}

/** {@link writePlain}, or undefined if the stack is not deep enough. */
function tryPlain(value: unknown): string | undefined {
  try {
    return writePlain(value)
  } catch (error) {
    // A cycle, or deeper than the stack: the writer finds out which.
    if (isStackOverflow(error)) return undefined
    throw error
  }
}

const SURROGATES = 0xd800

/**
 * What `JSON.stringify` writes, if it reads back equal; else undefined. Checking and writing are one pass: a
 * separate check would take as long, and a getter may return something else the second time.
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
  const numbers = plainNumbers(value)
  if (numbers !== undefined) return JSON.stringify(numbers)
  let text = '['
  for (let i = 0; i < value.length; i++) {
    const item = writePlain(value[i])
    if (item === undefined) return undefined
    text += i === 0 ? item : `,${item}`
  }
  return `${text}]`
}

/** A copy of a list of plain numbers, each read once; undefined for any other. */
function plainNumbers(value: readonly unknown[]): number[] | undefined {
  if (typeof value[0] !== 'number') return undefined
  const numbers: number[] = []
  for (let i = 0; i < value.length; i++) {
    const item = value[i]
    if (typeof item !== 'number' || !isPlainNumber(item)) return undefined
    numbers.push(item)
  }
  return numbers
}

function writePlainObject(value: Readonly<Record<string, unknown>>): string | undefined {
  const keys = Object.keys(value)
  if (keys.length === 0) return '{}'
  const { text: numbers, count, next } = writeNumbers(value, keys)
  if (count === keys.length) return numbers
  let text = numbers
  for (let i = count; i < keys.length; i++) {
    const key = keys[i] as string
    const content = writePlain(i === count ? next : value[key])
    if (content === undefined) return undefined
    const name = isPlainText(key) ? key : JSON.stringify(key).slice(1, -1)
    text += `${i === 0 ? '{' : ','}"${name}":${content}`
  }
  return `${text}}`
}

/** Whether a text stands in JSON as it is. A loop is faster than a pattern here: most keys are short. */
function isPlainText(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < SPACE || code === QUOTE || code === BACKSLASH || code >= SURROGATES) return false
  }
  return true
}

function hasToJson(value: object): value is { toJSON(key: string): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function'
}

/** True for a Date of another realm, too. */
function isDate(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object Date]'
}

function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && !isTooLong(error)
}

/** Whether a text would be longer than a string can be. */
function isTooLong(error: unknown): boolean {
  return error instanceof RangeError && error.message === 'Invalid string length'
}

/** Where the writer is, and how it writes. */
interface Writing {
  readonly forms: JsonForms
  readonly path: (string | number)[]
  readonly ancestors: object[]
}

function write(value: unknown, writing: Writing): string {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value)
    case 'bigint':
      return writing.forms.bigint(value)
    case 'number':
      return Number.isFinite(value) ? writeNumber(value) : writing.forms.notFinite(value)
    case 'object':
      return value === null ? 'null' : writeObject(value, writing)
    default:
      throw refuse(writing.path, `is ${typeName(value)}`)
  }
}

function writeNumber(value: number): string {
  if (isPlainNumber(value)) return JSON.stringify(value)
  if (value === 0) return '-0.0'
  const digits = String(value)
  return /^-?\d+$/.test(digits) ? `${digits}.0` : digits
}

function writeObject(value: object, writing: Writing): string {
  const { path, ancestors } = writing
  if (ancestors.includes(value)) throw refuse(path, 'refers back to an object that holds it')
  ancestors.push(value)
  const text = writeContents(value, writing)
  ancestors.pop()
  return text
}

function writeContents(value: object, writing: Writing): string {
  const { forms, path } = writing
  const member = (key: string | number, content: unknown) => {
    path.push(key)
    const text = write(content, writing)
    path.pop()
    return text
  }
  const isUnreadable = value instanceof UnreadableJson
  if (isUnreadable && forms.unreadable !== undefined) return forms.unreadable(value)
  // An unreadable cell and a Date have a toJSON, too, but its result would read back as another value: refuse
  // them.
  if (hasToJson(value) && !isUnreadable && !isDate(value)) {
    return write(value.toJSON(String(path.at(-1) ?? '')), writing)
  }
  const symbol = Object.getOwnPropertySymbols(value)[0]
  if (symbol !== undefined) throw refuse(path, `has the key ${String(symbol)}`)
  if (Array.isArray(value)) {
    // Not map: it skips holes.
    return `[${Array.from(value, (item, index) => member(index, item)).join(',')}]`
  }
  if (!isPlainObject(value)) throw refuse(path, `is ${typeName(value)}`, spreadHint(value))
  const members: string[] = []
  let last = ''
  for (const key of Object.keys(value)) {
    const content = value[key]
    if (content === undefined) continue
    last = key
    members.push(`${JSON.stringify(key)}:${member(key, content)}`)
  }
  const text = `{${members.join(',')}}`
  return members.length === 1 ? forms.oneKey(last, text) : text
}

function refuse(path: readonly (string | number)[], problem: string, hint = ''): JsonEncodeError {
  return new JsonEncodeError(pathText(path), `${problem}, which JSON cannot hold${hint}`)
}

/** The path into a value, written as in code: `.a[2]`. */
export function pathText(path: readonly (string | number)[]): string {
  return path.map(pathSegment).join('')
}

function pathSegment(key: string | number): string {
  if (typeof key === 'number') return `[${key}]`
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
}
