import { isPlainObject, typeName } from '../../drizzle/json/value.ts'

/** The `TypeError` for an argument of the wrong type. */
export function wrongType(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${name} must be ${expected}, not ${typeName(value)}`)
}

/** Reads one option: checks its value, and fills in its default. @throws TypeError */
export type OptionReader<T> = (name: string, value: unknown) => T

/**
 * Returns a reader of a call's options, which refuses any that is not in the table. The table is read once.
 */
export function optionsReader<Options extends object>(
  readers: { readonly [name in keyof Options]: OptionReader<Options[name]> },
  name = 'options',
): (given: object | undefined) => Options {
  const entries = Object.entries(readers) as [string, OptionReader<unknown>][]
  const names = entries.map(([option]) => option)
  let defaults: Options | undefined
  const read = (given: object) => {
    checkKeys(name, given, names)
    const values = given as Readonly<Record<string, unknown>>
    const options: Record<string, unknown> = {}
    for (const [option, readOption] of entries) options[option] = readOption(option, values[option])
    return options as Options
  }
  return (given) => {
    if (given !== undefined) return read(given)
    // Most calls pass none.
    defaults ??= read({})
    return defaults
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
    if (!(words as readonly unknown[]).includes(value)) throw wrongType(name, expected, value)
    return value as Word
  }
}

/** A number from 0, which may be a fraction. */
export function amount(name: string, value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0)) throw wrongType(name, 'a number from 0', value)
  return value
}

/** Refuses anything but a plain object without symbol keys. */
export function checkObject(name: string, value: unknown): asserts value is Record<string, unknown> {
  if (!isPlainObject(value)) throw wrongType(name, 'an object', value)
  const [symbol] = Object.getOwnPropertySymbols(value)
  if (symbol !== undefined) throw new TypeError(`${name} has no ${String(symbol)}`)
}

/** Refuses anything but a plain object, and any key that is not one of `known`. */
export function checkKeys(name: string, value: unknown, known: readonly string[]): void {
  checkObject(name, value)
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      const names = known.map((option) => JSON.stringify(option)).join(', ')
      throw new TypeError(`${name} has no ${JSON.stringify(key)}; it has ${names}`)
    }
  }
}

export function checkString(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw wrongType(name, 'a string', value)
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
    throw new TypeError(`${name} must be a whole number${bound}, not ${value}`)
  }
}

/** One string or several, as an array; undefined stays. */
export function strings(name: string, value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined
  const values = Array.isArray(value) ? value : [value]
  for (const item of values) {
    if (typeof item !== 'string') throw wrongType(name, 'a string or an array of strings', item)
  }
  return values
}

/** Throws unless the value is iterable. Strings are refused: no one means their characters. */
export function checkIterable(
  name: string,
  value: unknown,
  expected: string,
): asserts value is Iterable<unknown> {
  if (typeof value !== 'object' || value === null || !(Symbol.iterator in value)) {
    throw wrongType(name, expected, value)
  }
}

export function checkPath(name: string, path: unknown): asserts path is string {
  checkString(name, path)
  if (path === '' || path.includes('\0'))
    throw new TypeError(`${name} must be a path, not an empty string or one with a null character`)
}

/** A path for the driver, which trims white space from its end and would open another file. */
export function checkDatabasePath(name: string, path: unknown): asserts path is string {
  checkPath(name, path)
  if (path !== path.trimEnd()) {
    throw new TypeError(`${name} must not end in white space, which the driver would remove; rename the file`)
  }
}
