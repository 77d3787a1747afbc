import { TASK_COLUMNS } from '../../../drizzle/columns.ts'
import { isOfPlatform, platformRange } from '../../rules/platform-range.ts'
import type { CheckedFilter } from '../../rules/task-filter.ts'
import type { Row } from '../../rules/task-row.ts'
import type { Statements } from '../statement.ts'
import type { Place } from './place.ts'

/** A part of an index that holds its tasks in the order of a list: those of a backend, a status, or both. */
export interface IndexRange {
  readonly backend: string | undefined
  readonly status: string | undefined
}

const { backend: BACKEND, status: STATUS } = TASK_COLUMNS

/**
 * Finds the index ranges that hold the tasks of a filter. A file has few backends and statuses, and SQLite
 * steps from one to the next in an index: each costs a seek, not a read of its rows.
 */
export class IndexRanges {
  readonly #statements: Statements

  constructor(statements: Statements) {
    this.#statements = statements
  }

  /**
   * Ranges that are each in the order of a list: by backend and status if a backend or a platform is given.
   *
   * @param most More ranges than this are not looked up to the end: some that are more than that are returned.
   */
  ordered(place: Place, { statuses, backend, platform }: CheckedFilter, most?: number): IndexRange[] {
    if (backend === undefined && platform === undefined) {
      return statuses?.map((status) => ({ backend, status })) ?? [{ backend, status: undefined }]
    }
    if (backend !== undefined && !isOfPlatform(backend, platform)) return []
    if (statuses === undefined) {
      return backend === undefined
        ? this.#pairsOf(place, platform as string, most)
        : this.statuses(place, backend, most).map((status) => ({ backend, status }))
    }
    const mostBackends = most && Math.floor(most / Math.max(1, statuses.length))
    const backends =
      backend === undefined ? this.#backendsOf(place, platform as string, mostBackends) : [backend]
    return backends.flatMap((name) => statuses.map((status) => ({ backend: name, status })))
  }

  /** The ranges to count, which need no order. */
  counted(place: Place, filter: CheckedFilter): IndexRange[] {
    const { statuses, backend, platform, submittedAfter, submittedBefore } = filter
    const isTimed = submittedAfter !== undefined || submittedBefore !== undefined
    if (isTimed || statuses !== undefined) return this.ordered(place, filter)
    if (backend !== undefined) return isOfPlatform(backend, platform) ? [{ backend, status: undefined }] : []
    if (platform === undefined) return [{ backend, status: undefined }]
    return this.#backendsOf(place, platform).map((name) => ({ backend: name, status: undefined }))
  }

  /** The statuses that a place holds, on any backend or on one. */
  statuses(place: Place, backend: string | undefined, most?: number): string[] {
    const of = backend === undefined ? '' : `${BACKEND} = :backend AND`
    const table = place.tasks
    const statement = this.#statements.statement(
      `statuses ${place.name} ${of} ${most}`,
      () => `WITH RECURSIVE s(v) AS (
         SELECT min(${STATUS}) FROM ${table} WHERE ${of} true
         UNION ALL SELECT (SELECT min(${STATUS}) FROM ${table} WHERE ${of} ${STATUS} > s.v) FROM s WHERE s.v IS NOT NULL
         ${limit(most)}
       ) SELECT v FROM s WHERE v IS NOT NULL`,
    )
    return statement.all(backend === undefined ? {} : { backend }).map(([status]) => status as string)
  }

  /** The backends that a place may hold tasks of a filter on, in their order. */
  backends(place: Place, { backend, platform }: CheckedFilter): string[] {
    if (backend !== undefined) return isOfPlatform(backend, platform) ? [backend] : []
    return platform === undefined ? this.#everyBackend(place) : this.#backendsOf(place, platform)
  }

  #everyBackend(place: Place): string[] {
    const table = place.tasks
    const statement = this.#statements.statement(
      `every backend ${place.name}`,
      () => `WITH RECURSIVE b(v) AS (
         SELECT min(${BACKEND}) FROM ${table}
         UNION ALL SELECT (SELECT min(${BACKEND}) FROM ${table} WHERE ${BACKEND} > b.v) FROM b WHERE b.v IS NOT NULL
       ) SELECT v FROM b WHERE v IS NOT NULL`,
    )
    return statement.all().map(([backend]) => backend as string)
  }

  #backendsOf(place: Place, platform: string, most?: number): string[] {
    const statement = this.#statements.statement(
      `backends ${place.name} ${most}`,
      () => `WITH RECURSIVE ${backendsOf(place.tasks, most)} SELECT v FROM b WHERE v IS NOT NULL`,
    )
    return statement.all(platformRange(platform)).map(([backend]) => backend as string)
  }

  #pairsOf(place: Place, platform: string, most?: number): IndexRange[] {
    const table = place.tasks
    const statement = this.#statements.statement(
      `pairs ${place.name} ${most}`,
      () => `WITH RECURSIVE ${backendsOf(table, most)}, s(b, v) AS (
         SELECT v, (SELECT min(${STATUS}) FROM ${table} WHERE ${BACKEND} = b.v) FROM b WHERE v IS NOT NULL
         UNION ALL SELECT s.b, (SELECT min(${STATUS}) FROM ${table} WHERE ${BACKEND} = s.b AND ${STATUS} > s.v)
           FROM s WHERE s.v IS NOT NULL
         ${limit(most && 2 * most)}
       ) SELECT b, v FROM s WHERE v IS NOT NULL`,
    )
    return statement.all(platformRange(platform)).map(pairOf)
  }
}

/** Ends a recursion after more than `most` rows: beside them it has the platform, which may have no task, and an end. */
const limit = (most: number | undefined) => (most === undefined ? '' : `LIMIT ${most + 3}`)

/** The platform itself and its backends, one after the other. */
const backendsOf = (table: string, most: number | undefined) => `b(v) AS (
  SELECT :platform
  UNION ALL SELECT min(${BACKEND}) FROM ${table} WHERE ${BACKEND} >= :from AND ${BACKEND} < :to
  UNION ALL SELECT (SELECT min(${BACKEND}) FROM ${table} WHERE ${BACKEND} > b.v AND ${BACKEND} < :to)
    FROM b WHERE b.v >= :from
  ${limit(most)}
)`

const pairOf = (row: Row): IndexRange => {
  const [backend, status] = row as [string, string]
  return { backend, status }
}
