import { type AnyStatus, TERMINAL_STATUSES } from '../../drizzle/task-status.ts'
import { invalidValue } from './argument-error.ts'
import { amount, checkObject, flag, oneOf, optionsReader, strings, wrongValue } from './check-arguments.ts'
import { isEarlierThan, timeZone } from './instant.ts'
import { type LongCallOptions, longCall, stepOf, type TaskProgress } from './long-call.ts'
import type { PlaceName } from './place-name.ts'
import { TaskStoreError } from './task-store-error.ts'

/** What happens if a task is both live and archived. */
export interface ArchiveMoveOptions {
  /**
   * `throw` (default): a `CONFLICT`, and nothing is moved. `live` or `archived`: that record wins, and the
   * other one is deleted.
   */
  readonly onConflict?: OnConflict | undefined
}

/** How several tasks are moved, and how the call is followed and ended. */
export interface ArchiveManyOptions extends ArchiveMoveOptions, LongCallOptions<TaskProgress> {}

/** What happened to one of several tasks. */
export interface ArchiveMoveResult {
  /** The id as it was given. */
  readonly taskId: string
  readonly outcome:
    | 'archived'
    | 'restored'
    | 'deleted'
    /** It was moved before. */
    | 'already-there'
    | 'not-found'
    /** It is both live and archived, or a row of another table refers to it; nothing was moved. */
    | 'conflict'
    /** Several tasks replaced this id; nothing was moved. */
    | 'ambiguous-id'
  /** Set for `conflict` and `ambiguous-id`. */
  readonly error?: TaskStoreError
}

/** Which tasks are moved to the archive. */
export interface ArchiveOlderThanOptions
  extends ArchiveMoveOptions,
    LongCallOptions<ArchiveOlderThanProgress> {
  /** Submitted, or by `by` updated, more than this many hours ago. */
  readonly hours: number
  /**
   * Which of its times must be so long ago: `submitTime` (default), or `updateTime`, by which UnifiedQuantum's gateway
   * archives.
   */
  readonly by?: 'submitTime' | 'updateTime' | undefined
  /** The statuses of the tasks that are moved. Default: the terminal ones. */
  readonly statuses?: AnyStatus | readonly AnyStatus[] | undefined
  /**
   * The zone of times without an offset, such as the submit times of UnifiedQuantum's `TaskPersistence`: `UTC`,
   * `+08:00`, `Asia/Shanghai`. Default: the zone of this machine.
   */
  readonly timeZone?: string | undefined
  /** Report what would be moved, and move nothing. Default false. */
  readonly dryRun?: boolean | undefined
}

/** How far {@link TaskArchive.archiveOlderThan} is: how many tasks its report names. */
export interface ArchiveOlderThanProgress {
  readonly archived: number
  readonly conflicts: number
  readonly unreadable: number
}

/** What {@link TaskArchive.archiveOlderThan} did, by task id. */
export interface ArchiveOlderThanReport {
  /** The tasks that were moved, or that a dry run would move. */
  readonly archived: readonly string[]
  /** Old enough, but already in the archive as well, or a row of another table refers to it. */
  readonly conflicts: readonly string[]
  /** Left alone, because their time cannot be read. */
  readonly unreadable: readonly string[]
}

export type OnConflict = 'throw' | 'live' | 'archived'

const onConflict = oneOf<OnConflict>('throw', 'live', 'archived')

export const readMoveOptions = optionsReader({ onConflict })

export const readManyOptions = optionsReader({ onConflict, ...longCall<TaskProgress>() })

const readOptions = optionsReader({
  // It has no default: it is checked below.
  hours: (_name, value) => value,
  by: oneOf('submitTime', 'updateTime'),
  statuses: strings,
  timeZone,
  dryRun: flag(false),
  onConflict,
  ...longCall<ArchiveOlderThanProgress>(),
})

function finiteAmount(name: string, value: unknown): number {
  const number = amount(name, value)
  if (number === Number.POSITIVE_INFINITY) throw wrongValue(name, 'a finite number from 0', number)
  return number
}

/** The fields of a live task that decide whether it is archived. */
export interface MovableTask {
  readonly taskId: string
  readonly status: string
  readonly submitTime: string
  readonly updateTime: string
}

/** {@link ArchiveOlderThanOptions} with defaults filled in. `now` is in milliseconds since 1970. */
export function readOlderThanOptions(options: ArchiveOlderThanOptions, now: number) {
  checkObject('options', options)
  if (Object.hasOwn(options, 'days') && !Object.hasOwn(options, 'hours')) {
    const { days } = options as { days?: unknown }
    const hours = typeof days === 'number' ? days * 24 : 'days * 24'
    throw invalidValue('days', `options has no "days"; write { hours: ${hours} }`)
  }
  const {
    hours: given,
    by,
    statuses = TERMINAL_STATUSES as readonly string[],
    onProgress,
    signal,
    ...rest
  } = readOptions(options)
  const hours = finiteAmount('hours', given)
  const step = stepOf({ onProgress, signal })
  const isOld = isEarlierThan((now - hours * 3_600_000) * 1000, rest.timeZone)
  return {
    ...rest,
    by,
    statuses,
    step: ({ archived, conflicts, unreadable }: ArchiveOlderThanReport) =>
      step({ archived: archived.length, conflicts: conflicts.length, unreadable: unreadable.length }),
    /** Whether a time is long enough ago; undefined if it cannot be read. */
    isOld,
    /** Whether a task is old enough; undefined if its time cannot be read. */
    isDue: ({ status, [by]: time }: MovableTask): boolean | undefined =>
      statuses.includes(status) ? isOld(time) : false,
  }
}

/** What the other place holds under the id of a task. */
export interface Occupied {
  readonly task: boolean
  /** The archive can hold shards whose task is gone. */
  readonly shards: boolean
}

/**
 * How a task moves to the other place: `move` if nothing is there; `replace` what is there; or `discard` this
 * task, because the one there wins.
 *
 * @throws TaskStoreError `CONFLICT` if the options do not say which one wins.
 */
export function planMove(
  taskId: string,
  to: PlaceName,
  there: Occupied,
  onConflict: OnConflict,
): 'move' | 'replace' | 'discard' {
  if (!there.task && !there.shards) return 'move'
  if (onConflict === 'throw') throw conflict(taskId, to, there.task)
  // Shards without a task are not a record that could win.
  return there.task && onConflict === to ? 'discard' : 'replace'
}

function conflict(taskId: string, place: PlaceName, hasTask: boolean): TaskStoreError {
  const where = place === 'live' ? 'live' : 'in the archive'
  const what = hasTask ? `is also ${where}` : `is not ${where}, but shards of it are`
  return new TaskStoreError(
    'CONFLICT',
    `task ${JSON.stringify(taskId)} ${what}; nothing was moved. Pass onConflict 'live' or 'archived' to say which record wins`,
  )
}

/** What becomes of some tasks that may be old enough, as they are now. */
export function planArchive<Task>(
  taskIds: readonly string[],
  tasks: ReadonlyMap<string, Task>,
  taken: ReadonlySet<string>,
  isDue: (task: Task) => boolean | undefined,
  onConflict: OnConflict,
) {
  const plan = { archived: [] as string[], conflicts: [] as string[], unreadable: [] as string[] }
  for (const taskId of taskIds) {
    const task = tasks.get(taskId)
    const due = task && isDue(task)
    if (task === undefined || due === false) continue
    if (due === undefined) plan.unreadable.push(taskId)
    else if (onConflict === 'throw' && taken.has(taskId)) plan.conflicts.push(taskId)
    else plan.archived.push(taskId)
  }
  return plan
}

/**
 * What the error of one of several tasks means for it. It was thrown before anything of the task was written.
 *
 * @throws The error, if it is not about this task alone.
 */
export function notMoved(taskId: string, error: unknown): ArchiveMoveResult {
  if (!(error instanceof TaskStoreError)) throw error
  if (error.code === 'CONFLICT') return { taskId, outcome: 'conflict', error }
  if (error.code === 'AMBIGUOUS_ID') return { taskId, outcome: 'ambiguous-id', error }
  throw error
}
