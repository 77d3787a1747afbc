import { eq, exists, notExists, or, sql } from 'drizzle-orm'
import { taskShards, tasks } from '../drizzle/schema.ts'
import type { Connection, TaskDatabase } from './connection.ts'

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
    const query = this.#connection.prepared('saveUnlessReplaced', (db) => upsert(db, true))
    // all, not get: a statement that returns rows commits when it is stepped to its end, and get stops at the
    // first row and does not hear of a commit that failed.
    return query.all({ ...row })[0]?.submitTime
  }

  /** Inserts a task or replaces the one with its id, and gives the submit time that is now stored. */
  save(row: TaskRow): string {
    const query = this.#connection.prepared('save', (db) => upsert(db, false))
    return query.all({ ...row })[0]?.submitTime as string
  }

  /** Writes the given columns of one row; the others stay as they are, to the byte. */
  update(taskId: string, row: Partial<TaskRow>): void {
    const fields = Object.keys(row) as (keyof TaskRow)[]
    const query = this.#connection.prepared(`update ${fields.join()}`, (db) =>
      db
        .update(tasks)
        .set(Object.fromEntries(fields.map((field) => [field, sql`${sql.placeholder(`new_${field}`)}`])))
        .where(eq(tasks.taskId, id))
        .prepare(),
    )
    const params = Object.fromEntries(fields.map((field) => [`new_${field}`, row[field]]))
    query.run({ ...params, taskId })
  }
}

function upsert(db: TaskDatabase, isGuarded: boolean) {
  const value = (name: keyof TaskRow) => sql.placeholder(name)
  const one = sql`1`.as('one')
  const mayBeInserted = or(
    exists(db.select({ one }).from(tasks).where(eq(tasks.taskId, id))),
    notExists(db.select({ one }).from(taskShards).where(eq(taskShards.platformTaskId, id))),
  )
  const remembersAsMuch = sql`(instr(${tasks.metadata}, '"legacy_platform_id"') = 0
    or ${value('remembersId')})`
  const row = sql`select ${id}, ${value('backend')}, ${value('status')}, ${value('shots')},
    coalesce(${value('submitTime')}, ${value('now')}), ${value('updateTime')},
    ${value('result')}, ${value('metadata')}, ${value('errorMessage')}
    where ${isGuarded ? mayBeInserted : sql`true`}`
  return db
    .insert(tasks)
    .select(row)
    .onConflictDoUpdate({
      target: tasks.taskId,
      set: {
        backend: sql`excluded.backend`,
        status: sql`excluded.status`,
        shots: sql`excluded.shots`,
        submitTime: sql`coalesce(${value('submitTime')}, ${tasks.submitTime})`,
        updateTime: sql`excluded.update_time`,
        result: sql`excluded.result_json`,
        metadata: sql`excluded.metadata_json`,
        errorMessage: sql`excluded.error_message`,
      },
      ...(isGuarded && { setWhere: remembersAsMuch }),
    })
    .returning({ submitTime: tasks.submitTime })
    .prepare()
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
