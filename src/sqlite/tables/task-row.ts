import { SHARD_COLUMNS, TASK_COLUMNS } from '../../../drizzle/columns.ts'
import { readJsonObject, readJsonValue } from '../../../drizzle/json/cell.ts'
import {
  type ArchivedTaskInfo,
  type ArchivedTaskShard,
  archivedTasks,
  type TaskInfo,
  type TaskShard,
} from '../../../drizzle/schema.ts'
import type { RawShard, RawTask } from '../../rules/raw-task.ts'
import type { TaskSummary } from '../../rules/task-filter.ts'
import type { Row } from '../statement.ts'
import { ARCHIVE, type Place } from './place.ts'

const ARCHIVED_AT = archivedTasks.archivedAt.name

/** The columns of a task of a place, in the order of a row. */
export const taskColumns = (place: Place) => columnsOf(place, TASK_COLUMNS)

/** The columns of a shard of a place, in the order of a row. */
export const shardColumns = (place: Place) => columnsOf(place, SHARD_COLUMNS)

function columnsOf(place: Place, columns: Readonly<Record<string, string>>): string[] {
  return [...Object.values(columns), ...(place === ARCHIVE ? [ARCHIVED_AT] : [])]
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
  name: 'whole',
  select: (table) => Object.values(TASK_COLUMNS).map((name) => `${table}.${name}`),
  read: readTask,
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

/**
 * A summary. The result is not read: the header of the row holds its length, and also tells if there is no
 * error, which is stored after it.
 */
export const SUMMARY: RowShape<TaskSummary> = {
  name: 'summary',
  select: (table) => {
    const result = `${table}.${TASK_COLUMNS.result}`
    return [
      ...SUMMARY_FIELDS.map((field) => `${table}.${TASK_COLUMNS[field]}`),
      `octet_length(${result}) > 4 OR ${result} NOT IN ('', 'null')`,
    ]
  },
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

/** The task of a row of either place. */
export function readTask(row: Row): TaskInfo {
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

/** The task of a row of the archive. */
export function readArchivedTask(row: Row): ArchivedTaskInfo {
  return { ...readTask(row), archivedAt: row[9] as string }
}

/** When the task of a row was archived; null for a live one. */
export const archivedAtOf = (row: Row) => (row[9] ?? null) as string | null

/** The task of a row as the file holds it. */
export function rawTask(row: Row): RawTask {
  return {
    taskId: row[0] as string,
    backend: row[1] as string,
    status: row[2] as string,
    shots: row[3] as number,
    submitTime: row[4] as string,
    updateTime: row[5] as string,
    result: row[6] as string | null,
    metadata: row[7] as string,
    errorMessage: row[8] as string | null,
  }
}

/** The shard of a row of either place. */
export function readShard(row: Row): TaskShard {
  const shard = rawShard(row)
  return { ...shard, result: readJsonValue(shard.result) }
}

/** The shard of a row of the archive. */
export function readArchivedShard(row: Row): ArchivedTaskShard {
  return { ...readShard(row), archivedAt: row[11] as string }
}

/** When the shard of a row was archived; null for a live one. */
export const shardArchivedAtOf = (row: Row) => (row[11] ?? null) as string | null

/** The shard of a row as the file holds it. */
export function rawShard(row: Row): RawShard {
  return {
    uniqcTaskId: row[0] as string,
    shardIndex: row[1] as number,
    platformTaskId: row[2] as string,
    backend: row[3] as string,
    circuitCount: row[4] as number,
    subIndexOffset: row[5] as number,
    status: row[6] as string,
    result: row[7] as string | null,
    errorMessage: row[8] as string | null,
    submitTime: row[9] as string,
    updateTime: row[10] as string,
  }
}
