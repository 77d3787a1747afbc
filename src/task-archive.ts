import type { ArchivedTaskInfo, ArchivedTaskShard } from '../drizzle/schema.ts'
import { BATCH, FIRST_BATCH, inBatches, LARGEST_BATCH, nextBatchSize } from './rules/batches.ts'
import { checkString, stringsOf } from './rules/check-arguments.ts'
import { clockTime, elapsed, now } from './rules/clock.ts'
import { type LongCallOptions, readLongCall, stepOf, type TaskProgress } from './rules/long-call.ts'
import {
  type ArchiveManyOptions,
  type ArchiveMoveOptions,
  type ArchiveMoveResult,
  type ArchiveOlderThanOptions,
  type ArchiveOlderThanReport,
  notMoved,
  type OnConflict,
  planArchive,
  planMove,
  readManyOptions,
  readMoveOptions,
  readOlderThanOptions,
} from './rules/move-task.ts'
import { otherPlace, type PlaceName } from './rules/place-name.ts'
import { ROWS, type RowCalls } from './rules/row-calls.ts'
import { type StatusCounts, statusCounts } from './rules/status-counts.ts'
import { type ArchiveListOptions, checkFilter, checkList, type TaskFilter } from './rules/task-filter.ts'
import { type Row, readArchivedShard } from './rules/task-row.ts'
import { TaskStoreError } from './rules/task-store-error.ts'
import type { Connection } from './sqlite/connection.ts'
import { type Rowid, readRowid } from './sqlite/tables/rowid.ts'
import { TaskList } from './sqlite/tables/task-list.ts'
import { WHOLE } from './sqlite/tables/task-row.ts'
import { walk } from './sqlite/tables/walk.ts'
import type { ArchiveRepository } from './task-repository.ts'

/** How many tasks are read at a time, without a lock: as many as the largest batch has. */
const SCAN_BATCH = LARGEST_BATCH

/** A task that may be old enough. */
interface FoundTask {
  readonly taskId: string
  readonly rowid: Rowid
  /** Undefined if its time cannot be read. */
  readonly isOld: boolean | undefined
}

/** What becomes of some tasks. */
interface ArchivePlan extends ArchiveOlderThanReport {
  /** As they are now, by id. */
  readonly tasks: ReadonlyMap<string, FoundTask>
  /** The ids that the archive has. */
  readonly taken: ReadonlySet<string>
}

/**
 * The archived tasks of a store, in the same file. A task and its shards move together or not at all, and
 * every cell stays as it is. Replaced ids, errors and missing tasks are handled as in the store itself.
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
export class TaskArchive implements ArchiveRepository<'sync'> {
  readonly #connection: Connection
  readonly #list: TaskList

  /** @internal */
  constructor(connection: Connection) {
    this.#connection = connection
    this.#list = new TaskList(connection)
  }

  /**
   * Moves a live task to the archive.
   *
   * @returns Whether there was one.
   * @throws TaskStoreError `CONFLICT` if the archive has it already, or a row of another table refers to
   * it; `AMBIGUOUS_ID`.
   */
  archive(taskId: string, options?: ArchiveMoveOptions): boolean {
    return this.#moveOne(taskId, 'live', options)
  }

  /**
   * Moves an archived task back to the live ones.
   *
   * @returns Whether there was one.
   * @throws TaskStoreError `CONFLICT` if a live task has its id; `AMBIGUOUS_ID`.
   */
  restore(taskId: string, options?: ArchiveMoveOptions): boolean {
    return this.#moveOne(taskId, 'archived', options)
  }

  /**
   * Archives any number of tasks, in batches, so that others can write between them. A problem with one task
   * does not stop the others: each task has its own result.
   */
  archiveMany(taskIds: Iterable<string>, options?: ArchiveManyOptions): ArchiveMoveResult[] {
    return this.#moveMany(taskIds, 'live', options)
  }

  /** Restores any number of tasks, in batches like {@link TaskArchive.archiveMany}. */
  restoreMany(taskIds: Iterable<string>, options?: ArchiveManyOptions): ArchiveMoveResult[] {
    return this.#moveMany(taskIds, 'archived', options)
  }

  /**
   * Archives the terminal tasks that were submitted more than `hours` hours ago, or were updated, see {@link
   * ArchiveOlderThanOptions.by}. Times are compared as moments, whatever their form and offset. No result is
   * read. It works in batches, so that others can write between them; if it is interrupted, call it again.
   */
  archiveOlderThan(options: ArchiveOlderThanOptions): ArchiveOlderThanReport {
    const { isOld, by, statuses, onConflict, dryRun, step } = readOlderThanOptions(options, clockTime())
    const connection = this.#connection
    const { live } = connection
    const report = { archived: [] as string[], conflicts: [] as string[], unreadable: [] as string[] }
    const foundTask = ([taskId, time, rowid]: Row): FoundTask => {
      return { taskId: taskId as string, rowid: readRowid(rowid), isOld: isOld(time as string) }
    }
    // The tasks of a scan are as they were found while nothing but these batches has changed anything since.
    let version: string | undefined
    const isAsFound = () => version !== undefined && version === connection.changes
    const plan = (batch: readonly FoundTask[], areAsFound: boolean) => {
      if (areAsFound && batch.every(hasPlainId)) return this.#planArchive(batch, batch, onConflict)
      const rows = live.ages(idsOf(batch), { by, statuses })
      return this.#planArchive(batch, rows.map(foundTask), onConflict)
    }
    let size = FIRST_BATCH
    const archive = (batch: readonly FoundTask[]) => {
      const began = elapsed()
      const areAsFound = isAsFound()
      const planned = plan(batch, areAsFound)
      this.#archiveAll(planned, onConflict)
      // A trigger may have changed others of them.
      if (areAsFound) version = connection.hasTriggers ? undefined : connection.changes
      if (batch.length === size) size = nextBatchSize(size, elapsed() - began)
      return [planned]
    }
    const none = { archived: [], unreadable: [] }
    const scan = (rowid: Rowid) =>
      connection.snapshot((current) => {
        version = current()
        return live.agesAfter(rowid, { by, statuses }, SCAN_BATCH)
      })
    for (const rows of walk(connection.file, SCAN_BATCH, scan)) {
      const due = rows.map(foundTask).filter((task) => task.isOld !== false)
      step(report)
      for (let start = 0; start < due.length; ) {
        const batch = due.slice(start, start + size)
        start += batch.length
        const done = dryRun
          ? [connection.snapshot(() => plan(batch, isAsFound()))]
          : this.#batch(batch, archive, ({ taskId }) => ({ ...none, conflicts: [taskId] }))
        for (const { archived, conflicts, unreadable } of done) {
          report.archived.push(...archived)
          report.conflicts.push(...conflicts)
          report.unreadable.push(...unreadable)
        }
        step(report)
      }
    }
    return report
  }

  /**
   * Returns the archived tasks that match, in the order of {@link TaskStore.list}, which can list them, too.
   */
  list(options?: ArchiveListOptions): ArchivedTaskInfo[] {
    return this.#list.list(['archived'], checkList(options), WHOLE) as ArchivedTaskInfo[]
  }

  /**
   * Returns the archived task with this id, or undefined if there is none.
   *
   * @throws TaskStoreError `AMBIGUOUS_ID`.
   */
  get(taskId: string): ArchivedTaskInfo | undefined {
    checkString('taskId', taskId)
    return this.#connection.run(() => this.#connection.archive.find(taskId))
  }

  /**
   * Returns the shards of an archived task, in the order of their indexes.
   *
   * @throws TaskStoreError `AMBIGUOUS_ID`.
   */
  getShards(taskId: string): ArchivedTaskShard[] {
    checkString('taskId', taskId)
    return this.#connection.run(() => {
      const { archive } = this.#connection
      const id = archive.idOf(taskId)
      return id === undefined ? [] : archive.shards.of(id).map(readArchivedShard)
    })
  }

  /** Counts the archived tasks that match. */
  count(filter?: TaskFilter): number {
    return this.#list.count('archived', checkFilter(filter))
  }

  /** Counts the archived tasks that match, by status, as {@link TaskStore.countByStatus} counts the live ones. */
  countByStatus(filter?: TaskFilter): StatusCounts {
    return statusCounts(this.#list.countByStatus('archived', checkFilter(filter)))
  }

  /**
   * Deletes an archived task and its shards, for good.
   *
   * @returns Whether there was one.
   * @throws TaskStoreError `AMBIGUOUS_ID`.
   */
  delete(taskId: string): boolean {
    checkString('taskId', taskId)
    return this.#connection.transaction(() => this.#delete(taskId))
  }

  /** Deletes any number of archived tasks, in batches like {@link TaskArchive.archiveMany}. */
  deleteMany(taskIds: Iterable<string>, options?: LongCallOptions<TaskProgress>): ArchiveMoveResult[] {
    return this.#inBatches(taskIds, readLongCall(options), (batch) =>
      batch.map((taskId) => attempt(taskId, () => (this.#delete(taskId) ? 'deleted' : 'not-found'))),
    )
  }

  /** @internal */
  get [ROWS](): Pick<RowCalls, 'get' | 'list'> {
    return {
      get: (taskId) => this.#connection.run(() => this.#connection.archive.findRow(taskId)),
      list: (options) => this.#list.listRows(['archived'], checkList(options), WHOLE),
    }
  }

  #moveOne(taskId: string, from: PlaceName, options: ArchiveMoveOptions | undefined): boolean {
    checkString('taskId', taskId)
    const { onConflict } = readMoveOptions(options)
    return this.#connection.transaction(() => this.#move(taskId, from, onConflict))
  }

  #moveMany(
    taskIds: Iterable<string>,
    from: PlaceName,
    options: ArchiveManyOptions | undefined,
  ): ArchiveMoveResult[] {
    const { onConflict, ...following } = readManyOptions(options)
    const done = from === 'live' ? 'archived' : 'restored'
    return this.#inBatches(taskIds, following, (batch) => {
      const moved = this.#moveFree(batch, from)
      return batch.map((taskId) =>
        moved.delete(taskId)
          ? { taskId, outcome: done }
          : attempt(taskId, () => {
              if (this.#move(taskId, from, onConflict)) return done
              const isThere = this.#connection.at(otherPlace(from)).idOf(taskId) !== undefined
              return isThere ? 'already-there' : 'not-found'
            }),
      )
    })
  }

  #inBatches(
    taskIds: Iterable<string>,
    following: LongCallOptions<TaskProgress>,
    work: (batch: readonly string[]) => ArchiveMoveResult[],
  ): ArchiveMoveResult[] {
    const ids = stringsOf('taskIds', taskIds, 'an iterable of task ids')
    const conflict = (taskId: string, error: TaskStoreError): ArchiveMoveResult => {
      return { taskId, outcome: 'conflict', error }
    }
    const step = stepOf(following)
    const results: ArchiveMoveResult[] = []
    for (const batch of inBatches(ids, BATCH)) {
      results.push(...this.#batch(batch, work, conflict))
      step({ done: results.length, total: ids.length })
    }
    return results
  }

  /**
   * Works on some items under one lock. If a row of another table refers to one of them, which SQLite may find out
   * only at the commit, each of them has its own.
   */
  #batch<Item, Result, Conflict>(
    items: readonly Item[],
    work: (items: readonly Item[]) => Result[],
    onConflict: (item: Item, error: TaskStoreError) => Conflict,
  ): (Result | Conflict)[] {
    try {
      return this.#connection.batch(() => work(items))
    } catch (error) {
      if (!(error instanceof TaskStoreError) || error.code !== 'CONFLICT') throw error
      const [first] = items
      if (items.length === 1) return [onConflict(first as Item, error)]
      return items.flatMap((item) => this.#batch([item], work, onConflict))
    }
  }

  /** Moves some tasks at once, if nothing is in the way of any, and returns their ids; else none. */
  #moveFree(taskIds: readonly string[], from: PlaceName): Set<string> {
    const [source, target] = [this.#connection.at(from), this.#connection.at(otherPlace(from))]
    const free = new Set(taskIds)
    const there = source.rowidsOf(taskIds)
    const taken = target.taken(taskIds)
    const areFree = taskIds.every((taskId) => there.has(taskId) && !taken.has(taskId))
    // An id that was replaced stands for another one, which may come later in the batch; so does an id that comes twice.
    if (!areFree || free.size < taskIds.length) return new Set()
    // In the order of the ids.
    source.moveAll(target, new Map(taskIds.map((taskId) => [taskId, there.get(taskId) as Rowid])), now())
    return free
  }

  /** Moves a task with its shards to the other place, and returns whether there was one. */
  #move(taskId: string, from: PlaceName, onConflict: OnConflict): boolean {
    const to = otherPlace(from)
    const [source, target] = [this.#connection.at(from), this.#connection.at(to)]
    const id = source.idOf(taskId)
    if (id === undefined) return false
    const there = { task: target.has(id), shards: target.shards.has(id) }
    const plan = planMove(id, to, there, onConflict)
    if (plan === 'replace') target.deleteAll([id])
    if (plan === 'discard') source.deleteAll([id])
    else source.moveAll(target, source.rowidsOf([id]), now())
    return true
  }

  /** What becomes of some tasks that were found, by what they are now. */
  #planArchive(found: readonly FoundTask[], now: readonly FoundTask[], onConflict: OnConflict): ArchivePlan {
    const ids = idsOf(found)
    const tasks = new Map(now.map((task) => [task.taskId, task]))
    const taken = this.#connection.archive.taken(ids)
    return { ...planArchive(ids, tasks, taken, (task) => task.isOld, onConflict), tasks, taken }
  }

  #archiveAll({ archived, tasks, taken }: ArchivePlan, onConflict: OnConflict): void {
    const { live, archive } = this.#connection
    const free = new Map<string, Rowid>()
    for (const taskId of archived) {
      const task = tasks.get(taskId)
      if (task !== undefined && !taken.has(taskId)) free.set(taskId, task.rowid)
    }
    if (free.size > 0) live.moveAll(archive, free, now())
    for (const taskId of archived) if (taken.has(taskId)) this.#move(taskId, 'live', onConflict)
  }

  #delete(taskId: string): boolean {
    const { archive } = this.#connection
    const id = archive.idOf(taskId)
    if (id !== undefined) archive.deleteAll([id])
    return id !== undefined
  }
}

/** What became of one of several tasks. What stands in its way does not keep the others. */
function attempt(taskId: string, work: () => ArchiveMoveResult['outcome']): ArchiveMoveResult {
  try {
    return { taskId, outcome: work() }
  } catch (error) {
    return notMoved(taskId, error)
  }
}

const idsOf = (tasks: readonly FoundTask[]) => tasks.map(({ taskId }) => taskId)

/** Of ids that JavaScript and SQLite read alike: of others, a look by the id tells which task is meant, if any is. */
const PLAIN = /^[!-~]+$/

const hasPlainId = ({ taskId }: FoundTask) => typeof taskId === 'string' && PLAIN.test(taskId)
