import type { TaskInfo, TaskShard } from '../../drizzle/schema.ts'

/** A task as a file holds it: every cell as it stands, JSON as text. */
export type RawTask = Omit<TaskInfo, 'result' | 'metadata'> & {
  readonly result: string | null
  readonly metadata: string
}

/** A shard as a file holds it. */
export type RawShard = Omit<TaskShard, 'result'> & { readonly result: string | null }

/** A task with its shards, as a file holds them. */
export interface StoredTask {
  readonly task: RawTask
  /** Null for a live task. */
  readonly archivedAt: string | null
  readonly shards: readonly RawShard[]
}
