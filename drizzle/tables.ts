import embedded from './embedded-tables.json' with { type: 'json' }

// What the schema says, in a form that takes no Drizzle to read: to load that takes a process longer than to open a
// store and read a task.

/** A column. */
export interface Column {
  readonly name: string
  /** By Drizzle's names. */
  readonly dataType: string
  readonly notNull: boolean
}

/** A table. */
export interface Table {
  readonly name: string
  /** By their properties, in their order. */
  readonly columns: Readonly<Record<string, Column>>
  /** The names of the columns of its key. */
  readonly key: readonly string[]
}

export const TASKS: Table = embedded.tasks
export const TASK_SHARDS: Table = embedded.taskShards
export const ARCHIVED_TASKS: Table = embedded.archivedTasks
export const ARCHIVED_TASK_SHARDS: Table = embedded.archivedTaskShards
export const MERGED_FILES: Table = embedded.mergedFiles

/** UnifiedQuantum's tables, the tasks before their shards. */
export const UPSTREAM_TABLES: readonly Table[] = [TASKS, TASK_SHARDS, ARCHIVED_TASKS, ARCHIVED_TASK_SHARDS]

export const UPSTREAM_NAMES: readonly string[] = UPSTREAM_TABLES.map(({ name }) => name)

/** The names of the columns of a table. */
export const columnNames = ({ columns }: Table): string[] => Object.values(columns).map(({ name }) => name)
