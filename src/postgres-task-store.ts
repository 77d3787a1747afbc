import type { NewTaskInfo, NewTaskShard, TaskInfo, TaskShard } from '../drizzle/schema.ts'
import { type AnyStatus, type TaskStatus, TERMINAL_STATUSES } from '../drizzle/task-status.ts'
import type { ExportOptions, ExportReport } from './formats/export-options.ts'
import type { ImportOptions, ImportReport } from './formats/read-batches.ts'
import { Connection } from './postgres/connection.ts'
import {
  findPendingMigrations,
  openConnection,
  type PostgresDatabase,
  type PostgresTaskStoreOptions,
} from './postgres/open-connection.ts'
import { LiveShards } from './postgres/tables/live-shards.ts'
import { SUMMARY, TaskList, WHOLE } from './postgres/tables/task-list.ts'
import { upsertKnownTask, upsertTask, upsertTasks } from './postgres/tables/upsert-task.ts'
import { walk } from './postgres/tables/walk.ts'
import type { Session, Transaction } from './postgres/transaction.ts'
import { exportFile } from './postgres/transfer/export-file.ts'
import { importFile } from './postgres/transfer/import-file.ts'
import { transferTasks } from './postgres/transfer/transfer-tasks.ts'
import { checkFile } from './postgres/upkeep/check-file.ts'
import { PostgresTaskArchive } from './postgres-task-archive.ts'
import { aggregateStatus, checkShards } from './rules/aggregate-shards.ts'
import { DELETE_BATCH, GET_BATCH, inBatches } from './rules/batches.ts'
import { checkIterable, checkString, strings, stringsOf, wrongType } from './rules/check-arguments.ts'
import { checkNewShard, checkNewTask } from './rules/check-task.ts'
import { now } from './rules/clock.ts'
import { checkFindIds, type FindIdsOptions, mergeIds } from './rules/find-ids.ts'
import type { CheckOptions, CheckReport } from './rules/findings.ts'
import { type LongCallOptions, readLongCall, stepOf, type TaskProgress } from './rules/long-call.ts'
import { REPLACED_ID, soleTask } from './rules/replaced-id.ts'
import {
  checkHasIndex,
  checkHasNoIndex,
  readSaveShardOptions,
  type SaveShardOptions,
} from './rules/save-shard.ts'
import {
  readSaveManyOptions,
  readSaveOptions,
  rowUnderNewId,
  type SaveManyOptions,
  type SaveOptions,
  type TaskRow,
  taskRow,
} from './rules/save-task.ts'
import { type StatusCounts, statusCounts } from './rules/status-counts.ts'
import {
  type CheckedFilter,
  checkFilter,
  checkPage,
  checkTaskList,
  type FindShardsOptions,
  type ListedSummary,
  type ListedTask,
  type Page,
  readFindShardsOptions,
  type TaskFilter,
  type TaskListOptions,
} from './rules/task-filter.ts'
import { mayBeReplacedId } from './rules/task-id.ts'
import { readTask } from './rules/task-row.ts'
import { TRANSFER, type Transfer } from './rules/transfer.ts'
import {
  checkUpdate,
  isBlind,
  planUpdate,
  type TaskChanges,
  type UpdateOptions,
} from './rules/update-task.ts'
import { notOnTx, readTransactionOptions, type TransactionOptions } from './rules/user-transaction.ts'
import { readWatchOptions, type WatchOptions, watchList } from './rules/watch-list.ts'
import type { TaskRepository } from './task-repository.ts'

export type { PostgresDatabase, PostgresTaskStoreOptions } from './postgres/open-connection.ts'
export type { PgClient, PgPool, PgQuery, PgResult } from './postgres/statement.ts'
export type { PostgresTaskArchive } from './postgres-task-archive.ts'
export type { TransactionOptions } from './rules/user-transaction.ts'

/**
 * The store inside a transaction, which is over when its callback ends: all calls but those that need the
 * whole store.
 */
export type PostgresTransaction = Omit<
  PostgresTaskStore,
  'check' | 'close' | 'db' | 'watch' | typeof Symbol.asyncDispose
>

/**
 * The records of quantum tasks of a team, in a schema of a PostgreSQL database (14 or later): the calls of
 * {@link TaskStore}, as promises.
 */
export class PostgresTaskStore implements TaskRepository<'async'> {
  /** Every call returns a promise. */
  readonly kind = 'async'
  readonly #session: Session
  readonly #timeout: number | undefined
  readonly #list: TaskList
  readonly #shards: LiveShards
  readonly #drizzle: PostgresDatabase | undefined

  /** The archived tasks, with their shards. */
  readonly archive: PostgresTaskArchive

  private constructor(session: Session, timeout: number | undefined, db?: PostgresDatabase) {
    this.#drizzle = db
    this.#session = session
    this.#timeout = timeout
    this.#list = new TaskList(session)
    this.#shards = new LiveShards(session)
    this.archive = new PostgresTaskArchive(session)
  }

  /**
   * Connects to a server, and creates or migrates the tables if that is needed.
   *
   * @throws TaskStoreError `CANNOT_OPEN`, `FOREIGN_FILE`, `SCHEMA_TOO_NEW`, `MIGRATION_FAILED`, `READONLY`; the
   * database is unchanged.
   */
  static async open(options: PostgresTaskStoreOptions): Promise<PostgresTaskStore> {
    const { connection, transactionTimeout, db } = await openConnection(options)
    return new PostgresTaskStore(connection, transactionTimeout, db)
  }

  /** {@link TaskStore.pendingMigrations}, of a schema. Nothing is created. */
  static async pendingMigrations(options: PostgresTaskStoreOptions): Promise<string[]> {
    return findPendingMigrations(options)
  }

  /** Drizzle on the pool, for your own queries with the tables of `uniqc-task-store/postgres-schema`. */
  get db(): PostgresDatabase {
    if (this.#drizzle === undefined) throw notOnTx('db')
    return this.#drizzle
  }

  /** {@link TaskStore.save} */
  async save(task: NewTaskInfo, options?: SaveOptions): Promise<TaskInfo> {
    const { keepUpdateTime } = readSaveOptions(options)
    const checked = checkNewTask(task)
    const row = taskRow(checked, keepUpdateTime, now())
    const submitTime = await upsertTask(this.#session, row)
    const saved =
      submitTime === undefined
        ? await this.#session.transaction((tx) => saveOverStored(tx, row))
        : { submitTime }
    return { ...checked.task, updateTime: row.updateTime, ...saved }
  }

  /** {@link TaskStore.saveMany}. All tasks are held in memory. */
  async saveMany(tasks: Iterable<NewTaskInfo>, options?: SaveManyOptions): Promise<number> {
    const { keepUpdateTime, ...following } = readSaveManyOptions(options)
    checkIterable('tasks', tasks, 'an iterable of tasks')
    const step = stepOf(following)
    const rows: TaskRow[] = []
    for (const task of tasks) {
      rows.push(taskRow(checkNewTask(task), keepUpdateTime, now()))
      step()
    }
    return this.#session.transaction(async (tx) => {
      await tx.alone()
      const written = (done: number) => step({ done, total: rows.length })
      await upsertTasks(tx, rows, (row) => saveOverStored(tx, row), written)
      return rows.length
    })
  }

  /** {@link TaskStore.get} */
  async get(taskId: string): Promise<TaskInfo | undefined> {
    checkString('taskId', taskId)
    return this.#session.live.find(taskId)
  }

  /** {@link TaskStore.getMany} */
  async getMany(taskIds: Iterable<string>): Promise<(TaskInfo | undefined)[]> {
    const ids = stringsOf('taskIds', taskIds, 'an iterable of task ids')
    return this.#session.snapshot(async ({ live }) => {
      const found = new Map<string, TaskInfo>()
      for (const batch of inBatches(ids, GET_BATCH)) {
        for (const row of await live.rows(batch)) found.set(row[0] as string, readTask(row))
        for (const id of batch) {
          const replacing = found.has(id) ? undefined : soleTask(id, await live.replacing(id))
          if (replacing !== undefined) found.set(id, replacing)
        }
      }
      return ids.map((id) => found.get(id))
    })
  }

  /** {@link TaskStore.findIds} */
  async findIds(beginning: string, options?: FindIdsOptions): Promise<string[]> {
    const { places, from, to, limit } = checkFindIds(beginning, options)
    return this.#session.snapshot(async (tx) => {
      const found = places.map((place) => tx.at(place).idsBetween(from, to, limit))
      return mergeIds(await Promise.all(found), limit)
    })
  }

  /** {@link TaskStore.update} */
  async update(taskId: string, changes: TaskChanges, options?: UpdateOptions): Promise<TaskInfo | undefined> {
    const update = checkUpdate(taskId, changes, options)
    if (isBlind(update)) {
      const updateTime = now()
      const row = await this.#session.live.updateIf(update, updateTime)
      if (row !== undefined) return { ...readTask(row), ...update.fields, updateTime } as TaskInfo
    }
    return this.#session.transaction(async (tx) => {
      const stored = await tx.live.find(taskId, 'FOR UPDATE')
      const plan = stored && planUpdate(stored, update, now(stored.updateTime))
      if (plan !== undefined) tx.later(tx.live.update(plan.task.taskId, plan.change))
      return plan?.task
    })
  }

  /** {@link TaskStore.list} */
  async list(options?: TaskListOptions): Promise<ListedTask[]> {
    return this.#list.list(checkTaskList(options), WHOLE)
  }

  /** {@link TaskStore.listSummaries} */
  async listSummaries(options?: TaskListOptions): Promise<ListedSummary[]> {
    return this.#list.list(checkTaskList(options), SUMMARY)
  }

  /** {@link TaskStore.page} */
  async page(options?: TaskListOptions): Promise<Page<ListedTask>> {
    return this.#list.page(checkPage(options), WHOLE)
  }

  /** {@link TaskStore.pageSummaries} */
  async pageSummaries(options?: TaskListOptions): Promise<Page<ListedSummary>> {
    return this.#list.page(checkPage(options), SUMMARY)
  }

  /** {@link TaskStore.iterate}, asynchronously. */
  iterate(options?: TaskListOptions): AsyncGenerator<ListedTask, void, undefined> {
    return this.#list.iterate(checkTaskList(options), WHOLE)
  }

  /** {@link TaskStore.watch}. The list is read again each time: a server does not tell whether something was written. */
  watch(options?: TaskListOptions, watch?: WatchOptions): AsyncGenerator<ListedSummary[], void, undefined> {
    const list = checkTaskList(options)
    return watchList(() => this.#list.list(list, SUMMARY), readWatchOptions(watch))
  }

  /** {@link TaskStore.count} */
  async count(filter?: TaskFilter): Promise<number> {
    return this.#list.count('live', checkFilter(filter))
  }

  /** {@link TaskStore.countByStatus} */
  async countByStatus(filter?: TaskFilter): Promise<StatusCounts> {
    return statusCounts(await this.#list.countByStatus('live', checkFilter(filter)))
  }

  /** {@link TaskStore.countByBackend} */
  async countByBackend(filter?: TaskFilter): Promise<Record<string, number>> {
    return Object.fromEntries(await this.#list.countByBackend('live', checkFilter(filter)))
  }

  /** {@link TaskStore.addShard} */
  async addShard(shard: Omit<NewTaskShard, 'shardIndex'>, options?: SaveShardOptions): Promise<TaskShard> {
    checkHasNoIndex(shard)
    return this.#saveShard(shard, options)
  }

  /** {@link TaskStore.saveShard} */
  async saveShard(shard: NewTaskShard, options?: SaveShardOptions): Promise<TaskShard> {
    checkHasIndex(shard)
    return this.#saveShard(shard, options)
  }

  /** {@link TaskStore.getShards} */
  async getShards(taskId: string): Promise<TaskShard[]> {
    checkString('taskId', taskId)
    return this.#shards.of(taskId)
  }

  /** {@link TaskStore.findShards} */
  async findShards(platformTaskId: string, options?: FindShardsOptions): Promise<TaskShard[]> {
    checkString('platformTaskId', platformTaskId)
    const { backend } = readFindShardsOptions(options)
    return this.#shards.find(platformTaskId, backend)
  }

  /** {@link TaskStore.deleteShards} */
  async deleteShards(taskId: string): Promise<number> {
    checkString('taskId', taskId)
    return this.#shards.delete(taskId)
  }

  /** {@link TaskStore.aggregateStatus} */
  static aggregateStatus(shards: Iterable<Pick<TaskShard, 'status'>>): TaskStatus {
    return aggregateStatus(checkShards(shards))
  }

  /** {@link TaskStore.delete} */
  async delete(taskId: string): Promise<boolean> {
    checkString('taskId', taskId)
    if (await this.#session.live.delete(taskId)) return true
    if (!mayBeReplacedId(taskId)) return false
    return this.#session.transaction(async ({ live }) => {
      const id = await live.idOf(taskId, 'FOR UPDATE')
      return id !== undefined && live.delete(id)
    })
  }

  /** {@link TaskStore.clearCompleted} */
  async clearCompleted(
    statuses: AnyStatus | readonly AnyStatus[] = TERMINAL_STATUSES,
    options?: LongCallOptions<TaskProgress>,
  ): Promise<number> {
    return this.#clear(checkFilter({ status: strings('statuses', statuses) ?? [] }), options)
  }

  /** {@link TaskStore.clearAll} */
  async clearAll(options?: LongCallOptions<TaskProgress>): Promise<number> {
    return this.#clear(checkFilter(), options)
  }

  /** {@link TaskStore.exportFile}, on this machine. */
  async exportFile(file: string, options?: ExportOptions): Promise<ExportReport> {
    return exportFile(this.#session, file, options)
  }

  /** {@link TaskStore.importFile}, from this machine. */
  async importFile(path: string, options?: ImportOptions): Promise<ImportReport> {
    return importFile(this.#session, path, options)
  }

  /** {@link TaskStore.check}, of the records alone: the server checks its own files. */
  async check(options?: CheckOptions): Promise<CheckReport> {
    if (!(this.#session instanceof Connection)) throw notOnTx('check')
    return checkFile(this.#session, options)
  }

  /**
   * Runs `work` in one transaction on one connection. `tx` is the store inside it: in the callback, call only
   * `tx`. If it throws or takes longer than `transactionTimeout`, nothing of it is written. A transaction of
   * `tx` is a savepoint, which can be undone alone.
   *
   * The isolation is READ COMMITTED: what a call of `tx` reads can be changed by others before the next one,
   * unless that call wrote it.
   *
   * @returns What `work` returns.
   * @throws TaskStoreError `TIMED_OUT`; `LOCKED` if the server undid it because of others: see
   * {@link TransactionOptions.retries}; `DISCONNECTED`.
   */
  async transaction<T>(
    work: (tx: PostgresTransaction) => T | Promise<T>,
    options?: TransactionOptions,
  ): Promise<T> {
    if (typeof work !== 'function') throw wrongType('work', 'a function', work)
    const { retries } = readTransactionOptions(options)
    const inside = async (tx: Transaction) => work(new PostgresTaskStore(tx, undefined))
    return this.#session.usersTransaction(inside, { retries, timeout: this.#timeout })
  }

  /** @internal */
  get [TRANSFER](): Transfer {
    return transferTasks(this.#session)
  }

  /** Closes the connections. A pool that was handed in stays open. Closing twice does no harm. */
  async close(): Promise<void> {
    if (!(this.#session instanceof Connection)) throw notOnTx('close')
    await this.#session.close()
  }

  /** {@link PostgresTaskStore.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #saveShard(
    shard: Omit<NewTaskShard, 'shardIndex'>,
    options: SaveShardOptions | undefined,
  ): Promise<TaskShard> {
    const { keepUpdateTime, refreshTask } = readSaveShardOptions(options)
    return this.#shards.save(checkNewShard(shard), keepUpdateTime, refreshTask)
  }

  async #clear(filter: CheckedFilter, options: LongCallOptions<TaskProgress> | undefined): Promise<number> {
    const step = stepOf(readLongCall(options))
    const last = await this.#session.live.lastSeq()
    const deleteAfter = (seq: number) =>
      this.#session.transaction(async (tx) => {
        await tx.alone()
        return tx.live.deleteAfter(seq, last, filter, DELETE_BATCH)
      })
    let cleared = 0
    for await (const rows of walk(DELETE_BATCH, deleteAfter)) {
      cleared += rows.filter(([, isDeleted]) => isDeleted).length
      step({ done: cleared })
    }
    return cleared
  }
}

/**
 * Saves a task over what is stored: under its new id, if its id was replaced, so that the old id still finds it, and with
 * an update time that differs.
 */
async function saveOverStored(
  tx: Transaction,
  given: TaskRow,
): Promise<Pick<TaskInfo, 'taskId' | 'metadata' | 'submitTime' | 'updateTime'>> {
  const stored = await tx.live.find(given.taskId, 'FOR UPDATE')
  const updateTime = stored && given.isStamped ? now(stored.updateTime) : given.updateTime
  const replacedId = stored?.metadata[REPLACED_ID]
  const owners = typeof replacedId === 'string' ? await tx.live.shards.ownersOf(replacedId) : []
  const { row, metadata } = rowUnderNewId({ ...given, updateTime }, stored, ({ taskId }) =>
    owners.includes(taskId),
  )
  return { taskId: row.taskId, metadata, submitTime: await upsertKnownTask(tx, row), updateTime }
}
