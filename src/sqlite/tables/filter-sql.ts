import { TASK_COLUMNS } from '../../../drizzle/columns.ts'
import { platformRange } from '../../rules/platform-range.ts'
import type { CheckedFilter } from '../../rules/task-filter.ts'
import { isOneOf } from './sql.ts'

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

/** The conditions of a shape, and another one. */
export function whereOf(shape: string, other: string): string {
  const names = shape === '' ? [] : shape.split(',')
  return [...names.map(condition), other].join(' AND ')
}

/** The + keeps SQLite from using an index, since it would then have to sort the rows by rowid. */
const BACKEND = `+${TASK_COLUMNS.backend}`
const STATUS = `+${TASK_COLUMNS.status}`
const SUBMIT_TIME = `+${TASK_COLUMNS.submitTime}`

function condition(name: string): string {
  switch (name) {
    case 'status':
      return `${STATUS} = :status`
    case 'statuses':
      return isOneOf(STATUS, 'statuses')
    case 'backend':
      return `${BACKEND} = :backend`
    case 'platform':
      return `(${BACKEND} = :platform OR ${BACKEND} >= :from AND ${BACKEND} < :to)`
    case 'submittedAfter':
      return `${SUBMIT_TIME} > :submittedAfter`
    case 'submittedBefore':
      return `${SUBMIT_TIME} < :submittedBefore`
    default:
      throw new Error(`no condition is named ${name}`)
  }
}
