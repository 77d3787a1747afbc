import { ARCHIVED_AT, TASK_COLUMNS } from '../../../drizzle/columns.ts'
import type { TaskInfo } from '../../../drizzle/schema.ts'
import type { TaskSummary } from '../../rules/task-filter.ts'
import { type Row, readSummary, readTask, SUMMARY_FIELDS } from '../../rules/task-row.ts'
import { ARCHIVE, type Place } from './place.ts'

/** The columns of a task of a place, in the order of a row. */
export function taskColumns(place: Place): string[] {
  return [...Object.values(TASK_COLUMNS), ...(place === ARCHIVE ? [ARCHIVED_AT] : [])]
}

/** How a task is read from a row: what to select, and how to decode it. */
export interface RowShape<T> {
  readonly name: string
  /** The expressions to select from a table. */
  readonly select: (table: string) => readonly string[]
  readonly read: (row: Row) => T
}

/** A whole task. */
export const WHOLE: RowShape<TaskInfo> = {
  name: '',
  select: (table) => Object.values(TASK_COLUMNS).map((name) => `${table}.${name}`),
  read: readTask,
}

/**
 * A summary. The result is not read: the header of the row holds its length, and also tells if there is no
 * error, which is stored after it.
 */
export const SUMMARY: RowShape<TaskSummary> = {
  name: 's',
  select: (table) => {
    const result = `${table}.${TASK_COLUMNS.result}`
    return [
      ...SUMMARY_FIELDS.map((field) => `${table}.${TASK_COLUMNS[field]}`),
      `octet_length(${result}) > 4 OR ${result} NOT IN ('', 'null')`,
    ]
  },
  read: readSummary,
}
