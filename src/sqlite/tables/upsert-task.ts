import { eq, exists, notExists, or, sql } from 'drizzle-orm'
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
 * undefined, with nothing written, if the id may be one that version 5 replaced, or the stored row names such
 * an id and the new one would forget it.
 */
export function upsertTask(statements: Statements, row: TaskRow): string | undefined {
  const forms = mayBeReplacedId(row.taskId) ? FORMS.ofOldId : FORMS.ofNewId
  return submitTimeOf(upsertStatement(statements, forms, row), row)
}

/** {@link upsertTask} for a task whose id is known not to be a replaced one. */
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
  /** Return the submit time that is then stored. */
  readonly isAsked: boolean
}

/** One upsert that stores the submit time of its row, and one that keeps the stored one. */
type UpsertForms = Readonly<Record<'timed' | 'untimed', { readonly name: string; readonly form: UpsertForm }>>

const FORMS = {
  ofOldId: formsOf({ mayBeReplaced: true, mustRemember: true, isAsked: true }),
  ofNewId: formsOf({ mayBeReplaced: false, mustRemember: true, isAsked: true }),
  ofMany: formsOf({ mayBeReplaced: false, mustRemember: true, isAsked: false }),
  ofKnownId: formsOf({ mayBeReplaced: false, mustRemember: false, isAsked: true }),
}

function formsOf(form: Omit<UpsertForm, 'isTimed'>): UpsertForms {
  const named = (isTimed: boolean) => ({
    name: `upsert ${JSON.stringify(form)} ${isTimed}`,
    form: { ...form, isTimed },
  })
  return { timed: named(true), untimed: named(false) }
}

function upsertStatement(statements: Statements, forms: UpsertForms, row: TaskRow): Statement {
  const { name, form } = row.submitTime === null ? forms.untimed : forms.timed
  return statements.statement(name, (drizzle) => upsertQuery(drizzle, form))
}

const FIELDS = Object.keys(TASK_COLUMNS) as (keyof TaskInfo)[]

function upsertQuery(
  drizzle: TaskDatabase,
  { mayBeReplaced, mustRemember, isTimed, isAsked }: UpsertForm,
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
  const query = insert.onConflictDoUpdate({
    target: tasks.taskId,
    set: Object.fromEntries(set),
    ...(mustRemember && { setWhere: remembers }),
  })
  return isAsked ? query.returning({ submitTime: tasks.submitTime }) : query
}
