import { and, eq, exists, notExists, or, sql } from 'drizzle-orm'
import { TASK_COLUMNS } from '../../../drizzle/columns.ts'
import { type TaskInfo, taskShards, tasks } from '../../../drizzle/schema.ts'
import { REPLACED_ID } from '../../rules/replaced-id.ts'
import type { TaskRow } from '../../rules/save-task.ts'
import { mayBeReplacedId } from '../../rules/task-id.ts'
import type { Query, Statement, Statements, TaskDatabase } from '../statement.ts'
import { bindings } from './bindings.ts'

const id = sql.placeholder('taskId')

/**
 * Inserts a live task or replaces the one with its id, and returns the submit time that is now stored;
 * undefined, with nothing written, if the id may be one that version 5 replaced, if the stored row names such
 * an id and the new one would forget it, or if the stored update time is not before a stamped one.
 */
export function upsertTask(statements: Statements, row: TaskRow): string | undefined {
  const forms = mayBeReplacedId(row.taskId) ? FORMS.ofOldId : FORMS.ofNewId
  return submitTimeOf(upsertStatement(statements, forms, row), row)
}

/** {@link upsertTask} for a task whose id is known not to be a replaced one, and whose time to differ. */
export function upsertKnownTask(statements: Statements, row: TaskRow): string {
  return submitTimeOf(upsertStatement(statements, FORMS.ofKnownId, row), row) as string
}

/**
 * {@link upsertTask} for one of many rows of a transaction; returns whether it was written. It writes one row
 * at most and has no RETURNING, so SQLite keeps no statement journal.
 */
export function upsertOneOfMany(statements: Statements, row: TaskRow): boolean {
  if (mayBeReplacedId(row.taskId) && isReplaced(statements, row.taskId)) return false
  return upsertStatement(statements, FORMS.ofMany, row).run(row).changes > 0
}

function submitTimeOf(statement: Statement, row: TaskRow): string | undefined {
  // all, not get: get stops at the first row, and does not notice a commit that failed.
  return statement.all(row)[0]?.[0] as string | undefined
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

/** How one upsert differs from another. */
interface UpsertForm {
  /** The id may be a replaced one: insert only if no shard has it. */
  readonly mayBeReplaced: boolean
  /** Replace only a row whose replaced id is not forgotten. */
  readonly mustRemember: boolean
  /**
   * Store the given submit time. Setting the column to its own value would still update every index on it.
   */
  readonly isTimed: boolean
  /** Replace only a row whose update time is before the new one. */
  readonly mustBeLater: boolean
  /** Return the submit time that is then stored. */
  readonly isAsked: boolean
}

/** The upserts with and without {@link UpsertForm.isTimed} and {@link UpsertForm.mustBeLater}. */
type UpsertForms = readonly { readonly name: string; readonly form: UpsertForm }[]

const FORMS = {
  ofOldId: formsOf({ mayBeReplaced: true, mustRemember: true, isAsked: true }),
  ofNewId: formsOf({ mayBeReplaced: false, mustRemember: true, isAsked: true }),
  ofMany: formsOf({ mayBeReplaced: false, mustRemember: true, isAsked: false }),
  ofKnownId: formsOf({ mayBeReplaced: false, mustRemember: false, isAsked: true }),
}

function formsOf(form: Omit<UpsertForm, 'isTimed' | 'mustBeLater'>): UpsertForms {
  return [0, 1, 2, 3].map((index) => {
    const isTimed = index >= 2
    const mustBeLater = index % 2 === 1 && form.mustRemember
    return { name: `upsert ${JSON.stringify(form)} ${index}`, form: { ...form, isTimed, mustBeLater } }
  })
}

function upsertStatement(statements: Statements, forms: UpsertForms, row: TaskRow): Statement {
  const index = (row.submitTime === null ? 0 : 2) + (row.isStamped ? 1 : 0)
  const { name, form } = forms[index] as UpsertForms[number]
  return statements.statement(name, (drizzle) => upsertQuery(drizzle, form))
}

const FIELDS = Object.keys(TASK_COLUMNS) as (keyof TaskInfo)[]

function upsertQuery(
  drizzle: TaskDatabase,
  { mayBeReplaced, mustRemember, isTimed, mustBeLater, isAsked }: UpsertForm,
): Query {
  const { now, namesReplacedId, ...given } = bindings([...FIELDS, 'now', 'namesReplacedId'])
  const cells = isTimed ? given : { ...given, submitTime: now }
  const one = sql`1`.as('one')
  const mayBeInserted = or(
    notExists(drizzle.select({ one }).from(taskShards).where(eq(taskShards.platformTaskId, id))),
    exists(drizzle.select({ one }).from(tasks).where(eq(tasks.taskId, id))),
  )
  const insert = mayBeReplaced
    ? drizzle
        .insert(tasks)
        .select(sql`select ${sql.join(Object.values(cells), sql`, `)} where ${mayBeInserted}`)
    : drizzle.insert(tasks).values(cells)
  const kept: readonly (keyof TaskInfo)[] = isTimed ? ['taskId'] : ['taskId', 'submitTime']
  const set = FIELDS.filter((field) => !kept.includes(field)).map((field) => [
    field,
    sql.raw(`excluded.${TASK_COLUMNS[field]}`),
  ])
  const remembers = sql`(instr(${tasks.metadata}, ${sql.raw(`'"${REPLACED_ID}"'`)}) = 0 or ${namesReplacedId})`
  const isLater = sql`${tasks.updateTime} < ${sql.raw(`excluded.${TASK_COLUMNS.updateTime}`)}`
  const setWhere = and(mustBeLater ? isLater : undefined, mustRemember ? remembers : undefined)
  const query = insert.onConflictDoUpdate({
    target: tasks.taskId,
    set: Object.fromEntries(set),
    ...(setWhere && { setWhere }),
  })
  return isAsked ? query.returning({ submitTime: tasks.submitTime }) : query
}
