import { type ColumnBuilderBase, type NotNull, sql } from 'drizzle-orm'
import {
  customType,
  foreignKey,
  index,
  integer,
  primaryKey,
  sqliteTable,
  text,
} from 'drizzle-orm/sqlite-core'
import { readJsonObject, readJsonValue, writeJsonCell } from './json/cell.ts'
import type { JsonObject, JsonValue } from './json/value.ts'
import type { AnyStatus, TaskStatus } from './task-status.ts'

// The tables of a version 5 file of UnifiedQuantum 0.0.16: column for column, in its order, with its indexes
// and some of ours, whose names begin with uniqc_. Python writes the same file and copies rows between the
// live and archive tables with SELECT *: never add a column.

/** A JSON cell of any value. */
const jsonValue = customType<{ data: JsonValue; driverData: string }>({
  dataType: () => 'text',
  fromDriver: readJsonValue as (cell: string) => JsonValue,
  toDriver: writeJsonCell,
})

/** A JSON cell that holds an object. */
const jsonObject = customType<{ data: JsonObject; driverData: string }>({
  dataType: () => 'text',
  fromDriver: readJsonObject,
  toDriver: writeJsonCell,
})

/** Types a column as never null although its definition does not say so. */
const neverNull = <T extends ColumnBuilderBase>(column: T) => column as NotNull<T>

/** The columns that the live and archive tables share, in the same order in both. */
const taskColumns = () => ({
  // UnifiedQuantum's primary key lacks NOT NULL.
  taskId: neverNull(text('task_id')),
  /** `provider:chip` (`originq:WK_C180`), `dummy:...`, or in older rows a bare name (`originq`). */
  backend: text('backend').notNull(),
  status: text('status').notNull().$type<AnyStatus>(),
  /** 0 if the number was never given. */
  shots: integer('shots').notNull().default(0),
  /** Stored as given: the text sorts by time only among times of the same form. */
  submitTime: text('submit_time').notNull(),
  updateTime: text('update_time').notNull(),
  result: jsonValue('result_json'),
  metadata: jsonObject('metadata_json').notNull().default(sql`'{}'`),
})

const shardColumns = () => ({
  uniqcTaskId: text('uniqc_task_id').notNull(),
  shardIndex: integer('shard_index').notNull(),
  /** The id that the platform assigned. Several tasks can share one. */
  platformTaskId: text('platform_task_id').notNull(),
  backend: text('backend').notNull(),
  circuitCount: integer('circuit_count').notNull().default(1),
  /** The position of the shard's first circuit within its task. */
  subIndexOffset: integer('sub_index_offset').notNull().default(0),
  status: text('status').notNull().$type<AnyStatus>(),
  result: jsonValue('result_json'),
  errorMessage: text('error_message'),
  submitTime: text('submit_time').notNull(),
  updateTime: text('update_time').notNull(),
})

/** The live tasks, one row each. */
export const tasks = sqliteTable(
  'tasks',
  { ...taskColumns(), errorMessage: text('error_message') },
  (table) => [
    // A table constraint: the column form would add NOT NULL.
    primaryKey({ columns: [table.taskId] }),
    index('tasks_backend_idx').on(table.backend),
    index('tasks_status_idx').on(table.status),
    index('tasks_submit_time_idx').on(table.submitTime),
    // Ours. They end in the time, and after it the rowid, so that a list is read from them in its order.
    index('uniqc_tasks_status_time_idx').on(table.status, table.submitTime),
    index('uniqc_tasks_backend_status_time_idx').on(table.backend, table.status, table.submitTime),
  ],
)

/** The archived tasks, one row each. `error_message` comes last, because version 3 added it. */
export const archivedTasks = sqliteTable(
  'archived_tasks',
  { ...taskColumns(), archivedAt: text('archived_at').notNull(), errorMessage: text('error_message') },
  (table) => [
    primaryKey({ columns: [table.taskId] }),
    index('archived_backend_idx').on(table.backend),
    index('archived_status_idx').on(table.status),
    index('archived_submit_time_idx').on(table.submitTime),
    index('uniqc_archived_status_time_idx').on(table.status, table.submitTime),
    index('uniqc_archived_backend_status_time_idx').on(table.backend, table.status, table.submitTime),
  ],
)

/** The shards of live tasks: the parts of a task that were submitted to its platform separately. */
export const taskShards = sqliteTable('task_shards', shardColumns(), (table) => [
  primaryKey({ columns: [table.uniqcTaskId, table.shardIndex] }),
  // Unnamed, as in the file. Deleting a task deletes its shards.
  foreignKey({ columns: [table.uniqcTaskId], foreignColumns: [tasks.taskId] }).onDelete('cascade'),
  index('task_shards_platform_idx').on(table.platformTaskId),
  index('task_shards_status_idx').on(table.status),
])

/** The shards of archived tasks. */
export const archivedTaskShards = sqliteTable(
  'archived_task_shards',
  { ...shardColumns(), archivedAt: text('archived_at').notNull() },
  (table) => [
    primaryKey({ columns: [table.uniqcTaskId, table.shardIndex] }),
    index('archived_task_shards_platform_idx').on(table.platformTaskId),
  ],
)

/** Ours: the files whose tasks a repair has merged, so that those that were deleted since do not come back. */
export const mergedFiles = sqliteTable(
  'uniqc_merged_files',
  { path: text('path').notNull(), newestUpdateTime: text('newest_update_time').notNull() },
  (table) => [primaryKey({ columns: [table.path] })],
)

/** A task as a file holds it. `status` can be any text; a write accepts only a {@link TaskStatus}. */
export type TaskInfo = typeof tasks.$inferSelect

/** An archived task. */
export type ArchivedTaskInfo = typeof archivedTasks.$inferSelect

/** A shard: one part of a task on its platform. */
export type TaskShard = typeof taskShards.$inferSelect

/**
 * A task to save. By default `shots` is 0, `result` and `errorMessage` are null, `metadata` is `{}`, and
 * `submitTime` is the stored one or, for a new task, the current time. A time is an ISO 8601 date or time, which is
 * stored as it is given, or a Date.
 */
export type NewTaskInfo = Omit<
  typeof tasks.$inferInsert,
  'status' | 'submitTime' | 'updateTime' | 'result'
> & {
  status: TaskStatus
  /** Any {@link JsonValue}, of whatever type: it is checked when it is written. */
  result?: unknown
  submitTime?: string | Date | undefined
  updateTime?: string | Date | undefined
}

/** A shard of an archived task. */
export type ArchivedTaskShard = typeof archivedTaskShards.$inferSelect

/**
 * A shard to save. By default `status` is `pending`, and `result` and `errorMessage` are null. The other
 * fields keep their stored values; for a new shard `backend` is the task's, `circuitCount` is 1,
 * `subIndexOffset` is the position after the last circuit of the task's shards, and `submitTime` is the
 * current time. Times are as in {@link NewTaskInfo}.
 */
export type NewTaskShard = Omit<
  typeof taskShards.$inferInsert,
  'backend' | 'shardIndex' | 'status' | 'submitTime' | 'updateTime' | 'result'
> & {
  shardIndex: number
  backend?: string | undefined
  status?: TaskStatus | undefined
  /** As in {@link NewTaskInfo}. */
  result?: unknown
  submitTime?: string | Date | undefined
  updateTime?: string | Date | undefined
}
