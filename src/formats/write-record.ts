import { SHARD_NAMES, TASK_NAMES } from '../../drizzle/columns.ts'
import type { RawShard, RawTask, StoredTask } from '../rules/raw-task.ts'
import { toStrictJson } from './strict-json.ts'

const TASK_FIELDS = Object.entries(TASK_NAMES) as [keyof RawTask, string][]
/** A shard is written inside its task, so it does not repeat the id of the task. */
const SHARD_FIELDS = (Object.entries(SHARD_NAMES) as [keyof RawShard, string][]).filter(
  ([field]) => field !== 'uniqcTaskId',
)

/** A task as one line of an export, without the line break. */
export function writeRecord({ task, archivedAt, shards }: StoredTask): string {
  const members = TASK_FIELDS.map(([field, name]) => `"${name}":${cellOf(field, task[field])}`)
  if (archivedAt !== null) members.push(`"archived_at":${JSON.stringify(archivedAt)}`)
  if (shards.length > 0) members.push(`"shards":[${shards.map(writeShard).join()}]`)
  return `{${members.join()}}`
}

function writeShard(shard: RawShard): string {
  return `{${SHARD_FIELDS.map(([field, name]) => `"${name}":${cellOf(field, shard[field])}`).join()}}`
}

function cellOf(field: keyof RawTask | keyof RawShard, value: unknown): string {
  if (field === 'result') return jsonCell(value, 'null')
  return field === 'metadata' ? metadataCell(value) : JSON.stringify(value)
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
