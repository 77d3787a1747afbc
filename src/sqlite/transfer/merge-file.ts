import { checkNotOwn } from '../../files/file-identity.ts'
import { checkBoolean, checkDatabasePath, checkKeys } from '../../rules/check-arguments.ts'
import { checkTimeZone, parseInstant } from '../../rules/instant.ts'
import type { TaskCopy } from '../../rules/raw-task.ts'
import { isReplaceable, isUniqcTaskId } from '../../rules/task-id.ts'
import { Connection } from '../connection.ts'
import { locateStore } from '../store-location.ts'
import { CopyQueries } from '../tables/copy-queries.ts'
import { PLACES, type Place } from '../tables/place.ts'
import { type Absorbed, type AbsorbOptions, TaskAbsorber, type Twin } from './absorb-tasks.ts'

/** How another store's file is merged. */
export interface MergeOptions {
  /**
   * The zone of times that name none, to tell which of two records is newer: `UTC`, `+08:00`,
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
  /** Tasks that have one id in the other file and another one here, where they keep it. */
  readonly renamed: readonly { readonly theirs: string; readonly ours: string }[]
}

/** A task of the other file that was left out. */
export interface MergeConflict {
  readonly taskId: string
  readonly reason: string
}

/** Takes the tasks of another store's file into a store. The other file is only read. */
export function mergeFile(connection: Connection, file: string, options: MergeOptions): MergeReport {
  checkDatabasePath('file', file)
  checkKeys('options', options, ['timeZone', 'dryRun'])
  const { timeZone, dryRun = false } = options
  checkTimeZone(timeZone)
  checkBoolean('dryRun', dryRun)
  const location = locateStore({ file, readonly: true })
  if (location.cacheDir === undefined) throw new TypeError('file must be the file of another store')
  checkNotOwn(location.file, connection.file, 'name the file of another store')
  const other = new Connection(location)
  try {
    const merger = new Merger(connection, other, { overwrite: false, timeZone, dryRun })
    // One moment of the other file: a task that is restored meanwhile is in neither half of it else.
    return other.snapshot(() => merger.merge())
  } finally {
    other.close()
  }
}

class Merger {
  readonly #connection: Connection
  readonly #other: Connection
  readonly #ours: CopyQueries
  readonly #theirs: CopyQueries
  readonly #absorber: TaskAbsorber
  readonly #options: AbsorbOptions
  /** By the record here, which task of the other file it was found to be. */
  readonly #matched = new Map<string, string>()

  constructor(connection: Connection, other: Connection, options: AbsorbOptions) {
    this.#connection = connection
    this.#other = other
    this.#ours = new CopyQueries(connection)
    this.#theirs = new CopyQueries(other)
    this.#absorber = new TaskAbsorber(connection, options)
    this.#options = options
  }

  merge(): MergeReport {
    const counts = { read: 0, added: 0, updated: 0, unchanged: 0, kept: 0 }
    const conflicts: MergeConflict[] = []
    const renamed: { theirs: string; ours: string }[] = []
    const take = (copy: TaskCopy, known: ReadonlySet<string>) => {
      const { taskId } = copy.task
      const isKnown = idsOf(copy).some((id) => known.has(id))
      const absorbed = isKnown ? this.#take(copy) : this.#absorber.absorb(copy, undefined)
      counts.read++
      if (absorbed.outcome === 'conflict') {
        conflicts.push({ taskId, reason: absorbed.reason })
        return
      }
      counts[absorbed.outcome]++
      if (absorbed.taskId !== taskId) renamed.push({ theirs: taskId, ours: absorbed.taskId })
    }
    for (const place of PLACES) {
      for (const batch of this.#theirs.batches(place)) {
        const takeAll = () => {
          const known = this.#absorber.known(batch.flatMap(idsOf))
          for (const copy of batch) take(copy, known)
        }
        if (this.#options.dryRun) this.#connection.snapshot(takeAll)
        else this.#connection.turn(takeAll)
      }
    }
    return { ...counts, conflicts, renamed }
  }

  #take(copy: TaskCopy): Absorbed {
    const { taskId, submitTime } = copy.task
    const twins = this.#findTwins(copy)
    const [twin] = twins
    if (twins.length > 1) {
      const ids = twins.map(({ task }) => task.taskId)
      return { outcome: 'conflict', reason: `is the same as several tasks here: ${ids.join(', ')}` }
    }
    if (twin !== undefined) {
      const record = `${twin.place.name} ${twin.task.taskId}`
      const before = this.#matched.get(record)
      if (before !== undefined) {
        return {
          outcome: 'conflict',
          reason: `is the same task as ${before} there and ${twin.task.taskId} here`,
        }
      }
      // An id that somebody made up can be made up twice.
      if (!isUniqcTaskId(taskId) && !this.#isSameTime(submitTime, twin.task.submitTime)) {
        const times = `was submitted at ${submitTime} there and at ${twin.task.submitTime} here`
        return { outcome: 'conflict', reason: `${times}: two tasks of one id` }
      }
      this.#matched.set(record, taskId)
    }
    return this.#absorber.absorb(copy, twin)
  }

  /** The records here that are this task: by its id, else by the ids that it has on its platform. */
  #findTwins(copy: TaskCopy): readonly Twin[] {
    // Through the other connection, so that damage of its file is not taken for damage of this one.
    const isCopied = (taskId: string, place: Place) => this.#other.run(() => this.#theirs.has(place, taskId))
    const byId = this.#absorber.find(copy, isCopied)
    if (byId.length > 0) return byId
    const jobs = platformJobs(copy)
    const ids = new Set(jobs.flatMap(({ id, backend }) => this.#owners(id, backend)))
    const twins = [...ids]
      .flatMap((taskId) => PLACES.flatMap((place) => this.#absorber.at(place, taskId) ?? []))
      .filter(({ task }) => !PLACES.some((place) => isCopied(task.taskId, place)))
      .filter((twin) => this.#hasJobs(twin, jobs))
    const submittedThen = twins.filter(({ task }) => this.#isSameTime(task.submitTime, copy.task.submitTime))
    return submittedThen.length > 0 ? submittedThen : twins
  }

  /** The ids of tasks here that have a job with this id on this backend. */
  #owners(id: string, backend: string): string[] {
    const owners = PLACES.flatMap((place) => this.#ours.ownersOf(place, id, backend))
    const isTask = (place: Place) => this.#ours.byId(place, id)?.backend === backend
    return isReplaceable(id) && PLACES.some(isTask) ? [...owners, id] : owners
  }

  #hasJobs({ place, task }: Twin, jobs: readonly PlatformJob[]): boolean {
    const own = platformJobs({ task, shards: this.#ours.shardsOf(place, task.taskId) })
    const names = (list: readonly PlatformJob[]) =>
      new Set(list.map(({ id, backend }) => `${backend}\n${id}`))
    const [ownNames, theirNames] = [names(own), names(jobs)]
    return ownNames.size === theirNames.size && [...ownNames].every((name) => theirNames.has(name))
  }

  #isSameTime(a: string, b: string): boolean {
    if (a === b) return true
    const [first, second] = [a, b].map((time) => parseInstant(time, this.#options.timeZone))
    return first !== undefined && first === second
  }
}

/** What a task is on its platform. */
interface PlatformJob {
  readonly id: string
  readonly backend: string
}

/** A task without shards, from before version 5, is one job under its own id. */
function platformJobs({ task, shards }: Pick<TaskCopy, 'task' | 'shards'>): PlatformJob[] {
  if (shards.length > 0) return shards.map(({ platformTaskId, backend }) => ({ id: platformTaskId, backend }))
  return isReplaceable(task.taskId) ? [{ id: task.taskId, backend: task.backend }] : []
}

/** The ids by which a store may know this task. */
function idsOf({ task, shards }: TaskCopy): string[] {
  return [task.taskId, ...shards.map((shard) => shard.platformTaskId)]
}
