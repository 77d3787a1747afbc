import { and, eq, gt, lt, type SQL, sql } from 'drizzle-orm'
import {
  checkBoolean,
  checkInteger,
  checkKeys,
  checkString,
  checkStrings,
  wrongType,
} from './check-options.ts'
import { formatTime } from './clock.ts'
import type { Place } from './place.ts'

/** Which tasks. A field that is left out does not restrict; all that are given must hold. */
export interface TaskFilter {
  /**
   * One status, or any of several; a status that a file holds and upstream does not know can be asked for as
   * well.
   */
  readonly status?: string | readonly string[] | undefined
  /** The backend, exactly: `originq:WK_C180`. */
  readonly backend?: string | undefined
  /** A platform with all its chips: `originq` matches itself and `originq:...`. */
  readonly platform?: string | undefined
  /** Submitted later than this. Compared as text, as the list is ordered. */
  readonly submittedAfter?: string | Date | undefined
  /** Submitted earlier than this. Compared as text, as the list is ordered. */
  readonly submittedBefore?: string | Date | undefined
}

/** Which tasks, and how many of them. */
export interface ListOptions extends TaskFilter {
  /** At most so many. 0 gives none, a negative number gives all, as in UnifiedQuantum. Default: all. */
  readonly limit?: number | undefined
  /** How many to leave out first. Default 0. */
  readonly offset?: number | undefined
}

/** Which tasks of a store, and how many of them. */
export interface TaskListOptions extends ListOptions {
  /** `true` for the archived tasks, `'both'` for these and the live ones in one list. Default: the live ones. */
  readonly archived?: boolean | 'both' | undefined
}

export const FILTER_KEYS = ['status', 'backend', 'platform', 'submittedAfter', 'submittedBefore'] as const
const LIST_KEYS = [...FILTER_KEYS, 'limit', 'offset'] as const

/** A filter ready for a prepared query: one shape, one query. */
export interface PreparedFilter {
  /** The names of the conditions that are asked for. */
  readonly shape: string
  readonly params: Record<string, string | number>
}

/** One condition of a shape on a table, with a placeholder for its parameter. */
function condition(name: string, { backend, status, submitTime }: Place['tasks']): SQL | undefined {
  const value = sql.placeholder(name)
  switch (name) {
    case 'status':
      return eq(status, value)
    case 'statuses':
      return sql`${status} in (select value from json_each(${value}))`
    case 'backend':
      return eq(backend, value)
    case 'platform':
      // The ; follows the : in ASCII.
      return sql`(${backend} = ${value} or (${backend} >= ${value} || ':' and ${backend} < ${value} || ';'))`
    case 'submittedAfter':
      return gt(submitTime, value)
    case 'submittedBefore':
      return lt(submitTime, value)
    default:
      throw new Error(`no condition is named ${name}`)
  }
}

/** @throws TypeError for an option that does not exist or has the wrong type. */
export function prepareFilter(filter: TaskFilter = {}): PreparedFilter {
  checkKeys('filter', filter, FILTER_KEYS)
  return prepare(filter)
}

/** @throws TypeError for an option that does not exist or has the wrong type. */
export function prepareList(options: ListOptions = {}): PreparedFilter {
  checkKeys('options', options, LIST_KEYS)
  return prepareOptions(options)
}

/** @throws TypeError for an option that does not exist or has the wrong type. */
export function prepareTaskList(options: TaskListOptions = {}) {
  checkKeys('options', options, [...LIST_KEYS, 'archived'])
  const { archived = false } = options
  if (archived !== 'both') checkBoolean('archived', archived)
  return { archived, ...prepareOptions(options) }
}

function prepareOptions(options: ListOptions): PreparedFilter {
  checkInteger('limit', options.limit)
  checkInteger('offset', options.offset, 0)
  const { shape, params } = prepare(options)
  return { shape, params: { ...params, limit: options.limit ?? -1, offset: options.offset ?? 0 } }
}

function prepare(filter: TaskFilter): PreparedFilter {
  const params: Record<string, string> = {}
  const statuses = checkStrings('status', filter.status)
  if (statuses?.length === 1) params.status = statuses[0] as string
  else if (statuses !== undefined) params.statuses = JSON.stringify(statuses)
  for (const name of ['backend', 'platform'] as const) {
    const value = filter[name]
    if (value === undefined) continue
    checkString(name, value)
    params[name] = value
  }
  for (const name of ['submittedAfter', 'submittedBefore'] as const) {
    const value = filter[name]
    if (value !== undefined) params[name] = asTime(name, value)
  }
  return { shape: Object.keys(params).join(), params }
}

function asTime(name: string, value: unknown): string {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return formatTime(value.getTime() * 1000)
  if (typeof value !== 'string') throw wrongType(name, 'a string or a valid Date', value)
  return value
}

/** The condition of a shape on a table, with a placeholder for each parameter; undefined for no condition. */
export function conditionOf(shape: string, table: Place['tasks']): SQL | undefined {
  return shape === '' ? undefined : and(...shape.split(',').map((name) => condition(name, table)))
}
