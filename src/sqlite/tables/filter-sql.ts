import { and, eq, gt, lt, type SQL, sql } from 'drizzle-orm'
import type { CheckedFilter } from '../../rules/task-filter.ts'
import type { Place } from './place.ts'

/** A filter for a prepared query that walks a table in the order of insertion: one shape, one query. */
export interface FilterCondition {
  /** The names of the conditions that are asked for. */
  readonly shape: string
  readonly params: Readonly<Record<string, string>>
}

export function toCondition({ statuses, ...filter }: CheckedFilter): FilterCondition {
  const params: Record<string, string> = {}
  if (statuses?.length === 1) params.status = statuses[0] as string
  else if (statuses !== undefined) params.statuses = JSON.stringify(statuses)
  for (const [name, value] of Object.entries(filter)) if (value !== undefined) params[name] = value
  return { shape: Object.keys(params).join(), params }
}

/** The condition of a shape on a table, with a placeholder for each parameter; undefined for no condition. */
export function conditionOf(shape: string, table: Place['tasks']): SQL | undefined {
  return shape === '' ? undefined : and(...shape.split(',').map((name) => condition(name, table)))
}

function condition(name: string, table: Place['tasks']): SQL {
  const value = sql.placeholder(name)
  // The + keeps SQLite from another index than that of the rows, whose order it would have to sort.
  const [backend, status, submitTime] = [table.backend, table.status, table.submitTime].map(
    (column) => sql`+${column}`,
  ) as [SQL, SQL, SQL]
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
