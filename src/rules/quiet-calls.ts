import type { NewTaskInfo } from '../../drizzle/schema.ts'
import type { TaskChanges, UpdateOptions } from './update-task.ts'

/** The property under which a store has {@link QuietCalls}, if it can do with less work than its own calls. */
export const QUIET: unique symbol = Symbol('uniqc-task-store.quiet')

/** Calls of a store for who does not look at the task that they would return. */
export interface QuietCalls {
  /** A given update time is stored. */
  save(task: NewTaskInfo): void
  /** Returns whether there was such a task, and the conditions held. */
  update(taskId: string, changes: TaskChanges, options: UpdateOptions): boolean
}
