import { TASK_COLUMNS } from '../../../drizzle/columns.ts'
import { KNOWN_STATUSES } from '../../../drizzle/postgres-schema.ts'
import type { TaskInfo } from '../../../drizzle/schema.ts'
import { TASK_STATUSES } from '../../../drizzle/task-status.ts'
import { type Cursor, encodeCursor } from '../../rules/cursor.ts'
import type { PlaceName } from '../../rules/place-name.ts'
import { isOfPlatform } from '../../rules/platform-range.ts'
import type {
  CheckedFilter,
  CheckedList,
  Page,
  TaskSummary,
  WithArchivedAt,
} from '../../rules/task-filter.ts'
import { type Row, readSummary, readTask, SUMMARY_FIELDS } from '../../rules/task-row.ts'
import type { Session } from '../transaction.ts'
import { Conditions, platformConditions, storableBound, timeConditions } from './filter-sql.ts'
import type { Place } from './place.ts'
import { ARCHIVED_AT, taskRowOf } from './stored-row.ts'

/** How many tasks an iteration reads at a time. */
const ITERATION = 200

/** How many ranges are read in order one by one; beyond that PostgreSQL sorts every task that matches. */
const MOST_RANGES = 50

/** How a task is read from a row: what to select, and how to decode it. */
export interface RowShape<T> {
  readonly select: string
  readonly read: (row: Row) => T
}

/** A whole task. */
export const WHOLE: RowShape<TaskInfo> = {
  select: Object.values(TASK_COLUMNS).join(),
  read: (row) => readTask(taskRowOf(row)),
}

/** A summary. The length of a result is known without reading it. */
export const SUMMARY: RowShape<TaskSummary> = {
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

  async list<T>(
    places: readonly PlaceName[],
    list: CheckedList,
    shape: RowShape<T>,
  ): Promise<(T & WithArchivedAt)[]> {
    const rows = await this.#rows(places, list, shape)
    return rows.map((row) => readRow(row, places, shape))
  }

  /** A page of at most `limit` tasks. */
  async page<T>(
    places: readonly PlaceName[],
    list: CheckedList,
    shape: RowShape<T>,
  ): Promise<Page<T & WithArchivedAt>> {
    const rows = await this.#rows(places, { ...list, limit: list.limit + 1 }, shape)
    const items = rows.slice(0, list.limit).map((row) => readRow(row, places, shape))
    const last = rows[list.limit - 1]
    return rows.length > list.limit && last ? { items, next: encodeCursor(cursorOf(last)) } : { items }
  }

  /** Every task of a list, read page by page: nothing is locked between pages. */
  async *iterate<T>(
    places: readonly PlaceName[],
    list: CheckedList,
    shape: RowShape<T>,
  ): AsyncGenerator<T & WithArchivedAt, void, undefined> {
    let { after, offset, limit } = list
    while (limit !== 0) {
      const size = limit < 0 ? ITERATION : Math.min(limit, ITERATION)
      const rows = await this.#rows(places, { ...list, after, offset, limit: size }, shape)
      for (const row of rows) yield readRow(row, places, shape)
      const last = rows.at(-1)
      if (rows.length < size || last === undefined) return
      after = cursorOf(last)
      offset = 0
      if (limit > 0) limit -= rows.length
    }
  }

  async count(place: PlaceName, filter: CheckedFilter): Promise<number> {
    const where = new Conditions().filter(filter)
    const [row] = await this.#session.read(
      `SELECT count(*) FROM ${this.#place(place).tasks} ${where}`,
      where.values,
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
    const where = new Conditions().filter(filter)
    const rows = await this.#session.read(
      `SELECT ${column}, count(*) FROM ${this.#place(place).tasks} ${where} GROUP BY 1 ORDER BY 1`,
      where.values,
    )
    return new Map(rows as unknown as [string, number][])
  }

  async #rows<T>(
    placeNames: readonly PlaceName[],
    list: CheckedList,
    { select }: RowShape<T>,
  ): Promise<Row[]> {
    const { filter, limit, offset } = list
    const { backend, platform } = filter
    if (limit === 0 || filter.statuses?.length === 0) return []
    if (backend !== undefined && !isOfPlatform(backend, platform)) return []
    // The text carries the limit: planned for any limit, PostgreSQL expects a tenth of the table.
    const isLimited = limit > 0 && Number.isSafeInteger(limit + offset)
    const first = isLimited ? `${ORDER} LIMIT ${limit + offset}` : ''
    const where = new Conditions()
    const ranges = rangesOf(where, filter, isLimited)
    const parts = placeNames.flatMap((name) => {
      const { tasks, isArchive } = this.#place(name)
      const keys = `${isArchive ? ARCHIVED_AT : 'NULL::text'}, seq, ${isArchive} AS is_archived, ${SUBMITTED} AS t`
      const after = list.after && afterOf(where, list.after, isArchive)
      return ranges.map((range) => {
        const conditions = [...range, ...(after ?? [])].join(' AND ')
        return `(SELECT ${select}, ${keys} FROM ${tasks} WHERE ${conditions || 'true'} ${first})`
      })
    })
    const end = `ORDER BY t DESC, seq DESC, is_archived ${isLimited ? `LIMIT ${limit}` : ''} OFFSET ${offset}`
    return this.#session.read(`SELECT * FROM (${parts.join(' UNION ALL ')}) AS parts ${end}`, where.values)
  }

  #place(name: PlaceName): Place {
    return name === 'live' ? this.#session.live.place : this.#session.archive.place
  }
}

/** The conditions of each range of a filter. One range, whose rows are all read and sorted, has no status. */
function rangesOf(where: Conditions, filter: CheckedFilter, isLimited: boolean): string[][] {
  const { statuses, backend, platform, ...times } = filter
  const bind = (value: unknown) => where.value(value)
  const common = [
    ...(backend === undefined ? [] : [`${TASK_COLUMNS.backend} = ${bind(backend)}`]),
    // A backend that is given is of the platform.
    ...(backend === undefined && platform !== undefined ? platformConditions(platform, bind) : []),
    ...timeConditions(times, bind),
  ]
  if (isLimited && statuses === undefined) return RANGES.map((range) => [range, ...common])
  if (statuses === undefined) return [common]
  if (!isLimited || statuses.length > MOST_RANGES) return [[`${STATUS} = ANY(${bind(statuses)})`, ...common]]
  return statuses.map((status) => [`${STATUS} = ${bind(status)}`, ...common])
}

/** What comes after a cursor. At the same time and `seq` the live task comes first. */
function afterOf(where: Conditions, { submitTime, rowid, isArchived }: Cursor, isArchive: boolean): string[] {
  const bound = isArchive && !isArchived ? BigInt(rowid) + 1n : rowid
  return [
    `(${SUBMITTED}, seq) < (${where.value(storableBound(String(submitTime), '\x01'))}, ${where.value(bound)})`,
  ]
}

function readRow<T>(row: Row, places: readonly PlaceName[], shape: RowShape<T>): T & WithArchivedAt {
  const task = shape.read(row)
  if (!places.includes('archived')) return task as T & WithArchivedAt
  return { ...task, archivedAt: row.at(-4) as string | null }
}

function cursorOf(row: Row): Cursor {
  return { submitTime: row.at(-1) as string, rowid: row.at(-3) as number, isArchived: row.at(-2) === true }
}
