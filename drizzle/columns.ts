import type { TaskInfo, TaskShard } from './schema.ts'
import { ARCHIVED_TASKS, TASK_SHARDS, TASKS, type Table } from './tables.ts'

/** The name of each column in the file, by its property, in the order of the live table. */
export const TASK_COLUMNS = namesOf(TASKS) as Readonly<Record<keyof TaskInfo, string>>

/** The same for a shard. */
export const SHARD_COLUMNS = namesOf(TASK_SHARDS) as Readonly<Record<keyof TaskShard, string>>

/** The column that the archive has more, for tasks and for shards. */
export const { archivedAt: ARCHIVED_AT } = namesOf(ARCHIVED_TASKS) as { readonly archivedAt: string }

/** The name of each property in JSON lines and flat records: that of its column, without a final `_json`. */
export const TASK_NAMES = jsonNames(TASK_COLUMNS)

/** The same for a shard. */
export const SHARD_NAMES = jsonNames(SHARD_COLUMNS)

const { metadata: _, ...names } = TASK_NAMES

/** The name of each property in a flat record, whose other keys are the metadata. */
export const RECORD_NAMES = { ...names, backend: 'platform' } as const

function namesOf({ columns }: Table): Record<string, string> {
  return mapValues(columns, ({ name }) => name)
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
