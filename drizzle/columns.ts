import { type Column, getTableColumns } from 'drizzle-orm'
import { type TaskInfo, type TaskShard, taskShards, tasks } from './schema.ts'

/** The name of each column in the file, by its property, in the order of the live table. */
export const TASK_COLUMNS = columnNames(tasks) as Readonly<Record<keyof TaskInfo, string>>

/** The same for a shard. */
export const SHARD_COLUMNS = columnNames(taskShards) as Readonly<Record<keyof TaskShard, string>>

/** The name of each property in JSON lines and flat records: that of its column, without a final `_json`. */
export const TASK_NAMES = jsonNames(TASK_COLUMNS)

/** The same for a shard. */
export const SHARD_NAMES = jsonNames(SHARD_COLUMNS)

const { metadata: _, ...names } = TASK_NAMES

/** The name of each property in a flat record, whose other keys are the metadata. */
export const RECORD_NAMES = { ...names, backend: 'platform' } as const

function columnNames(table: typeof tasks | typeof taskShards): Record<string, string> {
  return mapValues<Column>(getTableColumns(table), ({ name }) => name)
}

function jsonNames<Names extends Readonly<Record<string, string>>>(columns: Names): Names {
  return mapValues(columns, (name) => name.replace(/_json$/, '')) as Names
}

function mapValues<T>(
  object: Readonly<Record<string, T>>,
  map: (value: T) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]))
}
