import { parseJson } from '../../drizzle/json/read.ts'
import {
  isPlainObject,
  type JsonObject,
  type JsonValue,
  typeName,
  UnreadableJson,
} from '../../drizzle/json/value.ts'
import { JsonEncodeError, TOO_LONG, writeJson } from '../../drizzle/json/write.ts'
import type { NewTaskInfo, NewTaskShard, TaskInfo, TaskShard } from '../../drizzle/schema.ts'
import { TASK_SHARDS, TASKS, type Table } from '../../drizzle/tables.ts'
import { isTaskStatus, TASK_STATUSES, type TaskStatus } from '../../drizzle/task-status.ts'
import { checkKeys, quote } from './check-arguments.ts'
import { GIVEN_TIME, hasTimeType, textOfTime } from './given-time.ts'
import { findLoneSurrogate } from './lone-surrogate.ts'
import { invalidTask } from './task-store-error.ts'

/** What a column accepts. */
interface Rule {
  readonly field: string
  readonly kind: 'text' | 'time' | 'number' | 'json'
  readonly isRequired: boolean
  /** Whether UnifiedQuantum writes this JSON back when it updates a record: it must be able to. */
  readonly isRewritten: boolean
}

/** The rules of a table. */
interface Rules {
  /** The field whose value names the task in an error. */
  readonly id: string
  readonly names: readonly string[]
  readonly rules: readonly Rule[]
}

/** The kinds by Drizzle's names. Every other column holds text. */
const KINDS: Readonly<Partial<Record<string, Rule['kind']>>> = { number: 'number', custom: 'json' }

const TASK_RULES = rulesOf(TASKS, 'taskId')
const TASK_RULE = Object.fromEntries(TASK_RULES.rules.map((rule) => [rule.field, rule])) as Readonly<
  Record<keyof TaskInfo, Rule>
>
const SHARD_RULES = rulesOf(TASK_SHARDS, 'uniqcTaskId')

function rulesOf(table: Table, id: string): Rules {
  const rules = Object.entries(table.columns).map(([field, { name, dataType, notNull }]) => ({
    field,
    kind: name.endsWith('_time') ? 'time' : (KINDS[dataType] ?? 'text'),
    // The key is required, too, although its column may not say so.
    isRequired: notNull || field === id,
    isRewritten: table !== TASKS || field !== 'result',
  }))
  return { id, names: rules.map(({ field }) => field), rules }
}

/** The given fields, as a read will return them, and the texts of the JSON cells. */
export interface CheckedFields<Row> {
  readonly fields: { readonly [field in keyof Row]?: Row[field] | undefined }
  readonly cells: Cells
}

/** JSON cells as they are bound to a statement. A null result is SQL NULL. */
interface Cells {
  readonly result?: string | null
  readonly metadata?: string
}

/**
 * Checks a task's fields against their columns, and returns those that are not undefined. JSON is written at
 * once, so that later changes by the caller have no effect; its value is returned as it will read back: with
 * what a `toJSON` returns, and without undefined properties.
 *
 * @throws TypeError for anything but an object, and for a field that does not exist; TaskStoreError
 * `INVALID_TASK`.
 */
export function checkFields(name: string, task: unknown, taskId?: string): CheckedFields<TaskInfo> {
  return checkRow(name, task, TASK_RULES, taskId)
}

function checkRow<Row>(name: string, row: unknown, rules: Rules, taskId?: string): CheckedFields<Row> {
  checkKeys(name, row, rules.names)
  const given = row as Readonly<Record<string, unknown>>
  const givenId = given[rules.id]
  const id = taskId ?? (typeof givenId === 'string' ? givenId : undefined)
  const fields: Record<string, unknown> = {}
  const cells: Record<string, string | null> = {}
  for (const rule of rules.rules) {
    const { field } = rule
    const value = given[field]
    if (value === undefined) continue
    if (rule.kind === 'json') {
      const cell = checkJson(id, rule, value)
      fields[field] = cell.value
      cells[field] = cell.text
    } else fields[field] = checkField(id, rule, value)
  }
  return { fields, cells } as CheckedFields<Row>
}

/** Checks a task to save, and fills in its defaults. Its times can stay undefined. */
export function checkNewTask(task: NewTaskInfo) {
  checkKeys('task', task, TASK_RULES.names)
  const id = typeof task.taskId === 'string' ? task.taskId : undefined
  // Field by field: to look fields up by names in a loop would cost each save a microsecond.
  const taskId = checkField(id, TASK_RULE.taskId, task.taskId) as string | undefined
  const backend = checkField(id, TASK_RULE.backend, task.backend) as string | undefined
  const status = checkField(id, TASK_RULE.status, task.status) as TaskStatus | undefined
  const shots = checkField(id, TASK_RULE.shots, task.shots) as number | undefined
  const submitTime = checkField(id, TASK_RULE.submitTime, task.submitTime) as string | undefined
  const updateTime = checkField(id, TASK_RULE.updateTime, task.updateTime) as string | undefined
  const result = checkJson(id, TASK_RULE.result, task.result ?? null)
  const metadata = checkJson(id, TASK_RULE.metadata, task.metadata === undefined ? {} : task.metadata)
  const errorMessage = checkField(id, TASK_RULE.errorMessage, task.errorMessage) as string | null | undefined
  return {
    task: {
      taskId: taskId ?? missing(undefined, 'taskId'),
      backend: backend ?? missing(taskId, 'backend'),
      status: status ?? missing(taskId, 'status'),
      shots: shots ?? 0,
      submitTime,
      updateTime,
      result: result.value,
      metadata: metadata.value as JsonObject,
      errorMessage: errorMessage ?? null,
    },
    cells: { result: result.text, metadata: metadata.text as string },
  }
}

/** A task whose every field can be stored. */
export type CheckedTask = ReturnType<typeof checkNewTask>

/** Checks a shard to save. The fields that stay undefined depend on what is stored. */
export function checkNewShard(shard: Omit<NewTaskShard, 'shardIndex'>) {
  const { fields, cells } = checkRow<TaskShard>('shard', shard, SHARD_RULES)
  const { uniqcTaskId, platformTaskId } = fields
  return {
    shard: {
      ...fields,
      uniqcTaskId: uniqcTaskId ?? missing(undefined, 'uniqcTaskId'),
      platformTaskId: platformTaskId ?? missing(uniqcTaskId, 'platformTaskId'),
      status: fields.status ?? 'pending',
      result: fields.result ?? null,
      errorMessage: fields.errorMessage ?? null,
    },
    cell: cells.result ?? null,
  }
}

/** A shard whose every field can be stored. */
export type CheckedShard = ReturnType<typeof checkNewShard>

export function missing(taskId: string | undefined, field: string): never {
  throw invalidTask({ taskId, field, problem: 'is missing' })
}

/** A field that is not JSON; undefined stays. */
function checkField(taskId: string | undefined, rule: Rule, value: unknown): unknown {
  if (value === undefined) return undefined
  const { field, kind, isRequired } = rule
  const fail = (problem: string) => invalidTask({ taskId, field, problem })
  if (value === null) {
    if (isRequired) throw fail('must not be null')
    return null
  }
  if (kind === 'number') {
    if (typeof value !== 'number') throw fail(`must be a number, not ${typeName(value)}`)
    if (!Number.isSafeInteger(value) || value < 0) {
      throw fail(`must be a whole number from 0 to 2^53-1, not ${value}`)
    }
    return value + 0
  }
  if (kind === 'time') {
    if (!hasTimeType(value)) throw fail(`must be ${GIVEN_TIME}, not ${typeName(value)}`)
    const text = textOfTime(value)
    if (text !== undefined) return text
    throw fail(`must be ${GIVEN_TIME}, not ${quote(String(value))}; ${leaveOut(field)}`)
  }
  if (typeof value !== 'string') throw fail(`must be a string, not ${typeName(value)}`)
  if (value === '' && isRequired) throw fail('must not be empty')
  if (isTooLong(value)) throw fail(TOO_LONG)
  if (!value.isWellFormed()) throw fail('holds a lone surrogate, which SQLite cannot store')
  if (field === 'status' && !isTaskStatus(value)) {
    throw fail(`must be one of ${TASK_STATUSES.join(', ')}, not ${quote(value)}`)
  }
  return value
}

/** The most bytes of a text that can be read back. */
const MOST_BYTES = 2 ** 29 - 24
/** A character takes three bytes at most, or two of them four. */
const MOST_FOR_CERTAIN = Math.floor(MOST_BYTES / 3)

const isTooLong = (text: string) => text.length > MOST_FOR_CERTAIN && Buffer.byteLength(text) > MOST_BYTES

/** What to do with a time that cannot be read: it may have come with the task that is saved back. */
function leaveOut(field: string): string {
  const instead = field === 'updateTime' ? 'the store writes the time of the change' : 'the stored one stays'
  return `leave it out, and ${instead}`
}

/** The text of a JSON cell, which is null for SQL NULL, and the value that it reads back as. */
function checkJson(taskId: string | undefined, { field, isRequired, isRewritten }: Rule, given: unknown) {
  if (given === null && !isRequired) return NO_VALUE
  if (given === null) throw invalidTask({ taskId, field, problem: 'must not be null' })
  const { text, isAsGiven } = encodeJson(taskId, field, given)
  if (isTooLong(text)) throw invalidTask({ taskId, field, problem: TOO_LONG })
  const isUnreadable = given instanceof UnreadableJson
  if (isUnreadable && !text.isWellFormed()) {
    throw invalidTask({ taskId, field, problem: 'holds a lone surrogate, which SQLite cannot store' })
  }
  const path = isRewritten && !isUnreadable ? findLoneSurrogate(text) : undefined
  if (path !== undefined) {
    const problem = 'holds a lone surrogate, with which UnifiedQuantum cannot save the task again'
    throw invalidTask({ taskId, field: field + path, problem })
  }
  const value = isAsGiven ? (given as JsonValue) : parseJson(text)
  if (field === 'metadata' && !isPlainObject(value) && !((value as unknown) instanceof UnreadableJson)) {
    throw invalidTask({ taskId, field, problem: `must be an object, not ${typeName(given)}` })
  }
  return value === null ? NO_VALUE : { text, value }
}

const NO_VALUE = { text: null, value: null }

/** The text of a JSON cell, and whether it reads back as the given value. */
export function encodeJson(taskId: string | undefined, field: string, given: unknown) {
  if (given instanceof UnreadableJson) return { text: given.text, isAsGiven: true }
  try {
    return writeJson(given)
  } catch (error) {
    if (!(error instanceof JsonEncodeError)) throw error
    throw invalidTask({ taskId, field: field + error.path, problem: error.problem }, error)
  }
}
