import { type JsonValue, UnreadableJson } from '../../drizzle/json/value.ts'
import type { TaskShard } from '../../drizzle/schema.ts'
import { isTerminal, type TaskStatus } from '../../drizzle/task-status.ts'

/** What the shards of a task say of the task. */
export interface Aggregate {
  readonly status: TaskStatus
  readonly result: JsonValue | null
  readonly errorMessage: string | null
}

export function aggregateShards(shards: readonly TaskShard[]): Aggregate {
  return {
    status: aggregateStatus(shards),
    result: aggregateResult(shards),
    errorMessage: aggregateError(shards),
  }
}

/**
 * UnifiedQuantum's rule. None: pending. Any not terminal: running. All success: success. Else any failed:
 * failed. Else cancelled.
 */
export function aggregateStatus(shards: Iterable<Pick<TaskShard, 'status'>>): TaskStatus {
  const statuses = new Set(Array.from(shards, (shard) => shard.status))
  if (statuses.size === 0) return 'pending'
  if (![...statuses].every(isTerminal)) return 'running'
  if (statuses.size === 1 && statuses.has('success')) return 'success'
  return statuses.has('failed') ? 'failed' : 'cancelled'
}

/** One value for each circuit, in order; the value alone where there is one circuit; null where none has one. */
function aggregateResult(shards: readonly TaskShard[]): JsonValue | null {
  const [only] = shards
  if (shards.length === 1 && only?.circuitCount === 1) return only.result
  const inOrder = shards.toSorted(
    (a, b) => a.subIndexOffset - b.subIndexOffset || a.shardIndex - b.shardIndex,
  )
  const results = inOrder.flatMap(circuitResults)
  return results.every((result) => result === null) ? null : results
}

/** A shard's results, one a circuit, filled up with null so that the next shard's stand in their place. */
function circuitResults({ circuitCount, result }: TaskShard): JsonValue[] {
  if (circuitCount === 0) return []
  // A list cannot hold a cell that cannot be read; its text is what there is.
  const readable = (result as unknown) instanceof UnreadableJson ? (result as { text: string }).text : result
  const isList = circuitCount !== 1 && Array.isArray(readable)
  // What a list has too much stays with its shard: here it would move the next one's results.
  const results = isList ? readable.slice(0, circuitCount) : readable === null ? [] : [readable]
  while (results.length < circuitCount) results.push(null)
  return results
}

/** What the failed shards say, each text once. */
function aggregateError(shards: readonly TaskShard[]): string | null {
  const messages = new Set<string>()
  for (const { status, errorMessage } of shards) {
    if (status === 'failed' && errorMessage !== null) messages.add(errorMessage)
  }
  return messages.size === 0 ? null : [...messages].join('; ')
}
