import type { NewTaskInfo, NewTaskShard, TaskInfo, TaskShard } from '../drizzle/schema.ts'
import { type AnyStatus, type TaskStatus, TERMINAL_STATUSES } from '../drizzle/task-status.ts'
import type { ExportOptions, ExportReport } from './formats/export-options.ts'
import type { ImportOptions, ImportReport } from './formats/read-batches.ts'
import { aggregateStatus, checkShards } from './rules/aggregate-shards.ts'
import { invalidType } from './rules/argument-error.ts'
import { BATCH, FIRST_BATCH, GET_BATCH, inBatches, nextBatchSize } from './rules/batches.ts'
import { checkIterable, checkString, strings, stringsOf, wrongType } from './rules/check-arguments.ts'
import { checkNewShard, checkNewTask } from './rules/check-task.ts'
import { elapsed, now } from './rules/clock.ts'
import { checkFindIds, type FindIdsOptions, mergeIds } from './rules/find-ids.ts'
import type { CheckOptions, CheckReport, Finding } from './rules/findings.ts'
import { type LongCallOptions, readLongCall, stepOf, type TaskProgress } from './rules/long-call.ts'
import type { MergeReport } from './rules/merge-tasks.ts'
import { QUIET, type QuietCalls } from './rules/quiet-calls.ts'
import { ROWS, type RowCalls, type SavedTask, type StagedTasks } from './rules/row-calls.ts'
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
import { type Row, readTask, rowOf } from './rules/task-row.ts'
import { TRANSFER, type Transfer } from './rules/transfer.ts'
import {
  type CheckedUpdate,
  checkUpdate,
  isBlind,
  planUpdate,
  type TaskChanges,
  type UpdateOptions,
} from './rules/update-task.ts'
import { readWatchOptions, type WatchOptions, watchList } from './rules/watch-list.ts'
import { Changes } from './sqlite/changes.ts'
import { Connection } from './sqlite/connection.ts'
import { pendingMigrations } from './sqlite/migrating/pending-migrations.ts'
import type { TaskDatabase } from './sqlite/statement.ts'
import { locateStore, type StoreLocation, type TaskStoreOptions } from './sqlite/store-location.ts'
import { filterSql } from './sqlite/tables/filter-sql.ts'
import { LiveShards } from './sqlite/tables/live-shards.ts'
import type { Rowid } from './sqlite/tables/rowid.ts'
import { StagedRows } from './sqlite/tables/staged-rows.ts'
import { TaskList } from './sqlite/tables/task-list.ts'
import { SUMMARY, WHOLE } from './sqlite/tables/task-row.ts'
import { TaskSaves } from './sqlite/tables/task-saves.ts'
import { upsertKnownTask, upsertOneOfMany } from './sqlite/tables/upsert-task.ts'
import { walk } from './sqlite/tables/walk.ts'
import { exportFile } from './sqlite/transfer/export-file.ts'
import { importFile } from './sqlite/transfer/import-file.ts'
import { type MergeOptions, mergeFile } from './sqlite/transfer/merge-file.ts'
import { transferTasks } from './sqlite/transfer/transfer-tasks.ts'
import { type BackupOptions, type BackupReport, backupFile } from './sqlite/upkeep/backup-file.ts'
import { checkFile } from './sqlite/upkeep/check-file.ts'
import { type RepairOptions, type RepairReport, repairFile } from './sqlite/upkeep/repair-file.ts'
import { type RestoreOptions, type RestoreReport, restoreBackup } from './sqlite/upkeep/restore-backup.ts'
import { TaskArchive } from './task-archive.ts'
import type { TaskRepository } from './task-repository.ts'

export const CHANGES: unique symbol = Symbol('changes')

/**
 * The records of quantum tasks in one SQLite file, which UnifiedQuantum (Python) may be using at the same
 * time.
 *
 * Every call except {@link TaskStore.backup} and {@link TaskStore.watch} is synchronous, and atomic unless it says
 * that it works in batches. An id that UnifiedQuantum's version 5 replaced still finds its task, which is returned under its
 * new id, with the old one in `metadata.legacy_platform_id`.
 *
 * Every method throws an `ArgumentError`, which is a `TypeError`, for an argument of the wrong type or value
 * and an option that does not exist, and a {@link TaskStoreError} with the code `CLOSED`, `LOCKED`,
 * `READONLY`, `DISK_FULL`, `CORRUPT_FILE` or `CANNOT_OPEN` if it cannot use the file; after either, an atomic
 * call has written nothing.
 *
 * @example
 * ```ts
 * import { TaskStore } from 'uniqc-task-store'
 *
 * using store = new TaskStore({ file: ':memory:' })
 * store.save({ taskId: 'task-1', backend: 'originq:WK_C180', status: 'running', shots: 1000 })
 * store.update('task-1', { status: 'success', result: { '00': 512, '11': 488 } }, { ifStatus: 'running' })
 * console.log(store.get('task-1')?.result, store.countByStatus().success)
 * ```
 */
export class TaskStore implements TaskRepository<'sync'> {
  /** Every call but {@link TaskStore.backup} returns its result, and no promise of it. */
  readonly kind = 'sync'
  readonly #connection: Connection
  readonly #location: StoreLocation
  readonly #list: TaskList
  readonly #shards: LiveShards
  readonly #saves: TaskSaves

  /** The archived tasks, with their shards. */
  readonly archive: TaskArchive

  /**
   * Opens the file, creating it if it is missing and migrating it if it is old.
   *
   * @param options A folder for `tasks.sqlite`, or {@link TaskStoreOptions}. Default: `$UNIQC_CACHE_DIR`,
   * else `~/.uniqc/cache`.
   * @throws TaskStoreError `CANNOT_OPEN`, `CORRUPT_FILE`, `FOREIGN_FILE`, `SCHEMA_TOO_NEW`,
   * `MIGRATION_FAILED`, `LOCKED`, `READONLY`, `DISK_FULL`; the file is unchanged.
   */
  constructor(options?: string | TaskStoreOptions) {
    this.#location = locateStore(options)
    this.#connection = new Connection(this.#location)
    this.#list = new TaskList(this.#connection)
    this.#shards = new LiveShards(this.#connection)
    this.#saves = new TaskSaves(this.#connection)
    this.archive = new TaskArchive(this.#connection)
  }

  /** The folder of the file; undefined for a database in memory. */
  get cacheDir(): string | undefined {
    return this.#location.cacheDir
  }

  /** The absolute path of the file, or `:memory:`. */
  get file(): string {
    return this.#location.file
  }

  /**
   * Drizzle on the store's connection, for your own queries with the tables of `uniqc-task-store/schema`.
   * Read this property each time: after the file was removed or replaced, it returns another instance.
   */
  get db(): TaskDatabase {
    return this.#connection.handOut()
  }

  /**
   * Inserts a task, or replaces the one with its id, except for its first `submitTime`, which is kept unless
   * one is given. As in UnifiedQuantum, `updateTime` becomes the current time; see
   * {@link SaveOptions.keepUpdateTime}.
   *
   * @returns The task as it is now stored.
   * @throws TaskStoreError `INVALID_TASK` for a field that cannot be stored, `AMBIGUOUS_ID`.
   */
  save(task: NewTaskInfo, options?: SaveOptions): TaskInfo {
    const { keepUpdateTime } = readSaveOptions(options)
    const checked = checkNewTask(task)
    return { ...checked.task, ...this.#saveRow(taskRow(checked, keepUpdateTime, now())) }
  }

  /**
   * Saves any number of tasks in one transaction: all of them or none. All are read from the iterable and
   * checked before the first is written. Memory stays small, however many there are: beyond some megabytes
   * they are kept in a temporary file.
   *
   * @returns How many were saved.
   * @throws TaskStoreError `INVALID_TASK` for the first that cannot be stored, `AMBIGUOUS_ID`.
   */
  saveMany(tasks: Iterable<NewTaskInfo>, options?: SaveManyOptions): number {
    const { keepUpdateTime, ...following } = readSaveManyOptions(options)
    checkIterable('tasks', tasks, 'an iterable of tasks')
    const step = stepOf(following)
    using staged = this.#stage()
    for (const task of tasks) {
      staged.add(taskRow(checkNewTask(task), keepUpdateTime, now()))
      step()
    }
    return staged.save(step)
  }

  #stage(): StagedTasks {
    const rows = new StagedRows()
    return {
      add: (row) => rows.add(row),
      save: (step) =>
        this.#connection.transaction(() => {
          let done = 0
          for (const row of rows) {
            if (!upsertOneOfMany(this.#connection, row)) this.#saveOverStored(row)
            if (++done % BATCH === 0 || done === rows.count) step({ done, total: rows.count })
          }
          return rows.count
        }),
      [Symbol.dispose]: () => rows[Symbol.dispose](),
    }
  }

  /**
   * Returns the task with this id, or undefined if there is none.
   *
   * @throws TaskStoreError `AMBIGUOUS_ID` if several tasks replaced this id.
   */
  get(taskId: string): TaskInfo | undefined {
    checkString('taskId', taskId)
    return this.#connection.run(() => this.#connection.live.find(taskId))
  }

  /**
   * Returns the tasks with these ids, all as they are at one moment: one for each id, in the order of the ids,
   * undefined where {@link TaskStore.get} returns undefined.
   *
   * @throws TaskStoreError `AMBIGUOUS_ID` if several tasks replaced one of these ids.
   */
  getMany(taskIds: Iterable<string>): (TaskInfo | undefined)[] {
    const ids = stringsOf('taskIds', taskIds, 'an iterable of task ids')
    return this.#rowsOf(ids).map((row) => row && readTask(row))
  }

  /**
   * Returns the ids that begin with a text, in their order: a short form that a person types, up to the whole id.
   * They are looked up in an index, however many tasks there are.
   */
  findIds(beginning: string, options?: FindIdsOptions): string[] {
    const { places, from, to, limit } = checkFindIds(beginning, options)
    return this.#connection.snapshot(() =>
      mergeIds(
        places.map((place) => this.#connection.at(place).idsBetween(from, to, limit)),
        limit,
      ),
    )
  }

  /**
   * Changes fields of a task in one transaction, so that nothing another process writes meanwhile is lost.
   * Metadata is merged key by key, at the top level, and every other given field is replaced; fields that are
   * not given keep their text in the file byte for byte. `updateTime` becomes the current time; see
   * {@link UpdateOptions.keepUpdateTime}.
   *
   * @returns The task as it is now stored; undefined if there is none, or a condition of the options does not
   * hold.
   * @throws TaskStoreError `INVALID_TASK` for a field that cannot be stored, `AMBIGUOUS_ID`.
   */
  update(taskId: string, changes: TaskChanges, options?: UpdateOptions): TaskInfo | undefined {
    const update = checkUpdate(taskId, changes, options)
    const row = this.#updateBlindly(update)
    if (row === undefined) return this.#updateStored(update)
    const task = readTask(row)
    // What was written is in the row, but for the result.
    if (update.fields.result !== undefined) task.result = update.fields.result
    return task
  }

  /**
   * Returns the tasks that match. As in UnifiedQuantum, the order is newest first by the text of
   * `submitTime`, then last inserted first.
   */
  list(options?: TaskListOptions): ListedTask[] {
    const list = checkTaskList(options)
    return this.#list.list(list.places, list, WHOLE)
  }

  /** Returns what {@link TaskStore.list} returns, without results and metadata, which are not even read. */
  listSummaries(options?: TaskListOptions): ListedSummary[] {
    const list = checkTaskList(options)
    return this.#list.list(list.places, list, SUMMARY)
  }

  /**
   * Returns a page of at most `limit` tasks (default 100), in the order of {@link TaskStore.list}. Pass its
   * `next` as `after` to get the page after it: no task is listed twice or left out because others were
   * inserted, and the last page costs as much as the first.
   *
   * @throws ArgumentError for an `after` that is not the `next` of a page, and a `limit` below 1.
   */
  page(options?: TaskListOptions): Page<ListedTask> {
    const list = checkPage(options)
    return this.#list.page(list.places, list, WHOLE)
  }

  /** Returns what {@link TaskStore.page} returns, without results and metadata, which are not even read. */
  pageSummaries(options?: TaskListOptions): Page<ListedSummary> {
    const list = checkPage(options)
    return this.#list.page(list.places, list, SUMMARY)
  }

  /**
   * Iterates over every task that matches, in the order of {@link TaskStore.list}, however many there are:
   * they are read in small parts, on demand. Nothing is locked between parts, so a task that is inserted or
   * deleted meanwhile may or may not be returned.
   */
  iterate(options?: TaskListOptions): Generator<ListedTask, void, undefined> {
    const list = checkTaskList(options)
    return this.#list.iterate(list.places, list, WHOLE)
  }

  /**
   * Yields what {@link TaskStore.listSummaries} returns, at once and then whenever it is another list, whoever
   * changed it, UnifiedQuantum included. SQLite tells whether the file was written; only then is it read. Nothing is
   * locked or written. It ends when the loop is left, or by its signal.
   *
   * @throws The reason of the signal.
   */
  watch(options?: TaskListOptions, watch?: WatchOptions): AsyncGenerator<ListedSummary[], void, undefined> {
    const { places, ...list } = checkTaskList(options)
    const changes = this[CHANGES]()
    const read = () => (changes.areSeen ? this.#list.list(places, list, SUMMARY) : undefined)
    return watchList(read, readWatchOptions(watch))
  }

  /** @internal */
  [CHANGES](): { readonly areSeen: boolean } {
    return new Changes(this.#connection)
  }

  /** Counts the live tasks that match. */
  count(filter?: TaskFilter): number {
    return this.#list.count('live', checkFilter(filter))
  }

  /**
   * Counts the live tasks that match, by status. The five of UnifiedQuantum are always there; others only if
   * the file holds them.
   */
  countByStatus(filter?: TaskFilter): StatusCounts {
    return statusCounts(this.#list.countByStatus('live', checkFilter(filter)))
  }

  /** Counts the live tasks that match, by backend, in the order of their names. A backend without a task is left out. */
  countByBackend(filter?: TaskFilter): Record<string, number> {
    return Object.fromEntries(this.#list.countByBackend('live', checkFilter(filter)))
  }

  /**
   * Adds a shard to a task at the next free index. Two processes that add at once get different indexes.
   *
   * @returns The shard as it is now stored.
   * @throws TaskStoreError `INVALID_TASK` for a field that cannot be stored, and if there is no such task;
   * `AMBIGUOUS_ID`.
   */
  addShard(shard: Omit<NewTaskShard, 'shardIndex'>, options?: SaveShardOptions): TaskShard {
    checkHasNoIndex(shard)
    return this.#saveShard(shard, options)
  }

  /**
   * Inserts a shard, or replaces the one at its index: status, result and error are replaced even if they are
   * not given; see {@link NewTaskShard} for the other fields.
   *
   * @returns The shard as it is now stored.
   * @throws TaskStoreError `INVALID_TASK` for a field that cannot be stored, and if there is no such task;
   * `AMBIGUOUS_ID`.
   */
  saveShard(shard: NewTaskShard, options?: SaveShardOptions): TaskShard {
    checkHasIndex(shard)
    return this.#saveShard(shard, options)
  }

  /** Returns the shards of a task, in the order of their indexes. @throws TaskStoreError `AMBIGUOUS_ID`. */
  getShards(taskId: string): TaskShard[] {
    checkString('taskId', taskId)
    return this.#connection.run(() => this.#shards.of(taskId))
  }

  /**
   * Returns the shards of live tasks with this id on their platform, the oldest first: several if tasks share
   * one.
   */
  findShards(platformTaskId: string, options?: FindShardsOptions): TaskShard[] {
    checkString('platformTaskId', platformTaskId)
    const { backend } = readFindShardsOptions(options)
    return this.#connection.run(() => this.#shards.find(platformTaskId, backend))
  }

  /**
   * Deletes the shards of a task, but not the task.
   *
   * @returns How many were deleted.
   * @throws TaskStoreError `AMBIGUOUS_ID`.
   */
  deleteShards(taskId: string): number {
    checkString('taskId', taskId)
    return this.#shards.delete(taskId)
  }

  /**
   * Returns the status of a task by its shards, by UnifiedQuantum's rule: `pending` without shards, `running`
   * while any is not terminal, `success` if all succeeded, else `failed` if any failed, else `cancelled`.
   */
  static aggregateStatus(shards: Iterable<Pick<TaskShard, 'status'>>): TaskStatus {
    return aggregateStatus(checkShards(shards))
  }

  /**
   * Deletes a task and its shards.
   *
   * @returns Whether there was one.
   * @throws TaskStoreError `AMBIGUOUS_ID`; `CONFLICT` if a row of another table refers to it.
   */
  delete(taskId: string): boolean {
    checkString('taskId', taskId)
    const { live } = this.#connection
    if (this.#connection.write(() => live.delete(taskId))) return true
    if (!mayBeReplacedId(taskId)) return false
    return this.#connection.transaction(() => {
      const id = live.idOf(taskId)
      return id !== undefined && live.delete(id)
    })
  }

  /**
   * Deletes the tasks with one of these statuses, by default the terminal ones. It works in batches, so that
   * others can write between them; if it is interrupted, call it again. Inside {@link TaskStore.transaction}
   * it is all or nothing.
   *
   * @returns How many were deleted.
   * @throws TaskStoreError `CONFLICT` if a row of another table refers to one of them.
   */
  clearCompleted(
    statuses: AnyStatus | readonly AnyStatus[] = TERMINAL_STATUSES,
    options?: LongCallOptions<TaskProgress>,
  ): number {
    return this.#clear(checkFilter({ status: strings('statuses', statuses) ?? [] }), options)
  }

  /**
   * Deletes every live task that exists now, in batches like {@link TaskStore.clearCompleted}. The archive
   * stays. UnifiedQuantum's `clear_all` deletes the whole file instead, while others have it open.
   *
   * @returns How many were deleted.
   * @throws TaskStoreError `CONFLICT` if a row of another table refers to one of them.
   */
  clearAll(options?: LongCallOptions<TaskProgress>): number {
    return this.#clear(checkFilter(), options)
  }

  /**
   * Writes the tasks that match, live and archived, with their shards, to a file of JSON lines: all from one
   * snapshot, and the file whole or not at all. {@link TaskStore.importFile} reads it back into an equal
   * store. Numbers that JSON cannot hold are written as `{"$float":"NaN"}` and
   * `{"$int":"12345678901234567890123"}`.
   *
   * @throws TaskStoreError `CONFLICT` if the file exists and `replace` is not set, `CANNOT_OPEN`, `DISK_FULL`.
   */
  exportFile(file: string, options?: ExportOptions): ExportReport {
    return exportFile(this.#connection, file, options)
  }

  /**
   * Imports the tasks of a file: of UnifiedQuantum's `tasks.jsonl` or `tasks.json` from before it used
   * SQLite, or of an export. Of several lines with one id the last one counts. Newer records of the store
   * stay, and records that cannot be read are skipped and reported. It works in batches; called again, even
   * after it was interrupted, it adds what is missing and changes nothing else.
   *
   * @param path The file, or a folder that contains such files.
   * @throws TaskStoreError `CANNOT_OPEN` if there is no such file, or it is a database; `CONFLICT` if it is a
   * database in use. {@link TaskStore.mergeFile} takes databases.
   */
  importFile(path: string, options?: ImportOptions): ImportReport {
    return importFile(this.#connection, path, options)
  }

  /**
   * Merges the tasks of another store's file, of any version, into this store; the other file is only read.
   * Tasks are matched by their ids, else by the id and backend on their platform; of two records of one task
   * the newer one stays, shard by shard. It works in batches; if it is interrupted, call it again.
   *
   * @throws TaskStoreError With the codes of opening a store, for the other file: `FOREIGN_FILE` also if it
   * holds triggers or views of another program on our tables.
   */
  mergeFile(file: string, options?: MergeOptions): MergeReport {
    return mergeFile(this.#connection, file, options)
  }

  /**
   * Checks the whole file: whether SQLite finds it sound, and whether records are lost, duplicated,
   * unreadable or forgotten. Changes nothing, and takes as long as it takes to read everything.
   *
   * @returns The findings, the worst first, each with what it means and how to fix it.
   */
  check(options?: CheckOptions): CheckReport {
    return checkFile(this.#connection, options)
  }

  /**
   * Repairs those findings of a check that can be repaired without loss. Looks for them again first, works in
   * one transaction, which a merge of the fallback store precedes in batches, and leaves a copy of the old file
   * beside it (`tasks.sqlite.before-repair.<time>`; the newest five are kept).
   *
   * @param findings The findings of {@link TaskStore.check}, or some of them.
   */
  repair(findings: readonly Finding[], options?: RepairOptions): RepairReport {
    return repairFile(this.#connection, findings, options)
  }

  /**
   * Copies a snapshot of the file while others go on writing, and checks the copy before it gets its name.
   * This is the only asynchronous call: pages are copied in steps.
   *
   * @throws TaskStoreError `CONFLICT` if the file exists and `replace` is not set, or if it has a log beside it;
   * `CORRUPT_FILE` if this one is damaged; `CANNOT_OPEN`, `DISK_FULL`. Nothing is left behind.
   */
  async backup(file: string, options?: BackupOptions): Promise<BackupReport> {
    return backupFile(this.#connection, file, options)
  }

  /**
   * Replaces the tasks and shards of a store with those of a backup of any version: in one transaction or, if
   * the store's file is damaged or missing, with a new file. The previous contents are kept beside it
   * (`tasks.sqlite.before-restore.<time>`, of which the newest five are kept, or `.damaged.<time>`). Tables of
   * others stay as they are; those of the backup are not restored.
   *
   * @param options The store to restore, as for the constructor, and {@link RestoreOptions}.
   * @throws TaskStoreError With the codes of opening a store, for either file; `CONFLICT` if rows of another
   * table refer to tasks that the backup does not have. The store is unchanged.
   */
  static restoreBackup(backup: string, options?: string | RestoreOptions): RestoreReport {
    return restoreBackup(backup, options)
  }

  /**
   * Returns the names of the migrations that opening a store would apply to its file, oldest first; none if it is up
   * to date. The file is only read.
   *
   * @param options The store, as for the constructor.
   * @throws TaskStoreError `CANNOT_OPEN` if there is no file; `CORRUPT_FILE`, `FOREIGN_FILE`, `SCHEMA_TOO_NEW`.
   */
  static pendingMigrations(options?: string | TaskStoreOptions): string[] {
    return pendingMigrations(options)
  }

  /**
   * Runs `work` in one transaction that holds the write lock from the start: no other process changes what it
   * reads before it is done. If it throws, nothing of it is written. A transaction inside another one can be
   * undone alone.
   *
   * @returns What `work` returns.
   * @throws TypeError if `work` is async or returns a promise: its writes would come after the commit.
   */
  transaction<T>(work: (tx: this) => T): T {
    if (typeof work !== 'function') throw wrongType('work', 'a function', work)
    if (LATE_FUNCTIONS.includes(Object.getPrototypeOf(work))) {
      throw invalidType(
        'work',
        'transaction() takes a function that is neither async nor a generator: its writes would come after the commit',
      )
    }
    return this.#connection.transaction(() => work(this))
  }

  /** @internal */
  get [TRANSFER](): Transfer {
    return transferTasks(this.#connection)
  }

  /** @internal */
  get [ROWS](): RowCalls {
    const listAs = (shape: typeof WHOLE | typeof SUMMARY) => (options?: TaskListOptions) => {
      const list = checkTaskList(options)
      return this.#list.listRows<unknown>(list.places, list, shape)
    }
    const pageAs = (shape: typeof WHOLE | typeof SUMMARY) => (options?: TaskListOptions) => {
      const list = checkPage(options)
      return this.#list.pageRows<unknown>(list.places, list, shape)
    }
    return {
      save: (row) => this.#saveRow(row),
      stage: () => this.#stage(),
      update: (update) => {
        const row = this.#updateBlindly(update)
        if (row !== undefined) return row
        const task = this.#updateStored(update)
        return task && rowOf(task)
      },
      get: (taskId) => this.#connection.run(() => this.#connection.live.findRow(taskId)),
      getMany: (taskIds) => this.#rowsOf(taskIds),
      list: listAs(WHOLE),
      listSummaries: listAs(SUMMARY),
      page: pageAs(WHOLE),
      pageSummaries: pageAs(SUMMARY),
    }
  }

  /** @internal */
  get [QUIET](): QuietCalls {
    return {
      save: (task) => {
        const row = taskRow(checkNewTask(task), true, now())
        const isSaved = this.#connection.write(() => this.#saves.save(row, false)) !== undefined
        if (!isSaved) this.#connection.transaction(() => this.#saveOverStored(row))
      },
      update: (taskId, changes, options) => {
        const update = checkUpdate(taskId, changes, options)
        const { live } = this.#connection
        if (isBlind(update) && this.#connection.write(() => live.updatesIf(update, now()))) return true
        return this.#updateStored(update) !== undefined
      },
    }
  }

  /** Closes the file. A database that was handed in stays open. Closing twice does no harm. */
  close(): void {
    this.#connection.close()
  }

  /** {@link TaskStore.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }

  #saveRow(row: TaskRow): SavedTask {
    const submitTime = this.#connection.write(() => this.#saves.save(row, true))
    if (submitTime !== undefined) return { submitTime, updateTime: row.updateTime }
    return this.#connection.transaction(() => this.#saveOverStored(row))
  }

  #saveShard(shard: Omit<NewTaskShard, 'shardIndex'>, options: SaveShardOptions | undefined): TaskShard {
    const { keepUpdateTime, refreshTask } = readSaveShardOptions(options)
    return this.#shards.save(checkNewShard(shard), keepUpdateTime, refreshTask)
  }

  /**
   * Saves a task after a look at the stored one: its id was replaced, or may have been, so that its old id still has to
   * find it; or its update time would not differ from the stored one.
   */
  #saveOverStored(given: TaskRow): Pick<TaskInfo, 'taskId' | 'metadata' | 'submitTime' | 'updateTime'> {
    const { live } = this.#connection
    const stored = live.find(given.taskId)
    const updateTime = stored && given.isStamped ? now(stored.updateTime) : given.updateTime
    const { row, metadata } = rowUnderNewId({ ...given, updateTime }, stored, ({ taskId }, replacedId) =>
      live.shards.ownersOf(replacedId).includes(taskId),
    )
    return { taskId: row.taskId, metadata, submitTime: upsertKnownTask(this.#connection, row), updateTime }
  }

  #rowsOf(taskIds: readonly string[]): (Row | undefined)[] {
    return this.#connection.snapshot(() =>
      inBatches(taskIds, GET_BATCH).flatMap((batch) => this.#connection.live.findAllRows(batch)),
    )
  }

  /** Updates a task in one statement if that can do it. A result that is written is null in the row. */
  #updateBlindly(update: CheckedUpdate): Row | undefined {
    if (!isBlind(update)) return undefined
    return this.#connection.write(() => this.#connection.live.updateIf(update, now()))
  }

  #updateStored(update: CheckedUpdate): TaskInfo | undefined {
    const { live } = this.#connection
    return this.#connection.transaction(() => {
      const stored = live.find(update.taskId)
      const plan = stored && planUpdate(stored, update, now(stored.updateTime))
      if (plan !== undefined) live.update(plan.task.taskId, plan.change)
      return plan?.task
    })
  }

  #clear(filter: CheckedFilter, options: LongCallOptions<TaskProgress> | undefined): number {
    const step = stepOf(readLongCall(options))
    const { live } = this.#connection
    const matching = filterSql(filter)
    const last = this.#connection.write(() => live.lastRowid())
    let size = FIRST_BATCH
    const deleteAfter = (rowid: Rowid, limit: number) =>
      this.#connection.batch(() => {
        const began = elapsed()
        const deleted = live.deleteAfter(rowid, last, matching, limit)
        size = nextBatchSize(limit, elapsed() - began)
        return deleted
      })
    let cleared = 0
    for (const deleted of walk(this.file, () => size, deleteAfter)) {
      cleared += deleted.length
      step({ done: cleared })
    }
    return cleared
  }
}

/** The kinds of functions that return before they have done their work. */
const LATE_FUNCTIONS = [async () => {}, function* () {}, async function* () {}].map(Object.getPrototypeOf)
