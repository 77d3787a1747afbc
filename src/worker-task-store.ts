// biome-ignore lint/style/useNodejsImportProtocol: webpack knows a thread's program by this name alone.
import { Worker } from 'worker_threads'
import type { NewTaskInfo, NewTaskShard, TaskInfo, TaskShard } from '../drizzle/schema.ts'
import type { AnyStatus, TaskStatus } from '../drizzle/task-status.ts'
import { type ExportOptions, type ExportReport, readExportOptions } from './formats/export-options.ts'
import { type ImportOptions, type ImportReport, readImportOptions } from './formats/read-batches.ts'
import { aggregateStatus, checkShards } from './rules/aggregate-shards.ts'
import { invalidValue } from './rules/argument-error.ts'
import { ITERATION } from './rules/batches.ts'
import {
  checkInteger,
  checkIterable,
  checkString,
  strings,
  stringsOf,
  wrongType,
} from './rules/check-arguments.ts'
import { checkFields, checkNewShard, checkNewTask } from './rules/check-task.ts'
import { checkFindIds, type FindIdsOptions } from './rules/find-ids.ts'
import { type CheckOptions, type CheckReport, type Finding, readCheckOptions } from './rules/findings.ts'
import {
  type LongCallOptions,
  type RecordProgress,
  readLongCall,
  type TaskProgress,
} from './rules/long-call.ts'
import type { MergeReport } from './rules/merge-tasks.ts'
import {
  checkHasIndex,
  checkHasNoIndex,
  readSaveShardOptions,
  type SaveShardOptions,
} from './rules/save-shard.ts'
import {
  readSaveManyOptions,
  readSaveOptions,
  type SaveManyOptions,
  type SaveOptions,
} from './rules/save-task.ts'
import type { StatusCounts } from './rules/status-counts.ts'
import {
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
import { TRANSFER, type Transfer } from './rules/transfer.ts'
import { readUpdateOptions, type TaskChanges, type UpdateOptions } from './rules/update-task.ts'
import {
  notOnTx,
  readTransactionOptions,
  TRANSACTION_TIMEOUT,
  type TransactionOptions,
} from './rules/user-transaction.ts'
import { type CheckedWatch, readWatchOptions, type WatchOptions, watchList } from './rules/watch-list.ts'
import {
  checkExists,
  locateStore,
  type StoreLocation,
  type TaskStoreOptions,
} from './sqlite/store-location.ts'
import type { MergeOptions } from './sqlite/transfer/merge-file.ts'
import type { BackupOptions, BackupReport } from './sqlite/upkeep/backup-file.ts'
import type { RepairOptions, RepairReport } from './sqlite/upkeep/repair-file.ts'
import type { RestoreReport } from './sqlite/upkeep/restore-backup.ts'
import type { TaskRepository } from './task-repository.ts'
import type { Caller, Following } from './worker/caller.ts'
import { callWithItems, isAsync } from './worker/send-items.ts'
import { copyOptions, splitOptions } from './worker/split-options.ts'
import type { StartThread } from './worker/thread.ts'
import { Threads } from './worker/threads.ts'
import { transferTasks } from './worker/transfer-tasks.ts'
import { packFields, packRow, unpackSave, withChanges } from './worker/values.ts'
import { WorkerTaskArchive } from './worker-task-archive.ts'

export type { TransactionOptions } from './rules/user-transaction.ts'
export type { WorkerTaskArchive } from './worker-task-archive.ts'

/** Where the store is, and how it is used: the options of {@link TaskStore}, without a connection, which no thread can hand to another. */
export interface WorkerTaskStoreOptions extends Omit<TaskStoreOptions, 'database'> {
  /** How long a {@link WorkerTaskStore.transaction} may be open, in milliseconds. Default 2000. */
  readonly transactionTimeout?: number | undefined
}

/**
 * The store inside a transaction, which is over when its callback ends: all calls but those that need the
 * whole store.
 */
export type WorkerTransaction = Omit<
  WorkerTaskStore,
  'backup' | 'check' | 'close' | 'repair' | 'watch' | typeof Symbol.asyncDispose
>

let lastWatch = 0

/**
 * The records of quantum tasks in one SQLite file, in a thread of its own: the calls of {@link TaskStore}, as promises.
 * Whatever a call waits for or takes, the event loop goes on. Calls run one after the other, in the order in which they
 * were made.
 *
 * If the thread ends by itself, calls that were under way reject with `DISCONNECTED`, and the next one starts a new
 * thread; but a store in memory is gone. A thread without a call under way does not keep the process from ending.
 *
 * @example
 * ```ts
 * import { WorkerTaskStore } from 'uniqc-task-store/worker'
 *
 * await using store = await WorkerTaskStore.open({ file: ':memory:' })
 * await store.save({ taskId: 'task-1', backend: 'originq:WK_C180', status: 'running', shots: 1000 })
 * await store.transaction(async (tx) => {
 *   const task = await tx.get('task-1')
 *   if (task?.status === 'running') await tx.update('task-1', { status: 'cancelled' })
 * })
 * for await (const { taskId, status } of store.iterate()) console.log(taskId, status)
 * ```
 */
export class WorkerTaskStore implements TaskRepository<'async'> {
  /** Every call returns a promise. */
  readonly kind = 'async'
  readonly #caller: Caller
  readonly #location: StoreLocation
  readonly #timeout: number

  /** The archived tasks, with their shards. */
  readonly archive: WorkerTaskArchive

  private constructor(caller: Caller, location: StoreLocation, timeout: number) {
    this.#caller = caller
    this.#location = location
    this.#timeout = timeout
    this.archive = new WorkerTaskArchive(caller)
  }

  /**
   * Starts a thread and opens the file in it, creating it if it is missing and migrating it if it is old.
   *
   * @param options A folder for `tasks.sqlite`, or {@link WorkerTaskStoreOptions}. Default: `$UNIQC_CACHE_DIR`,
   * else `~/.uniqc/cache`.
   * @throws TaskStoreError With the codes of opening a {@link TaskStore}; the file is unchanged.
   */
  static async open(options?: string | WorkerTaskStoreOptions): Promise<WorkerTaskStore> {
    const { location, timeout } = readOptions(options)
    checkExists(location)
    const threads = new Threads(startThread, location)
    try {
      await threads.call('open', [])
    } catch (error) {
      await threads.close()
      throw error
    }
    return new WorkerTaskStore(threads, location, timeout)
  }

  /** The folder of the file; undefined for a database in memory. */
  get cacheDir(): string | undefined {
    return this.#location.cacheDir
  }

  /** The absolute path of the file, or `:memory:`. */
  get file(): string {
    return this.#location.file
  }

  /** {@link TaskStore.save} */
  async save(task: NewTaskInfo, options?: SaveOptions): Promise<TaskInfo> {
    const { keepUpdateTime } = readSaveOptions(options)
    const checked = checkNewTask(task)
    return unpackSave(checked, await this.#caller.call('save', [packRow(checked, keepUpdateTime)]))
  }

  /**
   * {@link TaskStore.saveMany}. The tasks may also come over time, from an `AsyncIterable`: they are read as fast as the
   * thread takes them, and other calls go on meanwhile.
   */
  async saveMany(
    tasks: Iterable<NewTaskInfo> | AsyncIterable<NewTaskInfo>,
    options?: SaveManyOptions,
  ): Promise<number> {
    const { keepUpdateTime } = readSaveManyOptions(options)
    const { following } = splitOptions(options)
    return callWithItems(this.#caller, 'saveMany', packTasks(tasks, keepUpdateTime), [{}], following)
  }

  /** {@link TaskStore.get} */
  async get(taskId: string): Promise<TaskInfo | undefined> {
    checkString('taskId', taskId)
    return this.#caller.call('get', [taskId])
  }

  /** {@link TaskStore.getMany} */
  async getMany(taskIds: Iterable<string>): Promise<(TaskInfo | undefined)[]> {
    const ids = stringsOf('taskIds', taskIds, 'an iterable of task ids')
    return callWithItems(this.#caller, 'getMany', ids, [])
  }

  /** {@link TaskStore.findIds} */
  async findIds(beginning: string, options?: FindIdsOptions): Promise<string[]> {
    checkFindIds(beginning, options)
    return this.#caller.call('findIds', [beginning, copyOptions(options)])
  }

  /** {@link TaskStore.update} */
  async update(taskId: string, changes: TaskChanges, options?: UpdateOptions): Promise<TaskInfo | undefined> {
    checkString('taskId', taskId)
    const conditions = options === undefined ? undefined : readUpdateOptions(options)
    const { fields, cells } = checkFields('changes', changes, taskId)
    const packed = packFields(fields, cells)
    const task = await this.#caller.call<TaskInfo | undefined>('update', [taskId, packed, conditions])
    return task && withChanges(task, packed)
  }

  /** {@link TaskStore.list} */
  async list(options?: TaskListOptions): Promise<ListedTask[]> {
    checkTaskList(options)
    return this.#caller.call('list', [copyOptions(options)])
  }

  /** {@link TaskStore.listSummaries} */
  async listSummaries(options?: TaskListOptions): Promise<ListedSummary[]> {
    checkTaskList(options)
    return this.#caller.call('listSummaries', [copyOptions(options)])
  }

  /** {@link TaskStore.page} */
  async page(options?: TaskListOptions): Promise<Page<ListedTask>> {
    checkPage(options)
    return this.#caller.call('page', [copyOptions(options)])
  }

  /** {@link TaskStore.pageSummaries} */
  async pageSummaries(options?: TaskListOptions): Promise<Page<ListedSummary>> {
    checkPage(options)
    return this.#caller.call('pageSummaries', [copyOptions(options)])
  }

  /** {@link TaskStore.iterate}, asynchronously: a part is read when the one before has been iterated over. */
  iterate(options?: TaskListOptions): AsyncGenerator<ListedTask, void, undefined> {
    const { limit, offset } = checkTaskList(options)
    return this.#iterate(copyOptions(options), limit, offset)
  }

  /** {@link TaskStore.watch} */
  watch(options?: TaskListOptions, watch?: WatchOptions): AsyncGenerator<ListedSummary[], void, undefined> {
    this.#checkIsStore('watch')
    checkTaskList(options)
    return this.#watch(copyOptions(options), readWatchOptions(watch))
  }

  /** {@link TaskStore.count} */
  async count(filter?: TaskFilter): Promise<number> {
    checkFilter(filter)
    return this.#caller.call('count', [copyOptions(filter)])
  }

  /** {@link TaskStore.countByStatus} */
  async countByStatus(filter?: TaskFilter): Promise<StatusCounts> {
    checkFilter(filter)
    return this.#caller.call('countByStatus', [copyOptions(filter)])
  }

  /** {@link TaskStore.countByBackend} */
  async countByBackend(filter?: TaskFilter): Promise<Record<string, number>> {
    checkFilter(filter)
    return this.#caller.call('countByBackend', [copyOptions(filter)])
  }

  /** {@link TaskStore.addShard} */
  async addShard(shard: Omit<NewTaskShard, 'shardIndex'>, options?: SaveShardOptions): Promise<TaskShard> {
    checkHasNoIndex(shard)
    return this.#saveShard('addShard', shard, options)
  }

  /** {@link TaskStore.saveShard} */
  async saveShard(shard: NewTaskShard, options?: SaveShardOptions): Promise<TaskShard> {
    checkHasIndex(shard)
    return this.#saveShard('saveShard', shard, options)
  }

  /** {@link TaskStore.getShards} */
  async getShards(taskId: string): Promise<TaskShard[]> {
    checkString('taskId', taskId)
    return this.#caller.call('getShards', [taskId])
  }

  /** {@link TaskStore.findShards} */
  async findShards(platformTaskId: string, options?: FindShardsOptions): Promise<TaskShard[]> {
    checkString('platformTaskId', platformTaskId)
    return this.#caller.call('findShards', [platformTaskId, readFindShardsOptions(options)])
  }

  /** {@link TaskStore.deleteShards} */
  async deleteShards(taskId: string): Promise<number> {
    checkString('taskId', taskId)
    return this.#caller.call('deleteShards', [taskId])
  }

  /** {@link TaskStore.aggregateStatus} */
  static aggregateStatus(shards: Iterable<Pick<TaskShard, 'status'>>): TaskStatus {
    return aggregateStatus(checkShards(shards))
  }

  /** {@link TaskStore.delete} */
  async delete(taskId: string): Promise<boolean> {
    checkString('taskId', taskId)
    return this.#caller.call('delete', [taskId])
  }

  /** {@link TaskStore.clearCompleted} */
  async clearCompleted(
    statuses?: AnyStatus | readonly AnyStatus[],
    options?: LongCallOptions<TaskProgress>,
  ): Promise<number> {
    return this.#callLong('clearCompleted', [strings('statuses', statuses)], options, readLongCall)
  }

  /** {@link TaskStore.clearAll} */
  async clearAll(options?: LongCallOptions<TaskProgress>): Promise<number> {
    return this.#callLong('clearAll', [], options, readLongCall)
  }

  /** {@link TaskStore.exportFile} */
  async exportFile(file: string, options?: ExportOptions): Promise<ExportReport> {
    checkString('file', file)
    return this.#callLong('exportFile', [file], options, readExportOptions)
  }

  /** {@link TaskStore.importFile} */
  async importFile(path: string, options?: ImportOptions): Promise<ImportReport> {
    checkString('path', path)
    return this.#callLong('importFile', [path], options, readImportOptions)
  }

  /** {@link TaskStore.mergeFile} */
  async mergeFile(file: string, options?: MergeOptions): Promise<MergeReport> {
    checkString('file', file)
    return this.#callLong('mergeFile', [file], options)
  }

  /** {@link TaskStore.check} */
  async check(options?: CheckOptions): Promise<CheckReport> {
    this.#checkIsStore('check')
    return this.#callLong('check', [], options, readCheckOptions)
  }

  /** {@link TaskStore.repair} */
  async repair(findings: readonly Finding[], options?: RepairOptions): Promise<RepairReport> {
    this.#checkIsStore('repair')
    checkIterable('findings', findings, 'the findings of check()')
    const given = Array.from<unknown>(findings).map((finding) =>
      typeof finding === 'object' && finding !== null ? { ...finding } : finding,
    )
    return this.#callLong('repair', [given], options)
  }

  /** {@link TaskStore.backup} */
  async backup(file: string, options?: BackupOptions): Promise<BackupReport> {
    this.#checkIsStore('backup')
    checkString('file', file)
    return this.#callLong('backup', [file], options)
  }

  /** {@link TaskStore.restoreBackup}, in a thread of its own. */
  static async restoreBackup(
    backup: string,
    options?: string | (Omit<WorkerTaskStoreOptions, 'transactionTimeout'> & LongCallOptions<RecordProgress>),
  ): Promise<RestoreReport> {
    checkString('backup', backup)
    const { others, following } = splitOptions(withFolder(options))
    return callOnce('restoreBackup', [backup], others, following)
  }

  /** {@link TaskStore.pendingMigrations}, in a thread of its own. */
  static async pendingMigrations(
    options?: string | Omit<WorkerTaskStoreOptions, 'transactionTimeout'>,
  ): Promise<string[]> {
    return callOnce('pendingMigrations', [], withFolder(options))
  }

  /**
   * Runs `work` in one transaction that holds the write lock from the start: no other process changes what it
   * reads before it is done, and other calls of this store wait. `tx` is the store inside it: in the callback,
   * call only `tx`. If it throws or takes longer than `transactionTimeout`, or if the thread or the process ends,
   * nothing of it is written. A transaction of `tx` is a savepoint, which can be undone alone.
   *
   * @returns What `work` returns.
   * @throws TaskStoreError `TIMED_OUT`; `LOCKED` and `DISCONNECTED`: see {@link TransactionOptions.retries}.
   */
  async transaction<T>(
    work: (tx: WorkerTransaction) => T | Promise<T>,
    options?: TransactionOptions,
  ): Promise<T> {
    if (typeof work !== 'function') throw wrongType('work', 'a function', work)
    const { retries } = readTransactionOptions(options)
    const inside = async (tx: Caller) => work(new WorkerTaskStore(tx, this.#location, this.#timeout))
    return this.#caller.transaction(inside, { retries, timeout: this.#timeout })
  }

  /** @internal */
  get [TRANSFER](): Transfer {
    return transferTasks(this.#caller)
  }

  /** Closes the file and ends the thread, after all calls that were made before. Closing twice does no harm. */
  async close(): Promise<void> {
    this.#checkIsStore('close')
    await (this.#caller as Threads).close()
  }

  /** {@link WorkerTaskStore.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #callLong<T>(
    method: string,
    args: readonly unknown[],
    options: object | undefined,
    check: (options: object | undefined) => unknown = () => undefined,
  ): Promise<T> {
    check(options)
    const { others, following } = splitOptions(options)
    return this.#caller.call(method, [...args, others], following)
  }

  async #saveShard(
    method: string,
    shard: Omit<NewTaskShard, 'shardIndex'>,
    options: SaveShardOptions | undefined,
  ): Promise<TaskShard> {
    const checkedOptions = readSaveShardOptions(options)
    const { shard: fields, cell } = checkNewShard(shard)
    return this.#caller.call(method, [packFields(fields, { result: cell }), checkedOptions])
  }

  async *#iterate(options: TaskListOptions, limit: number, offset: number) {
    let after = options.after
    for (let left = limit; left !== 0; ) {
      const size = left < 0 ? ITERATION : Math.min(left, ITERATION)
      const { items, next }: Page<ListedTask> = await this.page({ ...options, after, offset, limit: size })
      yield* items
      if (next === undefined) return
      after = next
      offset = 0
      if (left > 0) left -= items.length
    }
  }

  async *#watch(options: TaskListOptions, watch: CheckedWatch) {
    const id = ++lastWatch
    const read = () => this.#caller.call<ListedSummary[] | undefined>('listChanged', [id, options])
    try {
      yield* watchList(read, watch)
    } finally {
      this.#caller.call('unwatch', [id]).catch(() => undefined)
    }
  }

  #checkIsStore(name: string): void {
    if (!this.#caller.isStore) throw notOnTx(name)
  }
}

// In this file, which is where its path leads from, and in this form, by which bundlers know the program of a thread.
const startThread: StartThread = (workerData) =>
  new Worker(new URL('./worker/program.js', import.meta.url), { workerData, execArgv: [] })

function readOptions(options: string | WorkerTaskStoreOptions | undefined) {
  if (typeof options !== 'object' || options === null) {
    return { location: locateStore(options), timeout: TRANSACTION_TIMEOUT }
  }
  const { transactionTimeout: timeout = TRANSACTION_TIMEOUT, ...others } = options
  checkInteger('transactionTimeout', timeout, 1)
  const location = locateStore(others)
  refuseDatabase(location)
  return { location, timeout }
}

/** Makes a call without a store, in a thread for it alone. */
async function callOnce<T>(
  method: string,
  args: readonly unknown[],
  options: object | undefined,
  following?: Following,
): Promise<T> {
  const location = locateStore(options)
  refuseDatabase(location)
  const threads = new Threads(startThread, location)
  try {
    return await threads.call(method, [...args, options], following)
  } finally {
    await threads.close()
  }
}

/** A text alone is a folder. */
const withFolder = <Options extends object>(options: string | Options | undefined) =>
  typeof options === 'string' ? { cacheDir: options } : options

function refuseDatabase({ database }: StoreLocation): void {
  if (database === undefined) return
  throw invalidValue(
    'database',
    'options.database is a connection of this thread, which another one cannot use; pass its file',
  )
}

function packTasks(tasks: Iterable<NewTaskInfo> | AsyncIterable<NewTaskInfo>, keepUpdateTime: boolean) {
  if (typeof tasks === 'object' && tasks !== null && isAsync(tasks))
    return packOverTime(tasks, keepUpdateTime)
  checkIterable('tasks', tasks, 'an iterable of tasks')
  return packAll(tasks as Iterable<NewTaskInfo>, keepUpdateTime)
}

function* packAll(tasks: Iterable<NewTaskInfo>, keepUpdateTime: boolean) {
  for (const task of tasks) yield packRow(checkNewTask(task), keepUpdateTime)
}

async function* packOverTime(tasks: AsyncIterable<NewTaskInfo>, keepUpdateTime: boolean) {
  for await (const task of tasks) yield packRow(checkNewTask(task), keepUpdateTime)
}
