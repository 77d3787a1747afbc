import { RECORD_NAMES, SHARD_NAMES, TASK_NAMES } from '../../drizzle/columns.ts'
import { parseJson } from '../../drizzle/json/read.ts'
import { splitArray, splitObject } from '../../drizzle/json/text.ts'
import { isPlainObject, type JsonObject, type JsonValue, typeName } from '../../drizzle/json/value.ts'
import type { RawShard, RawTask, StoredTask } from '../rules/raw-task.ts'
import { parsePlainLine } from './plain-line.ts'
import { fromStrictJson } from './strict-json.ts'

/** Why a record of a file cannot be imported, worded to follow its location: `line 12: has no status`. */
export class RecordError extends Error {
  override readonly name = 'RecordError'
  /** Undefined if the record does not say. */
  taskId: string | undefined
}

/**
 * The task of a line of JSON: of UnifiedQuantum's `tasks.jsonl`, a flat record with `platform`, or of an
 * export, with `backend`. JSON cells are kept as text, so that `1.0`, the order of keys and integers of any
 * size stay as they are.
 *
 * @throws RecordError
 */
export function parseLine(text: string): StoredTask {
  return parsePlainLine(text) ?? parseAnyLine(text)
}

/** {@link parseLine} for a line of any form. */
export function parseAnyLine(text: string): StoredTask {
  const record = parseObject(text)
  const parse = Object.hasOwn(record, 'platform') ? parseFlat : parseExported
  return withTaskId(record.task_id, () => parse(record, splitObject(text)))
}

/** The task of an entry of `tasks.json`. @throws RecordError */
export function parseCacheEntry(text: string): StoredTask {
  const [[key, record] = [], ...others] = Object.entries(parseObject(text))
  if (key === undefined || others.length > 0) throw new RecordError('is not an entry of an object')
  if (!isPlainObject(record)) throw new RecordError(`must be an object, not ${typeName(record)}`)
  if (!Object.hasOwn(record, 'task_id')) record.task_id = key
  const texts = splitObject(splitObject(text).get(key) ?? '{}')
  const unknown = [...texts].filter(([name]) => !CACHED.includes(name))
  return withTaskId(record.task_id, () => {
    if (record.metadata !== undefined && !isPlainObject(record.metadata)) {
      throw new RecordError(`metadata must be an object, not ${typeName(record.metadata)}`)
    }
    // Keep fields that later releases may have added.
    const metadata = new Map([...unknown, ...splitObject(texts.get('metadata') ?? '{}')])
    return {
      task: parseTask(record, 'backend', cellText(texts.get('result')), joinObject(metadata)),
      archivedAt: null,
      shards: [],
    }
  })
}

/** Adds the id of the task to an error. */
function withTaskId<T>(taskId: unknown, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (error instanceof RecordError && typeof taskId === 'string') error.taskId = taskId
    throw error
  }
}

function parseFlat(record: JsonObject, texts: Map<string, string>): StoredTask {
  const fields = new Set<string>(Object.values(RECORD_NAMES))
  // These two were ordinary metadata then, of any type: with another type they stay metadata.
  const isField = { shots: isCount(record.shots), error_message: typeof record.error_message === 'string' }
  for (const [name, is] of Object.entries(isField)) {
    if (is) continue
    fields.delete(name)
    delete record[name]
  }
  const metadata = new Map([...texts].filter(([name]) => !fields.has(name)))
  return {
    task: parseTask(record, 'platform', cellText(texts.get('result')), joinObject(metadata)),
    archivedAt: null,
    shards: [],
  }
}

const { uniqcTaskId: _, ...shardNames } = SHARD_NAMES

/** The fields of an entry of `tasks.json`. */
const CACHED: readonly string[] = Object.values(TASK_NAMES)
const EXPORTED: readonly string[] = [...CACHED, 'archived_at', 'shards']
const EXPORTED_SHARD: readonly string[] = Object.values(shardNames)

function parseExported(record: JsonObject, texts: Map<string, string>): StoredTask {
  refuseUnknown(record, EXPORTED, '')
  const task = parseTask(
    record,
    'backend',
    decode(cellText(texts.get('result')), 'result'),
    decode(texts.get('metadata') ?? '{}', 'metadata'),
  )
  const shards = record.shards ?? []
  if (!Array.isArray(shards)) throw new RecordError(`shards must be an array, not ${typeName(shards)}`)
  const shardTexts = splitArray(texts.get('shards') ?? '[]')
  return {
    task,
    archivedAt: optionalText(record, 'archived_at'),
    shards: shards.map((shard, index) =>
      parseShard(task.taskId, shard, shardTexts[index] ?? '{}', `shards[${index}].`),
    ),
  }
}

function parseTask(
  record: JsonObject,
  backend: 'backend' | 'platform',
  result: string | null,
  metadata: string,
): RawTask {
  return {
    taskId: requiredText(record, 'task_id'),
    backend: requiredText(record, backend),
    status: requiredText(record, 'status'),
    shots: count(record, 'shots', 0),
    submitTime: anyText(record, 'submit_time'),
    updateTime: optionalText(record, 'update_time') ?? anyText(record, 'submit_time'),
    result,
    metadata,
    errorMessage: optionalText(record, 'error_message'),
  }
}

function parseShard(uniqcTaskId: string, shard: JsonValue, text: string, path: string): RawShard {
  if (!isPlainObject(shard)) throw new RecordError(`${path.slice(0, -1)} must be an object`)
  refuseUnknown(shard, EXPORTED_SHARD, path)
  return {
    uniqcTaskId,
    shardIndex: count(shard, 'shard_index', undefined, path),
    platformTaskId: requiredText(shard, 'platform_task_id', path),
    backend: requiredText(shard, 'backend', path),
    circuitCount: count(shard, 'circuit_count', 1, path),
    subIndexOffset: count(shard, 'sub_index_offset', 0, path),
    status: requiredText(shard, 'status', path),
    result: decode(cellText(splitObject(text).get('result')), `${path}result`),
    errorMessage: optionalText(shard, 'error_message', path),
    submitTime: anyText(shard, 'submit_time', path),
    updateTime: anyText(shard, 'update_time', path),
  }
}

function parseObject(text: string): JsonObject {
  let value: JsonValue
  try {
    value = parseJson(text)
  } catch (error) {
    const isTooDeep = error instanceof RangeError
    throw new RecordError(isTooDeep ? 'is nested too deeply' : 'is not JSON, perhaps cut short', {
      cause: error,
    })
  }
  if (!isPlainObject(value)) throw new RecordError(`must be an object, not ${typeName(value)}`)
  return value
}

function refuseUnknown(record: JsonObject, known: readonly string[], path: string): void {
  const unknown = Object.keys(record).find((key) => !known.includes(key))
  if (unknown === undefined) return
  throw new RecordError(`has a field ${path}${unknown} that this release does not know; update this package`)
}

/** Text that must be there, and may be empty: a time is carried as it stands. */
function anyText(record: JsonObject, field: string, path = ''): string {
  const text = optionalText(record, field, path)
  if (text === null) throw new RecordError(`has no ${path}${field}`)
  return text
}

function requiredText(record: JsonObject, field: string, path = ''): string {
  const text = anyText(record, field, path)
  if (text === '') throw new RecordError(`has an empty ${path}${field}`)
  return text
}

function optionalText(record: JsonObject, field: string, path = ''): string | null {
  const value = Object.hasOwn(record, field) ? record[field] : null
  if (value === null || value === undefined) return null
  if (typeof value !== 'string') {
    throw new RecordError(`${path}${field} must be a string, not ${typeName(value)}`)
  }
  if (!value.isWellFormed()) {
    throw new RecordError(`${path}${field} holds a lone surrogate, which SQLite cannot store`)
  }
  return value
}

function count(record: JsonObject, field: string, byDefault: number | undefined, path = ''): number {
  const value = Object.hasOwn(record, field) ? record[field] : byDefault
  if (isCount(value)) return value
  if (value === undefined) throw new RecordError(`has no ${path}${field}`)
  throw new RecordError(`${path}${field} must be a whole number from 0, not ${typeName(value)}`)
}

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** JSON `null` is stored as SQL NULL. */
function cellText(text: string | undefined): string | null {
  return text === undefined || text === 'null' ? null : text
}

function decode<Text extends string | null>(text: Text, field: string): Text {
  if (text === null) return text
  try {
    return fromStrictJson(text) as Text
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new RecordError(`${field} cannot be read (${reason})`, { cause: error })
  }
}

function joinObject(members: Map<string, string>): string {
  return `{${[...members].map(([key, text]) => `${JSON.stringify(key)}: ${text}`).join(', ')}}`
}
