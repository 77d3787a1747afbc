import type { ArchivedTaskInfo, TaskInfo, TaskShard } from '../../../drizzle/schema.ts'
import { aggregateShards } from '../../rules/aggregate-shards.ts'
import { type CheckedShard, encodeJson } from '../../rules/check-task.ts'
import { now } from '../../rules/clock.ts'
import { invalidTask } from '../../rules/task-store-error.ts'
import type { Connection } from '../connection.ts'
import { findTask } from './find-task.ts'
import { ARCHIVE, LIVE } from './place.ts'
import { PlaceQueries } from './place-queries.ts'
import { ShardQueries } from './shard-table.ts'
import { TaskQueries } from './task-table.ts'

/** A list of one result for each is held in memory. */
const MOST_CIRCUITS = 1_000_000

/** The shards of the live tasks. A {@link TaskStore} has them among its own methods. */
export class TaskShards {
  readonly #connection: Connection
  readonly #live: PlaceQueries
  readonly #archived: PlaceQueries<ArchivedTaskInfo>
  readonly #tasks: TaskQueries
  readonly #shards: ShardQueries

  constructor(connection: Connection) {
    this.#connection = connection
    this.#live = new PlaceQueries(connection, LIVE)
    this.#archived = new PlaceQueries(connection, ARCHIVE)
    this.#tasks = new TaskQueries(connection)
    this.#shards = new ShardQueries(connection)
  }

  /** Saves a shard at its index, or at the next free one. */
  save({ shard, cell }: CheckedShard, keepUpdateTime: boolean, refreshTask: boolean): TaskShard {
    return this.#connection.transaction(() => {
      const task = this.#parent(shard.uniqcTaskId)
      const { taskId } = task
      const end = this.#shards.end(taskId)
      const shardIndex = shard.shardIndex ?? end.shardIndex
      if (!Number.isSafeInteger(shardIndex) || !Number.isSafeInteger(end.subIndexOffset)) {
        const problem = 'has no free place left behind the last shard; save it at an index of its own'
        throw invalidTask({ taskId, field: 'shardIndex', problem })
      }
      const stored = this.#shards.byIndex(taskId, shardIndex)
      const time = now(stored?.updateTime)
      const saved: TaskShard = {
        uniqcTaskId: taskId,
        shardIndex,
        platformTaskId: shard.platformTaskId,
        backend: shard.backend ?? stored?.backend ?? task.backend,
        circuitCount: shard.circuitCount ?? stored?.circuitCount ?? 1,
        subIndexOffset: shard.subIndexOffset ?? stored?.subIndexOffset ?? end.subIndexOffset,
        status: shard.status,
        result: shard.result,
        errorMessage: shard.errorMessage,
        submitTime: shard.submitTime ?? stored?.submitTime ?? time,
        updateTime: (keepUpdateTime ? shard.updateTime : undefined) ?? time,
      }
      this.#shards.save(saved, cell)
      if (refreshTask) this.#refresh(task)
      return saved
    })
  }

  get(taskId: string): TaskShard[] {
    const shards = this.#live.shardsOf(taskId)
    if (shards.length > 0) return shards
    const task = findTask(this.#live, taskId)
    return task === undefined || task.taskId === taskId ? [] : this.#live.shardsOf(task.taskId)
  }

  find(platformTaskId: string, backend: string | undefined): TaskShard[] {
    return this.#shards.byPlatformTaskId(platformTaskId, backend)
  }

  delete(taskId: string): number {
    return this.#connection.transaction(() =>
      this.#live.deleteShards(findTask(this.#live, taskId)?.taskId ?? taskId),
    )
  }

  #parent(taskId: string): TaskInfo {
    const task = findTask(this.#live, taskId)
    if (task !== undefined) return task
    const problem = findTask(this.#archived, taskId)
      ? 'names a task that is archived; restore it first'
      : 'names a task that does not exist; save the task first'
    throw invalidTask({ taskId, field: 'uniqcTaskId', problem })
  }

  #refresh({ taskId, updateTime }: TaskInfo): void {
    const shards = this.#live.shardsOf(taskId)
    const circuits = shards.reduce((sum, { circuitCount }) => sum + circuitCount, 0)
    if (circuits > MOST_CIRCUITS) {
      const problem = `is ${circuits} in all, more than the result of a task can list`
      throw invalidTask({ taskId, field: 'circuitCount', problem })
    }
    const { status, result, errorMessage } = aggregateShards(shards)
    this.#tasks.update(taskId, {
      status,
      result: result === null ? null : encodeJson(taskId, 'result', result).text,
      errorMessage,
      updateTime: now(updateTime),
    })
  }
}
