import type { TaskInfo, TaskShard } from 'uniqc-task-store'

/** A task under the names of UnifiedQuantum. */
export const pythonTask = (task: TaskInfo & { readonly archivedAt?: string | null }) => ({
  task_id: task.taskId,
  backend: task.backend,
  status: task.status,
  result: task.result,
  shots: task.shots,
  submit_time: task.submitTime,
  update_time: task.updateTime,
  metadata: task.metadata,
  error_message: task.errorMessage,
  archived_at: task.archivedAt ?? null,
})

/** A shard under the names of UnifiedQuantum. */
export const pythonShard = (shard: TaskShard) => ({
  uniqc_task_id: shard.uniqcTaskId,
  shard_index: shard.shardIndex,
  platform_task_id: shard.platformTaskId,
  backend: shard.backend,
  circuit_count: shard.circuitCount,
  sub_index_offset: shard.subIndexOffset,
  status: shard.status,
  result: shard.result,
  error_message: shard.errorMessage,
  submit_time: shard.submitTime,
  update_time: shard.updateTime,
})

/** Compares two records of UnifiedQuantum by their id. */
export const byTaskId = (a: { readonly task_id: string }, b: { readonly task_id: string }) =>
  a.task_id < b.task_id ? -1 : 1
