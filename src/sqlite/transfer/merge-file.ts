import { checkNotOwn, checkRegularFile } from '../../files/file-identity.ts'
import { invalidValue } from '../../rules/argument-error.ts'
import { checkDatabasePath, flag, optionsReader } from '../../rules/check-arguments.ts'
import { timeZone } from '../../rules/instant.ts'
import {
  haveSamePlatformIds,
  idsOf,
  mismatch,
  platformIdsOf,
  preferSameTime,
} from '../../rules/match-tasks.ts'
import { PLACE_NAMES, type PlaceName } from '../../rules/place-name.ts'
import type { StoredTask } from '../../rules/raw-task.ts'
import type { ExistingTask, Reconciled } from '../../rules/reconcile.ts'
import { mayBeReplacedId } from '../../rules/task-id.ts'
import { rawTask } from '../../rules/task-row.ts'
import { Connection } from '../connection.ts'
import { leaveNoLog } from '../leave-no-log.ts'
import { locateStore } from '../store-location.ts'
import { knownIds, storedTasks } from '../tables/stored-tasks.ts'
import { existingAt, findExisting, reconcileTask } from './reconcile-tasks.ts'

/** How another store's file is merged. */
export interface MergeOptions {
  /**
   * The zone of times without an offset, to tell which of two records is newer: `UTC`, `+08:00`,
   * `Asia/Shanghai`. Default: the zone of this machine.
   */
  readonly timeZone?: string | undefined
  /** Report what would happen, and write nothing. Default false. */
  readonly dryRun?: boolean | undefined
}

/** What a merge did: `read` is the sum of `added`, `updated`, `unchanged`, `kept` and the conflicts. */
export interface MergeReport {
  /** How many tasks the other file has, live and archived. */
  readonly read: number
  readonly added: number
  /** The other file's record, or a shard of it, was newer. */
  readonly updated: number
  readonly unchanged: number
  /** The store's record was newer. */
  readonly kept: number
  /** Tasks of the other file that were left out, each with the reason. */
  readonly conflicts: readonly MergeConflict[]
  /** Tasks with one id in the other file and another one here, which they keep. */
  readonly renamed: readonly { readonly theirs: string; readonly ours: string }[]
}

/** A task of the other file that was left out. */
export interface MergeConflict {
  readonly taskId: string
  readonly reason: string
}

const readOptions = optionsReader({ timeZone, dryRun: flag(false) })

/** Merges the tasks of another store's file into a store. The other file is only read. */
export function mergeFile(connection: Connection, file: string, options?: MergeOptions): MergeReport {
  return mergeStore(connection, file, options)
}

/** Whether a task is taken, by when it and its shards were updated. */
export type IsWanted = (updateTimes: readonly string[]) => boolean

/** {@link mergeFile} for some of the tasks; the others are not counted. */
export function mergeStore(
  connection: Connection,
  file: string,
  options: MergeOptions | undefined,
  isWanted: IsWanted = () => true,
): MergeReport {
  checkDatabasePath('file', file)
  const given = readOptions(options)
  const location = locateStore({ file, readonly: true })
  if (location.cacheDir === undefined) throw invalidValue('file', 'file must be the file of another store')
  checkNotOwn('file', location.file, connection.file, 'name the file of another store')
  checkRegularFile(location.file)
  return leaveNoLog(location.file, () => {
    const other = new Connection(location)
    try {
      const merger = new Merger(connection, other, given, isWanted)
      // One snapshot of the other file: a task that is restored meanwhile would otherwise be in neither place.
      return other.snapshot(() => merger.merge())
    } finally {
      other.close()
    }
  })
}

class Merger {
  readonly #connection: Connection
  readonly #other: Connection
  readonly #options: ReturnType<typeof readOptions>
  readonly #isWanted: IsWanted
  /** For each record here, the task of the other file that it was matched with. */
  readonly #matched = new Map<string, string>()

  constructor(
    connection: Connection,
    other: Connection,
    options: ReturnType<typeof readOptions>,
    isWanted: IsWanted,
  ) {
    this.#connection = connection
    this.#other = other
    this.#options = options
    this.#isWanted = isWanted
  }

  merge(): MergeReport {
    const counts = { read: 0, added: 0, updated: 0, unchanged: 0, kept: 0 }
    const conflicts: MergeConflict[] = []
    const renamed: { theirs: string; ours: string }[] = []
    const take = (incoming: StoredTask, isKnown: boolean) => {
      const { taskId } = incoming.task
      const reconciled = this.#take(incoming, isKnown)
      counts.read++
      if (reconciled.outcome === 'conflict') {
        conflicts.push({ taskId, reason: reconciled.reason })
        return
      }
      counts[reconciled.outcome]++
      if (reconciled.taskId !== taskId) renamed.push({ theirs: taskId, ours: reconciled.taskId })
    }
    for (const place of PLACE_NAMES) {
      for (const stored of storedTasks(this.#other.file, this.#other.at(place))) {
        const all = stored.filter(({ task, shards }) =>
          this.#isWanted([task, ...shards].map(({ updateTime }) => updateTime)),
        )
        const batch = all.filter(({ task }) => task.taskId !== null)
        for (let i = batch.length; i < all.length; i++) {
          counts.read++
          conflicts.push({ taskId: '', reason: 'has no id; see the check of that file' })
        }
        const takeAll = () => {
          const known = knownIds(this.#connection, batch.flatMap(idsOf))
          for (const incoming of batch)
            take(
              incoming,
              idsOf(incoming).some((id) => known.has(id)),
            )
        }
        if (this.#options.dryRun) this.#connection.snapshot(takeAll)
        else this.#connection.batch(takeAll)
      }
    }
    return { ...counts, conflicts, renamed }
  }

  #take(incoming: StoredTask, isKnown: boolean): Reconciled {
    const found = isKnown ? this.#find(incoming) : []
    const [existing] = found
    const record = existing && `${existing.place} ${existing.task.taskId}`
    const matched = record && this.#matched.get(record)
    const reason = mismatch(incoming, found, matched, this.#options.timeZone)
    if (reason !== undefined) return { outcome: 'conflict', reason }
    if (record !== undefined) this.#matched.set(record, incoming.task.taskId)
    return reconcileTask(this.#connection, incoming, existing, { overwrite: false, ...this.#options })
  }

  /** The records here that are this task: by its id, else by the ids that it has on its platform. */
  #find(incoming: StoredTask): readonly ExistingTask[] {
    // Through the other connection, so that damage to its file is not taken for damage to this one.
    const isIncoming = (taskId: string, place: PlaceName) =>
      this.#other.run(() => this.#other.at(place).has(taskId))
    const byId = findExisting(this.#connection, incoming, isIncoming)
    if (byId.length > 0) return byId
    const ids = new Set(platformIdsOf(incoming).flatMap(({ id, backend }) => this.#ownersOf(id, backend)))
    const found = [...ids]
      .flatMap((taskId) => PLACE_NAMES.flatMap((place) => existingAt(this.#connection, place, taskId) ?? []))
      .filter(({ task }) => !PLACE_NAMES.some((place) => isIncoming(task.taskId, place)))
      .filter((existing) => haveSamePlatformIds(existing, incoming))
    return preferSameTime(incoming, found, this.#options.timeZone)
  }

  /** The ids of tasks here that have this id on this backend. */
  #ownersOf(id: string, backend: string): string[] {
    const tables = PLACE_NAMES.map((place) => this.#connection.at(place))
    const owners = tables.flatMap(({ shards }) => shards.ownersOf(id, backend))
    const isTask = tables.some((table) => {
      const row = mayBeReplacedId(id) ? table.row(id) : undefined
      return row !== undefined && rawTask(row).backend === backend
    })
    return isTask ? [...owners, id] : owners
  }
}
