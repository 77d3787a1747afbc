import { and, eq, gt, lt, or, type SQL, sql } from 'drizzle-orm'
import { platformRange } from '../../rules/platform-range.ts'
import type { CheckedFilter } from '../../rules/task-filter.ts'
import type { Place } from './place.ts'

/** A filter for a statement that walks a table in the order of insertion: one shape, one statement. */
export interface FilterSql {
  /** The names of the conditions. */
  readonly shape: string
  readonly params: Readonly<Record<string, string>>
}

export const EVERY_TASK: FilterSql = { shape: '', params: {} }

export function filterSql({ statuses, platform, ...filter }: CheckedFilter): FilterSql {
  const params: Record<string, string> = {}
  const names: string[] = []
  const add = (name: string, values: Readonly<Record<string, string>>) => {
    names.push(name)
    Object.assign(params, values)
  }
  if (statuses?.length === 1) add('status', { status: statuses[0] as string })
  else if (statuses !== undefined) add('statuses', { statuses: JSON.stringify(statuses) })
  if (platform !== undefined) add('platform', { ...platformRange(platform) })
  for (const [name, value] of Object.entries(filter)) if (value !== undefined) add(name, { [name]: value })
  return { shape: names.join(), params }
}

/** The condition of a shape on a table, with a placeholder for each parameter; undefined for none. */
export function whereOf(shape: string, table: Place['tasks']): SQL | undefined {
  return shape === '' ? undefined : and(...shape.split(',').map((name) => condition(name, table)))
}

function condition(name: string, table: Place['tasks']): SQL | undefined {
  const value = sql.placeholder
  // The + keeps SQLite from using an index, since it would then have to sort the rows by rowid.
  const [backend, status, submitTime] = [table.backend, table.status, table.submitTime].map(
    (column) => sql`+${column}`,
  ) as [SQL, SQL, SQL]
  switch (name) {
    case 'status':
      return eq(status, value('status'))
    case 'statuses':
      return sql`${status} in (select value from json_each(${value('statuses')}))`
    case 'backend':
      return eq(backend, value('backend'))
    case 'platform':
      return or(
        eq(backend, value('platform')),
        sql`${backend} >= ${value('from')} and ${backend} < ${value('to')}`,
      )
    case 'submittedAfter':
      return gt(submitTime, value('submittedAfter'))
    case 'submittedBefore':
      return lt(submitTime, value('submittedBefore'))
    default:
      throw new Error(`no condition is named ${name}`)
  }
}
