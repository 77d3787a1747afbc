import { and, desc, eq, exists, notExists, or, sql } from 'drizzle-orm'
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import { type TaskInfo, taskShards, tasks } from '../drizzle/schema.ts'
import { conditionOf } from './task-filter.ts'

const id = sql.placeholder('taskId')

/** The order of every list: newest first by the text of the time, then by insertion. */
const NEWEST_FIRST = [desc(tasks.submitTime), sql`${tasks}.rowid desc`] as const

/** A long deletion holds the write lock for one batch at a time, so that other writers get their turn. */
export const DELETE_BATCH = 5000

/** The queries on `tasks`, each prepared once for a connection, when it is first asked for. */
export class TaskQueries {
  readonly #db: BetterSQLite3Database
  readonly #prepared = new Map<string, unknown>()

  constructor(db: BetterSQLite3Database) {
    this.#db = db
  }

  byId(taskId: string): TaskInfo | undefined {
    const query = this.#once('byId', () =>
      this.#db.select().from(tasks).where(eq(tasks.taskId, id)).prepare(),
    )
    return query.get({ taskId })
  }

  /** The tasks with a shard that has this platform id. */
  byPlatformTaskId(platformTaskId: string): TaskInfo[] {
    const query = this.#once('byPlatformTaskId', () => {
      const shards = this.#db
        .select({ uniqcTaskId: taskShards.uniqcTaskId })
        .from(taskShards)
        .where(eq(taskShards.platformTaskId, id))
      return this.#db.select().from(tasks).where(sql`${tasks.taskId} in ${shards}`).prepare()
    })
    return query.all({ taskId: platformTaskId })
  }

  /**
   * Inserts a task or replaces the one with its id, and gives the submit time that is now stored; undefined,
   * with nothing written, where the id may be one that version 5 replaced, or the row remembers such an id
   * and the new one would forget it.
   */
  saveUnlessReplaced(row: TaskRow): string | undefined {
    const query = this.#once('saveUnlessReplaced', () => this.#upsert(true))
    // all, not get: a statement that returns rows commits when it is stepped to its end, and get stops at the
    // first row and does not hear of a commit that failed.
    return query.all({ ...row })[0]?.submitTime
  }

  /** Inserts a task or replaces the one with its id, and gives the submit time that is now stored. */
  save(row: TaskRow): string {
    const query = this.#once('save', () => this.#upsert(false))
    return query.all({ ...row })[0]?.submitTime as string
  }

  #upsert(isGuarded: boolean) {
    const value = (name: keyof TaskRow) => sql.placeholder(name)
    const one = sql`1`.as('one')
    const mayBeInserted = or(
      exists(this.#db.select({ one }).from(tasks).where(eq(tasks.taskId, id))),
      notExists(this.#db.select({ one }).from(taskShards).where(eq(taskShards.platformTaskId, id))),
    )
    const remembersAsMuch = sql`(instr(${tasks.metadata}, '"legacy_platform_id"') = 0
      or ${value('remembersId')})`
    const row = sql`select ${id}, ${value('backend')}, ${value('status')}, ${value('shots')},
      coalesce(${value('submitTime')}, ${value('now')}), ${value('updateTime')},
      ${value('result')}, ${value('metadata')}, ${value('errorMessage')}
      where ${isGuarded ? mayBeInserted : sql`true`}`
    return this.#db
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

  /** Writes the given columns of one row; the others stay as they are, to the byte. */
  update(taskId: string, row: Partial<TaskRow>): void {
    const fields = Object.keys(row) as (keyof TaskRow)[]
    const query = this.#once(`update ${fields.join()}`, () =>
      this.#db
        .update(tasks)
        .set(Object.fromEntries(fields.map((field) => [field, sql`${sql.placeholder(`new_${field}`)}`])))
        .where(eq(tasks.taskId, id))
        .prepare(),
    )
    const params = Object.fromEntries(fields.map((field) => [`new_${field}`, row[field]]))
    query.run({ ...params, taskId })
  }

  list(shape: string, params: Record<string, unknown>): TaskInfo[] {
    const query = this.#once(`list ${shape}`, () =>
      this.#db
        .select()
        .from(tasks)
        .where(conditionOf(shape))
        .orderBy(...NEWEST_FIRST)
        .limit(sql.placeholder('limit'))
        .offset(sql.placeholder('offset'))
        .prepare(),
    )
    return query.all(params)
  }

  count(shape: string, params: Record<string, unknown>): number {
    const query = this.#once(`count ${shape}`, () =>
      this.#db.select({ count: sql<number>`count(*)` }).from(tasks).where(conditionOf(shape)).prepare(),
    )
    return query.get(params)?.count ?? 0
  }

  countByStatus(shape: string, params: Record<string, unknown>): { status: string; count: number }[] {
    const query = this.#once(`countByStatus ${shape}`, () =>
      this.#db
        .select({ status: tasks.status, count: sql<number>`count(*)` })
        .from(tasks)
        .where(conditionOf(shape))
        .groupBy(tasks.status)
        .prepare(),
    )
    return query.all(params)
  }

  delete(taskId: string): boolean {
    const query = this.#once('delete', () => this.#db.delete(tasks).where(eq(tasks.taskId, id)).prepare())
    return query.run({ taskId }).changes > 0
  }

  /** The end of the table: what is inserted later lies behind it. */
  lastRowid(): number {
    const query = this.#once('lastRowid', () =>
      this.#db.select({ rowid: sql<number | null>`max(rowid)` }).from(tasks).prepare(),
    )
    return query.get()?.rowid ?? 0
  }

  /** Deletes one batch of what a shape matches up to a row, and gives how many rows that was. */
  deleteBatch(shape: string, params: Record<string, unknown>, lastRowid: number): number {
    const query = this.#once(`deleteBatch ${shape}`, () => {
      const batch = this.#db
        .select({ rowid: sql`rowid` })
        .from(tasks)
        .where(and(conditionOf(shape), sql`rowid <= ${sql.placeholder('lastRowid')}`))
        .limit(DELETE_BATCH)
      return this.#db.delete(tasks).where(sql`rowid in ${batch}`).prepare()
    })
    return query.run({ ...params, lastRowid }).changes
  }

  #once<T>(name: string, prepare: () => T): T {
    let query = this.#prepared.get(name) as T | undefined
    if (query === undefined) {
      query = prepare()
      this.#prepared.set(name, query)
    }
    return query
  }
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
