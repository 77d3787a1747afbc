import type { TaskInfo, TaskShard } from '../../../drizzle/schema.ts'
import type { CheckedShard } from '../../rules/check-task.ts'
import { now } from '../../rules/clock.ts'
import { noSuchTask, planRefresh, planShard, shardIndexOf } from '../../rules/save-shard.ts'
import { readShard } from '../../rules/task-row.ts'
import type { Connection } from '../connection.ts'

/** The shards of live tasks. A {@link TaskStore} has them among its own methods. */
export class LiveShards {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Saves a shard at its index, or at the next free one. */
  save(checked: CheckedShard, keepUpdateTime: boolean, refreshTask: boolean): TaskShard {
    const { live } = this.#connection
    return this.#connection.transaction(() => {
      const task = this.#taskOf(checked.shard.uniqcTaskId)
      const { taskId } = task
      const end = live.shards.endOf(taskId)
      const shardIndex = shardIndexOf(checked, taskId, end)
      const row = live.shards.at(taskId, shardIndex)
      const stored = row && readShard(row)
      const time = now(stored?.updateTime)
      const shard = planShard(checked, { task, stored, end, shardIndex }, keepUpdateTime, time)
      live.shards.put({ ...shard, result: checked.cell }, null)
      if (refreshTask) {
        live.update(taskId, planRefresh(taskId, live.shards.of(taskId).map(readShard), now(task.updateTime)))
      }
      return shard
    })
  }

  of(taskId: string): TaskShard[] {
    const { live } = this.#connection
    const rows = live.shards.of(taskId)
    if (rows.length > 0) return rows.map(readShard)
    const id = live.idOf(taskId)
    return id === undefined || id === taskId ? [] : live.shards.of(id).map(readShard)
  }

  find(platformTaskId: string, backend: string | undefined): TaskShard[] {
    return this.#connection.live.shards.onPlatform(platformTaskId, backend).map(readShard)
  }

  delete(taskId: string): number {
    const { live } = this.#connection
    return this.#connection.transaction(() => live.shards.delete(live.idOf(taskId) ?? taskId))
  }

  #taskOf(taskId: string): TaskInfo {
    const task = this.#connection.live.find(taskId)
    if (task === undefined) throw noSuchTask(taskId, this.#connection.archive.idOf(taskId) !== undefined)
    return task
  }
}
