import { SHARD_NAMES, TASK_NAMES } from '../../drizzle/columns.ts'
import type { RawShard, RawTask, StoredTask } from '../rules/raw-task.ts'
import { toStrictJson } from './strict-json.ts'

/** A member of a record: its field, what stands before its value, and how the value is written. */
interface Member<Raw> {
  readonly field: keyof Raw
  readonly beginning: string
  readonly write: (cell: unknown) => string
}

const TASK_MEMBERS = membersOf<RawTask>(TASK_NAMES)
const { uniqcTaskId: _, ...shardNames } = SHARD_NAMES
/** A shard is written inside its task, so it does not repeat the id of the task. */
const SHARD_MEMBERS = membersOf<RawShard>(shardNames)

function membersOf<Raw>(names: Partial<Record<keyof Raw, string>>): readonly Member<Raw>[] {
  return Object.entries<string>(names as Record<string, string>).map(([field, name], index) => ({
    field: field as keyof Raw,
    beginning: `${index === 0 ? '{' : ','}"${name}":`,
    write: field === 'result' ? resultCell : field === 'metadata' ? metadataCell : plainCell,
  }))
}

/** A task as one line of an export, without the line break. */
export function writeRecord({ task, archivedAt, shards }: StoredTask): string {
  let text = writeMembers(TASK_MEMBERS, task)
  if (archivedAt !== null) text += `,"archived_at":${JSON.stringify(archivedAt)}`
  if (shards.length > 0) text += `,"shards":[${shards.map(writeShard).join()}]`
  return `${text}}`
}

const writeShard = (shard: RawShard) => `${writeMembers(SHARD_MEMBERS, shard)}}`

function writeMembers<Raw>(members: readonly Member<Raw>[], row: Raw): string {
  let text = ''
  for (const { field, beginning, write } of members) text += beginning + write(row[field])
  return text
}

/** Text that is the same in JSON, but for the quotes. */
const PLAIN = /^[ !#-[\]-~]*$/

/** Nearly every cell is such a text, null or a whole number, and `JSON.stringify` takes longer for them. */
function plainCell(value: unknown): string {
  if (typeof value === 'string' && PLAIN.test(value)) return `"${value}"`
  return value === null || Number.isInteger(value) ? `${value}` : JSON.stringify(value)
}

function resultCell(text: unknown): string {
  return jsonCell(text, 'null')
}

/** A JSON cell as strict JSON. The cell is text in every file that UnifiedQuantum wrote. */
function jsonCell(text: unknown, ifEmpty: string): string {
  return text === null || text === '' ? ifEmpty : toStrictJson(String(text))
}

/** Metadata that are not an object are read as unreadable, so they are exported as such. */
function metadataCell(cell: unknown): string {
  const text = String(cell)
  const isObject = text.startsWith('{') || /^\s*(?:\{|$)/.test(text)
  return isObject ? jsonCell(cell, '{}') : JSON.stringify({ $unreadable: text })
}
