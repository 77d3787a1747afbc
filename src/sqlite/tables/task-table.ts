import { and, eq, exists, lt, notExists, or, sql } from 'drizzle-orm'
import { type TaskInfo, taskShards, tasks } from '../../../drizzle/schema.ts'
import { isReplaceable } from '../../rules/task-id.ts'
import type { Connection, TaskDatabase } from '../connection.ts'
import { Compiled } from '../statement.ts'
import { pick, readTask } from './task-row.ts'

const id = sql.placeholder('taskId')

/** The queries that write a live task, each prepared once for a connection, when it is first asked for. */
export class TaskQueries {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /**
   * Inserts a task or replaces the one with its id, and gives the submit time that is now stored; undefined,
   * with nothing written, where the id may be one that version 5 replaced, or the row remembers such an id
   * and the new one would forget it.
   */
  saveUnlessReplaced(row: TaskRow): string | undefined {
    const query = this.#upsert(isReplaceable(row.taskId) ? UPSERTS.ofOldId : UPSERTS.ofNewId, row)
    // all, not get: a statement that returns rows commits when it is stepped to its end, and get stops at the
    // first row and does not hear of a commit that failed.
    return query.all(row)[0]?.[0] as string | undefined
  }

  /**
   * {@link saveUnlessReplaced} for one of many rows of a transaction, and gives whether it was written. What
   * may write several rows, or returns some, makes SQLite prepare to undo that statement alone: here nothing
   * does.
   */
  storeUnlessReplaced(row: TaskRow): boolean {
    if (isReplaceable(row.taskId) && this.#isReplaced(row.taskId)) return false
    const query = this.#upsert(UPSERTS.ofMany, row)
    return query.run(row).changes > 0
  }

  /** Inserts a task or replaces the one with its id, and gives the submit time that is now stored. */
  save(row: TaskRow): string {
    const query = this.#upsert(UPSERTS.ofKnownId, row)
    return query.all(row)[0]?.[0] as string
  }

  #upsert(forms: Upserts, row: TaskRow): Compiled {
    const { name, form } = row.submitTime === null ? forms.untimed : forms.timed
    return this.#connection.prepared(name, (db) => upsert(db, form))
  }

  #isReplaced(taskId: string): boolean {
    const query = this.#connection.prepared('is replaced', (db) => {
      const one = sql`1`.as('one')
      const shard = db.select({ one }).from(taskShards).where(eq(taskShards.platformTaskId, id))
      const task = db.select({ one }).from(tasks).where(eq(tasks.taskId, id))
      return new Compiled(
        db,
        db.select({ is: sql`exists ${shard} and not exists ${task}` }).from(sql`(select 1)`),
      )
    })
    return query.get({ taskId })?.[0] === 1
  }

  /** Writes the given columns of one row; the others stay as they are, to the byte. */
  update(taskId: string, row: TaskChange): void {
    const fields = Object.keys(row)
    const query = this.#connection.prepared(`update ${fields.join()}`, (db) => {
      const set = Object.fromEntries(fields.map((field) => [field, sql`${sql.placeholder(field)}`]))
      return new Compiled(db, db.update(tasks).set(set).where(eq(tasks.taskId, id)))
    })
    query.run({ ...row, taskId })
  }

  /**
   * {@link update} in one statement, and gives the task; undefined, with nothing written, where there is none
   * with just this id, a condition does not hold, or its update time is not before the new one. A result that
   * is written is not read back.
   */
  updateIf(taskId: string, row: TaskChange, conditions: UpdateConditions): TaskInfo | undefined {
    const fields = Object.keys(row)
    const { statuses, ifUpdateTime } = conditions
    const name = `updateIf ${fields.join()} ${statuses !== undefined} ${ifUpdateTime !== undefined}`
    const query = this.#connection.prepared(name, (db) => {
      const set = Object.fromEntries(fields.map((field) => [field, sql`${sql.placeholder(field)}`]))
      const isStatus = sql`${tasks.status} in (select value from json_each(${sql.placeholder('statuses')}))`
      const where = and(
        eq(tasks.taskId, id),
        lt(tasks.updateTime, sql.placeholder('updateTime')),
        statuses === undefined ? undefined : isStatus,
        ifUpdateTime === undefined ? undefined : eq(tasks.updateTime, sql.placeholder('ifUpdateTime')),
      )
      const returned = { ...pick(tasks), ...('result' in row && { result: sql`null` }) }
      return new Compiled(db, db.update(tasks).set(set).where(where).returning(returned))
    })
    const updated = query.all({ ...row, taskId, ifUpdateTime, statuses: JSON.stringify(statuses) })[0]
    return updated && readTask(updated)
  }
}

/** Columns to write of a row, as they are bound. */
export type TaskChange = { readonly [field in keyof TaskRow]?: TaskRow[field] | undefined }

/** What must hold of a task that is updated. */
export interface UpdateConditions {
  readonly statuses: readonly string[] | undefined
  readonly ifUpdateTime: string | undefined
}

/** What one upsert does beyond another. */
interface UpsertForm {
  /** The id may be an old one: insert only where no shard says so. */
  readonly mayBeReplaced: boolean
  /** Replace only a row whose old id is not forgotten. */
  readonly mustRemember: boolean
  /**
   * Store the submit time that is given. A column that is set to what it was would still cost every index
   * that it is in.
   */
  readonly isTimed: boolean
  /** Give the submit time that is stored then. */
  readonly isAsked: boolean
}

/** One upsert that stores the submit time of its row, and one that keeps the stored one. */
type Upserts = Readonly<Record<'timed' | 'untimed', { readonly name: string; readonly form: UpsertForm }>>

const UPSERTS = {
  ofOldId: upsertsOf({ mayBeReplaced: true, mustRemember: true, isAsked: true }),
  ofNewId: upsertsOf({ mayBeReplaced: false, mustRemember: true, isAsked: true }),
  ofMany: upsertsOf({ mayBeReplaced: false, mustRemember: true, isAsked: false }),
  ofKnownId: upsertsOf({ mayBeReplaced: false, mustRemember: false, isAsked: true }),
}

function upsertsOf(form: Omit<UpsertForm, 'isTimed'>): Upserts {
  const named = (isTimed: boolean) => ({
    name: `upsert ${JSON.stringify(form)} ${isTimed}`,
    form: { ...form, isTimed },
  })
  return { timed: named(true), untimed: named(false) }
}

function upsert(db: TaskDatabase, { mayBeReplaced, mustRemember, isTimed, isAsked }: UpsertForm): Compiled {
  // As it is bound, past the codec of its column.
  const value = (name: keyof TaskRow) => sql`${sql.placeholder(name)}`
  const cells = {
    taskId: value('taskId'),
    backend: value('backend'),
    status: value('status'),
    shots: value('shots'),
    submitTime: value(isTimed ? 'submitTime' : 'now'),
    updateTime: value('updateTime'),
    result: value('result'),
    metadata: value('metadata'),
    errorMessage: value('errorMessage'),
  }
  const one = sql`1`.as('one')
  const mayBeInserted = or(
    notExists(db.select({ one }).from(taskShards).where(eq(taskShards.platformTaskId, id))),
    exists(db.select({ one }).from(tasks).where(eq(tasks.taskId, id))),
  )
  const insert = mayBeReplaced
    ? db.insert(tasks).select(sql`select ${sql.join(Object.values(cells), sql`, `)} where ${mayBeInserted}`)
    : db.insert(tasks).values(cells)
  const remembersAsMuch = sql`(instr(${tasks.metadata}, '"legacy_platform_id"') = 0
    or ${value('remembersId')})`
  const query = insert.onConflictDoUpdate({
    target: tasks.taskId,
    set: {
      backend: sql`excluded.backend`,
      status: sql`excluded.status`,
      shots: sql`excluded.shots`,
      ...(isTimed && { submitTime: sql`excluded.submit_time` }),
      updateTime: sql`excluded.update_time`,
      result: sql`excluded.result_json`,
      metadata: sql`excluded.metadata_json`,
      errorMessage: sql`excluded.error_message`,
    },
    ...(mustRemember && { setWhere: remembersAsMuch }),
  })
  return new Compiled(db, isAsked ? query.returning({ submitTime: tasks.submitTime }) : query)
}

/** A row as it is bound: JSON as text. */
export interface TaskRow {
  readonly taskId: string
  readonly backend: string
  readonly status: string
  readonly shots: number
  /** Null to keep the stored one, or where there is none to take {@link TaskRow.now}. */
  readonly submitTime: string | null
  readonly updateTime: string
  readonly result: string | null
  readonly metadata: string
  readonly errorMessage: string | null
  readonly now: string
  /** 1 where the metadata has an id that was replaced, or cannot have one. */
  readonly remembersId: 0 | 1
}
