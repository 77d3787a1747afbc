import { getTableName } from 'drizzle-orm'
import { TASK_COLUMNS } from '../../../drizzle/columns.ts'
import { archivedTasks } from '../../../drizzle/schema.ts'
import { type Cursor, encodeCursor } from '../../rules/cursor.ts'
import type { PlaceName } from '../../rules/place-name.ts'
import type { CheckedFilter, CheckedList, Page, WithArchivedAt } from '../../rules/task-filter.ts'
import type { Connection } from '../connection.ts'
import type { Row } from '../statement.ts'
import { type IndexRange, IndexRanges } from './index-ranges.ts'
import { ARCHIVE, type Place, placeOf } from './place.ts'
import type { RowShape } from './task-row.ts'

/** What is read from one range. */
interface Branch {
  readonly place: Place
  readonly backend?: string | undefined
  readonly status?: string | undefined
  /** JSON lists instead, if there are too many ranges for one query. */
  readonly backends?: string | undefined
  readonly statuses?: string | undefined
  /** Only later times. */
  readonly after?: string | undefined
  /** Only earlier times. */
  readonly before?: string | undefined
  /** Only this time, and only rows inserted before one. */
  readonly at?: readonly [time: string, rowid: number] | undefined
}

/** SQLite takes at most 500 parts of a union. */
const UNION_LIMIT = 400

/** How many tasks an iteration reads at a time. */
const ITERATION = 200

/**
 * Lists and counts the tasks of one place or of both. Whatever the filter, no more rows are read than are
 * returned: each range comes out of an index in its order, and SQLite merges them.
 */
export class TaskList {
  readonly #connection: Connection
  readonly #ranges: IndexRanges

  constructor(connection: Connection) {
    this.#connection = connection
    this.#ranges = new IndexRanges(connection)
  }

  list<T>(places: readonly PlaceName[], list: CheckedList, shape: RowShape<T>): (T & WithArchivedAt)[] {
    return this.#rows(places, list, shape).map((row) => readRow(row, places, shape))
  }

  /** A page of at most `limit` tasks. */
  page<T>(places: readonly PlaceName[], list: CheckedList, shape: RowShape<T>): Page<T & WithArchivedAt> {
    const rows = this.#rows(places, { ...list, limit: list.limit + 1 }, shape)
    const items = rows.slice(0, list.limit).map((row) => readRow(row, places, shape))
    const last = rows[list.limit - 1]
    return rows.length > list.limit && last ? { items, next: encodeCursor(cursorOf(last)) } : { items }
  }

  /** Every task of a list, read page by page: nothing is locked between pages. */
  *iterate<T>(
    places: readonly PlaceName[],
    list: CheckedList,
    shape: RowShape<T>,
  ): Generator<T & WithArchivedAt, void, undefined> {
    let { after, offset, limit } = list
    while (limit !== 0) {
      const size = limit < 0 ? ITERATION : Math.min(limit, ITERATION)
      const rows = this.#rows(places, { ...list, after, offset, limit: size }, shape)
      for (const row of rows) yield readRow(row, places, shape)
      const last = rows.at(-1)
      if (rows.length < size || last === undefined) return
      after = cursorOf(last)
      offset = 0
      if (limit > 0) limit -= rows.length
    }
  }

  count(placeName: PlaceName, filter: CheckedFilter): number {
    const place = placeOf(placeName)
    const work = () => {
      const ranges = this.#ranges.counted(place, filter)
      return ranges.reduce((sum, range) => sum + this.#countRange({ place, ...range }, filter), 0)
    }
    const isOne = !isLookedUp(filter) && (filter.statuses?.length ?? 1) === 1
    return isOne ? this.#connection.run(work) : this.#connection.snapshot(work)
  }

  countByStatus(placeName: PlaceName, filter: CheckedFilter): Map<string, number> {
    const place = placeOf(placeName)
    return this.#connection.snapshot(() => {
      const isFree = filter.backend === undefined && filter.platform === undefined
      const statuses = filter.statuses ?? (isFree ? this.#ranges.statuses(place, undefined) : undefined)
      const counts = new Map<string, number>()
      for (const range of this.#ranges.ordered(place, { ...filter, statuses })) {
        const status = range.status as string
        const count = this.#countRange({ place, ...range }, filter)
        if (count > 0) counts.set(status, (counts.get(status) ?? 0) + count)
      }
      return counts
    })
  }

  #countRange(range: Branch, { submittedAfter, submittedBefore }: CheckedFilter): number {
    const branch = { ...range, after: submittedAfter, before: submittedBefore }
    const statement = this.#connection.statement(
      `count ${branchShape(branch)}`,
      () => `SELECT count(*) FROM ${tableOf(branch)} ${whereOf(branch)}`,
    )
    return statement.get(paramsOf(branch))?.[0] as number
  }

  #rows<T>(placeNames: readonly PlaceName[], list: CheckedList, shape: RowShape<T>): Row[] {
    const work = () => {
      const places = placeNames.map(placeOf)
      const branches = places.flatMap((place) => this.#branches(place, list))
      if (branches.length === 0) return []
      const statement = this.#connection.statement(
        `list ${shape.name} ${places.length} ${branches.map(branchShape).join()}`,
        () => listSql(places, branches, shape),
      )
      return statement.all([...branches.flatMap(paramsOf), list.limit, list.offset])
    }
    return isLookedUp(list.filter) ? this.#connection.snapshot(work) : this.#connection.run(work)
  }

  #branches(place: Place, { filter, after: cursor }: CheckedList): Branch[] {
    const { submittedAfter: after, submittedBefore: before } = filter
    const ranges = this.#mergeable(this.#ranges.ordered(place, filter), filter)
    if (cursor === undefined) return ranges.map((range) => ({ place, ...range, after, before }))
    const { submitTime, rowid, isArchived } = cursor
    const isWithin =
      (after === undefined || submitTime > after) && (before === undefined || submitTime < before)
    // At the same time and rowid the live task comes first.
    const bound = place === ARCHIVE && !isArchived ? rowid + 1 : rowid
    return ranges.flatMap((range) => [
      ...(isWithin ? [{ place, ...range, at: [submitTime, bound] as const }] : []),
      { place, ...range, after, before: before !== undefined && before < submitTime ? before : submitTime },
    ])
  }

  /** The ranges, or one that SQLite sorts, if they are too many to merge. */
  #mergeable(ranges: readonly IndexRange[], { statuses }: CheckedFilter): readonly Omit<Branch, 'place'>[] {
    // Two places, and two parts per range after a cursor.
    if (ranges.length <= UNION_LIMIT / 4) return ranges
    const backends = new Set(ranges.flatMap(({ backend }) => backend ?? []))
    return [
      {
        backends: backends.size > 0 ? JSON.stringify([...backends]) : undefined,
        statuses: statuses && JSON.stringify(statuses),
      },
    ]
  }
}

/** Whether the ranges must be looked up first: both reads then need one snapshot. */
function isLookedUp({ backend, platform, statuses }: CheckedFilter): boolean {
  return backend === undefined ? platform !== undefined : statuses === undefined
}

const tableOf = ({ place }: Branch) => getTableName(place.tasks)
const isArchivedOf = ({ place }: Branch) => (place === ARCHIVE ? 1 : 0)

const CONDITIONS = {
  backend: `${TASK_COLUMNS.backend} = ?`,
  status: `${TASK_COLUMNS.status} = ?`,
  backends: `${TASK_COLUMNS.backend} IN (SELECT value FROM json_each(?))`,
  statuses: `${TASK_COLUMNS.status} IN (SELECT value FROM json_each(?))`,
  after: `${TASK_COLUMNS.submitTime} > ?`,
  before: `${TASK_COLUMNS.submitTime} < ?`,
  at: `${TASK_COLUMNS.submitTime} = ? AND rowid < ?`,
} as const satisfies Partial<Record<keyof Branch, string>>

const CONDITION_NAMES = Object.keys(CONDITIONS) as (keyof typeof CONDITIONS)[]

const conditionsOf = (branch: Branch) => CONDITION_NAMES.filter((name) => branch[name] !== undefined)
const paramsOf = (branch: Branch) => conditionsOf(branch).flatMap((name) => branch[name] as string)
const branchShape = (branch: Branch) => `${branch.place.name} ${conditionsOf(branch).join(' ')}`

/** Empty without conditions: SQLite has a fast path for a plain `count(*)`. */
function whereOf(branch: Branch): string {
  const conditions = conditionsOf(branch).map((name) => CONDITIONS[name])
  return conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
}

/**
 * Cast, because SQLite looks at the value of a bare parameter when it plans a limit, and then plans the
 * statement again at every call.
 */
const LIMIT = 'LIMIT CAST(? AS INTEGER) OFFSET CAST(? AS INTEGER)'

/**
 * Selects the expressions of a shape, then the time at which the task was archived, its rowid and whether it
 * is archived.
 */
function listSql<T>(places: readonly Place[], branches: readonly Branch[], shape: RowShape<T>): string {
  const [only, ...others] = branches
  if (only !== undefined && others.length === 0) {
    const table = tableOf(only)
    const archivedAt = only.place === ARCHIVE ? archivedTasks.archivedAt.name : 'NULL'
    return `SELECT ${shape.select(table).join()}, ${archivedAt}, rowid, ${isArchivedOf(only)} FROM ${table}
      ${whereOf(only)} ORDER BY ${TASK_COLUMNS.submitTime} DESC, rowid DESC ${LIMIT}`
  }
  const keys = branches.map(
    (branch) =>
      `SELECT ${TASK_COLUMNS.submitTime} AS t, rowid AS r, ${isArchivedOf(branch)} AS a FROM ${tableOf(branch)} ${whereOf(branch)}`,
  )
  // Only the keys are merged, from indexes; then each row is read once, in their order.
  const merged = `(${keys.join(' UNION ALL ')} ORDER BY 1 DESC, 2 DESC, 3 ${LIMIT}) k`
  const tables = places.map((place) => getTableName(place.tasks))
  const columns = tables.map((table) => shape.select(table))
  const archivedAt = places.includes(ARCHIVE)
    ? `${getTableName(ARCHIVE.tasks)}.${archivedTasks.archivedAt.name}`
    : 'NULL'
  const joins = places.map((place, index) =>
    places.length === 1
      ? `CROSS JOIN ${tables[index]} ON ${tables[index]}.rowid = k.r`
      : `LEFT JOIN ${tables[index]} ON k.a = ${place === ARCHIVE ? 1 : 0} AND ${tables[index]}.rowid = k.r`,
  )
  const [first = [], second] = columns
  const selected =
    second === undefined ? first : first.map((column, index) => `coalesce(${column}, ${second[index]})`)
  return `SELECT ${selected.join()}, ${archivedAt}, k.r, k.a FROM ${merged} ${joins.join(' ')}`
}

function readRow<T>(row: Row, places: readonly PlaceName[], shape: RowShape<T>): T & WithArchivedAt {
  const task = shape.read(row)
  if (!places.includes('archived')) return task as T & WithArchivedAt
  return { ...task, archivedAt: row.at(-3) as string | null }
}

function cursorOf(row: Row): Cursor {
  return {
    submitTime: row[TIME_POSITION] as string,
    rowid: row.at(-2) as number,
    isArchived: row.at(-1) === 1,
  }
}

/** The position of the submit time in a row of any shape. */
const TIME_POSITION = Object.keys(TASK_COLUMNS).indexOf('submitTime')
