import type { TaskInfo } from '../../drizzle/schema.ts'
import type { AnyStatus } from '../../drizzle/task-status.ts'
import { invalidType } from './argument-error.ts'
import {
  checkBoolean,
  checkInteger,
  optionalString,
  optionsReader,
  quote,
  strings,
  wrongType,
  wrongValue,
} from './check-arguments.ts'
import { type Cursor, decodeCursor } from './cursor.ts'
import { GIVEN_TIME, hasTimeType, textOfTime } from './given-time.ts'
import type { PlaceName } from './place-name.ts'

/** Which tasks. A field that is left out does not restrict; all that are given must match. */
export interface TaskFilter {
  /** One status, or any of several, including statuses that UnifiedQuantum does not know. */
  readonly status?: AnyStatus | readonly AnyStatus[] | undefined
  /** The backend, exactly: `originq:WK_C180`. */
  readonly backend?: string | undefined
  /** A platform with all its chips: `originq` matches itself and `originq:...`. */
  readonly platform?: string | undefined
  /** Submitted later than this ISO 8601 date or time, or Date. Compared as text, as the list is ordered. */
  readonly submittedAfter?: string | Date | undefined
  /** Submitted earlier than this ISO 8601 date or time, or Date. Compared as text, as the list is ordered. */
  readonly submittedBefore?: string | Date | undefined
}

/** Which tasks, and how many of them. */
export interface ArchiveListOptions extends TaskFilter {
  /** The most tasks to return. 0 returns none, a negative number all, as in UnifiedQuantum. Default: all. */
  readonly limit?: number | undefined
  /** How many to skip first. Default 0. */
  readonly offset?: number | undefined
  /** The `next` of a page: return only what comes after it. */
  readonly after?: string | undefined
}

/** Which tasks of a store, and how many of them. */
export interface TaskListOptions extends ArchiveListOptions {
  /**
   * `true` for the archived tasks, `'both'` for live and archived ones in one list. Default: the live ones.
   */
  readonly archived?: boolean | 'both' | undefined
}

/** Some tasks of a list, and a cursor for the next ones. */
export interface Page<T> {
  readonly items: T[]
  /** For `after`, to get the next page; absent on the last one. */
  readonly next?: string
}

/** A task of a list that can hold archived ones. */
export interface WithArchivedAt {
  /** Set for an archived task, null for a live one in a list of both, absent in a list of live ones. */
  readonly archivedAt?: string | null
}

/** A task of a list. */
export type ListedTask = TaskInfo & WithArchivedAt

/** A task without its result and metadata, which are not read. */
export interface TaskSummary extends Omit<TaskInfo, 'result' | 'metadata'> {
  readonly hasResult: boolean
}

/** A task of a list, without its result and metadata. */
export type ListedSummary = TaskSummary & WithArchivedAt

/** Which shards. */
export interface FindShardsOptions {
  /** The backend of the shard, exactly. Default: any. */
  readonly backend?: string | undefined
}

export const readFindShardsOptions = optionsReader({ backend: optionalString })

/** A {@link TaskFilter} that was checked. */
export interface CheckedFilter {
  /** Each once. */
  readonly statuses: readonly string[] | undefined
  readonly backend: string | undefined
  readonly platform: string | undefined
  readonly submittedAfter: string | undefined
  readonly submittedBefore: string | undefined
}

/** {@link ArchiveListOptions} that were checked, with defaults filled in. */
export interface CheckedList {
  readonly filter: CheckedFilter
  /** Negative for all. */
  readonly limit: number
  readonly offset: number
  readonly after: Cursor | undefined
}

/** {@link TaskListOptions} that were checked, with defaults filled in. */
export interface CheckedTaskList extends CheckedList {
  readonly places: readonly PlaceName[]
}

/** The options of a filter, for calls that take more. */
export const FILTER_OPTIONS = {
  status: strings,
  backend: optionalString,
  platform: optionalString,
  submittedAfter: time,
  submittedBefore: time,
} as const

const LIST_OPTIONS = { ...FILTER_OPTIONS, limit, offset, after: cursor } as const

const readFilter = unlessText('filter', optionsReader(FILTER_OPTIONS, 'filter'))
const readList = unlessText('options', optionsReader(LIST_OPTIONS))
const readTaskList = unlessText('options', optionsReader({ ...LIST_OPTIONS, archived: places }))

/** Says to whom gives a status alone, as UnifiedQuantum takes it first, where it belongs. */
function unlessText<Options>(name: string, read: (given: object | undefined) => Options): typeof read {
  return (given: unknown) => {
    if (typeof given !== 'string') return read(given as object | undefined)
    throw invalidType(name, `${name} must be an object, not a string; write { status: ${quote(given)} }`)
  }
}

/** @throws TypeError for an option that does not exist or has the wrong type. */
export function checkFilter(filter?: TaskFilter): CheckedFilter {
  return toFilter(readFilter(filter))
}

/** @throws TypeError for an option that does not exist or has the wrong type. */
export function checkList(options?: ArchiveListOptions): CheckedList {
  const read = readList(options)
  const { limit, offset, after } = read
  return { filter: toFilter(read), limit, offset, after }
}

/** @throws TypeError for an option that does not exist or has the wrong type. */
export function checkTaskList(options?: TaskListOptions): CheckedTaskList {
  const read = readTaskList(options)
  const { limit, offset, after, archived } = read
  return { filter: toFilter(read), limit, offset, after, places: archived }
}

/** How many tasks a page has by default. */
const PAGE_SIZE = 100

/** {@link checkTaskList} for a page, which has a limit. */
export function checkPage(options?: TaskListOptions): CheckedTaskList {
  const list = checkTaskList(options)
  const limit = options?.limit === undefined ? PAGE_SIZE : list.limit
  if (limit < 1) throw wrongValue('limit', 'a whole number from 1', limit)
  return { ...list, limit }
}

/** The filter of options that were read. */
export function toFilter(read: ReturnType<typeof readFilter>): CheckedFilter {
  const { status, backend, platform, submittedAfter, submittedBefore } = read
  const statuses = status && status.length > 1 ? [...new Set(status)] : status
  return { statuses, backend, platform, submittedAfter, submittedBefore }
}

/** The places that an option `archived` names. */
export function places(name: string, archived: unknown = false): readonly PlaceName[] {
  if (archived === 'both') return BOTH
  checkBoolean(name, archived)
  return archived ? ARCHIVED : LIVE
}

const LIVE: readonly PlaceName[] = ['live']
const ARCHIVED: readonly PlaceName[] = ['archived']
const BOTH: readonly PlaceName[] = ['live', 'archived']

/** The most to return; negative for all. */
export function limit(name: string, value: unknown = -1): number {
  checkInteger(name, value)
  return value as number
}

function offset(name: string, value: unknown = 0): number {
  checkInteger(name, value, 0)
  return value as number
}

function cursor(name: string, value: unknown): Cursor | undefined {
  const text = optionalString(name, value)
  return text === undefined ? undefined : decodeCursor(text)
}

function time(name: string, value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (!hasTimeType(value)) throw wrongType(name, GIVEN_TIME, value)
  const text = textOfTime(value)
  if (text === undefined) throw wrongValue(name, GIVEN_TIME, String(value))
  return text
}
