import { ARCHIVED_AT, TASK_COLUMNS } from '../../../drizzle/columns.ts'
import { ITERATION } from '../../rules/batches.ts'
import { type Cursor, encodeCursor, type SubmitTime } from '../../rules/cursor.ts'
import type { PlaceName } from '../../rules/place-name.ts'
import { platformRange } from '../../rules/platform-range.ts'
import type { CheckedFilter, CheckedList, Page, WithArchivedAt } from '../../rules/task-filter.ts'
import { type Row, withArchivedAt } from '../../rules/task-row.ts'
import type { Connection } from '../connection.ts'
import { type IndexRange, IndexRanges } from './index-ranges.ts'
import { KeptCounts } from './kept-counts.ts'
import { ARCHIVE, type Place, placeOf } from './place.ts'
import { type Rowid, readRowid, rowidCell } from './rowid.ts'
import type { RowShape } from './task-row.ts'

const { backend: BACKEND, status: STATUS, submitTime: SUBMIT_TIME } = TASK_COLUMNS

/** What is read from one range. */
interface Branch {
  readonly place: Place
  readonly backend?: string | null | undefined
  readonly status?: string | null | undefined
  /** The filter itself, if there are too many ranges for one query: the platform, and a JSON list. */
  readonly platform?: readonly string[] | undefined
  readonly statuses?: string | undefined
  /** How the filter is read: its tasks are sorted, or the tasks of all times are walked over. */
  readonly reads?: 'sorted' | 'walked' | undefined
  /** Only later times. */
  readonly after?: string | undefined
  /** Only earlier times. */
  readonly before?: SubmitTime | undefined
  /** Only this time, and only rows inserted before one. */
  readonly at?: readonly [time: SubmitTime, rowid: Rowid] | undefined
}

/** How many ranges are merged. SQLite takes at most 500 parts of a union: two places, two parts of each after a cursor. */
const MERGED = 60

/** Ranges are padded with empty ones to these numbers, so that there are few statements. */
const PADDED = [1, 2, 3, 5, 8, 12, 20, 35, MERGED]

/** For so many filters the ranges are kept. */
const MOST = 100

/** So many tasks are sorted sooner than they are found among the tasks of all times. */
const FEW = 2000

/**
 * Lists and counts the tasks of one place or of both. Whatever the filter, no more rows are read than are
 * returned: each range comes out of an index in its order, and SQLite merges them.
 */
export class TaskList {
  readonly #connection: Connection
  readonly #ranges: IndexRanges
  readonly #counts: KeptCounts
  /** The ranges that were looked up in one version of the file, by filter. */
  #kept: { readonly version: string; readonly ranges: Map<string, readonly IndexRange[]> } | undefined

  constructor(connection: Connection) {
    this.#connection = connection
    this.#ranges = new IndexRanges(connection)
    this.#counts = new KeptCounts(connection)
  }

  list<T>(places: readonly PlaceName[], list: CheckedList, shape: RowShape<T>): (T & WithArchivedAt)[] {
    return this.listRows(places, list, shape).map(readerOf(places, shape, -1))
  }

  /** The rows of a list, in one that can hold archived tasks with the time at which the task was archived. */
  listRows<T>(places: readonly PlaceName[], list: CheckedList, shape: RowShape<T>): Row[] {
    return this.#rows(places, list, shape, false)
  }

  /** A page of at most `limit` tasks. */
  page<T>(places: readonly PlaceName[], list: CheckedList, shape: RowShape<T>): Page<T & WithArchivedAt> {
    const { items, ...next } = this.#page(places, list, shape)
    return { items: items.map(readerOf(places, shape, -3)), ...next }
  }

  /** A page of rows, each as in {@link listRows}. */
  pageRows<T>(places: readonly PlaceName[], list: CheckedList, shape: RowShape<T>): Page<Row> {
    const { items, ...next } = this.#page(places, list, shape)
    return { items: items.map((row) => row.slice(0, -2)), ...next }
  }

  #page<T>(places: readonly PlaceName[], list: CheckedList, shape: RowShape<T>): Page<Row> {
    const rows = this.#rows(places, { ...list, limit: list.limit + 1 }, shape, true)
    const items = rows.slice(0, list.limit)
    const last = items.at(-1)
    return rows.length > list.limit && last ? { items, next: encodeCursor(cursorOf(last)) } : { items }
  }

  /** Every task of a list, read page by page: nothing is locked between pages. */
  *iterate<T>(
    places: readonly PlaceName[],
    list: CheckedList,
    shape: RowShape<T>,
  ): Generator<T & WithArchivedAt, void, undefined> {
    const read = readerOf(places, shape, -3)
    let { after, offset, limit } = list
    while (limit !== 0) {
      const size = limit < 0 ? ITERATION : Math.min(limit, ITERATION)
      const rows = this.#rows(places, { ...list, after, offset, limit: size }, shape, true)
      for (const row of rows) yield read(row)
      const last = rows.at(-1)
      if (rows.length < size || last === undefined) return
      after = cursorOf(last)
      offset = 0
      if (limit > 0) limit -= rows.length
    }
  }

  count(placeName: PlaceName, filter: CheckedFilter): number {
    const place = placeOf(placeName)
    const work = () => this.#countRanges(place, this.#ranges.counted(place, filter), filter)
    const isOne = !isLookedUp(filter) && (filter.statuses?.length ?? 1) === 1
    const count = () => (isOne ? this.#connection.run(work) : this.#connection.snapshot(work))
    return this.#counts.get(countName('all', placeName, filter), count, (total) => total)
  }

  countByStatus(placeName: PlaceName, filter: CheckedFilter): ReadonlyMap<string, number> {
    const place = placeOf(placeName)
    const work = () => {
      const isFree = filter.backend === undefined && filter.platform === undefined
      const statuses = filter.statuses ?? (isFree ? this.#ranges.statuses(place, undefined) : undefined)
      const counts = new Map<string, number>()
      for (const range of this.#ranges.ordered(place, { ...filter, statuses })) {
        const status = range.status as string
        const count = this.#countRange(place, range, filter)
        if (count > 0) counts.set(status, (counts.get(status) ?? 0) + count)
      }
      return counts
    }
    const name = countName('by status', placeName, filter)
    return this.#counts.get(name, () => this.#connection.snapshot(work), totalOf)
  }

  /** How many tasks match on each backend, in the order of the backends. */
  countByBackend(placeName: PlaceName, filter: CheckedFilter): ReadonlyMap<string, number> {
    const place = placeOf(placeName)
    const work = () => {
      const counts = new Map<string, number>()
      for (const backend of this.#ranges.backends(place, filter)) {
        const ranges = this.#ranges.counted(place, { ...filter, backend, platform: undefined })
        const count = this.#countRanges(place, ranges, filter)
        if (count > 0) counts.set(backend, count)
      }
      return counts
    }
    const name = countName('by backend', placeName, filter)
    return this.#counts.get(name, () => this.#connection.snapshot(work), totalOf)
  }

  #countRanges(place: Place, ranges: readonly IndexRange[], filter: CheckedFilter): number {
    return ranges.reduce((sum, range) => sum + this.#countRange(place, range, filter), 0)
  }

  #countRange(place: Place, range: IndexRange, filter: CheckedFilter): number {
    const branch = branchOf(place, range, filter.submittedAfter, filter.submittedBefore)
    const statement = this.#connection.statement(
      `count ${branchShape(branch)}`,
      () => `SELECT count(*) FROM ${tableOf(branch)} ${whereOf(branch)}`,
    )
    return statement.get(paramsOf(branch))?.[0] as number
  }

  /** @param isPaged Whether the rows end with what {@link cursorOf} reads. */
  #rows<T>(placeNames: readonly PlaceName[], list: CheckedList, shape: RowShape<T>, isPaged: boolean): Row[] {
    const work = (versionOf?: () => string | undefined) => {
      const version = versionOf?.()
      const branches: Branch[] = []
      const params: unknown[] = []
      let name = `${isPaged ? 'page' : 'list'}${shape.name}`
      for (const placeName of placeNames) {
        const ofPlace = this.#branches(placeOf(placeName), list, version)
        name += branchesShape(ofPlace)
        for (const branch of ofPlace) {
          branches.push(branch)
          addParams(branch, params)
        }
      }
      if (branches.length === 0) return []
      params.push(list.limit, list.offset)
      const sql = () => listSql(placeNames.map(placeOf), branches, shape, isPaged)
      return this.#connection.statement(name, sql).all(params)
    }
    return isLookedUp(list.filter) ? this.#connection.snapshot(work) : this.#connection.run(work)
  }

  #branches(place: Place, { filter, after: cursor }: CheckedList, version: string | undefined): Branch[] {
    const { submittedAfter: after, submittedBefore: before } = filter
    const ranges = this.#readable(place, filter, version)
    if (cursor === undefined) return ranges.map((range) => branchOf(place, range, after, before))
    const { submitTime, rowid, isArchived } = cursor
    const isWithin =
      (after === undefined || isBefore(after, submitTime)) &&
      (before === undefined || isBefore(submitTime, before))
    // At the same time and rowid the live task comes first.
    const bound = place === ARCHIVE && !isArchived ? nextRowid(rowid) : rowid
    const at = [submitTime, bound] as const
    const end = before !== undefined && isBefore(before, submitTime) ? before : submitTime
    return ranges.flatMap((range) => [
      ...(isWithin ? [branchOf(place, range, undefined, undefined, at)] : []),
      branchOf(place, range, after, end),
    ])
  }

  /** The ranges, or the filter itself if they are too many to merge. */
  #readable(
    place: Place,
    filter: CheckedFilter,
    version: string | undefined,
  ): readonly Omit<Branch, 'place'>[] {
    const ranges = this.#rangesOf(place, filter, version)
    if (ranges.length <= MERGED) return padded(ranges)
    const { backend } = filter
    const platform =
      backend === undefined && filter.platform !== undefined
        ? Object.values(platformRange(filter.platform))
        : undefined
    const statuses = filter.statuses && JSON.stringify(filter.statuses)
    const found = backend === undefined && platform === undefined ? { statuses } : { backend, platform }
    const reads = this.#isFew({ place, ...found }) ? 'sorted' : 'walked'
    return [{ backend, platform, statuses, reads }]
  }

  /** The ranges of a filter. Those that are looked up are kept until the file changes. */
  #rangesOf(place: Place, filter: CheckedFilter, version: string | undefined): readonly IndexRange[] {
    if (version === undefined) return this.#ranges.ordered(place, filter, MERGED)
    if (this.#kept?.version !== version || this.#kept.ranges.size >= MOST) {
      this.#kept = { version, ranges: new Map() }
    }
    const kept = this.#kept.ranges
    const name = JSON.stringify([place.name, filter.backend, filter.platform, filter.statuses])
    let ranges = kept.get(name)
    if (ranges === undefined) {
      ranges = this.#ranges.ordered(place, filter, MERGED)
      kept.set(name, ranges)
    }
    return ranges
  }

  #isFew(branch: Branch): boolean {
    const statement = this.#connection.statement(
      `few ${branchShape(branch)}`,
      () => `SELECT count(*) FROM (SELECT 1 FROM ${tableOf(branch)} ${whereOf(branch)} LIMIT ${FEW + 1})`,
    )
    return (statement.get(paramsOf(branch))?.[0] as number) <= FEW
  }
}

/** All of one form, which is read sooner than several. */
function branchOf(
  place: Place,
  { backend, platform, status, statuses, reads }: Omit<Branch, 'place'>,
  after: string | undefined,
  before: SubmitTime | undefined,
  at?: Branch['at'],
): Branch {
  return { place, backend, platform, status, statuses, reads, after, before, at }
}

/** The ranges, and empty ones of the same kind: nothing equals null. */
function padded(ranges: readonly IndexRange[]): readonly Omit<Branch, 'place'>[] {
  const [first] = ranges
  const length = PADDED.find((length) => length >= ranges.length)
  if (first === undefined || length === undefined || length === ranges.length) return ranges
  const empty = {
    backend: first.backend === undefined ? undefined : null,
    status: first.status === undefined ? undefined : null,
  }
  return [...ranges, ...Array.from({ length: length - ranges.length }, () => empty)]
}

/** A name for a count, which no other filter has. */
const countName = (by: string, place: PlaceName, filter: CheckedFilter) =>
  `${by} ${place} ${JSON.stringify(filter)}`

function totalOf(counts: ReadonlyMap<string, number>): number {
  let total = 0
  for (const count of counts.values()) total += count
  return total
}

/** Whether the ranges must be looked up first: both reads then need one snapshot. */
function isLookedUp({ backend, platform, statuses }: CheckedFilter): boolean {
  return backend === undefined ? platform !== undefined : statuses === undefined
}

/** As SQLite sorts: a BLOB comes after every text. */
function isBefore(a: SubmitTime, b: SubmitTime): boolean {
  if (typeof a === 'string' && typeof b === 'string') return a < b
  return typeof a === 'string' || (typeof b !== 'string' && Buffer.compare(a, b) < 0)
}

/** The last rowid has none after it: all rows are before infinity. */
const nextRowid = (rowid: Rowid): Rowid => {
  if (BigInt(rowid) === 2n ** 63n - 1n) return Number.POSITIVE_INFINITY
  return typeof rowid === 'bigint' || rowid === Number.MAX_SAFE_INTEGER ? BigInt(rowid) + 1n : rowid + 1
}

const tableOf = ({ place }: Branch) => place.tasks
const isArchivedOf = ({ place }: Branch) => (place === ARCHIVE ? 1 : 0)

/**
 * Conditions on the columns of a table; a + before a column keeps SQLite from using its index. That before a value
 * changes nothing but this: from version 3.54 SQLite looks at a bare parameter when it plans an order that an index
 * has, and then plans the statement again at every call.
 */
const CONDITIONS = {
  backend: (plus) => `${plus}${BACKEND} = +?`,
  platform: (plus) => `(${plus}${BACKEND} = +? OR ${plus}${BACKEND} >= ? AND ${plus}${BACKEND} < ?)`,
  status: (plus) => `${plus}${STATUS} = +?`,
  statuses: (plus) => `${plus}${STATUS} IN (SELECT value FROM json_each(?))`,
  after: () => `${SUBMIT_TIME} > ?`,
  before: () => `${SUBMIT_TIME} < ?`,
  at: () => `${SUBMIT_TIME} = +? AND rowid < ?`,
} as const satisfies Partial<Record<keyof Branch, (plus: string) => string>>

const CONDITION_NAMES = Object.keys(CONDITIONS) as (keyof typeof CONDITIONS)[]

const conditionsOf = (branch: Branch) => CONDITION_NAMES.filter((name) => branch[name] !== undefined)

/** In the order of the {@link CONDITIONS}. */
function addParams(
  { backend, platform, status, statuses, after, before, at }: Branch,
  params: unknown[],
): void {
  if (backend !== undefined) params.push(backend)
  if (platform !== undefined) params.push(...platform)
  if (status !== undefined) params.push(status)
  if (statuses !== undefined) params.push(statuses)
  if (after !== undefined) params.push(after)
  if (before !== undefined) params.push(before)
  if (at !== undefined) params.push(...at)
}

function paramsOf(branch: Branch): unknown[] {
  const params: unknown[] = []
  addParams(branch, params)
  return params
}

/** What tells the SQL of a branch from that of others. */
function branchShape(branch: Branch): number {
  const { backend, platform, status, statuses, after, before, at } = branch
  let shape = 2 * READS.indexOf(branch.reads) + isArchivedOf(branch)
  for (const value of [backend, platform, status, statuses, after, before, at]) {
    shape = 2 * shape + (value === undefined ? 0 : 1)
  }
  return shape
}

const READS = [undefined, 'sorted', 'walked'] as const

/**
 * Of one place: they are all alike, or two alternate. Short, since lists are short calls: to look up a name of more than
 * twelve characters takes three times as long.
 */
function branchesShape(branches: readonly Branch[]): string {
  let shape = ` ${branches.length}`
  for (let i = 0; i < 2 && i < branches.length; i++) shape += ` ${branchShape(branches[i] as Branch)}`
  return shape
}

/** Empty without conditions: SQLite has a fast path for a plain `count(*)`. */
function whereOf(branch: Branch): string {
  const plus = branch.reads === 'walked' ? '+' : ''
  const conditions = conditionsOf(branch).map((name) => CONDITIONS[name](plus))
  return conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
}

const timeOf = ({ reads }: Branch) => (reads === 'sorted' ? `+${SUBMIT_TIME}` : SUBMIT_TIME)

/**
 * Cast, because SQLite looks at the value of a bare parameter when it plans a limit, and then plans the
 * statement again at every call.
 */
const LIMIT = 'LIMIT CAST(? AS INTEGER) OFFSET CAST(? AS INTEGER)'

/**
 * Selects the expressions of a shape, in a list that can hold archived tasks the time at which the task was archived,
 * and for a page its rowid and whether it is archived.
 */
function listSql<T>(
  places: readonly Place[],
  branches: readonly Branch[],
  shape: RowShape<T>,
  isPaged: boolean,
): string {
  const [only, ...others] = branches
  if (only !== undefined && others.length === 0) {
    const table = tableOf(only)
    const selected = [
      ...shape.select(table),
      ...(places.includes(ARCHIVE) ? [only.place === ARCHIVE ? ARCHIVED_AT : 'NULL'] : []),
      ...(isPaged ? [rowidCell('rowid'), isArchivedOf(only)] : []),
    ]
    return `SELECT ${selected.join()} FROM ${table}
      ${whereOf(only)} ORDER BY ${timeOf(only)} DESC, rowid DESC ${LIMIT}`
  }
  const keys = branches.map(
    (branch) =>
      `SELECT ${timeOf(branch)} AS t, rowid AS r, ${isArchivedOf(branch)} AS a FROM ${tableOf(branch)} ${whereOf(branch)}`,
  )
  // Only the keys are merged, from indexes; then each row is read once, in their order.
  const merged = `(${keys.join(' UNION ALL ')} ORDER BY 1 DESC, 2 DESC, 3 ${LIMIT}) k`
  const tables = places.map((place) => place.tasks)
  const columns = tables.map((table) => shape.select(table))
  const joins = places.map((place, index) =>
    places.length === 1
      ? `CROSS JOIN ${tables[index]} ON ${tables[index]}.rowid = k.r`
      : `LEFT JOIN ${tables[index]} ON k.a = ${place === ARCHIVE ? 1 : 0} AND ${tables[index]}.rowid = k.r`,
  )
  const [first = [], second] = columns
  const selected = [
    ...(second === undefined ? first : first.map((column, index) => `coalesce(${column}, ${second[index]})`)),
    ...(places.includes(ARCHIVE) ? [`${ARCHIVE.tasks}.${ARCHIVED_AT}`] : []),
    ...(isPaged ? [rowidCell('k.r'), 'k.a'] : []),
  ]
  return `SELECT ${selected.join()} FROM ${merged} ${joins.join(' ')}`
}

/**
 * How the rows of some places are read.
 *
 * @param archivedAt The position of the time at which the task was archived, in a list that can hold archived ones.
 */
function readerOf<T>(
  places: readonly PlaceName[],
  { read }: RowShape<T>,
  archivedAt: number,
): (row: Row) => T & WithArchivedAt {
  if (!places.includes('archived')) return read as (row: Row) => T & WithArchivedAt
  return (row) => withArchivedAt(read(row), row.at(archivedAt) as string | null)
}

function cursorOf(row: Row): Cursor {
  return {
    submitTime: row[TIME_POSITION] as SubmitTime,
    rowid: readRowid(row.at(-2)),
    isArchived: row.at(-1) === 1,
  }
}

/** The position of the submit time in a row of any shape. */
const TIME_POSITION = Object.keys(TASK_COLUMNS).indexOf('submitTime')
