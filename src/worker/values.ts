import { readJsonObject, writeJsonCell } from '../../drizzle/json/cell.ts'
import { parseJson } from '../../drizzle/json/read.ts'
import { type JsonObject, type JsonValue, UnreadableJson } from '../../drizzle/json/value.ts'
import { stringifyJson } from '../../drizzle/json/write.ts'
import type { ArchivedTaskShard, TaskInfo, TaskShard } from '../../drizzle/schema.ts'
import type { CheckedFields, CheckedTask, checkFields } from '../rules/check-task.ts'
import type { ArchiveMoveResult } from '../rules/move-task.ts'
import type { SavedTask } from '../rules/row-calls.ts'
import { type TaskRow, taskRow } from '../rules/save-task.ts'
import type { ListedSummary, ListedTask } from '../rules/task-filter.ts'
import { type Row, readSummary, readTask, withArchivedAt } from '../rules/task-row.ts'
import type { TaskStoreError } from '../rules/task-store-error.ts'
import { type PackedError, packError, unpackError } from './errors.ts'

/**
 * A JSON value as it crosses: its text, which is read faster than a structured clone, or the text of a cell that cannot
 * be read.
 */
export type Cell = string | null | { readonly unreadable: string }

export function packCell(value: JsonValue | null): Cell {
  if (value === null) return null
  return (value as unknown) instanceof UnreadableJson
    ? { unreadable: (value as unknown as UnreadableJson).text }
    : stringifyJson(value)
}

function unpackCell(cell: Cell): JsonValue | null {
  if (cell === null) return null
  try {
    if (typeof cell === 'string') return parseJson(cell)
  } catch {
    // Nested deeper than the stack of this thread allows.
  }
  const text = typeof cell === 'string' ? cell : cell.unreadable
  return new UnreadableJson(text) as unknown as JsonObject
}

/** How a value that a store returns crosses to the thread of the caller. */
interface Crossing<Value, Packed> {
  pack?(value: Value): Packed
  unpack(packed: Packed): Value
}

/** Rows cross as they are: neither side reads what the other one has read. */
const TASK: Crossing<ListedTask, Row> = {
  unpack: (row) => {
    const cells = withBuffersInRow(row)
    const task = readTask(cells)
    return row.length === 9 ? task : withArchivedAt(task, cells[9] as string)
  },
}

const SUMMARY: Crossing<ListedSummary, Row> = {
  unpack: (row) => {
    const cells = withBuffersInRow(row)
    const summary = readSummary(cells)
    return row.length === 8 ? summary : withArchivedAt(summary, cells[8] as string)
  },
}

const SHARD: Crossing<TaskShard | ArchivedTaskShard, object> = {
  pack: (shard) => ({ ...shard, result: packCell(shard.result) }),
  unpack: (packed) => {
    const shard = withBuffers<Omit<TaskShard, 'result'> & { readonly result: Cell }>(packed)
    return { ...shard, result: unpackCell(shard.result) }
  },
}

type PackedMove = Omit<ArchiveMoveResult, 'error'> & { readonly error?: PackedError }

const MOVE: Crossing<ArchiveMoveResult, PackedMove> = {
  pack: ({ error, ...result }) => (error === undefined ? result : { ...result, error: packError(error) }),
  unpack: ({ error, ...result }) =>
    error === undefined ? result : { ...result, error: unpackError(error) as TaskStoreError },
}

/** A BLOB that another program stored is a `Buffer`, which crosses as a bare array of bytes. */
function text(value: unknown): string {
  const bytes = value instanceof Uint8Array
  return (bytes ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value) as string
}

const withBuffersInRow = (row: Row): Row =>
  row.some((cell) => typeof cell === 'object' && cell !== null) ? row.map(text) : row

/** The fields of an object that has crossed. */
export function withBuffers<T extends object>(packed: object): T {
  const fields = Object.entries(packed).map(([field, value]) => [field, text(value)])
  return Object.fromEntries(fields)
}

/** What the values of an answer are: itself, its items, or those of a page. Every other answer crosses as it is. */
const CROSSINGS: Readonly<Record<string, Crossing<unknown, unknown>>> = {
  get: TASK,
  update: TASK,
  getMany: TASK,
  list: TASK,
  page: TASK,
  listSummaries: SUMMARY,
  listChanged: SUMMARY,
  pageSummaries: SUMMARY,
  addShard: SHARD,
  saveShard: SHARD,
  getShards: SHARD,
  findShards: SHARD,
  'archive.get': TASK,
  'archive.list': TASK,
  'archive.getShards': SHARD,
  'archive.archiveMany': MOVE,
  'archive.restoreMany': MOVE,
  'archive.deleteMany': MOVE,
}

export function packValue(method: string, value: unknown): unknown {
  return value === undefined ? undefined : (CROSSINGS[method]?.pack?.(value) ?? value)
}

export function unpackValue(method: string, packed: unknown): unknown {
  return packed === undefined ? undefined : (CROSSINGS[method]?.unpack(packed) ?? packed)
}

/** The fields of a task or a shard that were checked, as they cross to the thread of the store. */
export type PackedFields = Readonly<Record<string, unknown>>

/** Fields with the texts of their JSON. @param cells The texts that the check wrote. */
export function packFields(fields: object, cells: ReturnType<typeof checkFields>['cells']): PackedFields {
  const packed: Record<string, unknown> = { ...fields }
  for (const name of ['result', 'metadata'] as const) {
    const value = packed[name]
    if (value !== undefined)
      packed[name] = value instanceof UnreadableJson ? packCell(value as never) : cells[name]
  }
  return packed
}

/** The fields with the values that their JSON had. */
export function unpackFields<Fields extends object>(packed: PackedFields): Fields {
  const fields: Record<string, unknown> = { ...packed }
  for (const name of ['result', 'metadata']) {
    if (fields[name] !== undefined) fields[name] = unpackCell(fields[name] as Cell)
  }
  return fields as Fields
}

/** Fields of a task that were checked, as they have crossed: the thread needs no value of a result, but its text. */
export function unpackChanges(packed: PackedFields): CheckedFields<TaskInfo> {
  const { result, ...others } = packed
  const fields = unpackFields<object>(result === undefined ? others : { ...others, result: null })
  const cells = {
    result: textOf(result as Cell | undefined),
    metadata: textOf(packed.metadata as Cell | undefined),
  }
  return { fields, cells } as CheckedFields<TaskInfo>
}

const textOf = (cell: Cell | undefined) =>
  typeof cell === 'object' && cell !== null ? cell.unreadable : cell

/** A task that was updated, with the values that were given. */
export function withChanges(
  task: TaskInfo,
  { taskId, updateTime, metadata, ...given }: PackedFields,
): TaskInfo {
  const isUnreadable = typeof metadata === 'object'
  return { ...task, ...unpackFields<object>(isUnreadable ? { ...given, metadata } : given) }
}

/** A task to save, as it crosses: the fields of its row in their order, without the time, which the thread has. */
export type PackedRow = readonly [
  taskId: string,
  backend: string,
  status: string,
  shots: number,
  submitTime: string | undefined,
  updateTime: string | undefined,
  result: string | null,
  metadata: string,
  errorMessage: string | null,
  namesReplacedId: 0 | 1,
]

export function packRow(checked: CheckedTask, keepUpdateTime: boolean): PackedRow {
  const row = taskRow(checked, keepUpdateTime, '')
  return [
    row.taskId,
    row.backend,
    row.status,
    row.shots,
    row.isTimed ? row.submitTime : undefined,
    row.isStamped ? undefined : row.updateTime,
    row.result,
    row.metadata,
    row.errorMessage,
    row.namesReplacedId,
  ]
}

export function unpackRow(row: PackedRow, now: string): TaskRow {
  return {
    taskId: row[0],
    backend: row[1],
    status: row[2],
    shots: row[3],
    submitTime: row[4] ?? now,
    isTimed: row[4] !== undefined,
    updateTime: row[5] ?? now,
    isStamped: row[5] === undefined,
    result: row[6],
    metadata: row[7],
    errorMessage: row[8],
    namesReplacedId: row[9],
  }
}

/** What a store decides about a task that it saves, as it crosses. */
export type PackedSave = readonly [updateTime: string, submitTime: string, taskId?: string, metadata?: string]

export function packSave({ updateTime, submitTime, taskId, metadata }: SavedTask): PackedSave {
  return metadata === undefined
    ? [updateTime, submitTime]
    : [updateTime, submitTime, taskId as string, writeJsonCell(metadata)]
}

/** A task that was saved. Its JSON is read from the texts: what the caller has may have changed meanwhile. */
export function unpackSave({ task, cells }: CheckedTask, saved: PackedSave): TaskInfo {
  const [updateTime, submitTime, taskId = task.taskId, metadata] = saved
  const { result, metadata: given } = task
  return {
    ...task,
    taskId,
    submitTime,
    updateTime,
    result: result instanceof UnreadableJson ? result : unpackCell(cells.result),
    metadata: (metadata !== undefined
      ? readJsonObject(metadata)
      : given instanceof UnreadableJson
        ? given
        : unpackCell(cells.metadata)) as JsonObject,
  }
}

/** About how long it takes to read a value that has crossed, in characters. */
export function weightOf(packed: unknown): number {
  if (typeof packed === 'string') return packed.length + WEIGHT
  if (typeof packed !== 'object' || packed === null) return WEIGHT
  let weight = WEIGHT
  for (const value of Array.isArray(packed) ? packed : Object.values(packed)) {
    weight += typeof value === 'string' ? value.length : WEIGHT
  }
  return weight
}

/** What a value weighs beside its text. */
const WEIGHT = 20
