import { isPlainObject, spreadHint, typeName } from '../../drizzle/json/value.ts'
import { type ArgumentError, invalidType, invalidValue } from './argument-error.ts'

/**
 * The error for an argument of the wrong type.
 *
 * @param name What the message calls it: `options.file`.
 */
export function wrongType(
  name: string,
  expected: string,
  value: unknown,
  argument = argumentOf(name),
): ArgumentError {
  return invalidType(argument, `${name} must be ${expected}, not ${typeName(value)}`)
}

/** The error for an argument of the right type with another value than is expected. */
export function wrongValue(name: string, expected: string, value: string | number): ArgumentError {
  const shown = typeof value === 'string' ? quote(value) : value
  return invalidValue(argumentOf(name), `${name} must be ${expected}, not ${shown}`)
}

/** The beginning of a text, which may be a long one. */
export function quote(text: string): string {
  return JSON.stringify(text.slice(0, 40))
}

/** `file` of `options.file`. */
const argumentOf = (name: string) => name.slice(name.lastIndexOf('.') + 1)

/** Reads one option: checks its value, and fills in its default. @throws TypeError */
export type OptionReader<T> = (name: string, value: unknown) => T

/**
 * Returns a reader of a call's options, which refuses any that is not in the table. The table is read once, and every
 * option in it has a default.
 */
export function optionsReader<Options extends object>(
  readers: { readonly [name in keyof Options]: OptionReader<Options[name]> },
  name = 'options',
): (given: object | undefined) => Options {
  const names = Object.keys(readers) as (keyof Options & string)[]
  const table: ReadonlyMap<string, OptionReader<unknown>> = new Map(Object.entries(readers))
  let defaults: Options | undefined
  return (given) => {
    // Not before the first call: readers may be declared after the table.
    defaults ??= Object.fromEntries(
      names.map((option) => [option, readers[option](option, undefined)]),
    ) as Options
    if (given === undefined) return defaults
    checkObject(name, given)
    const keys = Object.keys(given)
    for (const key of keys) if (!table.has(key)) throw unknownKey(name, key, names)
    // Most calls give few of the options.
    const options = { ...defaults } as Record<string, unknown>
    for (const key of keys) options[key] = (table.get(key) as OptionReader<unknown>)(key, given[key])
    return options as Options
  }
}

/** A boolean with a default. */
export function flag(byDefault: boolean): OptionReader<boolean> {
  return (name, value = byDefault) => {
    checkBoolean(name, value)
    return value ?? byDefault
  }
}

/** A function, or undefined. */
export function callback<Callback>(name: string, value: unknown): Callback | undefined {
  if (value !== undefined && typeof value !== 'function') throw wrongType(name, 'a function', value)
  return value as Callback | undefined
}

/** One of some words; the first is the default. */
export function oneOf<Word extends string>(...words: readonly [Word, ...Word[]]): OptionReader<Word> {
  const quoted = words.map((word) => `'${word}'`)
  const expected = `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`
  return (name, value = words[0]) => {
    if ((words as readonly unknown[]).includes(value)) return value as Word
    throw typeof value === 'string' ? wrongValue(name, expected, value) : wrongType(name, expected, value)
  }
}

/** A number from 0, which may be a fraction. */
export function amount(name: string, value: unknown): number {
  if (typeof value !== 'number') throw wrongType(name, 'a number from 0', value)
  if (!(value >= 0)) throw wrongValue(name, 'a number from 0', value)
  return value
}

/** Refuses anything but a plain object without symbol keys. */
export function checkObject(name: string, value: unknown): asserts value is Record<string, unknown> {
  if (!isPlainObject(value)) {
    throw invalidType(name, `${name} must be an object, not ${typeName(value)}${spreadHint(value, name)}`)
  }
  const [symbol] = Object.getOwnPropertySymbols(value)
  if (symbol !== undefined) throw invalidValue(String(symbol), `${name} has no ${String(symbol)}`)
}

/** Refuses anything but a plain object, and any key that is not one of `known`. */
export function checkKeys(name: string, value: unknown, known: readonly string[]): void {
  checkObject(name, value)
  for (const key of Object.keys(value)) if (!known.includes(key)) throw unknownKey(name, key, known)
}

function unknownKey(name: string, key: string, known: readonly string[]): ArgumentError {
  const meant = meantBy(key, known)
  const names = known.map((option) => JSON.stringify(option)).join(', ')
  const hint = meant === undefined ? '' : `write ${JSON.stringify(meant)}; `
  return invalidValue(key, `${name} has no ${JSON.stringify(key)}; ${hint}it has ${names}`)
}

/** What a task calls what a flat record calls otherwise. */
const SYNONYMS: Readonly<Record<string, string>> = { platform: 'backend', backend: 'platform' }

/** The known name that a key says in other letters, as Python writes it, or in the words of the other interface. */
function meantBy(key: string, known: readonly string[]): string | undefined {
  const plain = (name: string) => name.replaceAll('_', '').toLowerCase()
  return known.find(
    (name) => plain(name) === plain(key) || (Object.hasOwn(SYNONYMS, key) && SYNONYMS[key] === name),
  )
}

export function checkString(name: string, value: unknown, argument?: string): asserts value is string {
  if (typeof value !== 'string') throw wrongType(name, 'a string', value, argument)
}

/** A string, or undefined. */
export function optionalString(name: string, value: unknown): string | undefined {
  if (value !== undefined) checkString(name, value)
  return value
}

export function checkBoolean(name: string, value: unknown): asserts value is boolean | undefined {
  if (value !== undefined && typeof value !== 'boolean') throw wrongType(name, 'true or false', value)
}

export function checkInteger(name: string, value: unknown, least = Number.MIN_SAFE_INTEGER): void {
  if (value === undefined) return
  if (typeof value !== 'number') throw wrongType(name, 'a whole number', value)
  if (!Number.isSafeInteger(value) || value < least) {
    const bound = least === Number.MIN_SAFE_INTEGER ? '' : ` from ${least}`
    throw wrongValue(name, `a whole number${bound}`, value)
  }
}

/** One string or several, as an array of their own; undefined stays. */
export function strings(name: string, value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined
  // The caller may change his array while a long call goes on.
  const values: readonly unknown[] = Array.isArray(value) ? Array.from(value) : [value]
  for (const item of values) {
    if (typeof item !== 'string') throw wrongType(name, 'a string or an array of strings', item)
  }
  return values as readonly string[]
}

/** Throws unless the value is iterable. Strings are refused: no one means their characters. */
export function checkIterable(
  name: string,
  value: unknown,
  expected: string,
): asserts value is Iterable<unknown> {
  const isIterable =
    typeof value === 'object' &&
    value !== null &&
    Symbol.iterator in value &&
    typeof value[Symbol.iterator] === 'function'
  if (!isIterable) throw wrongType(name, expected, value)
}

/** The strings of an iterable, such as task ids. */
export function stringsOf(name: string, value: unknown, expected: string): string[] {
  checkIterable(name, value, expected)
  const strings = Array.from(value)
  for (const string of strings) checkString(name, string)
  return strings as string[]
}

/** Whether a path is one that a shell would expand. */
export function startsAtHome(path: string): boolean {
  return /^~(?:[/\\]|$)/.test(path)
}

export function checkPath(name: string, path: unknown): asserts path is string {
  checkString(name, path)
  if (path === '' || path.includes('\0')) {
    const problem = 'must be a path, not an empty string or one with a null character'
    throw invalidValue(argumentOf(name), `${name} ${problem}`)
  }
  if (startsAtHome(path)) {
    const problem = 'begins with ~, which only a shell expands; use homedir() of node:os'
    throw invalidValue(argumentOf(name), `${name} ${problem}`)
  }
}

/** A path for the driver, which trims white space from its end and would open another file. */
export function checkDatabasePath(name: string, path: unknown): asserts path is string {
  checkPath(name, path)
  if (path !== path.trimEnd()) {
    const problem = 'must not end in white space, which the driver would remove; rename the file'
    throw invalidValue(argumentOf(name), `${name} ${problem}`)
  }
}
