import { ARCHIVED_AT, TASK_COLUMNS } from '../../../drizzle/columns.ts'
import { KNOWN_STATUSES } from '../../../drizzle/postgres-schema.ts'
import type { TaskInfo } from '../../../drizzle/schema.ts'
import { TASK_STATUSES } from '../../../drizzle/task-status.ts'
import { ITERATION } from '../../rules/batches.ts'
import { type Cursor, encodeCursor } from '../../rules/cursor.ts'
import type { PlaceName } from '../../rules/place-name.ts'
import { isOfPlatform } from '../../rules/platform-range.ts'
import type {
  CheckedFilter,
  CheckedTaskList,
  Page,
  TaskSummary,
  WithArchivedAt,
} from '../../rules/task-filter.ts'
import { type Row, readSummary, readTask, SUMMARY_FIELDS, withArchivedAt } from '../../rules/task-row.ts'
import type { Session } from '../transaction.ts'
import { Bindings, storableBound } from './filter-sql.ts'
import type { Place } from './place.ts'
import { taskRowOf } from './stored-row.ts'

/** How many ranges are read in order one by one; beyond that PostgreSQL sorts every task that matches. */
const MOST_RANGES = 50

/** How a task is read from a row: what to select, and how to decode it. */
export interface RowShape<T> {
  readonly name: string
  readonly select: string
  readonly read: (row: Row) => T
}

/** A whole task. */
export const WHOLE: RowShape<TaskInfo> = {
  name: 'whole',
  select: Object.values(TASK_COLUMNS).join(),
  read: (row) => readTask(taskRowOf(row)),
}

/** A summary. The length of a result is known without reading it. */
export const SUMMARY: RowShape<TaskSummary> = {
  name: 'summary',
  select: [
    ...SUMMARY_FIELDS.map((field) => TASK_COLUMNS[field]),
    `(octet_length(${TASK_COLUMNS.result}) > 4 OR ${TASK_COLUMNS.result} NOT IN ('', 'null'))`,
  ].join(),
  read: readSummary,
}

const { status: STATUS, submitTime: SUBMITTED } = TASK_COLUMNS

/** The conditions that divide a list into ranges, each of which an index holds in the order of the list. */
const RANGES = [
  ...TASK_STATUSES.map((status) => `${STATUS} = '${status}'`),
  `${STATUS} NOT IN (${KNOWN_STATUSES})`,
]

/** Where the submit time stands in a row of either shape. */
const TIME = SUMMARY_FIELDS.indexOf('submitTime')

const ORDER = `ORDER BY ${SUBMITTED} DESC, seq DESC`

/**
 * Lists and counts the tasks of one place or of both. Whatever the filter, hardly more rows are read than are
 * returned: each range is read in the order of an index up to the limit, and the few rows are sorted.
 */
export class TaskList {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async list<T>(list: CheckedTaskList, shape: RowShape<T>): Promise<(T & WithArchivedAt)[]> {
    const rows = await this.#rows(list, shape, false)
    return rows.map((row) => readRow(row, list.places, shape))
  }

  /** A page of at most `limit` tasks. */
  async page<T>(list: CheckedTaskList, shape: RowShape<T>): Promise<Page<T & WithArchivedAt>> {
    const { places, limit } = list
    const rows = await this.#rows({ ...list, limit: limit + 1 }, shape, true)
    const items = rows.slice(0, limit).map((row) => readRow(row, places, shape))
    const last = rows[limit - 1]
    return rows.length > limit && last ? { items, next: encodeCursor(cursorOf(last, places)) } : { items }
  }

  /** Every task of a list, read page by page: nothing is locked between pages. */
  async *iterate<T>(
    list: CheckedTaskList,
    shape: RowShape<T>,
  ): AsyncGenerator<T & WithArchivedAt, void, undefined> {
    const { places } = list
    let { after, offset, limit } = list
    while (limit !== 0) {
      const size = limit < 0 ? ITERATION : Math.min(limit, ITERATION)
      const rows = await this.#rows({ ...list, after, offset, limit: size }, shape, true)
      for (const row of rows) yield readRow(row, places, shape)
      const last = rows.at(-1)
      if (rows.length < size || last === undefined) return
      after = cursorOf(last, places)
      offset = 0
      if (limit > 0) limit -= rows.length
    }
  }

  async count(place: PlaceName, filter: CheckedFilter): Promise<number> {
    const bound = new Bindings().filter(filter)
    const [row] = await this.#session.read(
      `SELECT count(*) FROM ${this.#place(place).tasks} ${bound.where()}`,
      bound.values,
    )
    return (row?.[0] ?? 0) as number
  }

  async countByStatus(place: PlaceName, filter: CheckedFilter): Promise<Map<string, number>> {
    return this.#countBy(STATUS, place, filter)
  }

  /** How many tasks match on each backend, in the order of the backends. */
  async countByBackend(place: PlaceName, filter: CheckedFilter): Promise<Map<string, number>> {
    return this.#countBy(TASK_COLUMNS.backend, place, filter)
  }

  async #countBy(column: string, place: PlaceName, filter: CheckedFilter): Promise<Map<string, number>> {
    const bound = new Bindings().filter(filter)
    const rows = await this.#session.read(
      `SELECT ${column}, count(*) FROM ${this.#place(place).tasks} ${bound.where()} GROUP BY 1 ORDER BY 1`,
      bound.values,
    )
    return new Map(rows as unknown as [string, number][])
  }

  async #rows<T>(
    { filter, limit, offset, after, places }: CheckedTaskList,
    { name, select }: RowShape<T>,
    isContinued: boolean,
  ): Promise<Row[]> {
    const { statuses, backend, platform } = filter
    if (limit === 0 || statuses?.length === 0) return []
    if (backend !== undefined && !isOfPlatform(backend, platform)) return []
    const isLimited = limit > 0 && Number.isSafeInteger(limit + offset)
    const isApart = isLimited && statuses !== undefined && statuses.length <= MOST_RANGES
    const bound = new Bindings(true)
    if (isApart) for (const [i, status] of statuses.entries()) bound.bind(`range${i}`, status)
    // A backend that is given is of the platform.
    const rest = backend === undefined ? filter : { ...filter, platform: undefined }
    bound.filter(isApart ? { ...rest, statuses: undefined } : rest)
    if (after !== undefined) bindCursor(bound, after, places)
    const key = `list ${places.join()} ${name} ${limit} ${offset} ${isContinued} ${bound.shape}`
    const text = this.#session.text(key, () => {
      const ranges = isApart
        ? statuses.map((_, i) => [`${STATUS} = ${bound.at(`range${i}`)}`])
        : isLimited && statuses === undefined
          ? RANGES.map((range) => [range])
          : [[]]
      // The order of several parts needs it, and the cursor of a list that is continued.
      const seq = isContinued || ranges.length * places.length > 1 ? ', seq' : ''
      const parts = places.flatMap((place) => {
        const { tasks, isArchive } = this.#place(place)
        const keys = places.includes('archived')
          ? `, ${isArchive ? ARCHIVED_AT : 'NULL::text'}, ${isArchive} AS is_archived`
          : ''
        const rest = after && `(${SUBMITTED}, seq) < (${bound.at('time')}, ${bound.at(place)})`
        return ranges.map(
          (range) =>
            `SELECT ${select}${seq}${keys} FROM ${tasks} ${bound.where(...range, ...(rest ? [rest] : []))}`,
        )
      })
      return inOrder(parts, places, isLimited ? limit : undefined, offset)
    })
    return this.#session.read(text, bound.values)
  }

  #place(name: PlaceName): Place {
    return this.#session.at(name).place
  }
}

/** The rows of some parts in the order of a list. */
function inOrder(
  parts: readonly string[],
  places: readonly PlaceName[],
  limit: number | undefined,
  offset: number,
): string {
  const skipped = offset === 0 ? '' : `OFFSET ${offset}`
  // The text carries the limit: planned for any limit, PostgreSQL expects a tenth of the table.
  const end = limit === undefined ? skipped : `LIMIT ${limit} ${skipped}`
  if (parts.length === 1) return `${parts[0]} ${ORDER} ${end}`
  const first = limit === undefined ? '' : `${ORDER} LIMIT ${limit + offset}`
  const order = places.length === 1 ? ORDER : `${ORDER}, is_archived`
  return `${parts.map((part) => `(${part} ${first})`).join(' UNION ALL ')} ${order} ${end}`
}

/** Binds what comes after a cursor. At the same time and `seq` the live task comes first. */
function bindCursor(
  bound: Bindings,
  { submitTime, rowid, isArchived }: Cursor,
  places: readonly PlaceName[],
): void {
  bound.bind('time', storableBound(String(submitTime), '\x01'))
  for (const place of places) {
    bound.bind(place, place === 'archived' && !isArchived ? BigInt(rowid) + 1n : rowid)
  }
}

function readRow<T>(row: Row, places: readonly PlaceName[], shape: RowShape<T>): T & WithArchivedAt {
  const task = shape.read(row)
  if (!places.includes('archived')) return task as T & WithArchivedAt
  return withArchivedAt(task, row.at(-2) as string | null)
}

/** Of a row that has its `seq` after the cells of the shape, and then, where archived tasks are listed, when and whether. */
function cursorOf(row: Row, places: readonly PlaceName[]): Cursor {
  const submitTime = row[TIME] as string
  if (!places.includes('archived')) return { submitTime, rowid: row.at(-1) as number, isArchived: false }
  return { submitTime, rowid: row.at(-3) as number, isArchived: row.at(-1) === true }
}
