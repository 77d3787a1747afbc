import { isPlainObject } from '../../drizzle/json/value.ts'
import type { NewTaskShard, TaskInfo, TaskShard } from '../../drizzle/schema.ts'
import { aggregateShards } from './aggregate-shards.ts'
import { invalidValue } from './argument-error.ts'
import { flag, optionsReader } from './check-arguments.ts'
import { type CheckedShard, encodeJson, missing } from './check-task.ts'
import type { SaveOptions } from './save-task.ts'
import { invalidTask } from './task-store-error.ts'
import type { TaskChange } from './update-task.ts'

/** How a shard is saved. */
export interface SaveShardOptions extends SaveOptions {
  /**
   * Bring the task up to date in the same transaction. Its status becomes that of
   * {@link TaskStore.aggregateStatus}. Its result becomes a list with one value per circuit, in the order of
   * `subIndexOffset`, null for a circuit without a result; with one shard of one circuit, that value alone;
   * null if no circuit has one. Its error becomes the errors of the failed shards. Default false.
   */
  readonly refreshTask?: boolean | undefined
}

export const readSaveShardOptions = optionsReader({ keepUpdateTime: flag(false), refreshTask: flag(false) })

/** Refuses an index for a shard that is added. */
export function checkHasNoIndex(shard: unknown): void {
  if (!isPlainObject(shard) || !Object.hasOwn(shard, 'shardIndex')) return
  throw invalidValue('shardIndex', 'addShard() takes the next free index; to choose one, call saveShard()')
}

/** @throws TaskStoreError `INVALID_TASK` for a shard to save at an index that it does not name. */
export function checkHasIndex(shard: NewTaskShard): void {
  if (isPlainObject(shard) && shard.shardIndex === undefined) missing(shard.uniqcTaskId, 'shardIndex')
}

/** Where the next shard of a task goes: after the last one, and after its last circuit. */
export interface ShardEnd {
  readonly shardIndex: number
  readonly subIndexOffset: number
}

/** The index at which a shard is saved. @throws TaskStoreError `INVALID_TASK` if none is left. */
export function shardIndexOf({ shard }: CheckedShard, taskId: string, end: ShardEnd): number {
  if (shard.shardIndex !== undefined) return shard.shardIndex
  return checkRoom(taskId, 'shardIndex', end.shardIndex, 'index; save it at an index of its own')
}

/** Refuses a place after the last one of all. */
function checkRoom(taskId: string, field: string, end: number, last: string): number {
  if (Number.isSafeInteger(end)) return end
  throw invalidTask({ taskId, field, problem: `has no room left after the last ${last}` })
}

/**
 * The shard to store. Fields that are not given keep their stored values; a new shard gets defaults.
 *
 * @throws TaskStoreError `INVALID_TASK` for a new shard without an offset if none is left.
 */
export function planShard(
  { shard }: CheckedShard,
  {
    task,
    stored,
    end,
    shardIndex,
  }: {
    readonly task: TaskInfo
    readonly stored: TaskShard | undefined
    readonly end: ShardEnd
    readonly shardIndex: number
  },
  keepUpdateTime: boolean,
  now: string,
): TaskShard {
  const { taskId } = task
  const nextOffset = () =>
    checkRoom(taskId, 'subIndexOffset', end.subIndexOffset, 'circuit; give it a subIndexOffset of its own')
  return {
    uniqcTaskId: taskId,
    shardIndex,
    platformTaskId: shard.platformTaskId,
    backend: shard.backend ?? stored?.backend ?? task.backend,
    circuitCount: shard.circuitCount ?? stored?.circuitCount ?? 1,
    subIndexOffset: shard.subIndexOffset ?? stored?.subIndexOffset ?? nextOffset(),
    status: shard.status,
    result: shard.result,
    errorMessage: shard.errorMessage,
    submitTime: shard.submitTime ?? stored?.submitTime ?? now,
    updateTime: (keepUpdateTime ? shard.updateTime : undefined) ?? now,
  }
}

/** The error for a shard whose task is not live. */
export function noSuchTask(taskId: string, isArchived: boolean) {
  const problem = isArchived
    ? 'names a task that is archived; restore it first'
    : 'names a task that does not exist; save the task first'
  return invalidTask({ taskId, field: 'uniqcTaskId', problem })
}

/**
 * The change that brings a task up to date with its shards.
 *
 * @throws TaskStoreError `INVALID_TASK` for too many circuits.
 */
export function planRefresh(taskId: string, shards: readonly TaskShard[], now: string): TaskChange {
  const { status, result, errorMessage } = aggregateShards(shards)
  return {
    status,
    result: result === null ? null : encodeJson(taskId, 'result', result).text,
    errorMessage,
    updateTime: now,
  }
}
