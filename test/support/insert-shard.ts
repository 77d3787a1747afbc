import type { TaskStore } from 'uniqc-task-store'
import { taskShards } from 'uniqc-task-store/schema'

/** Gives a task a shard with this id on its platform. */
export function insertShard(store: TaskStore, uniqcTaskId: string, platformTaskId: string): void {
  const shard = { backend: 'originq', status: 'running', submitTime: '1', updateTime: '2' }
  store.db
    .insert(taskShards)
    .values({ uniqcTaskId, shardIndex: 0, platformTaskId, ...shard })
    .run()
}
