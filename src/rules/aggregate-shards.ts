import { type JsonValue, UnreadableJson } from '../../drizzle/json/value.ts'
import type { TaskShard } from '../../drizzle/schema.ts'
import { isTerminal, type TaskStatus } from '../../drizzle/task-status.ts'
import { checkIterable, checkString } from './check-arguments.ts'
import { invalidTask } from './task-store-error.ts'

/** What the shards of a task add up to. */
export interface Aggregate {
  readonly status: TaskStatus
  readonly result: JsonValue | null
  readonly errorMessage: string | null
}

/** The list of results, one per circuit, is held in memory. */
const MOST_CIRCUITS = 1_000_000

/** @throws TaskStoreError `INVALID_TASK` for too many circuits. */
export function aggregateShards(shards: readonly TaskShard[]): Aggregate {
  checkCircuits(shards)
  return {
    status: aggregateStatus(shards),
    result: aggregateResult(shards),
    errorMessage: aggregateError(shards),
  }
}

/** The shards of any iterable. @throws TypeError for anything that has no status. */
export function checkShards(
  shards: Iterable<Pick<TaskShard, 'status'>>,
): readonly Pick<TaskShard, 'status'>[] {
  checkIterable('shards', shards, 'an iterable of shards')
  const given = Array.from(shards)
  for (const shard of given) checkString('the status of a shard', shard?.status, 'shards')
  return given
}

/**
 * UnifiedQuantum's rule: `pending` without shards, `running` while any is not terminal, `success` if all
 * succeeded, else `failed` if any failed, else `cancelled`.
 */
export function aggregateStatus(shards: Iterable<Pick<TaskShard, 'status'>>): TaskStatus {
  const statuses = new Set(Array.from(shards, (shard) => shard.status))
  if (statuses.size === 0) return 'pending'
  if (![...statuses].every(isTerminal)) return 'running'
  if (statuses.size === 1 && statuses.has('success')) return 'success'
  return statuses.has('failed') ? 'failed' : 'cancelled'
}

/** Counts as a file holds them: also negative ones, which would hide a large one in the sum, and text. */
function checkCircuits(shards: readonly TaskShard[]): void {
  let circuits = 0
  for (const { circuitCount } of shards) if (circuitCount > 0) circuits += Number(circuitCount)
  if (circuits <= MOST_CIRCUITS) return
  const problem = `is ${circuits} in all, more than the result of a task can list`
  throw invalidTask({ taskId: shards[0]?.uniqcTaskId, field: 'circuitCount', problem })
}

/** One value per circuit, in order; the value alone if there is one circuit; null if no circuit has one. */
function aggregateResult(shards: readonly TaskShard[]): JsonValue | null {
  const [only] = shards
  if (shards.length === 1 && only?.circuitCount === 1) return only.result
  const inOrder = shards.toSorted(
    (a, b) => a.subIndexOffset - b.subIndexOffset || a.shardIndex - b.shardIndex,
  )
  const results = inOrder.flatMap(circuitResults)
  return results.every((result) => result === null) ? null : results
}

/** A shard's results, one per circuit, padded with null so that the next shard's keep their positions. */
function circuitResults({ circuitCount, result }: TaskShard): JsonValue[] {
  if (circuitCount === 0) return []
  // A list cannot hold an unreadable cell: use its text.
  const readable = (result as unknown) instanceof UnreadableJson ? (result as { text: string }).text : result
  const isList = circuitCount !== 1 && Array.isArray(readable)
  // Surplus items stay with their shard: here they would shift the results of the next one.
  const results = isList ? readable.slice(0, circuitCount) : readable === null ? [] : [readable]
  while (results.length < circuitCount) results.push(null)
  return results
}

/** The error messages of the failed shards, each once. */
function aggregateError(shards: readonly TaskShard[]): string | null {
  const messages = new Set<string>()
  for (const { status, errorMessage } of shards) {
    if (status === 'failed' && errorMessage !== null) messages.add(errorMessage)
  }
  return messages.size === 0 ? null : [...messages].join('; ')
}
