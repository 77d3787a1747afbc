import type { TaskInfo } from '../../drizzle/schema.ts'
import type { Step, TaskProgress } from './long-call.ts'
import type { TaskRow } from './save-task.ts'
import type { Page, TaskListOptions } from './task-filter.ts'
import type { Row } from './task-row.ts'
import type { CheckedUpdate } from './update-task.ts'

/** The property under which a store has {@link RowCalls}. */
export const ROWS: unique symbol = Symbol('uniqc-task-store.rows')

/** Calls of a store for who checks what it is given, and reads the rows that it returns: in another thread. */
export interface RowCalls {
  save(row: TaskRow): SavedTask
  stage(): StagedTasks
  /** A result that is written is null in the row. */
  update(update: CheckedUpdate): Row | undefined
  get(taskId: string): Row | undefined
  getMany(taskIds: readonly string[]): (Row | undefined)[]
  list(options?: TaskListOptions): Row[]
  listSummaries(options?: TaskListOptions): Row[]
  page(options?: TaskListOptions): Page<Row>
  pageSummaries(options?: TaskListOptions): Page<Row>
}

/** What a store decides about a task that it saves: its id and its metadata only where it may be others than were given. */
export type SavedTask = Pick<TaskInfo, 'submitTime' | 'updateTime'> &
  Partial<Pick<TaskInfo, 'taskId' | 'metadata'>>

/** Tasks that come over time, for one `saveMany`. */
export interface StagedTasks extends Disposable {
  add(row: TaskRow): void
  save(step: Step<TaskProgress>): number
}
