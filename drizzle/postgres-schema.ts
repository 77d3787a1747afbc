import { sql } from 'drizzle-orm'
import {
  bigint,
  customType,
  type ExtraConfigColumn,
  foreignKey,
  index,
  pgSchema,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core'
import { readStoredObject, readStoredValue, writeStoredCell } from './json/stored-cell.ts'
import type { JsonObject, JsonValue } from './json/value.ts'
import { TASK_STATUSES } from './task-status.ts'

// The tables of a team's store: the columns of the SQLite file under their names, and `seq`, which is there
// what the rowid is in the file. JSON is text, since jsonb changes it.

/** Text in the order of its bytes, as in SQLite, whatever the locale of the database. */
const plainText = customType<{ data: string; driverData: string }>({ dataType: () => 'text COLLATE "C"' })

/** A JSON cell of any value. */
const jsonValue = customType<{ data: JsonValue; driverData: string }>({
  dataType: () => 'text',
  fromDriver: readStoredValue as (cell: string) => JsonValue,
  toDriver: writeStoredCell,
})

/** A JSON cell that holds an object. */
const jsonObject = customType<{ data: JsonObject; driverData: string }>({
  dataType: () => 'text',
  fromDriver: readStoredObject,
  toDriver: writeStoredCell,
})

const count = (name: string) => bigint(name, { mode: 'number' }).notNull()

/** The columns that the live and archive tables share. */
const taskColumns = () => ({
  taskId: plainText('task_id').notNull(),
  /** `provider:chip` (`originq:WK_C180`), `dummy:...`, or in older rows a bare name (`originq`). */
  backend: plainText('backend').notNull(),
  status: plainText('status').notNull(),
  /** 0 if the number was never given. */
  shots: count('shots').default(0),
  /** Stored as given: the text sorts by time only among times of the same form. */
  submitTime: plainText('submit_time').notNull(),
  updateTime: plainText('update_time').notNull(),
  result: jsonValue('result_json'),
  metadata: jsonObject('metadata_json').notNull().default(sql`'{}'`),
  errorMessage: text('error_message'),
  /** The order of insertion. An upsert keeps it. */
  seq: count('seq').generatedByDefaultAsIdentity(),
})

const shardColumns = () => ({
  uniqcTaskId: plainText('uniqc_task_id').notNull(),
  shardIndex: count('shard_index'),
  /** The id that the platform assigned. Several tasks can share one. */
  platformTaskId: plainText('platform_task_id').notNull(),
  backend: plainText('backend').notNull(),
  circuitCount: count('circuit_count').default(1),
  /** The position of the shard's first circuit within its task. */
  subIndexOffset: count('sub_index_offset').default(0),
  status: plainText('status').notNull(),
  result: jsonValue('result_json'),
  errorMessage: text('error_message'),
  submitTime: plainText('submit_time').notNull(),
  updateTime: plainText('update_time').notNull(),
  /** The order of insertion, as for a task. */
  seq: count('seq').generatedByDefaultAsIdentity(),
})

/** The statuses of UnifiedQuantum, as the condition of an index has to spell them. */
export const KNOWN_STATUSES = TASK_STATUSES.map((status) => `'${status}'`).join(', ')

/**
 * Each ends in the order of a list. There is none on the time alone: the planner would take it for a list of
 * one status, too, and read the tasks of every other status on the way. Tasks of other statuses are few.
 */
const listIndexes = (
  name: string,
  table: Readonly<Record<'backend' | 'status' | 'submitTime' | 'seq', ExtraConfigColumn>>,
) => [
  uniqueIndex(`${name}_seq_idx`).on(table.seq),
  index(`${name}_status_time_idx`).on(table.status, table.submitTime, table.seq),
  index(`${name}_backend_status_time_idx`).on(table.backend, table.status, table.submitTime, table.seq),
  index(`${name}_provider_status_time_idx`).on(
    sql`split_part(${table.backend}, ':', 1)`,
    table.status,
    table.submitTime,
    table.seq,
  ),
  index(`${name}_other_status_time_idx`)
    .on(table.submitTime, table.seq)
    .where(sql`${table.status} NOT IN (${sql.raw(KNOWN_STATUSES)})`),
]

/** The tables of a store in a schema of any name. */
export function taskTables(name: string) {
  const schema = pgSchema(name)
  const tasks = schema.table('tasks', taskColumns(), (table) => [
    primaryKey({ columns: [table.taskId] }),
    ...listIndexes('tasks', table),
  ])
  const archivedTasks = schema.table(
    'archived_tasks',
    { ...taskColumns(), archivedAt: text('archived_at').notNull() },
    (table) => [primaryKey({ columns: [table.taskId] }), ...listIndexes('archived_tasks', table)],
  )
  const taskShards = schema.table('task_shards', shardColumns(), (table) => [
    primaryKey({ columns: [table.uniqcTaskId, table.shardIndex] }),
    // Not a cascade, which deletes a shard that is added while its task moves to the archive.
    foreignKey({ columns: [table.uniqcTaskId], foreignColumns: [tasks.taskId] }),
    index('task_shards_platform_idx').on(table.platformTaskId),
  ])
  const archivedTaskShards = schema.table(
    'archived_task_shards',
    { ...shardColumns(), archivedAt: text('archived_at').notNull() },
    (table) => [
      primaryKey({ columns: [table.uniqcTaskId, table.shardIndex] }),
      index('archived_task_shards_platform_idx').on(table.platformTaskId),
    ],
  )
  return { schema, tasks, archivedTasks, taskShards, archivedTaskShards }
}

/** The schema that a store uses by default. */
export const DEFAULT_SCHEMA = 'uniqc'

/** The tables of the default schema, for drizzle-kit and for queries of your own. */
export const {
  schema: uniqc,
  tasks,
  archivedTasks,
  taskShards,
  archivedTaskShards,
} = taskTables(DEFAULT_SCHEMA)
