import type { TaskInfo, TaskShard } from '../../drizzle/schema.ts'

/** A task with its shards as a file holds them: every cell as it stands, JSON as text. */
export interface TaskCopy {
  readonly task: TaskCells
  /** Null for a live task. */
  readonly archivedAt: string | null
  readonly shards: readonly ShardCells[]
}

export type TaskCells = Omit<TaskInfo, 'result' | 'metadata'> & {
  readonly result: string | null
  readonly metadata: string
}

export type ShardCells = Omit<TaskShard, 'result'> & { readonly result: string | null }
