import { typeName } from '../../drizzle/json/value.ts'
import { invalidType, invalidValue } from './argument-error.ts'
import { quote } from './check-arguments.ts'
import { formatTime } from './clock.ts'
import { decodeCursor } from './cursor.ts'
import { parseInstant } from './instant.ts'
import type { TaskListOptions } from './task-filter.ts'

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1000

/** How each option is read from all its values in a query. */
const READERS: {
  readonly [Name in keyof TaskListOptions]-?: (
    name: string,
    texts: readonly string[],
  ) => TaskListOptions[Name]
} = {
  status: (name, texts) => texts.map((text) => readText(name, text)),
  backend: once(readText),
  platform: once(readText),
  submittedAfter: once(readTime),
  submittedBefore: once(readTime),
  limit: once((name, text) => readWholeNumber(name, text, 1, MAX_LIMIT)),
  offset: once((name, text) => readWholeNumber(name, text, 0, Number.MAX_SAFE_INTEGER)),
  after: once(readCursor),
  archived: once(readArchived),
}

/**
 * The options of a list from the query of a URL. The names are those of the options; `status` may occur
 * several times, the others once, and none may be empty.
 *
 * - `limit` is 1 to 1000, by default 100: a list that a client asks for is never unbounded.
 * - `archived` is `true`, `false` or `both`.
 * - A time is an ISO 8601 date or date and time, in UTC unless it has an offset. It is returned in the form
 * that the store writes, because a list compares times as text. In a URL, write the `+` of an offset as
 * `%2B`.
 *
 * @throws ArgumentError `ERR_INVALID_ARG_VALUE` for anything else, with the name in `argument`: a server
 * answers it with 400.
 * @example
 * ```ts
 * import { parseListQuery, TaskStore, toJson } from 'uniqc-task-store'
 *
 * using store = new TaskStore({ file: ':memory:' })
 * const { searchParams } = new URL('http://localhost/tasks?platform=originq&status=success&status=failed&limit=20')
 * console.log(toJson(store.page(parseListQuery(searchParams))))
 * ```
 */
export function parseListQuery(searchParams: URLSearchParams): TaskListOptions {
  // Not instanceof: it may come from another realm.
  if (Object.prototype.toString.call(searchParams) !== '[object URLSearchParams]') {
    throw invalidType('searchParams', `searchParams must be URLSearchParams, not ${typeName(searchParams)}`)
  }
  const options: Record<string, unknown> = { limit: DEFAULT_LIMIT }
  for (const name of new Set(searchParams.keys())) {
    if (!isOption(name)) {
      const names = Object.keys(READERS).map((option) => JSON.stringify(option))
      throw invalidValue(name, `the query has no ${quote(name)}; it has ${names.join(', ')}`)
    }
    options[name] = READERS[name](name, searchParams.getAll(name))
  }
  return options
}

function isOption(name: string): name is keyof TaskListOptions {
  return Object.hasOwn(READERS, name)
}

/** A reader of an option that may occur once in a query. */
function once<T>(read: (name: string, text: string) => T): (name: string, texts: readonly string[]) => T {
  return (name, [text = '', ...others]) => {
    if (others.length > 0)
      throw invalidValue(name, `${name} must be given once, not ${others.length + 1} times`)
    return read(name, text)
  }
}

function readText(name: string, text: string): string {
  if (text === '') throw invalidValue(name, `${name} must not be empty`)
  return text
}

function readTime(name: string, text: string): string {
  const instant = parseInstant(text, 'UTC')
  const time = instant === undefined ? '' : formatTime(instant)
  // A year before 0 or after 9999, which an offset can lead to, has a sign and would sort wrongly.
  if (/^\d/.test(time)) return time
  const hint = / \d\d:?\d\d$/.test(text) ? '; in a URL, write the + of an offset as %2B' : ''
  throw invalidValue(name, `${name} must be an ISO 8601 date or time, not ${quote(text)}${hint}`)
}

function readWholeNumber(name: string, text: string, least: number, most: number): number {
  const value = /^(?:0|[1-9]\d*)$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw invalidValue(name, `${name} must be a whole number from ${least} to ${most}, not ${quote(text)}`)
}

function readCursor(_name: string, text: string): string {
  decodeCursor(text)
  return text
}

function readArchived(name: string, text: string): boolean | 'both' {
  if (text === 'both') return text
  if (text === 'true' || text === 'false') return text === 'true'
  throw invalidValue(name, `${name} must be true, false or both, not ${quote(text)}`)
}
