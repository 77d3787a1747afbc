/**
 * What went wrong:
 * - `INVALID_TASK`: a field of a task cannot be stored; nothing was written.
 * - `FOREIGN_FILE`: the file belongs to another program, or holds triggers or views of one on our tables; it was
 * not touched.
 * - `SCHEMA_TOO_NEW`: a newer release of UnifiedQuantum or of this package wrote the file; it was not
 * touched.
 * - `MIGRATION_FAILED`: the file could not be migrated; it is unchanged.
 * - `CORRUPT_FILE`: the file is damaged, or not a database.
 * - `LOCKED`: another process, or another store of this one, held the write lock longer than `timeout`; nothing
 * was written.
 * - `READONLY`: the file or the store cannot be written.
 * - `DISK_FULL`: the disk is full, over a limit or failing; the call was undone.
 * - `CANNOT_OPEN`: the file or its folder cannot be opened or created, or the driver cannot be loaded.
 * - `AMBIGUOUS_ID`: several tasks replaced the given id.
 * - `CONFLICT`: a task is both live and archived, a row of another table refers to a task that is to go, a file
 * to write already exists, or a file to read or replace is in use; nothing was changed.
 * - `CLOSED`: the store is closed.
 * - `TIMED_OUT`: an asynchronous store gave up: a statement or a transaction took longer than its limit.
 * - `DISCONNECTED`: an asynchronous store lost its server or its thread; `outcome` says what is known.
 */
export type TaskStoreErrorCode =
  | 'INVALID_TASK'
  | 'FOREIGN_FILE'
  | 'SCHEMA_TOO_NEW'
  | 'MIGRATION_FAILED'
  | 'CORRUPT_FILE'
  | 'LOCKED'
  | 'READONLY'
  | 'DISK_FULL'
  | 'CANNOT_OPEN'
  | 'AMBIGUOUS_ID'
  | 'CONFLICT'
  | 'CLOSED'
  | 'TIMED_OUT'
  | 'DISCONNECTED'

/** What became of a call whose server or thread was lost. */
export type CallOutcome = 'not-done' | 'unknown'

/** What an `INVALID_TASK` is about. */
export interface InvalidField {
  /** The id of the task; absent if none was given as a string. */
  readonly taskId?: string
  /** The field, with the path of the value in it: `metadata.circuits[2]`. */
  readonly field: string
  /** What is wrong with it, worded to follow the field: `is a Map, which JSON cannot hold`. */
  readonly problem: string
}

/** What an error of one of some codes is. */
interface StoreError<Code extends TaskStoreErrorCode> extends Error {
  readonly name: 'TaskStoreError'
  readonly code: Code
}

/**
 * The error of every failure except misuse of the API, which is an `ArgumentError`. Its `code` says of what kind it
 * is. `invalid` is there for `INVALID_TASK`, `outcome` for `DISCONNECTED`, and `cause`, the error of the driver or of
 * Node, where there is one.
 */
export type TaskStoreError =
  | (StoreError<'INVALID_TASK'> & { readonly invalid: InvalidField; readonly outcome?: undefined })
  | (StoreError<'DISCONNECTED'> & { readonly outcome: CallOutcome; readonly invalid?: undefined })
  | (StoreError<Exclude<TaskStoreErrorCode, 'INVALID_TASK' | 'DISCONNECTED'>> & {
      readonly invalid?: undefined
      readonly outcome?: undefined
    })

/** The class of {@link TaskStoreError}. */
export interface TaskStoreErrorClass {
  new (
    code: TaskStoreErrorCode,
    message: string,
    options?: ErrorOptions & { readonly invalid?: InvalidField; readonly outcome?: CallOutcome },
  ): TaskStoreError
  readonly prototype: TaskStoreError
}

// A class has one type, and this one has one for each code: so it is given them.
export const TaskStoreError = class extends Error {
  override readonly name = 'TaskStoreError'
  readonly code: TaskStoreErrorCode
  declare readonly invalid?: InvalidField
  declare readonly outcome?: CallOutcome

  constructor(
    code: TaskStoreErrorCode,
    message: string,
    options?: ErrorOptions & { readonly invalid?: InvalidField; readonly outcome?: CallOutcome },
  ) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    if (options?.invalid !== undefined) this.invalid = options.invalid
    if (options?.outcome !== undefined) this.outcome = options.outcome
  }
} as unknown as TaskStoreErrorClass

/** The error for a field that cannot be stored, of a task that may have no id yet. */
export function invalidTask(
  { taskId, field, problem }: { readonly taskId?: string | undefined } & Omit<InvalidField, 'taskId'>,
  cause?: unknown,
): TaskStoreError {
  const task = taskId === undefined ? 'the task' : `task ${JSON.stringify(taskId)}`
  return new TaskStoreError('INVALID_TASK', `${task}: ${field} ${problem}`, {
    // Absent rather than undefined, which would be printed.
    invalid: { ...(taskId !== undefined && { taskId }), field, problem },
    cause,
  })
}
