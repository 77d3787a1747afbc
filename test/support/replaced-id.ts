import { generateTaskId, type NewTaskInfo, type TaskInfo } from 'uniqc-task-store'
import type { AnyStore } from './any-store.ts'

/** Gives a task a shard with this id on its platform. */
export async function addPlatformId(store: AnyStore, taskId: string, platformTaskId: string): Promise<void> {
  await store.saveShard(
    {
      uniqcTaskId: taskId,
      shardIndex: 0,
      platformTaskId,
      backend: 'originq',
      status: 'running',
      submitTime: '2026-01-01',
      updateTime: '2026-01-02',
    },
    { keepUpdateTime: true },
  )
}

/** Saves a task as version 5 leaves one whose id it replaced: the old id is in its metadata and on its shard. */
export async function saveReplacing(
  store: AnyStore,
  oldId: string,
  task: Partial<NewTaskInfo> = {},
): Promise<TaskInfo> {
  const saved = await store.save(
    {
      taskId: generateTaskId(),
      backend: 'originq',
      status: 'running',
      ...task,
      metadata: { ...task.metadata, legacy_platform_id: oldId },
    },
    { keepUpdateTime: true },
  )
  await addPlatformId(store, saved.taskId, oldId)
  return saved
}
