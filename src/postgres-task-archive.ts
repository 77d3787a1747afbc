import type { ArchivedTaskInfo, ArchivedTaskShard } from '../drizzle/schema.ts'
import { TaskList, WHOLE } from './postgres/tables/task-list.ts'
import { movableTask } from './postgres/tables/task-table.ts'
import { walk } from './postgres/tables/walk.ts'
import type { Session, Transaction } from './postgres/transaction.ts'
import { BATCH, inBatches } from './rules/batches.ts'
import { checkString, stringsOf } from './rules/check-arguments.ts'
import { clockTime, now } from './rules/clock.ts'
import { type LongCallOptions, readLongCall, stepOf, type TaskProgress } from './rules/long-call.ts'
import {
  type ArchiveManyOptions,
  type ArchiveMoveOptions,
  type ArchiveMoveResult,
  type ArchiveOlderThanOptions,
  type ArchiveOlderThanReport,
  type MovableTask,
  notMoved,
  type OnConflict,
  planArchive,
  planMove,
  readManyOptions,
  readMoveOptions,
  readOlderThanOptions,
} from './rules/move-task.ts'
import { otherPlace, type PlaceName } from './rules/place-name.ts'
import { type StatusCounts, statusCounts } from './rules/status-counts.ts'
import { type ArchiveListOptions, checkFilter, checkList, type TaskFilter } from './rules/task-filter.ts'
import { readArchivedShard } from './rules/task-row.ts'
import type { ArchiveRepository } from './task-repository.ts'

/** How many rows are read at a time, without a lock. */
const SCAN_BATCH = 5000

/**
 * The archived tasks of a store on PostgreSQL: the calls of {@link TaskArchive}, as promises.
 */
export class PostgresTaskArchive implements ArchiveRepository<'async'> {
  readonly #session: Session
  readonly #list: TaskList

  /** @internal */
  constructor(session: Session) {
    this.#session = session
    this.#list = new TaskList(session)
  }

  /** {@link TaskArchive.archive} */
  async archive(taskId: string, options?: ArchiveMoveOptions): Promise<boolean> {
    return this.#moveOne(taskId, 'live', options)
  }

  /** {@link TaskArchive.restore} */
  async restore(taskId: string, options?: ArchiveMoveOptions): Promise<boolean> {
    return this.#moveOne(taskId, 'archived', options)
  }

  /** {@link TaskArchive.archiveMany} */
  async archiveMany(taskIds: Iterable<string>, options?: ArchiveManyOptions): Promise<ArchiveMoveResult[]> {
    return this.#moveMany(taskIds, 'live', options)
  }

  /** {@link TaskArchive.restoreMany} */
  async restoreMany(taskIds: Iterable<string>, options?: ArchiveManyOptions): Promise<ArchiveMoveResult[]> {
    return this.#moveMany(taskIds, 'archived', options)
  }

  /** {@link TaskArchive.archiveOlderThan} */
  async archiveOlderThan(options: ArchiveOlderThanOptions): Promise<ArchiveOlderThanReport> {
    const { isDue, statuses, onConflict, dryRun, step } = readOlderThanOptions(options, clockTime())
    const { live } = this.#session
    const report = { archived: [] as string[], conflicts: [] as string[], unreadable: [] as string[] }
    for await (const rows of walk(SCAN_BATCH, (seq) => live.movableAfter(seq, statuses, SCAN_BATCH))) {
      const due = rows.map(movableTask).filter((task) => isDue(task) !== false)
      step(report)
      for (const batch of inBatches(due, BATCH)) {
        const archive = (tx: Transaction) => this.#archiveDue(tx, batch, isDue, onConflict, dryRun)
        const plan = await (dryRun ? this.#session.snapshot(archive) : this.#session.transaction(archive))
        report.archived.push(...plan.archived)
        report.conflicts.push(...plan.conflicts)
        report.unreadable.push(...plan.unreadable)
        step(report)
      }
    }
    return report
  }

  /** {@link TaskArchive.list} */
  async list(options?: ArchiveListOptions): Promise<ArchivedTaskInfo[]> {
    return (await this.#list.list(
      { ...checkList(options), places: ['archived'] },
      WHOLE,
    )) as ArchivedTaskInfo[]
  }

  /** {@link TaskArchive.get} */
  async get(taskId: string): Promise<ArchivedTaskInfo | undefined> {
    checkString('taskId', taskId)
    return this.#session.archive.find(taskId)
  }

  /** {@link TaskArchive.getShards} */
  async getShards(taskId: string): Promise<ArchivedTaskShard[]> {
    checkString('taskId', taskId)
    const { archive } = this.#session
    const id = await archive.idOf(taskId)
    return id === undefined ? [] : (await archive.shards.of(id)).map(readArchivedShard)
  }

  /** {@link TaskArchive.count} */
  async count(filter?: TaskFilter): Promise<number> {
    return this.#list.count('archived', checkFilter(filter))
  }

  /** {@link TaskArchive.countByStatus} */
  async countByStatus(filter?: TaskFilter): Promise<StatusCounts> {
    return statusCounts(await this.#list.countByStatus('archived', checkFilter(filter)))
  }

  /** {@link TaskArchive.delete} */
  async delete(taskId: string): Promise<boolean> {
    checkString('taskId', taskId)
    return this.#session.transaction((tx) => deleteArchived(tx, taskId))
  }

  /** {@link TaskArchive.deleteMany} */
  async deleteMany(
    taskIds: Iterable<string>,
    options?: LongCallOptions<TaskProgress>,
  ): Promise<ArchiveMoveResult[]> {
    return this.#inBatches(taskIds, readLongCall(options), (tx, batch) =>
      oneByOne(batch, async (taskId) => ((await deleteArchived(tx, taskId)) ? 'deleted' : 'not-found')),
    )
  }

  async #moveOne(taskId: string, from: PlaceName, options: ArchiveMoveOptions | undefined): Promise<boolean> {
    checkString('taskId', taskId)
    const { onConflict } = readMoveOptions(options)
    return this.#session.transaction((tx) => move(tx, taskId, from, onConflict))
  }

  #moveMany(
    taskIds: Iterable<string>,
    from: PlaceName,
    options: ArchiveManyOptions | undefined,
  ): Promise<ArchiveMoveResult[]> {
    const { onConflict, ...following } = readManyOptions(options)
    const outcome = from === 'live' ? 'archived' : 'restored'
    return this.#inBatches(taskIds, following, async (tx, batch) => {
      const moved = await moveFree(tx, batch, from)
      return oneByOne(batch, async (taskId) => {
        if (moved.delete(taskId) || (await move(tx, taskId, from, onConflict))) return outcome
        const isThere = (await tx.at(otherPlace(from)).idOf(taskId)) !== undefined
        return isThere ? 'already-there' : 'not-found'
      })
    })
  }

  async #inBatches(
    taskIds: Iterable<string>,
    following: LongCallOptions<TaskProgress>,
    work: (tx: Transaction, batch: readonly string[]) => Promise<ArchiveMoveResult[]>,
  ): Promise<ArchiveMoveResult[]> {
    const ids = stringsOf('taskIds', taskIds, 'an iterable of task ids')
    const step = stepOf(following)
    const results: ArchiveMoveResult[] = []
    for (const batch of inBatches(ids, BATCH)) {
      const inTurn = async (tx: Transaction) => {
        await tx.alone()
        return work(tx, batch)
      }
      results.push(...(await this.#session.transaction(inTurn)))
      step({ done: results.length, total: ids.length })
    }
    return results
  }

  /** Archives those of some tasks that are still old enough under their lock. */
  async #archiveDue(
    tx: Transaction,
    batch: readonly MovableTask[],
    isDue: (task: MovableTask) => boolean | undefined,
    onConflict: OnConflict,
    dryRun: boolean,
  ) {
    const ids = batch.map(({ taskId }) => taskId)
    const lock = dryRun ? '' : 'FOR UPDATE'
    if (!dryRun) await tx.alone()
    const tasks = await tx.live.movable(ids, lock)
    const occupied = await tx.archive.occupied(ids, lock)
    const taken = new Set([...occupied.tasks, ...occupied.shards])
    const plan = planArchive(ids, tasks, taken, isDue, onConflict)
    if (dryRun) return plan
    const free = plan.archived.filter((taskId) => !taken.has(taskId))
    if (free.length > 0) await tx.live.moveAll(tx.archive, free, now())
    for (const taskId of plan.archived) if (taken.has(taskId)) await move(tx, taskId, 'live', onConflict)
    return plan
  }
}

/** Moves some tasks at once, if nothing is in the way of any, and returns their ids; else none. */
async function moveFree(tx: Transaction, taskIds: readonly string[], from: PlaceName): Promise<Set<string>> {
  const [source, target] = await occupied(tx, taskIds, from)
  const isFree = (id: string) => source.tasks.has(id) && !target.tasks.has(id) && !target.shards.has(id)
  const free = new Set(taskIds)
  // An id that was replaced stands for another one, which may come later in the batch; so does an id that comes twice.
  if (!taskIds.every(isFree) || free.size < taskIds.length) return new Set()
  await tx.at(from).moveAll(tx.at(otherPlace(from)), [...free], now())
  return free
}

/** Moves a task with its shards to the other place, and returns whether there was one. */
async function move(
  tx: Transaction,
  taskId: string,
  from: PlaceName,
  onConflict: OnConflict,
): Promise<boolean> {
  const to = otherPlace(from)
  const [source, target] = [tx.at(from), tx.at(to)]
  const id = await source.idOf(taskId)
  if (id === undefined) return false
  const [here, there] = await occupied(tx, [id], from)
  if (!here.tasks.has(id)) return false
  const plan = planMove(id, to, { task: there.tasks.has(id), shards: there.shards.has(id) }, onConflict)
  if (plan === 'replace') await target.deleteAll([id])
  if (plan === 'discard') await source.deleteAll([id])
  else await source.moveAll(target, [id], now())
  return true
}

/** What two places hold of some tasks, which are locked: by everybody the live ones first. */
async function occupied(tx: Transaction, taskIds: readonly string[], from: PlaceName) {
  const [live, archived] = await Promise.all([
    tx.live.occupied(taskIds, 'FOR UPDATE'),
    tx.archive.occupied(taskIds, 'FOR UPDATE'),
  ])
  return from === 'live' ? ([live, archived] as const) : ([archived, live] as const)
}

async function deleteArchived({ archive }: Session, taskId: string): Promise<boolean> {
  const id = await archive.idOf(taskId, 'FOR UPDATE')
  if (id !== undefined) await archive.deleteAll([id])
  return id !== undefined
}

/** What became of each of several tasks. What stands in the way of one does not keep the others. */
async function oneByOne(
  taskIds: readonly string[],
  work: (taskId: string) => Promise<ArchiveMoveResult['outcome']>,
): Promise<ArchiveMoveResult[]> {
  const results: ArchiveMoveResult[] = []
  for (const taskId of taskIds) {
    try {
      results.push({ taskId, outcome: await work(taskId) })
    } catch (error) {
      results.push(notMoved(taskId, error))
    }
  }
  return results
}
