export { type JsonArray, type JsonObject, type JsonValue, UnreadableJson } from '../drizzle/json/value.ts'
export type {
  ArchivedTaskInfo,
  ArchivedTaskShard,
  NewTaskInfo,
  NewTaskShard,
  TaskInfo,
  TaskShard,
} from '../drizzle/schema.ts'
export { TASK_STATUSES, type TaskStatus, TERMINAL_STATUSES } from '../drizzle/task-status.ts'
export type { ArchiveListOptions, TaskFilter, TaskListOptions } from './rules/task-filter.ts'
export { generateTaskId, isUniqcTaskId } from './rules/task-id.ts'
export { type InvalidField, TaskStoreError, type TaskStoreErrorCode } from './rules/task-store-error.ts'
export type { TaskDatabase } from './sqlite/connection.ts'
export type { TaskStoreOptions } from './sqlite/store-location.ts'
export type { Page, WithArchivedAt } from './sqlite/tables/task-list.ts'
export type { TaskSummary } from './sqlite/tables/task-row.ts'
export type { ExportOptions, ExportReport } from './sqlite/transfer/export-file.ts'
export type {
  ImportOptions,
  ImportProgress,
  ImportReport,
  SkippedRecord,
} from './sqlite/transfer/import-file.ts'
export type { MergeConflict, MergeOptions, MergeReport } from './sqlite/transfer/merge-file.ts'
export type { BackupOptions, BackupProgress, BackupReport } from './sqlite/upkeep/backup-file.ts'
export type { CheckOptions, CheckReport, Finding, FindingKind } from './sqlite/upkeep/check-file.ts'
export type { RepairReport } from './sqlite/upkeep/repair-file.ts'
export type { RestoreReport } from './sqlite/upkeep/restore-backup.ts'
export type {
  ArchiveMoveOptions,
  ArchiveMoveResult,
  ArchiveOlderThanOptions,
  ArchiveOlderThanReport,
  TaskArchive,
} from './task-archive.ts'
export {
  type NewTaskRecord,
  type RecordFilter,
  type RecordListOptions,
  TaskPersistence,
  type TaskRecord,
  type TaskRecordChanges,
} from './task-persistence.ts'
export {
  type FindShardsOptions,
  type ListedSummary,
  type ListedTask,
  type SaveOptions,
  type SaveShardOptions,
  type TaskChanges,
  TaskStore,
  type UpdateOptions,
} from './task-store.ts'
