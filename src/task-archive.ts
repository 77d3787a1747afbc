import type { ArchivedTaskInfo, ArchivedTaskShard } from '../drizzle/schema.ts'
import { TERMINAL_STATUSES } from '../drizzle/task-status.ts'
import {
  checkBoolean,
  checkIterable,
  checkKeys,
  checkString,
  checkStrings,
  wrongType,
} from './rules/check-arguments.ts'
import { now } from './rules/clock.ts'
import { checkTimeZone, parseInstant } from './rules/instant.ts'
import { type ArchiveListOptions, checkFilter, checkList, type TaskFilter } from './rules/task-filter.ts'
import { isReplaceable } from './rules/task-id.ts'
import { TaskStoreError } from './rules/task-store-error.ts'
import type { Connection } from './sqlite/connection.ts'
import { findTask } from './sqlite/tables/find-task.ts'
import { inBatches } from './sqlite/tables/in-batches.ts'
import { type MovableTask, MoveQueries, SCAN_BATCH } from './sqlite/tables/move-queries.ts'
import { ARCHIVE, LIVE, type Place } from './sqlite/tables/place.ts'
import { PlaceQueries } from './sqlite/tables/place-queries.ts'
import { TaskLists } from './sqlite/tables/task-list.ts'
import { WHOLE } from './sqlite/tables/task-row.ts'
import { nextRowid } from './sqlite/tables/walk.ts'

/** What happens where a task is both live and archived. */
export interface ArchiveMoveOptions {
  /**
   * `throw` (default): a `CONFLICT`, and nothing is moved. `live` or `archived`: that record wins, and the
   * other one is deleted.
   */
  readonly onConflict?: 'throw' | 'live' | 'archived' | undefined
}

/** What happened to one of several tasks. */
export interface ArchiveMoveResult {
  /** The id as it was given. */
  readonly taskId: string
  readonly outcome:
    | 'archived'
    | 'restored'
    | 'deleted'
    /** It was moved before. */
    | 'already-there'
    | 'not-found'
    /** It is both live and archived; nothing was moved. */
    | 'conflict'
    /** Several tasks replaced this id; nothing was moved. */
    | 'ambiguous-id'
  /** Set for `conflict` and `ambiguous-id`. */
  readonly error?: TaskStoreError
}

/** Which tasks are moved to the archive. */
export interface ArchiveOlderThanOptions extends ArchiveMoveOptions {
  /** Submitted longer ago than this many hours. */
  readonly hours: number
  /** The statuses of the tasks that are moved. Default: the terminal ones. */
  readonly statuses?: string | readonly string[] | undefined
  /**
   * The zone of times that name none, as UnifiedQuantum wrote them until 0.0.11: `UTC`, `+08:00`,
   * `Asia/Shanghai`. Default: the zone of this machine.
   */
  readonly timeZone?: string | undefined
  /** Report what would be moved, and move nothing. Default false. */
  readonly dryRun?: boolean | undefined
}

/** What {@link TaskArchive.archiveOlderThan} did, by task id. */
export interface ArchiveOlderThanReport {
  /** The tasks that were moved, or that would be in a dry run. */
  readonly archived: readonly string[]
  /** Old enough, but already in the archive as well. */
  readonly conflicts: readonly string[]
  /** Left alone, since their submit time cannot be read. */
  readonly unreadable: readonly string[]
}

/** How many tasks are moved under one lock. */
const MOVE_BATCH = 100

/**
 * The archived tasks of a store, in the same file. A task and its shards move together or not at all, and
 * every cell stays as it is. Ids, errors and not found are as in the store itself.
 *
 * @example
 * ```ts
 * import { TaskStore } from 'uniqc-task-store'
 *
 * using store = new TaskStore({ file: ':memory:' })
 * store.save({ taskId: 'task-1', backend: 'originq:WK_C180', status: 'success', submitTime: '2026-01-01' })
 * const { archived } = store.archive.archiveOlderThan({ hours: 24 * 30 })
 * console.log(archived, store.archive.get('task-1')?.archivedAt)
 * store.archive.restore('task-1')
 * ```
 */
export class TaskArchive {
  readonly #connection: Connection
  readonly #live: PlaceQueries
  readonly #archived: PlaceQueries<ArchivedTaskInfo, ArchivedTaskShard>
  readonly #moves: MoveQueries
  readonly #lists: TaskLists

  /** @internal */
  constructor(connection: Connection) {
    this.#connection = connection
    this.#live = new PlaceQueries(connection, LIVE)
    this.#archived = new PlaceQueries(connection, ARCHIVE)
    this.#moves = new MoveQueries(connection)
    this.#lists = new TaskLists(connection)
  }

  /**
   * Moves a live task to the archive.
   *
   * @returns Whether there was one.
   * @throws TaskStoreError `CONFLICT` where the archive has it already; `AMBIGUOUS_ID`.
   */
  archive(taskId: string, options: ArchiveMoveOptions = {}): boolean {
    return this.#moveOne(taskId, LIVE, options)
  }

  /**
   * Moves an archived task back among the live ones.
   *
   * @returns Whether there was one.
   * @throws TaskStoreError `CONFLICT` where a live task has its id; `AMBIGUOUS_ID`.
   */
  restore(taskId: string, options: ArchiveMoveOptions = {}): boolean {
    return this.#moveOne(taskId, ARCHIVE, options)
  }

  /**
   * Archives any number of tasks, in batches, so that others can write between them. What stands in the way
   * of one does not keep the others: each has its line in the report.
   */
  archiveMany(taskIds: Iterable<string>, options: ArchiveMoveOptions = {}): ArchiveMoveResult[] {
    return this.#moveMany(taskIds, LIVE, options)
  }

  /** Restores any number of tasks, as {@link TaskArchive.archiveMany} archives them. */
  restoreMany(taskIds: Iterable<string>, options: ArchiveMoveOptions = {}): ArchiveMoveResult[] {
    return this.#moveMany(taskIds, ARCHIVE, options)
  }

  /**
   * Archives the tasks that were submitted longer ago than some hours and have come to an end. Times are
   * compared as moments, whatever their form and offset. No result is read. It goes in batches, so that
   * others can write between them; stopped half-way, call it again.
   */
  archiveOlderThan(options: ArchiveOlderThanOptions): ArchiveOlderThanReport {
    const { isDue, onConflict, dryRun } = checkOlderThan(options)
    const report = { archived: [] as string[], conflicts: [] as string[], unreadable: [] as string[] }
    const file = (task: MovableTask) => {
      const outcome = this.#fileAway(task, isDue, onConflict, dryRun)
      if (outcome !== undefined) report[outcome].push(task.taskId)
    }
    for (let rowid = 0; ; ) {
      const scanned = this.#connection.run(() => this.#moves.scan(rowid))
      const due = scanned.filter((task) => isDue(task) !== false)
      for (const batch of inBatches(due, MOVE_BATCH)) {
        if (dryRun) this.#connection.snapshot(() => batch.forEach(file))
        else this.#connection.turn(() => batch.forEach(file))
      }
      if (scanned.length < SCAN_BATCH) return report
      rowid = nextRowid(scanned, rowid, this.#connection.file)
    }
  }

  /** The archived tasks that match, in the order of {@link TaskStore.list}, which can give them as well. */
  list(options?: ArchiveListOptions): ArchivedTaskInfo[] {
    return this.#lists.list([ARCHIVE], checkList(options), WHOLE) as ArchivedTaskInfo[]
  }

  /** The archived task with this id. @throws TaskStoreError `AMBIGUOUS_ID`. */
  get(taskId: string): ArchivedTaskInfo | undefined {
    checkString('taskId', taskId)
    return this.#connection.run(() => findTask(this.#archived, taskId))
  }

  /** The shards of an archived task, by their index. @throws TaskStoreError `AMBIGUOUS_ID`. */
  getShards(taskId: string): ArchivedTaskShard[] {
    checkString('taskId', taskId)
    return this.#connection.run(() => {
      const id = this.#resolve(ARCHIVE, taskId)
      return id === undefined ? [] : this.#archived.shardsOf(id)
    })
  }

  /** How many archived tasks match. */
  count(filter?: TaskFilter): number {
    return this.#lists.count(ARCHIVE, checkFilter(filter))
  }

  /**
   * Deletes an archived task with its shards, for good.
   *
   * @returns Whether there was one.
   * @throws TaskStoreError `AMBIGUOUS_ID`.
   */
  delete(taskId: string): boolean {
    checkString('taskId', taskId)
    return this.#connection.transaction(() => this.#delete(taskId))
  }

  /** Deletes any number of archived tasks, as {@link TaskArchive.archiveMany} archives them. */
  deleteMany(taskIds: Iterable<string>): ArchiveMoveResult[] {
    return this.#each(taskIds, (taskId) => (this.#delete(taskId) ? 'deleted' : 'not-found'))
  }

  #moveOne(taskId: string, from: Place, options: ArchiveMoveOptions): boolean {
    checkString('taskId', taskId)
    const onConflict = checkMoveOptions(options)
    return this.#connection.transaction(() => this.#move(taskId, from, onConflict))
  }

  #moveMany(taskIds: Iterable<string>, from: Place, options: ArchiveMoveOptions): ArchiveMoveResult[] {
    const onConflict = checkMoveOptions(options)
    const to = otherPlace(from)
    return this.#each(taskIds, (taskId) => {
      if (this.#move(taskId, from, onConflict)) return from === LIVE ? 'archived' : 'restored'
      return this.#resolve(to, taskId) === undefined ? 'not-found' : 'already-there'
    })
  }

  #each(
    taskIds: Iterable<string>,
    work: (taskId: string) => ArchiveMoveResult['outcome'],
  ): ArchiveMoveResult[] {
    checkIterable('taskIds', taskIds, 'an iterable of task ids')
    const ids = Array.from(taskIds)
    for (const taskId of ids) checkString('taskIds', taskId)
    const attempt = (taskId: string): ArchiveMoveResult => {
      try {
        return { taskId, outcome: work(taskId) }
      } catch (error) {
        // Thrown before anything of this task was written.
        if (!(error instanceof TaskStoreError)) throw error
        if (error.code === 'CONFLICT') return { taskId, outcome: 'conflict', error }
        if (error.code === 'AMBIGUOUS_ID') return { taskId, outcome: 'ambiguous-id', error }
        throw error
      }
    }
    return inBatches(ids, MOVE_BATCH).flatMap((batch) => this.#connection.turn(() => batch.map(attempt)))
  }

  /** Moves a task to the other place, with its shards, and gives whether there was one. */
  #move(taskId: string, from: Place, onConflict: 'throw' | 'live' | 'archived'): boolean {
    const id = this.#resolve(from, taskId)
    if (id === undefined) return false
    const to = otherPlace(from)
    const isThere = this.#moves.hasTask(to, id)
    if (isThere || this.#moves.hasShards(to, id)) {
      if (onConflict === 'throw') throw conflict(id, to, isThere)
      // Shards without a task are no record that could win.
      if (isThere && onConflict === to.name) {
        this.#deleteAt(from, id)
        return true
      }
      this.#deleteAt(to, id)
    }
    if (to === ARCHIVE) this.#moves.copyToArchive(id, now())
    else this.#moves.copyToLive(id)
    this.#deleteAt(from, id)
    return true
  }

  /** Archives a task that is still due when it is looked at under the lock. */
  #fileAway(
    { taskId }: MovableTask,
    isDue: (task: MovableTask) => boolean | undefined,
    onConflict: 'throw' | 'live' | 'archived',
    dryRun: boolean,
  ): keyof ArchiveOlderThanReport | undefined {
    const task = this.#moves.byId(taskId)
    const due = task && isDue(task)
    if (task === undefined || due === false) return undefined
    if (due === undefined) return 'unreadable'
    const isTaken = this.#moves.hasTask(ARCHIVE, taskId) || this.#moves.hasShards(ARCHIVE, taskId)
    if (isTaken && onConflict === 'throw') return 'conflicts'
    if (!dryRun) this.#move(taskId, LIVE, onConflict)
    return 'archived'
  }

  #delete(taskId: string): boolean {
    const id = this.#resolve(ARCHIVE, taskId)
    if (id !== undefined) this.#deleteAt(ARCHIVE, id)
    return id !== undefined
  }

  #deleteAt(place: Place, taskId: string): void {
    const queries = place === LIVE ? this.#live : this.#archived
    // Only the live shards go with their task by themselves.
    queries.deleteShards(taskId)
    queries.delete(taskId)
  }

  /** The id that a task has now, without reading more than is needed. */
  #resolve(place: Place, taskId: string): string | undefined {
    if (this.#moves.hasTask(place, taskId)) return taskId
    if (!isReplaceable(taskId)) return undefined
    return place === LIVE ? findTask(this.#live, taskId)?.taskId : findTask(this.#archived, taskId)?.taskId
  }
}

const otherPlace = (place: Place) => (place === LIVE ? ARCHIVE : LIVE)

function conflict(taskId: string, place: Place, hasTask: boolean): TaskStoreError {
  const what = hasTask ? 'also' : 'not, but shards of it are,'
  const where = place === LIVE ? 'live' : 'in the archive'
  return new TaskStoreError(
    'CONFLICT',
    `task ${JSON.stringify(taskId)} is ${what} ${where}; nothing was moved. Give onConflict 'live' or 'archived' to say which record wins`,
  )
}

function checkMoveOptions(options: ArchiveMoveOptions): 'throw' | 'live' | 'archived' {
  checkKeys('options', options, ['onConflict'])
  return checkOnConflict(options.onConflict)
}

function checkOnConflict(onConflict: unknown = 'throw'): 'throw' | 'live' | 'archived' {
  if (onConflict === 'throw' || onConflict === 'live' || onConflict === 'archived') return onConflict
  throw wrongType('onConflict', "'throw', 'live' or 'archived'", onConflict)
}

function checkOlderThan(options: ArchiveOlderThanOptions) {
  checkKeys('options', options, ['hours', 'statuses', 'timeZone', 'dryRun', 'onConflict'])
  const { hours, timeZone, dryRun } = options
  if (typeof hours !== 'number' || !Number.isFinite(hours) || hours < 0) {
    throw wrongType('hours', 'a number from 0', hours)
  }
  checkTimeZone(timeZone)
  checkBoolean('dryRun', dryRun)
  const statuses: readonly string[] = checkStrings('statuses', options.statuses) ?? TERMINAL_STATUSES
  const latest = (Date.now() - hours * 3_600_000) * 1000
  return {
    /** Undefined where it cannot be told. */
    isDue: ({ status, submitTime }: MovableTask) => {
      if (!statuses.includes(status)) return false
      const instant = parseInstant(submitTime, timeZone)
      return instant === undefined ? undefined : instant < latest
    },
    onConflict: checkOnConflict(options.onConflict),
    dryRun: dryRun ?? false,
  }
}
