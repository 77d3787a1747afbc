import { isDeepStrictEqual } from 'node:util'
import { parseJson } from '../../../drizzle/json/read.ts'
import { isPlainObject, type JsonValue } from '../../../drizzle/json/value.ts'
import { stringifyJson } from '../../../drizzle/json/write.ts'
import { parseInstant } from '../../rules/instant.ts'
import type { ShardCells, TaskCells, TaskCopy } from '../../rules/raw-task.ts'
import type { Connection } from '../connection.ts'
import { CopyQueries } from '../tables/copy-queries.ts'
import { findReplaced } from '../tables/find-task.ts'
import { ARCHIVE, LIVE, PLACES, type Place } from '../tables/place.ts'
import { PlaceQueries } from '../tables/place-queries.ts'

/** How tasks are taken in. */
export interface AbsorbOptions {
  /** Replace a record that is newer than the copy, too. */
  readonly overwrite: boolean
  /** The zone of times that name none. */
  readonly timeZone: string | undefined
  /** Decide, and write nothing. */
  readonly dryRun: boolean
}

/** What became of a copy. */
export type Absorbed =
  | { readonly outcome: 'added' | 'updated' | 'unchanged'; readonly taskId: string }
  /** The store's record is newer. */
  | { readonly outcome: 'kept'; readonly taskId: string }
  /** Nobody can tell which one is right; the store's stays. */
  | { readonly outcome: 'conflict'; readonly reason: string }

/** A record of the store that is the same task as a copy. */
export interface Twin {
  readonly place: Place
  readonly task: TaskCells
  /** Null for a live task. */
  readonly archivedAt: string | null
}

/** Whether one of the copies is the record of a place with this id. */
export type IsCopied = (taskId: string, place: Place) => boolean

/** Which of two versions of a row stays. */
type Decision =
  | { readonly stays: 'stored' | 'copied' | 'either' }
  | { readonly stays: 'unclear'; readonly reason: string }

/**
 * Takes copies of tasks into a store: what it does not have is added, what is newer replaces what is older,
 * what is equal is left alone. A record stays where the store has it, live or archived, and under the
 * store's id. The caller holds the lock.
 */
export class TaskAbsorber {
  readonly #options: AbsorbOptions
  readonly #copies: CopyQueries
  readonly #places: readonly (readonly [Place, PlaceQueries])[]

  constructor(connection: Connection, options: AbsorbOptions) {
    this.#options = options
    this.#copies = new CopyQueries(connection)
    this.#places = PLACES.map((place) => [place, new PlaceQueries(connection, place)])
  }

  /** Which of these ids the store knows at all: a copy that has none of them has no twin. */
  known(ids: readonly string[]): Set<string> {
    return this.#copies.known(ids)
  }

  /**
   * The records that are the task of a copy by its id, now or before version 5: that in its own place first.
   * What the copies hold as well is left out: it is the twin of its own copy.
   */
  find({ task: { taskId }, archivedAt }: TaskCopy, isCopied: IsCopied): Twin[] {
    const [own, other] = archivedAt === null ? [LIVE, ARCHIVE] : [ARCHIVE, LIVE]
    const twin = this.at(own, taskId) ?? (isCopied(taskId, other) ? undefined : this.at(other, taskId))
    if (twin !== undefined) return [twin]
    return this.#places.flatMap(([place, queries]) =>
      findReplaced(queries, taskId)
        .filter((task) => !PLACES.some((any) => isCopied(task.taskId, any)))
        .flatMap((task) => this.at(place, task.taskId) ?? []),
    )
  }

  /** The record of a place with just this id. */
  at(place: Place, taskId: string): Twin | undefined {
    const found = this.#copies.byId(place, taskId)
    if (found === undefined) return undefined
    const { archivedAt, ...task } = found
    return { place, task, archivedAt }
  }

  /** Takes in a copy, given its twin in the store. */
  absorb(copy: TaskCopy, twin: Twin | undefined, overwrite = this.#options.overwrite): Absorbed {
    return twin === undefined ? this.#add(copy) : this.#merge(copy, twin, overwrite)
  }

  #add({ task, archivedAt, shards }: TaskCopy): Absorbed {
    if (!this.#options.dryRun) {
      const place = archivedAt === null ? LIVE : ARCHIVE
      this.#copies.saveTask(place, task, archivedAt)
      for (const shard of shards) this.#copies.saveShard(place, shard, archivedAt)
    }
    return { outcome: 'added', taskId: task.taskId }
  }

  #merge(
    { task: copied, shards }: TaskCopy,
    { place, task: stored, archivedAt }: Twin,
    overwrite: boolean,
  ): Absorbed {
    const { taskId } = stored
    const decision = this.#decideTask(copied, stored, overwrite)
    if (decision.stays === 'unclear') return { outcome: 'conflict', reason: decision.reason }
    const storedShards = new Map(
      this.#copies.shardsOf(place, taskId).map((shard) => [shard.shardIndex, shard]),
    )
    const newShards: ShardCells[] = []
    for (const shard of shards) {
      const decided = this.#decideShard(shard, storedShards.get(shard.shardIndex), overwrite)
      if (decided.stays === 'unclear') return { outcome: 'conflict', reason: decided.reason }
      if (decided.stays === 'copied') newShards.push({ ...shard, uniqcTaskId: taskId })
    }
    const isNewer = decision.stays === 'copied'
    if (!this.#options.dryRun) {
      if (isNewer) this.#copies.saveTask(place, keepOldId({ ...copied, taskId }, stored), archivedAt)
      for (const shard of newShards) this.#copies.saveShard(place, shard, archivedAt)
    }
    if (isNewer || newShards.length > 0) return { outcome: 'updated', taskId }
    return { outcome: decision.stays === 'stored' ? 'kept' : 'unchanged', taskId }
  }

  #decideTask(copied: TaskCells, stored: TaskCells, overwrite: boolean): Decision {
    if (!overwrite && providerOf(copied.backend) !== providerOf(stored.backend)) {
      return { stays: 'unclear', reason: `is of ${copied.backend} there and of ${stored.backend} here` }
    }
    const differing = differingFields(copied, stored).filter((field) => field !== 'metadata')
    if (!isSameMetadata(copied.metadata, stored.metadata)) differing.push('metadata')
    return this.#decideByTime(differing, copied, stored, overwrite)
  }

  #decideShard(copied: ShardCells, stored: ShardCells | undefined, overwrite: boolean): Decision {
    if (stored === undefined) return { stays: 'copied' }
    if (copied.platformTaskId !== stored.platformTaskId && !overwrite) {
      const reason = `has shard ${copied.shardIndex} with the platform id ${copied.platformTaskId} there and ${stored.platformTaskId} here`
      return { stays: 'unclear', reason }
    }
    return this.#decideByTime(
      differingFields(copied, stored).map((field) => `shard ${copied.shardIndex} ${field}`),
      copied,
      stored,
      overwrite,
    )
  }

  #decideByTime(differing: readonly string[], copied: Timed, stored: Timed, overwrite: boolean): Decision {
    const { timeZone } = this.#options
    if (overwrite) {
      const isSame = differing.length === 0 && copied.updateTime === stored.updateTime
      return { stays: isSame ? 'either' : 'copied' }
    }
    const there = parseInstant(copied.updateTime, timeZone)
    const here = parseInstant(stored.updateTime, timeZone)
    if (there !== undefined && here !== undefined && there !== here) {
      return { stays: there > here ? 'copied' : 'stored' }
    }
    if (differing.length === 0) return { stays: 'either' }
    const times = `updated at ${copied.updateTime} there and at ${stored.updateTime} here`
    return { stays: 'unclear', reason: `differs (${differing.join(', ')}), and neither is newer: ${times}` }
  }
}

type Timed = Pick<TaskCells, 'updateTime'>

/** `originq` of `originq:WK_C180`. */
const providerOf = (backend: string) => backend.split(':', 1)[0]

/** The fields that differ, but for ids and the update time. */
function differingFields<Cells extends Timed & { result: string | null }>(a: Cells, b: Cells): string[] {
  return (Object.keys(a) as (keyof Cells & string)[]).filter((field) => {
    if (field === 'taskId' || field === 'uniqcTaskId' || field === 'updateTime') return false
    return field === 'result' ? !isSameJson(a.result, b.result) : a[field] !== b[field]
  })
}

function isSameJson(a: string | null, b: string | null): boolean {
  return a === b || isEqual(readOrKeep(a || 'null'), readOrKeep(b || 'null'))
}

/** Whether two metadata say the same. The id from before version 5 may be in one of them only. */
function isSameMetadata(a: string, b: string): boolean {
  if (a === b) return true
  const [first, second] = [a, b].map((text) => readOrKeep(text || '{}'))
  if (!isPlainObject(first) || !isPlainObject(second)) return isEqual(first, second)
  const { legacy_platform_id: firstId, ...firstRest } = first
  const { legacy_platform_id: secondId, ...secondRest } = second
  const isSameId = firstId === undefined || secondId === undefined || firstId === secondId
  return isSameId && isEqual(firstRest, secondRest)
}

/** What is nested too deeply to be compared counts as different. */
function isEqual(a: unknown, b: unknown): boolean {
  try {
    return isDeepStrictEqual(a, b)
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/**
 * The copied task, with the id that the stored one had before version 5: it goes on finding the task. The
 * text of the metadata is kept, as the version 5 step keeps it.
 */
function keepOldId(copied: TaskCells, stored: TaskCells): TaskCells {
  const [metadata, storedMetadata] = [copied, stored].map((task) => readOrKeep(task.metadata || '{}'))
  const id = isPlainObject(storedMetadata) ? storedMetadata.legacy_platform_id : undefined
  if (id === undefined || (isPlainObject(metadata) && Object.hasOwn(metadata, 'legacy_platform_id'))) {
    return copied
  }
  const text = copied.metadata.trim() || '{}'
  const members = isPlainObject(metadata)
    ? text.slice(1, -1).trim()
    : `"legacy_metadata_raw": ${stringifyJson(metadata)}`
  const added = `"legacy_platform_id": ${stringifyJson(id)}`
  return { ...copied, metadata: members === '' ? `{${added}}` : `{${members}, ${added}}` }
}

/** The value of a text, or the text of one that cannot be read. */
function readOrKeep(text: string): JsonValue {
  try {
    return parseJson(text)
  } catch {
    return text
  }
}
