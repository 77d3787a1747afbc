import { SHARD_COLUMNS, TASK_COLUMNS } from '../../../drizzle/columns.ts'
import type { TaskInfo } from '../../../drizzle/schema.ts'
import { REPLACED_ID } from '../../rules/replaced-id.ts'
import type { TaskRow } from '../../rules/save-task.ts'
import { mayBeReplacedId } from '../../rules/task-id.ts'
import type { Statement, Statements } from '../statement.ts'
import { LIVE } from './place.ts'
import { upsertSql } from './sql.ts'

/**
 * Inserts a live task or replaces the one with its id, and returns the submit time that is now stored. Its id must be
 * known not to be a replaced one, and its update time to differ.
 */
export function upsertKnownTask(statements: Statements, row: TaskRow): string {
  // all, not get: get stops at the first row, and does not notice a commit that failed.
  return upsertStatement(statements, false, row).all(row)[0]?.[0] as string
}

/**
 * Upserts one of many tasks of a transaction; returns whether it was written, as {@link TaskSaves.save} decides it. It
 * writes one row at most and has no RETURNING, so SQLite keeps no statement journal.
 */
export function upsertOneOfMany(statements: Statements, row: TaskRow): boolean {
  if (mayBeReplacedId(row.taskId) && isReplaced(statements, row.taskId)) return false
  return upsertStatement(statements, true, row).run(row).changes > 0
}

/** Whether a shard has this id on its platform, and no task has it. */
function isReplaced(statements: Statements, taskId: string): boolean {
  const statement = statements.statement('is replaced', () => {
    const shard = `SELECT 1 FROM ${LIVE.shards} WHERE ${SHARD_COLUMNS.platformTaskId} = :taskId`
    const task = `SELECT 1 FROM ${LIVE.tasks} WHERE ${ID} = :taskId`
    return `SELECT EXISTS (${shard}) AND NOT EXISTS (${task})`
  })
  return statement.get({ taskId })?.[0] === 1
}

const FIELDS = Object.keys(TASK_COLUMNS) as (keyof TaskInfo)[]
const { taskId: ID, submitTime: SUBMIT_TIME, updateTime: UPDATE_TIME } = TASK_COLUMNS

/** The names of the forms of an upsert: of a known task, of one of many, of one of many that must be later. */
const TIMED = ['upsert timed', 'upsert timed of many', 'upsert timed later of many'] as const
const UNTIMED = ['upsert', 'upsert of many', 'upsert later of many'] as const

/** @param isOneOfMany Whether it replaces only what {@link upsertOneOfMany} may, and returns nothing. */
function upsertStatement(statements: Statements, isOneOfMany: boolean, row: TaskRow): Statement {
  // Setting the column to its own value would still update every index on it.
  const { isTimed } = row
  const mustBeLater = isOneOfMany && row.isStamped
  // A name that is put together would take longer to look up than the row to bind.
  const name = (isTimed ? TIMED : UNTIMED)[isOneOfMany ? (mustBeLater ? 2 : 1) : 0] as string
  return statements.statement(name, () => {
    const replaced = FIELDS.filter((field) => field !== 'taskId' && (isTimed || field !== 'submitTime'))
    const upsert = upsertSql(LIVE.tasks, TASK_COLUMNS, ['taskId'], replaced)
    if (!isOneOfMany) return `${upsert} RETURNING ${SUBMIT_TIME}`
    const isLater = mustBeLater ? `${LIVE.tasks}.${UPDATE_TIME} < excluded.${UPDATE_TIME} AND` : ''
    return `${upsert} WHERE ${isLater} ${REMEMBERS_REPLACED_ID}`
  })
}

/** Whether the stored row names no replaced id, or the new one names one. */
export const REMEMBERS_REPLACED_ID = `(instr(${LIVE.tasks}.${TASK_COLUMNS.metadata}, '"${REPLACED_ID}"') = 0 OR :namesReplacedId)`
