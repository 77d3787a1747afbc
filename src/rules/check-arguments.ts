import { isPlainObject, typeName } from '../../drizzle/json/value.ts'

/** The `TypeError` for an argument of the wrong type. */
export function wrongType(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${name} must be ${expected}, not ${typeName(value)}`)
}

/** Refuses what is no plain object, or has a key that no column could hold. */
export function checkObject(name: string, value: unknown): asserts value is Record<string, unknown> {
  if (!isPlainObject(value)) throw wrongType(name, 'an object', value)
  const [symbol] = Object.getOwnPropertySymbols(value)
  if (symbol !== undefined) throw new TypeError(`${name} has no ${String(symbol)}`)
}

/** Refuses what is no plain object, and any key that is not one of `known`. */
export function checkKeys(name: string, value: unknown, known: readonly string[]): void {
  checkObject(name, value)
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw new TypeError(
        `${name} has no ${JSON.stringify(key)}; it has ${known.map((k) => JSON.stringify(k)).join(', ')}`,
      )
    }
  }
}

export function checkString(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw wrongType(name, 'a string', value)
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

/** One text or several as a list; undefined as it is. */
export function checkStrings(name: string, value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined
  const values = Array.isArray(value) ? value : [value]
  for (const item of values) {
    if (typeof item !== 'string') throw wrongType(name, 'a string or an array of strings', item)
  }
  return values
}

/** Refuses what cannot be iterated, and a text, whose characters are not meant. */
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
  if (path === '' || path.includes('\0')) throw new TypeError(`${name} must be a path, not an empty text`)
}

/** A path that the driver opens: it removes white space from the end of one, and would open another file. */
export function checkDatabasePath(name: string, path: unknown): asserts path is string {
  checkPath(name, path)
  if (path !== path.trimEnd()) {
    throw new TypeError(`${name} must not end in white space, which the driver would remove; rename the file`)
  }
}
