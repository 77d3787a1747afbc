import { SHARD_NAMES, TASK_NAMES } from '../../drizzle/columns.ts'
import type { RawShard, RawTask, StoredTask } from '../rules/raw-task.ts'
import { toStrictJson } from './strict-json.ts'

type Fields<Raw> = readonly (readonly [field: keyof Raw, name: string])[]

const TASK_FIELDS = Object.entries(TASK_NAMES) as unknown as Fields<RawTask>
/** A shard is written inside its task, so it does not repeat the id of the task. */
const SHARD_FIELDS = (Object.entries(SHARD_NAMES) as unknown as Fields<RawShard>).filter(
  ([field]) => field !== 'uniqcTaskId',
)

/** A task as one line of an export, without the line break. */
export function writeRecord({ task, archivedAt, shards }: StoredTask): string {
  let text = writeMembers(TASK_FIELDS, task)
  if (archivedAt !== null) text += `,"archived_at":${JSON.stringify(archivedAt)}`
  if (shards.length > 0) text += `,"shards":[${shards.map(writeShard).join()}]`
  return `{${text}}`
}

const writeShard = (shard: RawShard) => `{${writeMembers(SHARD_FIELDS, shard)}}`

function writeMembers<Raw extends RawTask | RawShard>(fields: Fields<Raw>, row: Raw): string {
  let text = ''
  for (const [field, name] of fields) {
    const member = `"${name}":${cellOf(field as keyof RawTask | keyof RawShard, row[field])}`
    text = text === '' ? member : `${text},${member}`
  }
  return text
}

/** Text that is the same in JSON, but for the quotes. */
const PLAIN = /^[ !#-[\]-~]*$/

function cellOf(field: keyof RawTask | keyof RawShard, value: unknown): string {
  if (field === 'result') return jsonCell(value, 'null')
  if (field === 'metadata') return metadataCell(value)
  // Most cells are such text, and there are millions of them.
  return typeof value === 'string' && PLAIN.test(value) ? `"${value}"` : JSON.stringify(value)
}

/** A JSON cell as strict JSON. The cell is text in every file that UnifiedQuantum wrote. */
function jsonCell(text: unknown, ifEmpty: string): string {
  return text === null || text === '' ? ifEmpty : toStrictJson(String(text))
}

/** Metadata that are not an object are read as unreadable, so they are exported as such. */
function metadataCell(text: unknown): string {
  const isObject = /^\s*(?:\{|$)/.test(String(text))
  return isObject ? jsonCell(text, '{}') : JSON.stringify({ $unreadable: String(text) })
}
