import { SHARD_NAMES, TASK_NAMES } from '../../drizzle/columns.ts'
import type { PlaceName } from '../rules/place-name.ts'
import type { StoredTask } from '../rules/raw-task.ts'
import { rawShard, rawTask } from '../rules/task-row.ts'
import { isShort, PLAIN_OBJECT } from './strict-json.ts'

// Most lines of an export hold nothing that has to be decoded. To match such a line takes a quarter of the time in
// which it is parsed and split.

const TEXT = String.raw`"([^"\\\x00-\x1f]+)"`
const COUNT = String.raw`(0|[1-9]\d{0,14})`
const RESULT = `(?:null|(${PLAIN_OBJECT}))`

/** The forms of the fields that are not {@link TEXT}. */
const FORMS: Readonly<Record<string, string>> = {
  shots: COUNT,
  shardIndex: COUNT,
  circuitCount: COUNT,
  subIndexOffset: COUNT,
  result: RESULT,
  metadata: `(${PLAIN_OBJECT})`,
  errorMessage: `(?:null|${TEXT})`,
}

const { uniqcTaskId: _, ...shardNames } = SHARD_NAMES

const ID_AT = `{"${TASK_NAMES.taskId}":"`.length

/** The patterns of an export's lines. To make them takes a quarter of a millisecond. */
function makePatterns() {
  const fields = members(TASK_NAMES)
  return {
    task: new RegExp(`^\\{${fields}(?:,"archived_at":${TEXT})?(?:,"shards":\\[(\\{.*\\})\\])?\\}$`),
    /** A task without shards, of which nothing is captured but whether it is archived. */
    head: new RegExp(`^\\{${uncaptured(fields)}(,"archived_at":${uncaptured(TEXT)})?\\}$`),
    shard: new RegExp(`\\{${members(shardNames)}\\}(?:,(?=\\{)|$)`, 'y'),
  }
}

let made: ReturnType<typeof makePatterns> | undefined
const patterns = () => {
  made ??= makePatterns()
  return made
}

function members(names: Readonly<Record<string, string>>): string {
  return Object.entries(names)
    .map(([field, name]) => `"${name}":${FORMS[field] ?? TEXT}`)
    .join()
}

function uncaptured(pattern: string): string {
  return pattern.replaceAll(/\((?!\?)/g, '(?:')
}

/** What `parseLine` returns for a line, in the order in which an export writes it, without escapes; else undefined. */
export function parsePlainLine(text: string): StoredTask | undefined {
  const match = isShort(text) ? patterns().task.exec(text) : null
  if (match === null) return undefined
  const [, taskId = '', ...cells] = match
  const [archivedAt = null, shards] = cells.slice(8)
  const task = rawTask([taskId, ...decode(cells, [2])])
  const found = shards === undefined ? [] : parseShards(taskId, shards)
  return found && { task, archivedAt, shards: found }
}

/** The id of what {@link parsePlainLine} returns for a line, and where it is; undefined also for a task with shards. */
export function readPlainHead(text: string): { taskId: string; place: PlaceName } | undefined {
  const match = isShort(text) ? patterns().head.exec(text) : null
  if (match === null) return undefined
  return { taskId: text.slice(ID_AT, text.indexOf('"', ID_AT)), place: match[1] ? 'archived' : 'live' }
}

function parseShards(taskId: string, text: string) {
  const shards = []
  const { shard } = patterns()
  for (shard.lastIndex = 0; shard.lastIndex < text.length; ) {
    const match = shard.exec(text)
    if (match === null) return undefined
    const [, ...cells] = match
    shards.push(rawShard([taskId, ...decode(cells, [0, 3, 4])]))
  }
  return shards
}

/** Cells as a file holds them. */
function decode(cells: readonly (string | undefined)[], counts: readonly number[]): unknown[] {
  return cells.map((cell, index) => (counts.includes(index) ? Number(cell) : (cell ?? null)))
}
