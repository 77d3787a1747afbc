import { readJsonObject, readJsonValue, writeJsonCell } from '../../drizzle/json/cell.ts'
import type { ArchivedTaskInfo, ArchivedTaskShard, TaskInfo, TaskShard } from '../../drizzle/schema.ts'
import type { RawShard, RawTask } from './raw-task.ts'
import type { TaskSummary } from './task-filter.ts'

/** A row as a driver returns it: its cells in the order of the query. */
export type Row = readonly unknown[]

/** The fields of a summary, in the order of a row; after them stands whether there is a result. */
export const SUMMARY_FIELDS = [
  'taskId',
  'backend',
  'status',
  'shots',
  'submitTime',
  'updateTime',
  'errorMessage',
] as const satisfies readonly (keyof TaskInfo)[]

export function readSummary(row: Row): TaskSummary {
  return {
    taskId: row[0] as string,
    backend: row[1] as string,
    status: row[2] as string,
    shots: row[3] as number,
    submitTime: row[4] as string,
    updateTime: row[5] as string,
    errorMessage: row[6] as string | null,
    // SQLite has no booleans.
    hasResult: row[7] === 1 || row[7] === true,
  }
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

/** The row of a task. */
export function rowOf(task: TaskInfo): Row {
  return [
    task.taskId,
    task.backend,
    task.status,
    task.shots,
    task.submitTime,
    task.updateTime,
    writeJsonCell(task.result),
    writeJsonCell(task.metadata),
    task.errorMessage,
  ]
}

/**
 * A task or a shard that was just read, with the time at which it was archived. Not a copy: to add a field to one makes
 * Node 20 take two microseconds, and memory that is freed late.
 */
export function withArchivedAt<T, Time extends string | null>(
  read: T,
  archivedAt: Time,
): T & { readonly archivedAt: Time } {
  return Object.assign(read as T & object, { archivedAt })
}

/** The task of a row of the archive. */
export function readArchivedTask(row: Row): ArchivedTaskInfo {
  return withArchivedAt(readTask(row), row[9] as string)
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
  return withArchivedAt(readShard(row), row[11] as string)
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
