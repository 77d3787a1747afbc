import { getTableColumns } from 'drizzle-orm'
import { readJsonObject, readJsonValue } from '../../../drizzle/json/cell.ts'
import { type TaskInfo, tasks } from '../../../drizzle/schema.ts'

/** A task without its result and metadata, which are not read. */
export interface TaskSummary extends Omit<TaskInfo, 'result' | 'metadata'> {
  readonly hasResult: boolean
}

/** The names of the columns in the file, the same in both places. */
export const NAMES = Object.fromEntries(
  Object.entries(getTableColumns(tasks)).map(([field, column]) => [field, column.name]),
) as Readonly<Record<keyof TaskInfo, string>>

/** The columns of a task in the order that {@link readTask} takes, of either place. */
export function pick({ taskId, backend, status, shots, submitTime, updateTime, ...rest }: typeof tasks) {
  const { result, metadata, errorMessage } = rest
  return { taskId, backend, status, shots, submitTime, updateTime, result, metadata, errorMessage }
}

/** How a task is read out of a row: what is selected, and what is made of it. */
export interface RowShape<T> {
  readonly name: string
  /** The expressions that are selected of a table. */
  readonly select: (table: string) => readonly string[]
  readonly read: (row: readonly unknown[]) => T
}

/** A whole task. */
export const WHOLE: RowShape<TaskInfo> = {
  name: 'whole',
  select: (table) => Object.values(NAMES).map((name) => `${table}.${name}`),
  read: readTask,
}

/**
 * A summary. The result is not looked at: its length is in the head of the row. So is that there is no error,
 * which stands behind it.
 */
export const SUMMARY: RowShape<TaskSummary> = {
  name: 'summary',
  select: (table) => [
    ...SUMMARY_FIELDS.map((field) => `${table}.${NAMES[field]}`),
    `octet_length(${table}.${NAMES.result}) > 4 OR ${table}.${NAMES.result} NOT IN ('', 'null')`,
  ],
  read: (row) => ({
    taskId: row[0] as string,
    backend: row[1] as string,
    status: row[2] as string,
    shots: row[3] as number,
    submitTime: row[4] as string,
    updateTime: row[5] as string,
    errorMessage: row[6] as string | null,
    hasResult: row[7] === 1,
  }),
}

const SUMMARY_FIELDS = [
  'taskId',
  'backend',
  'status',
  'shots',
  'submitTime',
  'updateTime',
  'errorMessage',
] as const satisfies readonly (keyof TaskInfo)[]

/** The task of a row that has the columns in the order of the live table. */
export function readTask(row: readonly unknown[]): TaskInfo {
  return {
    taskId: row[0] as string,
    backend: row[1] as string,
    status: row[2] as string,
    shots: row[3] as number,
    submitTime: row[4] as string,
    updateTime: row[5] as string,
    result: readJsonValue(row[6] as string | null),
    metadata: readJsonObject(row[7] as string),
    errorMessage: row[8] as string | null,
  }
}
