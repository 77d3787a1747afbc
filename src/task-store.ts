import { isPlainObject } from '../drizzle/json/value.ts'
import type { NewTaskInfo, NewTaskShard, TaskInfo, TaskShard } from '../drizzle/schema.ts'
import { TASK_STATUSES, type TaskStatus, TERMINAL_STATUSES } from '../drizzle/task-status.ts'
import type { ImportOptions, ImportReport } from './formats/read-batches.ts'
import { aggregateStatus } from './rules/aggregate-shards.ts'
import { checkIterable, checkString, strings, wrongType } from './rules/check-arguments.ts'
import { checkNewShard, checkNewTask, missing } from './rules/check-task.ts'
import { now } from './rules/clock.ts'
import type { CheckOptions, CheckReport, Finding } from './rules/findings.ts'
import { readSaveShardOptions, type SaveShardOptions } from './rules/save-shard.ts'
import { readSaveOptions, rowUnderNewId, type SaveOptions, type TaskRow, taskRow } from './rules/save-task.ts'
import {
  type CheckedFilter,
  checkFilter,
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
import {
  checkUpdate,
  isBlind,
  planUpdate,
  type TaskChanges,
  type UpdateOptions,
} from './rules/update-task.ts'
import { Connection } from './sqlite/connection.ts'
import type { TaskDatabase } from './sqlite/statement.ts'
import { locateStore, type StoreLocation, type TaskStoreOptions } from './sqlite/store-location.ts'
import { filterSql } from './sqlite/tables/filter-sql.ts'
import { LiveShards } from './sqlite/tables/live-shards.ts'
import { StagedRows } from './sqlite/tables/staged-rows.ts'
import { TaskList } from './sqlite/tables/task-list.ts'
import { readTask, SUMMARY, WHOLE } from './sqlite/tables/task-row.ts'
import { upsertKnownTask, upsertOneOfMany, upsertTask } from './sqlite/tables/upsert-task.ts'
import { walk } from './sqlite/tables/walk.ts'
import { type ExportOptions, type ExportReport, exportFile } from './sqlite/transfer/export-file.ts'
import { importFile } from './sqlite/transfer/import-file.ts'
import { type MergeOptions, type MergeReport, mergeFile } from './sqlite/transfer/merge-file.ts'
import { type BackupOptions, type BackupReport, backupFile } from './sqlite/upkeep/backup-file.ts'
import { checkFile } from './sqlite/upkeep/check-file.ts'
import { type RepairReport, repairFile } from './sqlite/upkeep/repair-file.ts'
import { type RestoreReport, restoreBackup } from './sqlite/upkeep/restore-backup.ts'
import { TaskArchive } from './task-archive.ts'

/** How many tasks a page has by default. */
const PAGE_SIZE = 100

/** How many tasks of a long deletion go under one lock, so that other writers get their turn. */
const DELETE_BATCH = 1000

/**
 * The records of quantum tasks in one SQLite file, which UnifiedQuantum (Python) may be using at the same
 * time.
 *
 * Every call but {@link TaskStore.backup} is synchronous, and atomic unless it says that it goes in batches.
 * An id that UnifiedQuantum's version 5 replaced still finds its task, which comes back under its new id, with
 * the old one in `metadata.legacy_platform_id`.
 *
 * Every method throws a `TypeError` for an argument of the wrong type or an option that does not exist, and a
 * {@link TaskStoreError} with the code `CLOSED`, `LOCKED`, `READONLY`, `DISK_FULL` or `CORRUPT_FILE` where
 * the file does not let it do its work; after either, nothing of the call is in the file.
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
export class TaskStore {
  readonly #connection: Connection
  readonly #location: StoreLocation
  readonly #list: TaskList
  readonly #shards: LiveShards

  /** The tasks that were moved out of the way, with their shards. */
  readonly archive: TaskArchive

  /**
   * Opens the file, making it if it is missing and bringing it up to date if it is old.
   *
   * @param options A folder for `tasks.sqlite`, or {@link TaskStoreOptions}. Default: `$UNIQC_CACHE_DIR`,
   * else `~/.uniqc/cache`.
   * @throws TaskStoreError `CANNOT_OPEN`, `CORRUPT_FILE`, `FOREIGN_FILE`, `SCHEMA_TOO_NEW`,
   * `MIGRATION_FAILED`, `LOCKED`, `READONLY`, `DISK_FULL`: the file is as it was.
   */
  constructor(options?: string | TaskStoreOptions) {
    this.#location = locateStore(options)
    this.#connection = new Connection(this.#location)
    this.#list = new TaskList(this.#connection)
    this.#shards = new LiveShards(this.#connection)
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
   * Drizzle on the store's connection, for queries of your own with the tables of `uniqc-task-store/schema`.
   * Ask for it each time: where the file was removed or replaced, it is another one.
   */
  get db(): TaskDatabase {
    return this.#connection.handOut()
  }

  /**
   * Inserts a task, or replaces the one with its id, all of it but the first `submitTime`, which stays unless
   * one is given. As in UnifiedQuantum, `updateTime` becomes the time now; see {@link
   * SaveOptions.keepUpdateTime}.
   *
   * @returns The task as it is now stored.
   * @throws TaskStoreError `INVALID_TASK` for a field that cannot be stored, `AMBIGUOUS_ID`.
   */
  save(task: NewTaskInfo, options?: SaveOptions): TaskInfo {
    const { keepUpdateTime } = readSaveOptions(options)
    const checked = checkNewTask(task)
    const row = taskRow(checked, keepUpdateTime, now())
    const submitTime = this.#connection.write(() => upsertTask(this.#connection, row))
    const saved =
      submitTime === undefined
        ? this.#connection.transaction(() => this.#saveUnderNewId(row))
        : { submitTime }
    return { ...checked.task, updateTime: row.updateTime, ...saved }
  }

  /**
   * Saves any number of tasks in one transaction: all of them or none. They are checked, and the iterable is
   * read to its end, before the first is written. However many there are, they take little memory: beyond some
   * megabytes they wait in a temporary file.
   *
   * @returns How many there were.
   * @throws TaskStoreError `INVALID_TASK` for the first that cannot be stored, `AMBIGUOUS_ID`.
   */
  saveMany(tasks: Iterable<NewTaskInfo>, options?: SaveOptions): number {
    const { keepUpdateTime } = readSaveOptions(options)
    checkIterable('tasks', tasks, 'an iterable of tasks')
    using rows = new StagedRows()
    for (const task of tasks) rows.add(taskRow(checkNewTask(task), keepUpdateTime, now()))
    return this.#connection.transaction(() => {
      for (const row of rows) {
        if (!upsertOneOfMany(this.#connection, row)) this.#saveUnderNewId(row)
      }
      return rows.count
    })
  }

  /**
   * The task with this id.
   *
   * @returns undefined where there is none.
   * @throws TaskStoreError `AMBIGUOUS_ID` where several tasks replaced this id.
   */
  get(taskId: string): TaskInfo | undefined {
    checkString('taskId', taskId)
    return this.#connection.run(() => this.#connection.live.find(taskId))
  }

  /**
   * Changes fields of a task in one transaction: nothing that another process wrote meanwhile is lost.
   * Metadata is merged key by key; every other field is replaced; what is not given keeps its text in the
   * file to the byte.
   *
   * @returns The task as it is now stored; undefined where there is none, or a condition of the options does
   * not hold.
   * @throws TaskStoreError `INVALID_TASK` for a field that cannot be stored, `AMBIGUOUS_ID`.
   */
  update(taskId: string, changes: TaskChanges, options?: UpdateOptions): TaskInfo | undefined {
    const update = checkUpdate(taskId, changes, options)
    const { live } = this.#connection
    if (isBlind(update)) {
      const updateTime = now()
      const row = this.#connection.write(() => live.updateIf(update, updateTime))
      if (row !== undefined) return { ...readTask(row), ...update.fields, updateTime } as TaskInfo
    }
    return this.#connection.transaction(() => {
      const stored = live.find(taskId)
      const plan = stored && planUpdate(stored, update, now(stored.updateTime))
      if (plan !== undefined) live.update(plan.task.taskId, plan.change)
      return plan?.task
    })
  }

  /**
   * The tasks that match, newest first by the text of `submitTime`, then the last inserted first, as in
   * UnifiedQuantum.
   */
  list(options?: TaskListOptions): ListedTask[] {
    const { places, ...list } = checkTaskList(options)
    return this.#list.list(places, list, WHOLE)
  }

  /** What {@link TaskStore.list} gives, without results and metadata, which are not even read. */
  listSummaries(options?: TaskListOptions): ListedSummary[] {
    const { places, ...list } = checkTaskList(options)
    return this.#list.list(places, list, SUMMARY)
  }

  /**
   * A page of at most `limit` tasks (default 100), in the order of {@link TaskStore.list}. Give its `next` as
   * `after` to get the page behind it: no task is listed twice or left out since others were inserted, and the
   * last page costs what the first one does.
   *
   * @throws TypeError for an `after` that is no `next`.
   */
  page(options: TaskListOptions = {}): Page<ListedTask> {
    const { places, ...list } = checkTaskList(options)
    const limit = options.limit === undefined ? PAGE_SIZE : list.limit
    if (limit < 1) throw new TypeError(`limit must be a whole number from 1, not ${limit}`)
    return this.#list.page(places, { ...list, limit }, WHOLE)
  }

  /**
   * Every task that matches, in the order of {@link TaskStore.list}, however many there are: read in small
   * parts as they are asked for. Nothing is locked between them, so a task that is inserted meanwhile may be
   * left out, and one that is deleted is.
   */
  iterate(options?: TaskListOptions): Generator<ListedTask, void, undefined> {
    const { places, ...list } = checkTaskList(options)
    return this.#list.iterate(places, list, WHOLE)
  }

  /** How many live tasks match. */
  count(filter?: TaskFilter): number {
    return this.#list.count('live', checkFilter(filter))
  }

  /** How many live tasks match, by status. The five are always there; others where a file holds them. */
  countByStatus(filter?: TaskFilter): Record<TaskStatus, number> & Record<string, number> {
    const counts = this.#list.countByStatus('live', checkFilter(filter))
    return Object.fromEntries([...TASK_STATUSES.map((status) => [status, 0]), ...counts])
  }

  /**
   * Gives a task one more shard, at the next free index. Two processes that add at once get two indexes.
   *
   * @returns The shard as it is now stored.
   * @throws TaskStoreError `INVALID_TASK` for a field that cannot be stored, and where there is no such task;
   * `AMBIGUOUS_ID`.
   */
  addShard(shard: Omit<NewTaskShard, 'shardIndex'>, options?: SaveShardOptions): TaskShard {
    if (isPlainObject(shard) && Object.hasOwn(shard, 'shardIndex')) {
      throw new TypeError('addShard() takes the next free index; to give one, call saveShard()')
    }
    return this.#saveShard(shard, options)
  }

  /**
   * Inserts a shard of a task, or replaces the one at its index: status, result and error become what is
   * given, see {@link NewTaskShard} for the rest.
   *
   * @returns The shard as it is now stored.
   * @throws TaskStoreError `INVALID_TASK` for a field that cannot be stored, and where there is no such task;
   * `AMBIGUOUS_ID`.
   */
  saveShard(shard: NewTaskShard, options?: SaveShardOptions): TaskShard {
    if (isPlainObject(shard) && shard.shardIndex === undefined) missing(shard.uniqcTaskId, 'shardIndex')
    return this.#saveShard(shard, options)
  }

  /** The shards of a task, by their index. @throws TaskStoreError `AMBIGUOUS_ID`. */
  getShards(taskId: string): TaskShard[] {
    checkString('taskId', taskId)
    return this.#connection.run(() => this.#shards.of(taskId))
  }

  /** The shards of live tasks with this id on their platform: several where tasks share one. */
  findShards(platformTaskId: string, options?: FindShardsOptions): TaskShard[] {
    checkString('platformTaskId', platformTaskId)
    const { backend } = readFindShardsOptions(options)
    return this.#connection.run(() => this.#shards.find(platformTaskId, backend))
  }

  /**
   * Deletes the shards of a task, which stays.
   *
   * @returns How many there were.
   * @throws TaskStoreError `AMBIGUOUS_ID`.
   */
  deleteShards(taskId: string): number {
    checkString('taskId', taskId)
    return this.#shards.delete(taskId)
  }

  /**
   * The status of a task by its shards, as UnifiedQuantum has it. None: pending. Any not terminal: running.
   * All success: success. Else any failed: failed. Else cancelled.
   */
  static aggregateStatus(shards: Iterable<Pick<TaskShard, 'status'>>): TaskStatus {
    checkIterable('shards', shards, 'an iterable of shards')
    const given = Array.from(shards)
    for (const shard of given) checkString('the status of a shard', shard?.status)
    return aggregateStatus(given)
  }

  /**
   * Deletes a task with its shards.
   *
   * @returns Whether there was one.
   * @throws TaskStoreError `AMBIGUOUS_ID`.
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
   * Deletes the tasks that have one of these statuses, by default the terminal ones. It goes in batches, so
   * that others can write between them; stopped half-way, call it again. Inside {@link TaskStore.transaction}
   * it is all or nothing.
   *
   * @returns How many there were.
   */
  clearCompleted(statuses: string | readonly string[] = TERMINAL_STATUSES): number {
    return this.#clear(checkFilter({ status: strings('statuses', statuses) ?? [] }))
  }

  /**
   * Deletes every task that is there now, in batches as {@link TaskStore.clearCompleted} does. The archive
   * stays. UnifiedQuantum's `clear_all` removes the whole file instead, under the hands of whoever has it
   * open.
   *
   * @returns How many there were.
   */
  clearAll(): number {
    return this.#clear(checkFilter())
  }

  /**
   * Writes the tasks that match, live and archived, with their shards, to a file of JSON lines: all as they
   * are at one moment, and the file whole or not at all. {@link TaskStore.importFile} reads it back to an
   * equal store. Numbers beyond JSON stand in it as `{"$float":"NaN"}` and `{"$int":"12345678901234567890123"}`.
   *
   * @throws TaskStoreError `CONFLICT` where the file exists, `CANNOT_OPEN`, `DISK_FULL`.
   */
  exportFile(file: string, options?: ExportOptions): ExportReport {
    return exportFile(this.#connection, file, options)
  }

  /**
   * Takes in the tasks of a file: of UnifiedQuantum's `tasks.jsonl` or `tasks.json` from before it used SQLite,
   * or of an export. Of several lines of one id the last one counts. What the store has newer stays, what
   * cannot be read is reported and skipped. It goes in batches; stopped half-way, or called again, it adds
   * what is missing and changes nothing else.
   *
   * @param path The file, or a folder that has these files.
   * @throws TaskStoreError `CANNOT_OPEN` where there is no such file.
   */
  importFile(path: string, options?: ImportOptions): ImportReport {
    return importFile(this.#connection, path, options)
  }

  /**
   * Takes in the tasks of another store's file, of any version, which is only read: by their ids, else by the
   * id and backend on their platform; of two records of one task the newer one stays, shard by shard. It goes
   * in batches; stopped half-way, call it again.
   *
   * @throws TaskStoreError With the codes of opening a store, for the other file.
   */
  mergeFile(file: string, options?: MergeOptions): MergeReport {
    return mergeFile(this.#connection, file, options)
  }

  /**
   * Looks at the whole file: whether SQLite finds it sound, and at records that are lost, doubled, unreadable
   * or forgotten. Changes nothing, and takes as long as it takes to read everything.
   *
   * @returns What was found, the worst first, each with what it means and what mends it.
   */
  check(options?: CheckOptions): CheckReport {
    return checkFile(this.#connection, options)
  }

  /**
   * Mends what can be mended without loss of what a check found, as it is now, all in one transaction and
   * after a copy of the file, which stays beside it (`tasks.sqlite.before-repair.<time>`; the newest five are
   * kept).
   *
   * @param findings Those of {@link TaskStore.check}, or some of them.
   */
  repair(findings: readonly Finding[]): RepairReport {
    return repairFile(this.#connection, findings)
  }

  /**
   * Copies the file as it is at one moment, while others go on writing, and checks the copy before it gets its
   * name. The one call that takes a promise to be done: the copy is made in parts.
   *
   * @throws TaskStoreError `CONFLICT` where the file exists, `CORRUPT_FILE` where this one is damaged,
   * `CANNOT_OPEN`, `DISK_FULL`; nothing is left behind.
   */
  async backup(file: string, options?: BackupOptions): Promise<BackupReport> {
    return backupFile(this.#connection, file, options)
  }

  /**
   * Replaces all that a store holds by what a backup holds, of whatever version: in one transaction, or where
   * the store's file is damaged or missing, by a new file. What was there is kept beside it
   * (`tasks.sqlite.before-restore.<time>`, or `.damaged.<time>`).
   *
   * @param options The store, as for opening it.
   * @throws TaskStoreError With the codes of opening a store; the store is as it was.
   */
  static restoreBackup(backup: string, options?: string | TaskStoreOptions): RestoreReport {
    return restoreBackup(backup, options)
  }

  /**
   * Runs `work` in one transaction that holds the write lock from its first moment: what it reads, nobody
   * changes before it is done. If it throws, nothing of it is written. One inside another can be undone
   * alone.
   *
   * @returns What `work` returns.
   * @throws TypeError where `work` is async or returns a promise: its writes would come after the commit.
   */
  transaction<T>(work: (tx: this) => T): T {
    if (typeof work !== 'function') throw wrongType('work', 'a function', work)
    if (LATE_FUNCTIONS.includes(Object.getPrototypeOf(work))) {
      throw new TypeError(
        'transaction() takes a function that is neither async nor a generator: its writes would come after the commit',
      )
    }
    return this.#connection.transaction(() => work(this))
  }

  /** Closes the file. A database that was handed in stays open. Closing twice does no harm. */
  close(): void {
    this.#connection.close()
  }

  /** {@link TaskStore.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }

  #saveShard(shard: Omit<NewTaskShard, 'shardIndex'>, options: SaveShardOptions | undefined): TaskShard {
    const { keepUpdateTime, refreshTask } = readSaveShardOptions(options)
    return this.#shards.save(checkNewShard(shard), keepUpdateTime, refreshTask)
  }

  /** Saves a task whose id was replaced, or may have been, so that its old id still finds it. */
  #saveUnderNewId(given: TaskRow): Pick<TaskInfo, 'taskId' | 'metadata' | 'submitTime'> {
    const { live } = this.#connection
    const { row, metadata } = rowUnderNewId(given, live.find(given.taskId), ({ taskId }, replacedId) =>
      live.shards.ownersOf(replacedId).includes(taskId),
    )
    return { taskId: row.taskId, metadata, submitTime: upsertKnownTask(this.#connection, row) }
  }

  #clear(filter: CheckedFilter): number {
    const { live } = this.#connection
    const matching = filterSql(filter)
    const last = this.#connection.write(() => live.lastRowid())
    const deleteAfter = (rowid: number) =>
      this.#connection.batch(() => live.deleteAfter(rowid, last, matching, DELETE_BATCH))
    let cleared = 0
    for (const deleted of walk(this.file, DELETE_BATCH, deleteAfter)) cleared += deleted.length
    return cleared
  }
}

/** The kinds of functions that do not do their work when they are called. */
const LATE_FUNCTIONS = [async () => {}, function* () {}, async function* () {}].map(Object.getPrototypeOf)
