import { RECORD_NAMES } from '../drizzle/columns.ts'
import { type JsonObject, type JsonValue, setOwn, UnreadableJson } from '../drizzle/json/value.ts'
import type { NewTaskInfo, TaskInfo } from '../drizzle/schema.ts'
import type { AnyStatus } from '../drizzle/task-status.ts'
import { invalidValue } from './rules/argument-error.ts'
import { checkInteger, checkKeys, checkObject, checkString, wrongType } from './rules/check-arguments.ts'
import { QUIET, type QuietCalls } from './rules/quiet-calls.ts'
import { RAW_METADATA } from './rules/replaced-id.ts'
import { invalidTask, TaskStoreError } from './rules/task-store-error.ts'
import type { TaskStoreOptions } from './sqlite/store-location.ts'
import type { Kind, Result, TaskRepository, TaskRepositoryCalls } from './task-repository.ts'
import { TaskStore } from './task-store.ts'

/** A task as a flat dict: the fields of a record, and every metadata key that does not collide with one. */
export type TaskRecord = {
  task_id: string
  platform: string
  status: AnyStatus
  result: JsonValue
  submit_time: string
  update_time: string
  /** Only if it is not 0. */
  shots?: number
  /** Only if it is set: the metadata key of this name, as UnifiedQuantum keeps it, else the field of the task. */
  error_message?: JsonValue
  [metadata: string]: JsonValue | undefined
}

/**
 * What to change in a record. A key that is left out or undefined stays as it is; a key that is not a field
 * is metadata.
 */
export type TaskRecordChanges = { readonly [key in keyof TaskRecord]?: unknown }

/** A record to save: `task_id`, `platform` and `status`, and any other keys. */
export type NewTaskRecord = TaskRecordChanges & {
  readonly task_id: string
  readonly platform: string
  readonly status: AnyStatus
}

/** Which records. */
export interface RecordFilter {
  /** A platform with all its chips: `originq` matches itself and `originq:...`. */
  readonly platform?: string | undefined
  readonly status?: AnyStatus | undefined
}

/** Which records, and how many of them. */
export interface RecordListOptions extends RecordFilter {
  /** The most records to return. 0 returns none, a negative number all. Default: all. */
  readonly limit?: number | undefined
}

/** The property of each field of a record. Every other key of a record is metadata. */
const FIELDS: ReadonlyMap<string, keyof NewTaskInfo> = new Map(
  (Object.entries(RECORD_NAMES) as [keyof NewTaskInfo, string][]).map(([property, name]) => [name, property]),
)

/** The fields that the short form of `save` takes as separate arguments. */
const ARGUMENTS = ['task_id', 'platform', 'status', 'result'] as const

/** The field that UnifiedQuantum keeps in the metadata alone. Here it is written to both, so that each reads it. */
const ERROR = RECORD_NAMES.errorMessage

/**
 * UnifiedQuantum's legacy interface: records are flat dicts with `platform`, `status`, `result` and any extra
 * keys. It holds no data of its own: everything is in a {@link TaskStore}, whose errors it throws with the
 * names of the record's fields.
 *
 * @example
 * ```ts
 * import { TaskPersistence } from 'uniqc-task-store'
 *
 * const persistence = new TaskPersistence({ file: ':memory:' })
 * persistence.save('task-1', 'originq', 'running')
 * persistence.update('task-1', { status: 'success', result: { '00': 512 }, note: 'second run' })
 * console.log(persistence.load('task-1')?.note, persistence.listPending().length)
 * persistence.close()
 * ```
 */
export class TaskPersistence<K extends Kind = 'sync'> {
  readonly #store: TaskRepository<K> & { readonly file?: string; readonly cacheDir?: string | undefined }
  readonly #isOurs: boolean

  /** @param store A store of any kind, which the caller has to close. */
  constructor(store: TaskRepository<K>)
  /** @param options The options of {@link TaskStore}, to open one. */
  constructor(options?: string | TaskStoreOptions)
  constructor(given?: string | TaskStoreOptions | TaskRepository<K>) {
    this.#isOurs = !isRepository<K>(given)
    this.#store = isRepository<K>(given) ? given : (new TaskStore(given) as unknown as TaskRepository<K>)
  }

  /** The folder of the file; undefined for a store without one. */
  get cacheDir(): string | undefined {
    return this.#store.cacheDir
  }

  /**
   * The SQLite file; undefined for a store on PostgreSQL. The name of the property is UnifiedQuantum's, from when it was
   * a file of JSON lines.
   */
  get tasksFile(): { sync: string; async: string | undefined }[K] {
    return this.#store.file as { sync: string; async: string | undefined }[K]
  }

  /**
   * Inserts a record, or replaces the one with its id, including result, metadata, shots and error. The first
   * `submit_time` is kept unless one is given; a given `update_time` is stored.
   *
   * @param metadata Any extra keys, and the fields that have no separate argument: `shots`, `submit_time`,
   * `update_time`, `error_message`.
   * @throws TaskStoreError `INVALID_TASK` for a field that cannot be stored, `AMBIGUOUS_ID`.
   */
  save(
    taskId: string,
    platform: string,
    status: AnyStatus,
    result?: unknown,
    metadata?: TaskRecordChanges,
  ): Result<K, void>
  save(record: NewTaskRecord): Result<K, void>
  save(...given: readonly unknown[]): Result<K, void> {
    return this.#answer(() => save(this.#store, toRecord('save', given)))
  }

  /**
   * Changes a record in one transaction. Keys that are not fields are merged into the metadata. `update_time`
   * becomes the current time unless one is given. An `error_message` of null clears it.
   *
   * @returns Whether there was such a record.
   * @throws TaskStoreError `INVALID_TASK` for a field that cannot be stored, `AMBIGUOUS_ID`.
   */
  update(taskId: string, changes: TaskRecordChanges): Result<K, boolean> {
    return this.#answer(() => update(this.#store, taskId, changes))
  }

  /**
   * Updates a record, or saves it if there is none. Keys that are left out of an existing record stay as they
   * are, including the result. Takes the arguments of {@link TaskPersistence.save}; for an existing record,
   * `task_id` is enough.
   *
   * @throws TaskStoreError `INVALID_TASK` for a field that cannot be stored, `AMBIGUOUS_ID`.
   */
  upsert(
    taskId: string,
    platform: string,
    status: AnyStatus,
    result?: unknown,
    metadata?: TaskRecordChanges,
  ): Result<K, void>
  upsert(record: TaskRecordChanges & { readonly task_id: string }): Result<K, void>
  upsert(...given: readonly unknown[]): Result<K, void> {
    return this.#answer(() => {
      const record = toRecord('upsert', given)
      const { task_id, ...changes } = record
      // Both kinds of stores take it: it returns a promise only if the calls of `tx` do.
      const work = (tx: TaskRepositoryCalls) =>
        then(typeof task_id === 'string' && update(tx, task_id, changes), (isThere) =>
          isThere ? undefined : save(tx, record),
        ) as undefined
      return this.#store.transaction<undefined>(work as never)
    })
  }

  /**
   * Returns the record with this id, or undefined if there is none.
   *
   * @throws TaskStoreError `AMBIGUOUS_ID`.
   */
  load(taskId: string): Result<K, TaskRecord | undefined> {
    return this.#answer(() => {
      checkString('task_id', taskId)
      return then(this.#store.get(taskId), (task) => task && fromTask(task))
    })
  }

  /** Returns the records that match, newest first. */
  listAll(options: RecordListOptions = {}): Result<K, TaskRecord[]> {
    return this.#answer(() => {
      checkKeys('options', options, ['platform', 'status', 'limit'])
      checkInteger('limit', options.limit)
      checkFilter(options)
      return then(this.#store.list(options), (tasks) => tasks.map(fromTask))
    })
  }

  /** Returns the records of a platform with all its chips, newest first. */
  listByPlatform(platform: string): Result<K, TaskRecord[]> {
    return this.#answer(() => {
      checkString('platform', platform)
      return this.listAll({ platform })
    })
  }

  /** Returns the records in flight: the pending ones, newest first, then the running ones, newest first. */
  listPending(): Result<K, TaskRecord[]> {
    // One read: a task whose status changes meanwhile is neither missed nor listed twice.
    return this.#answer(() =>
      then(this.#store.list({ status: ['pending', 'running'] }), (tasks) => {
        const records = tasks.map(fromTask)
        const pending = records.filter((record) => record.status === 'pending')
        return [...pending, ...records.filter((record) => record.status !== 'pending')]
      }),
    )
  }

  /** Counts the records that match. */
  count(filter: RecordFilter = {}): Result<K, number> {
    return this.#answer(() => {
      checkKeys('filter', filter, ['platform', 'status'])
      checkFilter(filter)
      return this.#store.count(filter)
    })
  }

  /** Deletes every record whose status is terminal, and returns how many there were. */
  clearCompleted(): Result<K, number> {
    return this.#answer(() => this.#store.clearCompleted())
  }

  /** Deletes a record, and returns whether there was one. @throws TaskStoreError `AMBIGUOUS_ID`. */
  delete(taskId: string): Result<K, boolean> {
    return this.#answer(() => {
      checkString('task_id', taskId)
      return this.#store.delete(taskId)
    })
  }

  /** Closes the store, unless it was handed in. */
  close(): Result<K, void> {
    return this.#answer(() => (this.#isOurs ? this.#store.close() : undefined))
  }

  /** {@link TaskPersistence.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }

  /** What a call returns: on an asynchronous store a promise, which is rejected if the call throws. */
  #answer<T>(call: () => T | Promise<T>): Result<K, T> {
    const answer = this.#store.kind === 'sync' ? call() : (async () => call())()
    return answer as Result<K, T>
  }
}

/** A store says of which kind it is: it may be of any class, and of another copy of this package. */
function isRepository<K extends Kind>(given: unknown): given is TaskRepository<K> {
  return typeof given === 'object' && given !== null && 'kind' in given && 'transaction' in given
}

type Either<T> = T | Promise<T>

/** Goes on with a value at once, and with a promise when it is resolved. */
function then<T, Next>(value: Either<T>, next: (value: T) => Either<Next>): Either<Next> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** Those of a store whose calls are its own: what a subclass or a spy has in their place is called. */
function quietCallsOf(store: TaskRepositoryCalls): QuietCalls | undefined {
  const { save, update } = TaskStore.prototype
  const isItself = store instanceof TaskStore && store.save === save && store.update === update
  return isItself ? store[QUIET] : undefined
}

function save(store: TaskRepositoryCalls, record: TaskRecordChanges): Either<void> {
  const { fields, metadata } = toTask('record', record)
  checkNames(record)
  fields.metadata = metadata
  const quiet = quietCallsOf(store)
  return inRecordTerms(() =>
    then<unknown, void>(
      quiet === undefined
        ? store.save(fields as NewTaskInfo, { keepUpdateTime: true })
        : quiet.save(fields as NewTaskInfo),
      () => undefined,
    ),
  )
}

function update(store: TaskRepositoryCalls, taskId: string, changes: TaskRecordChanges): Either<boolean> {
  checkString('task_id', taskId)
  const { fields, metadata } = toTask('changes', changes)
  if (metadata instanceof UnreadableJson || Object.keys(metadata).length > 0) fields.metadata = metadata
  const options = {
    keepUpdateTime: fields.updateTime !== undefined,
    removedMetadata: fields.errorMessage === null ? [ERROR] : undefined,
  }
  const quiet = quietCallsOf(store)
  return inRecordTerms(() =>
    quiet === undefined
      ? then(store.update(taskId, fields, options), (updated) => updated !== undefined)
      : quiet.update(taskId, fields, options),
  )
}

/** The record from either form of `save`. */
function toRecord(method: string, [first, platform, status, result, metadata]: readonly unknown[]) {
  if (typeof first === 'object') {
    checkObject('record', first)
    return first as TaskRecordChanges
  }
  if (typeof first !== 'string') {
    throw wrongType(`the first argument of ${method}()`, 'a task id or a record', first, 'task_id')
  }
  const extra = metadata ?? {}
  if (metadata !== undefined) checkObject('metadata', metadata)
  for (const name of ARGUMENTS) {
    if (Object.hasOwn(extra, name)) {
      throw invalidValue(name, `${name} was given twice: as an argument and in metadata`)
    }
  }
  return { task_id: first, platform, status, result, ...extra } as TaskRecordChanges
}

/** The given fields under the names of a task, and all other keys as its metadata. */
function toTask(name: string, record: TaskRecordChanges) {
  checkObject(name, record)
  const fields: Record<string, unknown> = {}
  const metadata: JsonObject = {}
  for (const key of Object.keys(record)) {
    const value = record[key]
    if (value === undefined) continue
    const property = FIELDS.get(key)
    if (property !== undefined) fields[property] = value
    const isMetadata = property === undefined || (key === ERROR && value !== null)
    if (isMetadata) setOwn(metadata, key, value as JsonValue)
  }
  return { fields: fields as Partial<NewTaskInfo>, metadata: unwrapUnreadable(metadata) }
}

/** What a task calls the fields that a record must have; in a record, these are metadata. */
const MISTAKEN = [
  ['task_id', 'taskId'],
  ['platform', 'backend'],
] as const

/** Refuses a record without a field that stands in it under the name that a task has for it. */
function checkNames(record: TaskRecordChanges): void {
  for (const [name, mistaken] of MISTAKEN) {
    if (record[name] !== undefined || record[mistaken] === undefined) continue
    const taskId = typeof record.task_id === 'string' ? { taskId: record.task_id } : {}
    const problem = `is missing; write ${JSON.stringify(name)}, because ${JSON.stringify(mistaken)} is metadata here`
    throw invalidTask({ ...taskId, field: name, problem })
  }
}

function fromTask(task: TaskInfo): TaskRecord {
  const metadata = wrapUnreadable(task.metadata)
  const { shots } = task
  const error = Object.hasOwn(metadata, ERROR) ? metadata[ERROR] : (task.errorMessage ?? undefined)
  const record: TaskRecord = {
    task_id: task.taskId,
    platform: task.backend,
    status: task.status,
    result: task.result,
    submit_time: task.submitTime,
    update_time: task.updateTime,
    ...(shots === 0 ? undefined : { shots }),
    ...(error === undefined ? undefined : { [ERROR]: error }),
    ...metadata,
  }
  // A metadata key must not hide the field of its name.
  record.task_id = task.taskId
  record.platform = task.backend
  record.status = task.status
  record.result = task.result
  record.submit_time = task.submitTime
  record.update_time = task.updateTime
  if (shots !== 0) record.shots = shots
  return record
}

/** Metadata that cannot be read has no keys to show, so it is shown whole under `metadata`. */
function wrapUnreadable(metadata: JsonObject): JsonObject {
  return metadata instanceof UnreadableJson ? { metadata: metadata as unknown as JsonObject } : metadata
}

/**
 * Undoes {@link wrapUnreadable}, so that a record that was loaded can be saved. With other keys beside it,
 * its text becomes one of them.
 */
function unwrapUnreadable(metadata: JsonObject): JsonObject {
  const unreadable: unknown = metadata.metadata
  if (!(unreadable instanceof UnreadableJson)) return metadata
  const { metadata: _, ...others } = metadata
  if (Object.keys(others).length === 0) return unreadable as unknown as JsonObject
  return { [RAW_METADATA]: unreadable.text, ...others }
}

function checkFilter({ platform, status }: RecordFilter): void {
  if (platform !== undefined) checkString('platform', platform)
  if (status !== undefined) checkString('status', status)
}

/** Names the field of an `INVALID_TASK` as the record does. Metadata keys are keys of the record itself. */
function inRecordTerms<T>(work: () => Either<T>): Either<T> {
  try {
    const value = work()
    return value instanceof Promise ? value.catch(failInRecordTerms) : value
  } catch (error) {
    failInRecordTerms(error)
  }
}

function failInRecordTerms(error: unknown): never {
  if (!(error instanceof TaskStoreError) || error.invalid === undefined) throw error
  const { field, ...rest } = error.invalid
  const [name = ''] = /^\w+/.exec(field) ?? []
  const flat = (RECORD_NAMES as Readonly<Record<string, string>>)[name]
  const path = field.slice(name.length)
  throw invalidTask(
    { ...rest, field: flat === undefined ? path.replace(/^\./, '') : flat + path },
    error.cause,
  )
}
