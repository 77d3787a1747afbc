export {
  type JsonArray,
  type JsonObject,
  type JsonValue,
  UnreadableJson,
} from '../drizzle/json-codec.ts'
export type {
  ArchivedTaskInfo,
  ArchivedTaskShard,
  NewTaskInfo,
  NewTaskShard,
  TaskInfo,
  TaskShard,
} from '../drizzle/schema.ts'
export { TASK_STATUSES, type TaskStatus, TERMINAL_STATUSES } from '../drizzle/task-status.ts'
export type { BackupOptions, BackupProgress, BackupReport } from './backup-file.ts'
export type { CheckOptions, CheckReport, Finding, FindingKind } from './check-file.ts'
export type { TaskDatabase } from './connection.ts'
export type { ExportOptions, ExportReport } from './export-file.ts'
export type { ImportOptions, ImportProgress, ImportReport, SkippedRecord } from './import-file.ts'
export type { MergeConflict, MergeOptions, MergeReport } from './merge-file.ts'
export type { RepairReport } from './repair-file.ts'
export type { RestoreReport } from './restore-backup.ts'
export type { TaskStoreOptions } from './store-location.ts'
export type {
  ArchiveOlderThanOptions,
  ArchiveOlderThanReport,
  MoveOptions,
  MoveReport,
  TaskArchive,
} from './task-archive.ts'
export type { ListOptions, TaskFilter, TaskListOptions } from './task-filter.ts'
export { generateTaskId, isUniqcTaskId } from './task-id.ts'
export type { MaybeArchived, Page } from './task-lists.ts'
export {
  type NewTaskRecord,
  type RecordFilter,
  type RecordListOptions,
  TaskPersistence,
  type TaskRecord,
  type TaskRecordChanges,
} from './task-persistence.ts'
export type { TaskSummary } from './task-row.ts'
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
export { type InvalidTask, TaskStoreError, type TaskStoreErrorCode } from './task-store-error.ts'
