export { type JsonArray, type JsonObject, type JsonValue, UnreadableJson } from '../drizzle/json/value.ts'
export type {
  ArchivedTaskInfo,
  ArchivedTaskShard,
  NewTaskInfo,
  NewTaskShard,
  TaskInfo,
  TaskShard,
} from '../drizzle/schema.ts'
export { type AnyStatus, TASK_STATUSES, type TaskStatus, TERMINAL_STATUSES } from '../drizzle/task-status.ts'
export { type CopyOptions, type CopyReport, copyTasks } from './copy-tasks.ts'
export type { ExportOptions, ExportReport } from './formats/export-options.ts'
export { fromJson, toJson } from './formats/json.ts'
export type { ImportOptions, ImportProgress, ImportReport, SkippedRecord } from './formats/read-batches.ts'
export { ArgumentError, type ArgumentErrorCode } from './rules/argument-error.ts'
export { countsOf, countsPerCircuit, probabilitiesOf } from './rules/counts-of-result.ts'
export type { FindIdsOptions } from './rules/find-ids.ts'
export type { CheckOptions, CheckReport, Finding, FindingKind } from './rules/findings.ts'
export type { LongCallOptions, RecordProgress, TaskProgress } from './rules/long-call.ts'
export type { MergeConflict, MergeProgress, MergeReport } from './rules/merge-tasks.ts'
export type {
  ArchiveManyOptions,
  ArchiveMoveOptions,
  ArchiveMoveResult,
  ArchiveOlderThanOptions,
  ArchiveOlderThanProgress,
  ArchiveOlderThanReport,
} from './rules/move-task.ts'
export { parseListQuery } from './rules/parse-list-query.ts'
export type { SaveShardOptions } from './rules/save-shard.ts'
export type { SaveManyOptions, SaveOptions } from './rules/save-task.ts'
export type { StatusCounts } from './rules/status-counts.ts'
export type {
  ArchiveListOptions,
  FindShardsOptions,
  ListedSummary,
  ListedTask,
  Page,
  TaskFilter,
  TaskListOptions,
  TaskSummary,
  WithArchivedAt,
} from './rules/task-filter.ts'
export { generateTaskId, isUniqcTaskId } from './rules/task-id.ts'
export {
  type CallOutcome,
  type InvalidField,
  TaskStoreError,
  type TaskStoreErrorCode,
} from './rules/task-store-error.ts'
export type { Transferable } from './rules/transfer.ts'
export type { TaskChanges, UpdateOptions } from './rules/update-task.ts'
export type { WatchOptions } from './rules/watch-list.ts'
export type { TaskDatabase } from './sqlite/statement.ts'
export type { TaskStoreOptions } from './sqlite/store-location.ts'
export type { MergeOptions } from './sqlite/transfer/merge-file.ts'
export type { BackupOptions, BackupProgress, BackupReport } from './sqlite/upkeep/backup-file.ts'
export type { RepairOptions, RepairProgress, RepairReport } from './sqlite/upkeep/repair-file.ts'
export type { RestoreOptions, RestoreReport } from './sqlite/upkeep/restore-backup.ts'
export type { TaskArchive } from './task-archive.ts'
export {
  type NewTaskRecord,
  type RecordFilter,
  type RecordListOptions,
  TaskPersistence,
  type TaskRecord,
  type TaskRecordChanges,
} from './task-persistence.ts'
export type {
  ArchiveRepository,
  Kind,
  Result,
  TaskRepository,
  TaskRepositoryCalls,
} from './task-repository.ts'
export { TaskStore } from './task-store.ts'
