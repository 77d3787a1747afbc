import type { TaskShard } from '../../../drizzle/schema.ts'
import type { CheckedShard } from '../../rules/check-task.ts'
import { now } from '../../rules/clock.ts'
import { noSuchTask, planRefresh, planShard, shardIndexOf } from '../../rules/save-shard.ts'
import { readShard } from '../../rules/task-row.ts'
import type { Session } from '../transaction.ts'

/** The shards of live tasks. A {@link PostgresTaskStore} has them among its own methods. */
export class LiveShards {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  /** Saves a shard at its index, or at the next free one. The lock of its task makes others wait. */
  save(checked: CheckedShard, keepUpdateTime: boolean, refreshTask: boolean): Promise<TaskShard> {
    return this.#session.transaction(async (tx) => {
      const { live } = tx
      const { uniqcTaskId } = checked.shard
      const task = await live.find(uniqcTaskId, 'FOR UPDATE')
      if (task === undefined)
        throw noSuchTask(uniqcTaskId, (await tx.archive.idOf(uniqcTaskId)) !== undefined)
      const { taskId } = task
      const end = await live.shards.endOf(taskId)
      const shardIndex = shardIndexOf(checked, taskId, end)
      const row = await live.shards.at(taskId, shardIndex)
      const stored = row && readShard(row)
      const time = now(stored?.updateTime)
      const shard = planShard(checked, { task, stored, end, shardIndex }, keepUpdateTime, time)
      const put = live.shards.put({ ...shard, result: checked.cell }, null)
      if (!refreshTask) tx.later(put)
      else {
        await put
        const shards = (await live.shards.of(taskId)).map(readShard)
        tx.later(live.update(taskId, planRefresh(taskId, shards, now(task.updateTime))))
      }
      return shard
    })
  }

  async of(taskId: string): Promise<TaskShard[]> {
    const { live } = this.#session
    const rows = await live.shards.of(taskId)
    if (rows.length > 0) return rows.map(readShard)
    const id = await live.idOf(taskId)
    return id === undefined || id === taskId ? [] : (await live.shards.of(id)).map(readShard)
  }

  async find(platformTaskId: string, backend: string | undefined): Promise<TaskShard[]> {
    return (await this.#session.live.shards.onPlatform(platformTaskId, backend)).map(readShard)
  }

  delete(taskId: string): Promise<number> {
    return this.#session.transaction(async ({ live }) => {
      const id = await live.idOf(taskId, 'FOR UPDATE')
      return live.shards.deleteAll([id ?? taskId])
    })
  }
}
