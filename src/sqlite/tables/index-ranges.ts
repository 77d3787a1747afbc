import { getTableName } from 'drizzle-orm'
import type { CheckedFilter } from '../../rules/task-filter.ts'
import type { Connection } from '../connection.ts'
import type { Place } from './place.ts'
import { NAMES } from './task-row.ts'

/** A part of an index that holds its tasks in the order of a list: those of a backend, a status, or both. */
export interface Range {
  readonly backend: string | undefined
  readonly status: string | undefined
}

const { backend: BACKEND, status: STATUS } = NAMES

/**
 * Finds the ranges that hold the tasks of a filter. There are few backends and statuses in a file, and an
 * index steps from one to the next: that costs a seek for each, not a row.
 */
export class TaskRanges {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** The ranges that come in the order of a list each: by backend and status where there is a backend. */
  ordered(place: Place, { statuses, backend, platform }: CheckedFilter): Range[] {
    if (backend === undefined && platform === undefined) {
      return statuses?.map((status) => ({ backend, status })) ?? [{ backend, status: undefined }]
    }
    if (backend !== undefined && !isOf(backend, platform)) return []
    if (statuses === undefined) {
      return backend === undefined
        ? this.#pairsOf(place, platform as string)
        : this.statuses(place, backend).map((status) => ({ backend, status }))
    }
    const backends = backend === undefined ? this.#backendsOf(place, platform as string) : [backend]
    return backends.flatMap((name) => statuses.map((status) => ({ backend: name, status })))
  }

  /** The ranges to count, which need no order. */
  counted(place: Place, filter: CheckedFilter): Range[] {
    const { statuses, backend, platform, submittedAfter, submittedBefore } = filter
    const isTimed = submittedAfter !== undefined || submittedBefore !== undefined
    if (isTimed || statuses !== undefined) return this.ordered(place, filter)
    if (backend !== undefined) return isOf(backend, platform) ? [{ backend, status: undefined }] : []
    if (platform === undefined) return [{ backend, status: undefined }]
    return this.#backendsOf(place, platform).map((name) => ({ backend: name, status: undefined }))
  }

  /** The statuses that a place holds, of one backend or at all. */
  statuses(place: Place, backend: string | undefined): string[] {
    const of = backend === undefined ? '' : `${BACKEND} = :backend AND`
    const table = getTableName(place.tasks)
    const statement = this.#prepared(
      `statuses ${place.name} ${of}`,
      `WITH RECURSIVE s(v) AS (
         SELECT min(${STATUS}) FROM ${table} WHERE ${of} true
         UNION ALL SELECT (SELECT min(${STATUS}) FROM ${table} WHERE ${of} ${STATUS} > s.v) FROM s WHERE s.v IS NOT NULL
       ) SELECT v FROM s WHERE v IS NOT NULL`,
    )
    return (statement.all(backend === undefined ? {} : { backend }) as [string][]).map(([status]) => status)
  }

  #backendsOf(place: Place, platform: string): string[] {
    const statement = this.#prepared(
      `backends ${place.name}`,
      `WITH RECURSIVE ${backendsOf(getTableName(place.tasks))} SELECT v FROM b WHERE v IS NOT NULL`,
    )
    return (statement.all(family(platform)) as [string][]).map(([backend]) => backend)
  }

  #pairsOf(place: Place, platform: string): Range[] {
    const table = getTableName(place.tasks)
    const statement = this.#prepared(
      `pairs ${place.name}`,
      `WITH RECURSIVE ${backendsOf(table)}, s(b, v) AS (
         SELECT v, (SELECT min(${STATUS}) FROM ${table} WHERE ${BACKEND} = b.v) FROM b WHERE v IS NOT NULL
         UNION ALL SELECT s.b, (SELECT min(${STATUS}) FROM ${table} WHERE ${BACKEND} = s.b AND ${STATUS} > s.v)
           FROM s WHERE s.v IS NOT NULL
       ) SELECT b, v FROM s WHERE v IS NOT NULL`,
    )
    return (statement.all(family(platform)) as [string, string][]).map(([backend, status]) => ({
      backend,
      status,
    }))
  }

  #prepared(name: string, text: string) {
    return this.#connection.prepared(name, (db) => db.$client.prepare(text).raw())
  }
}

/** The platform itself, and the backends from `platform:` up to `platform;`, which follows it in ASCII. */
const backendsOf = (table: string) => `b(v) AS (
  SELECT :platform
  UNION ALL SELECT min(${BACKEND}) FROM ${table} WHERE ${BACKEND} >= :from AND ${BACKEND} < :to
  UNION ALL SELECT (SELECT min(${BACKEND}) FROM ${table} WHERE ${BACKEND} > b.v AND ${BACKEND} < :to)
    FROM b WHERE b.v >= :from
)`

const family = (platform: string) => ({ platform, from: `${platform}:`, to: `${platform};` })

function isOf(backend: string, platform: string | undefined): boolean {
  return platform === undefined || backend === platform || backend.startsWith(`${platform}:`)
}
