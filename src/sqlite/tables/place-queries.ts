import { and, asc, eq, getTableName, sql } from 'drizzle-orm'
import { archivedTasks, type TaskInfo, type TaskShard } from '../../../drizzle/schema.ts'
import type { Connection, TaskDatabase } from '../connection.ts'
import { Compiled } from '../statement.ts'
import { conditionOf } from './filter-sql.ts'
import { ARCHIVE, type Place } from './place.ts'
import { NAMES, readTask, WHOLE } from './task-row.ts'

const id = sql.placeholder('taskId')

/** A long deletion holds the write lock for one batch at a time, so that other writers get their turn. */
export const DELETE_BATCH = 1000

/**
 * The queries that read and delete the tasks of one place, each prepared once for a connection, when it is
 * first asked for.
 */
export class PlaceQueries<Task extends TaskInfo = TaskInfo, Shard extends TaskShard = TaskShard> {
  readonly #connection: Connection
  readonly #place: Place

  constructor(connection: Connection, place: Place) {
    this.#connection = connection
    this.#place = place
  }

  byId(taskId: string): Task | undefined {
    // Most processes ask this first, and Drizzle takes some milliseconds to write its first query.
    const query = this.#prepared('byId', (db, { tasks }) => {
      const table = getTableName(tasks)
      const columns = WHOLE.select(table)
      const archivedAt = this.#place === ARCHIVE ? [archivedTasks.archivedAt.name] : []
      return db.$client
        .prepare(`SELECT ${[...columns, ...archivedAt].join()} FROM ${table} WHERE ${NAMES.taskId} = ?`)
        .raw()
    })
    const row = query.get(taskId) as readonly unknown[] | undefined
    if (row === undefined) return undefined
    const task: TaskInfo & { archivedAt?: unknown } = readTask(row)
    if (this.#place === ARCHIVE) task.archivedAt = row[9]
    return task as Task
  }

  /** The tasks with a shard that has this platform id. */
  byPlatformTaskId(platformTaskId: string): Task[] {
    const query = this.#prepared('byPlatformTaskId', (db, { tasks, shards }) => {
      const owners = db
        .select({ uniqcTaskId: shards.uniqcTaskId })
        .from(shards)
        .where(eq(shards.platformTaskId, id))
      return db.select().from(tasks).where(sql`${tasks.taskId} in ${owners}`).prepare()
    })
    return query.all({ taskId: platformTaskId }) as Task[]
  }

  /** The shards of a task, by their index. */
  shardsOf(taskId: string): Shard[] {
    const query = this.#prepared('shardsOf', (db, { shards }) =>
      db.select().from(shards).where(eq(shards.uniqcTaskId, id)).orderBy(asc(shards.shardIndex)).prepare(),
    )
    return query.all({ taskId }) as Shard[]
  }

  delete(taskId: string): boolean {
    const query = this.#prepared(
      'delete',
      (db, { tasks }) => new Compiled(db, db.delete(tasks).where(eq(tasks.taskId, id))),
    )
    return query.run({ taskId }).changes > 0
  }

  /** Deletes the shards of a task, and gives how many there were. */
  deleteShards(taskId: string): number {
    const query = this.#prepared('deleteShards', (db, { shards }) =>
      db.delete(shards).where(eq(shards.uniqcTaskId, id)).prepare(),
    )
    return query.run({ taskId }).changes
  }

  /** The end of the table: what is inserted later lies behind it. */
  lastRowid(): number {
    const query = this.#prepared('lastRowid', (db, { tasks }) =>
      db.select({ rowid: sql<number | null>`max(rowid)` }).from(tasks).prepare(),
    )
    return query.get()?.rowid ?? 0
  }

  /**
   * Deletes one batch of what a shape matches behind one row and up to another, and gives the rowids. From the
   * first to the last: SQLite gives the rowid of a last row that is gone to the next that comes.
   */
  deleteBatch(
    shape: string,
    params: Record<string, unknown>,
    afterRowid: number,
    lastRowid: number,
  ): number[] {
    const query = this.#prepared(`deleteBatch ${shape}`, (db, { tasks }) => {
      const isWithin = sql`rowid > ${sql.placeholder('afterRowid')} and rowid <= ${sql.placeholder('lastRowid')}`
      const batch = db
        .select({ rowid: sql`rowid` })
        .from(tasks)
        .where(and(conditionOf(shape, tasks), isWithin))
        .orderBy(asc(sql`rowid`))
        .limit(DELETE_BATCH)
      const rowid = sql<number>`rowid`
      return new Compiled(db, db.delete(tasks).where(sql`rowid in ${batch}`).returning({ rowid }))
    })
    return query.all({ ...params, afterRowid, lastRowid }).map(([rowid]) => rowid as number)
  }

  #prepared<T>(name: string, prepare: (db: TaskDatabase, place: Place) => T): T {
    return this.#connection.prepared(`${this.#place.name} ${name}`, (db) => prepare(db, this.#place))
  }
}
