import { getTableColumns } from 'drizzle-orm'
import {
  describe,
  isPlainJson,
  isPlainObject,
  JsonEncodeError,
  type JsonObject,
  type JsonValue,
  parseJson,
  stringifyJson,
  UnreadableJson,
} from '../drizzle/json-codec.ts'
import { type NewTaskInfo, type TaskInfo, tasks } from '../drizzle/schema.ts'
import { TASK_STATUSES } from '../drizzle/task-status.ts'
import { checkKeys } from './check-options.ts'
import { invalidTask } from './task-store-error.ts'

const COLUMNS = getTableColumns(tasks)
const FIELDS = Object.keys(COLUMNS) as (keyof TaskInfo)[]

/** The fields of a task that were given: what a read will show. A result that is left out is undefined. */
export type CheckedFields = { -readonly [field in keyof TaskInfo]?: TaskInfo[field] | undefined }

/**
 * A task's fields, each checked against its column, without those that are undefined. JSON comes as it will
 * read back: what a `toJSON` gives, without undefined properties.
 *
 * @throws TypeError for something that is no object or a field that does not exist; TaskStoreError
 * `INVALID_TASK`.
 */
export function checkFields(name: string, task: unknown, taskId?: string): CheckedFields {
  checkKeys(name, task, FIELDS)
  const given = task as Readonly<Record<string, unknown>>
  const id = taskId ?? (typeof given.taskId === 'string' ? given.taskId : undefined)
  const checked: Record<string, unknown> = {}
  for (const field of FIELDS) {
    const value = given[field]
    if (value !== undefined) checked[field] = checkField(id, field, value)
  }
  return checked as CheckedFields
}

/** A task to save, with every field that has no default. Its times can be undefined. */
export function checkNewTask(task: NewTaskInfo) {
  const fields = checkFields('task', task)
  const { taskId, backend, status } = fields
  return {
    taskId: taskId ?? missing(undefined, 'taskId'),
    backend: backend ?? missing(taskId, 'backend'),
    status: status ?? missing(taskId, 'status'),
    shots: fields.shots ?? 0,
    submitTime: fields.submitTime,
    updateTime: fields.updateTime,
    result: fields.result ?? null,
    metadata: fields.metadata ?? {},
    errorMessage: fields.errorMessage ?? null,
  }
}

/** A task whose every field can be stored. */
export type CheckedTask = ReturnType<typeof checkNewTask>

function missing(taskId: string | undefined, field: string): never {
  throw invalidTask({ taskId, field, problem: 'is missing' })
}

function checkField(taskId: string | undefined, field: keyof TaskInfo, value: unknown): unknown {
  const column = COLUMNS[field]
  // The key, too, whose column does not say so.
  const isRequired = column.notNull || column === COLUMNS.taskId
  const fail = (problem: string) => invalidTask({ taskId, field, problem })
  if (value === null) {
    if (isRequired) throw fail('must not be null')
    return null
  }
  switch (column.dataType) {
    case 'string':
      if (typeof value !== 'string') throw fail(`must be a string, not ${describe(value)}`)
      if (value === '' && isRequired) throw fail('must not be empty')
      if (!value.isWellFormed()) throw fail('holds a lone surrogate, which SQLite cannot store')
      if (field === 'status' && !(TASK_STATUSES as readonly string[]).includes(value)) {
        throw fail(`must be one of ${TASK_STATUSES.join(', ')}, not ${JSON.stringify(value.slice(0, 40))}`)
      }
      return value
    case 'number':
      if (typeof value !== 'number') throw fail(`must be a number, not ${describe(value)}`)
      if (!Number.isSafeInteger(value) || value < 0) {
        throw fail(`must be a whole number from 0 to 2^53-1, not ${value}`)
      }
      return value + 0
    default: {
      // After its toJSON, if it has one.
      const json = checkJson(taskId, field, value)
      const isObject = isPlainObject(json) || (json as unknown) instanceof UnreadableJson
      if (field === 'metadata' && !isObject) throw fail(`must be an object, not ${describe(value)}`)
      return json
    }
  }
}

/** The value as it reads back once it is stored. */
function checkJson(taskId: string | undefined, field: string, value: unknown): JsonValue {
  if (value instanceof UnreadableJson || isPlainJson(value)) return value as JsonValue
  return parseJson(encodeJson(taskId, field, value))
}

/** The text of a JSON cell. */
export function encodeJson(taskId: string | undefined, field: string, value: unknown): string {
  if (value instanceof UnreadableJson) return value.text
  try {
    return stringifyJson(value)
  } catch (error) {
    if (!(error instanceof JsonEncodeError)) throw error
    throw invalidTask({ taskId, field: field + error.path, problem: error.problem }, error)
  }
}

/** The text of a result cell: a result that is null is no text at all. */
export function encodeResult(task: { readonly taskId: string; readonly result: JsonValue }): string | null {
  return task.result === null ? null : encodeJson(task.taskId, 'result', task.result)
}

/**
 * Stored metadata with `changes` merged into it, key by key. Metadata that cannot be read stays, under the
 * key where the version 5 step keeps it.
 */
export function mergeMetadata(stored: JsonObject | UnreadableJson, changes: JsonObject): JsonObject {
  if (changes instanceof UnreadableJson) return changes
  if (!(stored instanceof UnreadableJson)) return { ...stored, ...changes }
  return { legacy_metadata_raw: parseOrText(stored.text), ...changes }
}

function parseOrText(text: string): JsonValue {
  try {
    return parseJson(text)
  } catch {
    return text
  }
}
