import { isDeepStrictEqual } from 'node:util'
import { readJsonValue } from '../../drizzle/json/cell.ts'
import { parseInstant } from './instant.ts'
import type { PlaceName } from './place-name.ts'
import type { RawShard, RawTask, StoredTask } from './raw-task.ts'
import { keepReplacedIdText } from './replaced-id.ts'

/** How the records of another file are reconciled with those of a store. */
export interface ReconcileOptions {
  /** Replace a newer record of the store, too. */
  readonly overwrite: boolean
  /** The zone of times without an offset. */
  readonly timeZone: string | undefined
}

/** A record of the store that is the same task as an incoming one. */
export interface ExistingTask extends StoredTask {
  readonly place: PlaceName
}

/** What becomes of an incoming task, and what is written for it. */
export type Reconciled =
  | {
      readonly outcome: 'added' | 'updated' | 'unchanged'
      /** The id in the store. */
      readonly taskId: string
      readonly place: PlaceName
      readonly archivedAt: string | null
      readonly task: RawTask | undefined
      readonly shards: readonly RawShard[]
    }
  /** The record of the store is newer. */
  | { readonly outcome: 'kept'; readonly taskId: string }
  /** It is unclear which record is right; the store's stays. */
  | { readonly outcome: 'conflict'; readonly reason: string }

/** Which of two versions of a row stays. */
type Decision =
  | { readonly stays: 'existing' | 'incoming' | 'either' }
  | { readonly stays: 'unclear'; readonly reason: string }

/**
 * Reconciles an incoming task with the same task of the store: what the store lacks is added, what is newer
 * replaces what is older, row by row, and what is equal is left alone. A record stays where the store has it,
 * live or archived, and under the id that it has there.
 */
export function reconcile(
  incoming: StoredTask,
  existing: ExistingTask | undefined,
  options: ReconcileOptions,
): Reconciled {
  const { task, archivedAt, shards } = incoming
  if (existing === undefined) {
    const place = archivedAt === null ? 'live' : 'archived'
    return { outcome: 'added', taskId: task.taskId, place, archivedAt, task, shards }
  }
  const decision = decideTask(task, existing.task, options)
  if (decision.stays === 'unclear') return { outcome: 'conflict', reason: decision.reason }
  const { taskId } = existing.task
  const existingShards = new Map(existing.shards.map((shard) => [shard.shardIndex, shard]))
  const newShards: RawShard[] = []
  for (const shard of shards) {
    const decided = decideShard(shard, existingShards.get(shard.shardIndex), options)
    if (decided.stays === 'unclear') return { outcome: 'conflict', reason: decided.reason }
    if (decided.stays === 'incoming') newShards.push({ ...shard, uniqcTaskId: taskId })
  }
  const isNewer = decision.stays === 'incoming'
  const isChanged = isNewer || newShards.length > 0
  if (!isChanged && decision.stays === 'existing') return { outcome: 'kept', taskId }
  const metadata = isNewer ? keepReplacedIdText(existing.task.metadata, task.metadata) : task.metadata
  return {
    outcome: isChanged ? 'updated' : 'unchanged',
    taskId,
    place: existing.place,
    archivedAt: existing.archivedAt,
    task: isNewer ? { ...task, taskId, metadata } : undefined,
    shards: newShards,
  }
}

function decideTask(incoming: RawTask, existing: RawTask, options: ReconcileOptions): Decision {
  if (!options.overwrite && providerOf(incoming.backend) !== providerOf(existing.backend)) {
    return { stays: 'unclear', reason: `is of ${incoming.backend} there and of ${existing.backend} here` }
  }
  const differing = differingFields(incoming, existing).filter((field) => field !== 'metadata')
  if (!isSameMetadata(incoming.metadata, existing.metadata)) differing.push('metadata')
  return decideByTime(differing, incoming, existing, options)
}

function decideShard(
  incoming: RawShard,
  existing: RawShard | undefined,
  options: ReconcileOptions,
): Decision {
  if (existing === undefined) return { stays: 'incoming' }
  const { shardIndex, platformTaskId } = incoming
  if (platformTaskId !== existing.platformTaskId && !options.overwrite) {
    const reason = `has shard ${shardIndex} with the platform id ${platformTaskId} there and ${existing.platformTaskId} here`
    return { stays: 'unclear', reason }
  }
  const differing = differingFields(incoming, existing).map((field) => `shard ${shardIndex} ${field}`)
  return decideByTime(differing, incoming, existing, options)
}

function decideByTime(
  differing: readonly string[],
  incoming: Timed,
  existing: Timed,
  { overwrite, timeZone }: ReconcileOptions,
): Decision {
  if (overwrite) {
    const isSame = differing.length === 0 && incoming.updateTime === existing.updateTime
    return { stays: isSame ? 'either' : 'incoming' }
  }
  const there = parseInstant(incoming.updateTime, timeZone)
  const here = parseInstant(existing.updateTime, timeZone)
  if (there !== undefined && here !== undefined && there !== here) {
    return { stays: there > here ? 'incoming' : 'existing' }
  }
  if (differing.length === 0) return { stays: 'either' }
  const times = `updated at ${incoming.updateTime} there and at ${existing.updateTime} here`
  return { stays: 'unclear', reason: `differs (${differing.join(', ')}), and neither is newer: ${times}` }
}

type Timed = Pick<RawTask, 'updateTime'>

/** `originq` of `originq:WK_C180`. */
const providerOf = (backend: string) => backend.split(':', 1)[0]

/** The fields that differ, apart from ids and the update time. */
function differingFields<Raw extends Timed & { result: string | null }>(a: Raw, b: Raw): string[] {
  return (Object.keys(a) as (keyof Raw & string)[]).filter((field) => {
    if (field === 'taskId' || field === 'uniqcTaskId' || field === 'updateTime') return false
    return field === 'result' ? !isSameJson(a.result, b.result) : a[field] !== b[field]
  })
}

function isSameJson(a: string | null, b: string | null): boolean {
  return a === b || isEqual(readJsonValue(a), readJsonValue(b))
}

/**
 * Whether two metadata are equal. One of them alone may name the id that version 5 replaced: they are equal if the other
 * one would be, with that id.
 */
function isSameMetadata(a: string, b: string): boolean {
  if (a === b) return true
  const [first, second] = [keepReplacedIdText(b, a), keepReplacedIdText(a, b)]
  return isEqual(readJsonValue(first || '{}'), readJsonValue(second || '{}'))
}

/** Values that are nested too deeply to compare count as different. */
function isEqual(a: unknown, b: unknown): boolean {
  try {
    return isDeepStrictEqual(a, b)
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}
