import {
  checkBoolean,
  checkInteger,
  checkKeys,
  checkString,
  checkStrings,
  wrongType,
} from './check-arguments.ts'
import { formatTime } from './clock.ts'
import { type Cursor, decodeCursor } from './cursor.ts'
import type { PlaceName } from './place-name.ts'

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
export interface ArchiveListOptions extends TaskFilter {
  /** At most so many. 0 gives none, a negative number gives all, as in UnifiedQuantum. Default: all. */
  readonly limit?: number | undefined
  /** How many to leave out first. Default 0. */
  readonly offset?: number | undefined
  /** The `next` of a page: only what comes after it. */
  readonly after?: string | undefined
}

/** Which tasks of a store, and how many of them. */
export interface TaskListOptions extends ArchiveListOptions {
  /** `true` for the archived tasks, `'both'` for these and the live ones in one list. Default: the live ones. */
  readonly archived?: boolean | 'both' | undefined
}

export const FILTER_KEYS = ['status', 'backend', 'platform', 'submittedAfter', 'submittedBefore'] as const
const LIST_KEYS = [...FILTER_KEYS, 'limit', 'offset', 'after'] as const

/** A {@link TaskFilter} that was checked. */
export interface CheckedFilter {
  /** Each of them once. */
  readonly statuses: readonly string[] | undefined
  readonly backend: string | undefined
  readonly platform: string | undefined
  readonly submittedAfter: string | undefined
  readonly submittedBefore: string | undefined
}

/** {@link ArchiveListOptions} that were checked, with everything decided. */
export interface CheckedList {
  readonly filter: CheckedFilter
  /** Negative for all. */
  readonly limit: number
  readonly offset: number
  readonly after: Cursor | undefined
}

/** @throws TypeError for an option that does not exist or has the wrong type. */
export function checkFilter(filter: TaskFilter = {}): CheckedFilter {
  checkKeys('filter', filter, FILTER_KEYS)
  return checkFields(filter)
}

/** @throws TypeError for an option that does not exist or has the wrong type. */
export function checkList(options: ArchiveListOptions = {}): CheckedList {
  checkKeys('options', options, LIST_KEYS)
  return checkListFields(options)
}

/** @throws TypeError for an option that does not exist or has the wrong type. */
export function checkTaskList(
  options: TaskListOptions = {},
): CheckedList & { readonly places: readonly PlaceName[] } {
  checkKeys('options', options, [...LIST_KEYS, 'archived'])
  return { ...checkListFields(options), places: checkArchived(options.archived) }
}

/** The places that an `archived` option names. */
export function checkArchived(archived: boolean | 'both' | undefined = false): readonly PlaceName[] {
  if (archived === 'both') return BOTH
  checkBoolean('archived', archived)
  return archived ? ARCHIVED : LIVE
}

const LIVE: readonly PlaceName[] = ['live']
const ARCHIVED: readonly PlaceName[] = ['archived']
const BOTH: readonly PlaceName[] = ['live', 'archived']

function checkListFields(options: ArchiveListOptions): CheckedList {
  const { limit, offset, after } = options
  checkInteger('limit', limit)
  checkInteger('offset', offset, 0)
  if (after !== undefined) checkString('after', after)
  return {
    filter: checkFields(options),
    limit: limit ?? -1,
    offset: offset ?? 0,
    after: after === undefined ? undefined : decodeCursor(after),
  }
}

function checkFields(filter: TaskFilter): CheckedFilter {
  const { backend, platform } = filter
  if (backend !== undefined) checkString('backend', backend)
  if (platform !== undefined) checkString('platform', platform)
  const statuses = checkStrings('status', filter.status)
  return {
    statuses: statuses && statuses.length > 1 ? [...new Set(statuses)] : statuses,
    backend,
    platform,
    submittedAfter: asTime('submittedAfter', filter.submittedAfter),
    submittedBefore: asTime('submittedBefore', filter.submittedBefore),
  }
}

function asTime(name: string, value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (value instanceof Date && !Number.isNaN(value.getTime())) return formatTime(value.getTime() * 1000)
  if (typeof value !== 'string') throw wrongType(name, 'a string or a valid Date', value)
  return value
}
