import type {
  ArchivedTaskInfo,
  ArchivedTaskShard,
  NewTaskInfo,
  NewTaskShard,
  TaskInfo,
  TaskShard,
} from '../drizzle/schema.ts'
import type { AnyStatus } from '../drizzle/task-status.ts'
import type { ExportOptions, ExportReport } from './formats/export-options.ts'
import type { ImportOptions, ImportReport } from './formats/read-batches.ts'
import type { FindIdsOptions } from './rules/find-ids.ts'
import type { CheckOptions, CheckReport } from './rules/findings.ts'
import type { LongCallOptions, TaskProgress } from './rules/long-call.ts'
import type {
  ArchiveManyOptions,
  ArchiveMoveOptions,
  ArchiveMoveResult,
  ArchiveOlderThanOptions,
  ArchiveOlderThanReport,
} from './rules/move-task.ts'
import type { SaveShardOptions } from './rules/save-shard.ts'
import type { SaveManyOptions, SaveOptions } from './rules/save-task.ts'
import type { StatusCounts } from './rules/status-counts.ts'
import type {
  ArchiveListOptions,
  FindShardsOptions,
  ListedSummary,
  ListedTask,
  Page,
  TaskFilter,
  TaskListOptions,
} from './rules/task-filter.ts'
import type { TaskChanges, UpdateOptions } from './rules/update-task.ts'
import type { WatchOptions } from './rules/watch-list.ts'

/** Whether the calls of a store return their results, or promises of them. */
export type Kind = 'sync' | 'async'

/** What a call of a store returns. */
export type Result<K extends Kind, T> = { sync: T; async: Promise<T> }[K]

/** What every store can do, whatever its engine. {@link TaskStore} says what each call does. */
export interface TaskRepository<K extends Kind = Kind> extends TaskRepositoryCalls<K> {
  transaction<T>(work: (tx: TaskRepositoryCalls<K>) => { sync: T; async: T | Promise<T> }[K]): Result<K, T>
  check(options?: CheckOptions): Result<K, CheckReport>
  watch(options?: TaskListOptions, watch?: WatchOptions): AsyncGenerator<ListedSummary[], void, undefined>
  close(): Result<K, void>
}

/** The calls of a store that it has inside a transaction, too. */
export interface TaskRepositoryCalls<K extends Kind = Kind> {
  readonly kind: K
  readonly archive: ArchiveRepository<K>
  save(task: NewTaskInfo, options?: SaveOptions): Result<K, TaskInfo>
  saveMany(tasks: Iterable<NewTaskInfo>, options?: SaveManyOptions): Result<K, number>
  get(taskId: string): Result<K, TaskInfo | undefined>
  getMany(taskIds: Iterable<string>): Result<K, (TaskInfo | undefined)[]>
  findIds(beginning: string, options?: FindIdsOptions): Result<K, string[]>
  update(taskId: string, changes: TaskChanges, options?: UpdateOptions): Result<K, TaskInfo | undefined>
  list(options?: TaskListOptions): Result<K, ListedTask[]>
  listSummaries(options?: TaskListOptions): Result<K, ListedSummary[]>
  page(options?: TaskListOptions): Result<K, Page<ListedTask>>
  pageSummaries(options?: TaskListOptions): Result<K, Page<ListedSummary>>
  iterate(options?: TaskListOptions): {
    sync: Generator<ListedTask, void, undefined>
    async: AsyncGenerator<ListedTask, void, undefined>
  }[K]
  count(filter?: TaskFilter): Result<K, number>
  countByStatus(filter?: TaskFilter): Result<K, StatusCounts>
  countByBackend(filter?: TaskFilter): Result<K, Record<string, number>>
  addShard(shard: Omit<NewTaskShard, 'shardIndex'>, options?: SaveShardOptions): Result<K, TaskShard>
  saveShard(shard: NewTaskShard, options?: SaveShardOptions): Result<K, TaskShard>
  getShards(taskId: string): Result<K, TaskShard[]>
  findShards(platformTaskId: string, options?: FindShardsOptions): Result<K, TaskShard[]>
  deleteShards(taskId: string): Result<K, number>
  delete(taskId: string): Result<K, boolean>
  clearCompleted(
    statuses?: AnyStatus | readonly AnyStatus[],
    options?: LongCallOptions<TaskProgress>,
  ): Result<K, number>
  clearAll(options?: LongCallOptions<TaskProgress>): Result<K, number>
  exportFile(file: string, options?: ExportOptions): Result<K, ExportReport>
  importFile(path: string, options?: ImportOptions): Result<K, ImportReport>
}

/** What the archive of every store can do. {@link TaskArchive} says what each call does. */
export interface ArchiveRepository<K extends Kind = Kind> {
  archive(taskId: string, options?: ArchiveMoveOptions): Result<K, boolean>
  restore(taskId: string, options?: ArchiveMoveOptions): Result<K, boolean>
  archiveMany(taskIds: Iterable<string>, options?: ArchiveManyOptions): Result<K, ArchiveMoveResult[]>
  restoreMany(taskIds: Iterable<string>, options?: ArchiveManyOptions): Result<K, ArchiveMoveResult[]>
  archiveOlderThan(options: ArchiveOlderThanOptions): Result<K, ArchiveOlderThanReport>
  list(options?: ArchiveListOptions): Result<K, ArchivedTaskInfo[]>
  get(taskId: string): Result<K, ArchivedTaskInfo | undefined>
  getShards(taskId: string): Result<K, ArchivedTaskShard[]>
  count(filter?: TaskFilter): Result<K, number>
  countByStatus(filter?: TaskFilter): Result<K, StatusCounts>
  delete(taskId: string): Result<K, boolean>
  deleteMany(
    taskIds: Iterable<string>,
    options?: LongCallOptions<TaskProgress>,
  ): Result<K, ArchiveMoveResult[]>
}
