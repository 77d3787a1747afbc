import { parseJson } from '../../drizzle/json/read.ts'
import { type JsonObject, type JsonValue, UnreadableJson } from '../../drizzle/json/value.ts'
import { stringifyJson } from '../../drizzle/json/write.ts'
import type {
  ArchivedTaskShard,
  NewTaskInfo,
  NewTaskShard,
  TaskInfo,
  TaskShard,
} from '../../drizzle/schema.ts'
import type { checkFields } from '../rules/check-task.ts'
import type { ArchiveMoveResult } from '../rules/move-task.ts'
import type { ListedSummary, ListedTask } from '../rules/task-filter.ts'
import { type Row, readSummary, SUMMARY_FIELDS } from '../rules/task-row.ts'
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
  pack(value: Value): Packed
  unpack(packed: Packed): Value
}

const TASK: Crossing<ListedTask, Row> = {
  pack: (task) => {
    const row = [
      task.taskId,
      task.backend,
      task.status,
      task.shots,
      task.submitTime,
      task.updateTime,
      packCell(task.result),
      packCell(task.metadata),
      task.errorMessage,
    ]
    if (task.archivedAt !== undefined) row.push(task.archivedAt)
    return row
  },
  unpack: (row) => {
    const task = {
      taskId: text(row[0]),
      backend: text(row[1]),
      status: text(row[2]),
      shots: row[3] as number,
      submitTime: text(row[4]),
      updateTime: text(row[5]),
      result: unpackCell(row[6] as Cell),
      metadata: unpackCell(row[7] as Cell) as JsonObject,
      errorMessage: text(row[8]),
    }
    return row.length === 9 ? task : { ...task, archivedAt: text(row[9]) }
  },
}

const SUMMARY: Crossing<ListedSummary, Row> = {
  pack: (task) => {
    const row: unknown[] = SUMMARY_FIELDS.map((field) => task[field])
    row.push(task.hasResult)
    if (task.archivedAt !== undefined) row.push(task.archivedAt)
    return row
  },
  unpack: (row) => {
    const summary = readSummary(row.map(text))
    return row.length === 8 ? summary : { ...summary, archivedAt: text(row[8]) }
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
  return value === undefined ? undefined : (CROSSINGS[method]?.pack(value) ?? value)
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
export function unpackFields<Fields extends Partial<NewTaskInfo> | Partial<NewTaskShard> | TaskInfo>(
  packed: PackedFields,
): Fields {
  const fields: Record<string, unknown> = { ...packed }
  for (const name of ['result', 'metadata']) {
    if (fields[name] !== undefined) fields[name] = unpackCell(fields[name] as Cell)
  }
  return fields as Fields
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

/** What a store decides about a task that it saves; the metadata only if they are others than were given. */
export interface Saved {
  readonly taskId: string
  readonly submitTime: string
  readonly updateTime: string
  readonly metadata?: Cell
}
