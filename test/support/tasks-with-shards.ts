import type { NewTaskInfo } from 'uniqc-task-store'
import type { AnyStore } from './any-store.ts'

/** A task that can be saved and archived. */
export const DONE = { taskId: 'a', backend: 'originq:WK_C180', status: 'success' } as const

/** Saves a task with shards, whose every text says which one it is. */
export async function saveWithShards(
  store: AnyStore,
  task: NewTaskInfo,
  mark: string,
  shards: number,
): Promise<void> {
  await store.save({ ...task, result: mark })
  await store.deleteShards(task.taskId)
  for (let i = 0; i < shards; i++) {
    await store.addShard({ uniqcTaskId: task.taskId, platformTaskId: `${mark}-${i}`, result: mark })
  }
}

/** Saves a task both live, with one shard, and archived, with two, and another one that is live. */
export async function saveInBothPlaces(store: AnyStore): Promise<void> {
  await saveWithShards(store, DONE, 'archived', 2)
  await store.archive.archive('a')
  await saveWithShards(store, DONE, 'live', 1)
  await saveWithShards(store, { ...DONE, taskId: 'other' }, 'other', 1)
}
