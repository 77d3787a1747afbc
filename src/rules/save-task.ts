import { readJsonObject } from '../../drizzle/json/cell.ts'
import type { JsonObject } from '../../drizzle/json/value.ts'
import type { TaskInfo } from '../../drizzle/schema.ts'
import { flag, optionsReader } from './check-arguments.ts'
import { type CheckedTask, encodeJson } from './check-task.ts'
import { type LongCallOptions, longCall, type TaskProgress } from './long-call.ts'
import { keepReplacedId, namesReplacedId, REPLACED_ID } from './replaced-id.ts'

/** How a task is saved. */
export interface SaveOptions {
  /** Store the task's own `updateTime`, if it has one, instead of the current time. Default false. */
  readonly keepUpdateTime?: boolean | undefined
}

/** How many tasks are saved, and how the call is followed and ended. */
export interface SaveManyOptions extends SaveOptions, LongCallOptions<TaskProgress> {}

const SAVE_OPTIONS = { keepUpdateTime: flag(false) }

export const readSaveOptions = optionsReader(SAVE_OPTIONS)

export const readSaveManyOptions = optionsReader({ ...SAVE_OPTIONS, ...longCall<TaskProgress>() })

/** A task as it is bound to a statement: JSON as text. */
export interface TaskRow {
  readonly taskId: string
  readonly backend: string
  readonly status: string
  readonly shots: number
  /** The given one, else the time now, for a new task. */
  readonly submitTime: string
  /** Whether the submit time is a given one, which replaces a stored one. */
  readonly isTimed: boolean
  readonly updateTime: string
  /** Whether the update time is the time now, and not a given one. */
  readonly isStamped: boolean
  readonly result: string | null
  readonly metadata: string
  readonly errorMessage: string | null
  /** 1 if the metadata name an id that was replaced, or cannot name one. */
  readonly namesReplacedId: 0 | 1
}

export function taskRow({ task, cells }: CheckedTask, keepUpdateTime: boolean, now: string): TaskRow {
  const givenTime = keepUpdateTime ? task.updateTime : undefined
  return {
    taskId: task.taskId,
    backend: task.backend,
    status: task.status,
    shots: task.shots,
    submitTime: task.submitTime ?? now,
    isTimed: task.submitTime !== undefined,
    updateTime: givenTime ?? now,
    isStamped: givenTime === undefined,
    result: cells.result,
    metadata: cells.metadata,
    errorMessage: task.errorMessage,
    namesReplacedId: namesReplacedId(task.metadata) ? 1 : 0,
  }
}

/**
 * The row to write for a task that may be stored under a new id: it is written there, and names the replaced
 * id as long as a shard still has it.
 */
export function rowUnderNewId(
  row: TaskRow,
  stored: TaskInfo | undefined,
  isStillReplaced: (stored: TaskInfo, replacedId: string) => boolean,
): { readonly row: TaskRow; readonly metadata: JsonObject } {
  const given = readJsonObject(row.metadata)
  if (stored === undefined) return { row, metadata: given }
  const { taskId } = stored
  const kept = keepReplacedId(stored.metadata, given)
  if (kept === given || !isStillReplaced(stored, kept[REPLACED_ID] as string))
    return { row: { ...row, taskId }, metadata: given }
  return { row: { ...row, taskId, metadata: encodeJson(taskId, 'metadata', kept).text }, metadata: kept }
}
