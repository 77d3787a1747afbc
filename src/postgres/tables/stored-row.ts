import { ARCHIVED_AT, SHARD_COLUMNS, TASK_COLUMNS } from '../../../drizzle/columns.ts'
import { fromStoredText, toStoredText } from '../../../drizzle/json/stored-cell.ts'
import { typeName } from '../../../drizzle/json/value.ts'
import type { RawShard, RawTask } from '../../rules/raw-task.ts'
import type { Row } from '../../rules/task-row.ts'
import { invalidTask } from '../../rules/task-store-error.ts'

/** An entry of an index has at most 2,704 bytes, and three such texts. */
const LONGEST = 800
const INDEXED: readonly string[] = [
  'taskId',
  'uniqcTaskId',
  'platformTaskId',
  'backend',
  'status',
  'submitTime',
]

/** The types of the columns that are not text. */
const NUMBERS: readonly string[] = ['shots', 'shardIndex', 'circuitCount', 'subIndexOffset']

export const typeOf = (field: string) => (NUMBERS.includes(field) ? 'bigint' : 'text')

/** The columns of a task of a place, in the order that rules/task-row.ts takes. */
export const taskColumns = (isArchive: boolean) => columnsOf(TASK_COLUMNS, isArchive)

export const shardColumns = (isArchive: boolean) => columnsOf(SHARD_COLUMNS, isArchive)

function columnsOf(columns: Readonly<Record<string, string>>, isArchive: boolean): string {
  return [...Object.values(columns), ...(isArchive ? [ARCHIVED_AT] : [])].join()
}

const [RESULT, METADATA] = (['result', 'metadata'] as const).map((field) =>
  Object.keys(TASK_COLUMNS).indexOf(field),
) as [number, number]
const SHARD_RESULT = Object.keys(SHARD_COLUMNS).indexOf('result')

/** A row of a task as SQLite would return it: with cells that PostgreSQL cannot store as they are. */
export const taskRowOf = (row: Row) => withCells(row, [RESULT, METADATA])

export const shardRowOf = (row: Row) => withCells(row, [SHARD_RESULT])

function withCells(row: Row, positions: readonly number[]): Row {
  const cells = row as unknown[]
  for (const at of positions) {
    if (typeof cells[at] === 'string') cells[at] = fromStoredText(cells[at])
  }
  return cells
}

/** The fields of a row to store. @throws TaskStoreError `INVALID_TASK` */
export function storedCells<Fields extends object>(taskId: string, fields: Fields): Fields {
  const cells: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(fields)) cells[field] = storedCell(taskId, field, value)
  return cells as Fields
}

/** The value of a field to store. @throws TaskStoreError `INVALID_TASK` */
export function storedCell(taskId: string, field: string, value: unknown): unknown {
  return typeof value === 'string' ? storedText(taskId, field, value) : checkKind(taskId, field, value)
}

/** A file can hold a value of any kind in any cell. */
function checkKind(taskId: string, field: string, value: unknown): unknown {
  const isNumber = typeof value === 'number'
  if (value === null || (NUMBERS.includes(field) && isNumber && Number.isSafeInteger(value))) return value
  const kind = isNumber ? `the number ${value}` : typeName(value)
  throw invalidTask({ taskId, field, problem: `is ${kind}, which its column of PostgreSQL cannot hold` })
}

function storedText(taskId: string, field: string, text: string): string {
  if (field === 'result' || field === 'metadata') return toStoredText(text)
  if (text.length > LONGEST / 3 && INDEXED.includes(field) && Buffer.byteLength(text) > LONGEST) {
    throw invalidTask({
      taskId,
      field,
      problem: `is longer than ${LONGEST} bytes, which PostgreSQL cannot index`,
    })
  }
  if (!text.includes('\0')) return text
  throw invalidTask({ taskId, field, problem: 'holds a null character, which PostgreSQL cannot store' })
}

export const rawTaskCells = (task: RawTask) => storedCells(task.taskId, task)

export const rawShardCells = (shard: RawShard) => storedCells(shard.uniqcTaskId, shard)
