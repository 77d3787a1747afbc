import { and, eq, type SQL, sql } from 'drizzle-orm'
import { TASK_COLUMNS } from '../../../drizzle/columns.ts'
import { type TaskInfo, taskShards, tasks } from '../../../drizzle/schema.ts'
import { REPLACED_ID } from '../../rules/replaced-id.ts'
import type { TaskRow } from '../../rules/save-task.ts'
import { mayBeReplacedId } from '../../rules/task-id.ts'
import type { Statement, Statements } from '../statement.ts'
import { bindings } from './bindings.ts'

const id = sql.placeholder('taskId')

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
  const statement = statements.statement('is replaced', (drizzle) => {
    const one = sql`1`.as('one')
    const shard = drizzle.select({ one }).from(taskShards).where(eq(taskShards.platformTaskId, id))
    const task = drizzle.select({ one }).from(tasks).where(eq(tasks.taskId, id))
    return drizzle.select({ is: sql`exists ${shard} and not exists ${task}` }).from(sql`(select 1)`)
  })
  return statement.get({ taskId })?.[0] === 1
}

const FIELDS = Object.keys(TASK_COLUMNS) as (keyof TaskInfo)[]

/** @param isOneOfMany Whether it replaces only what {@link upsertOneOfMany} may, and returns nothing. */
function upsertStatement(statements: Statements, isOneOfMany: boolean, row: TaskRow): Statement {
  // Setting the column to its own value would still update every index on it.
  const isTimed = row.submitTime !== null
  const mustBeLater = isOneOfMany && row.isStamped
  return statements.statement(`upsert ${isOneOfMany} ${isTimed} ${mustBeLater}`, (drizzle) => {
    const { now, namesReplacedId, ...given } = bindings([...FIELDS, 'now', 'namesReplacedId'])
    const kept: readonly (keyof TaskInfo)[] = isTimed ? ['taskId'] : ['taskId', 'submitTime']
    const set = FIELDS.filter((field) => !kept.includes(field)).map((field) => [
      field,
      sql.raw(`excluded.${TASK_COLUMNS[field]}`),
    ])
    const isLater = sql`${tasks.updateTime} < ${sql.raw(`excluded.${TASK_COLUMNS.updateTime}`)}`
    const setWhere = and(
      mustBeLater ? isLater : undefined,
      isOneOfMany ? remembersReplacedId(namesReplacedId) : undefined,
    )
    const upsert = drizzle
      .insert(tasks)
      .values(isTimed ? given : { ...given, submitTime: now })
      .onConflictDoUpdate({
        target: tasks.taskId,
        set: Object.fromEntries(set),
        ...(setWhere && { setWhere }),
      })
    return isOneOfMany ? upsert : upsert.returning({ submitTime: tasks.submitTime })
  })
}

/** Whether the stored row names no replaced id, or the new one names one. */
export function remembersReplacedId(namesReplacedId: SQL): SQL {
  return sql`(instr(${tasks.metadata}, ${sql.raw(`'"${REPLACED_ID}"'`)}) = 0 or ${namesReplacedId})`
}
