import { type AnyColumn, asc, eq, getTableColumns, getTableName, gt, sql } from 'drizzle-orm'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Connection, TaskDatabase } from '../connection.ts'
import { ARCHIVE, LIVE, type Place } from './place.ts'

const { tasks } = LIVE

/** How many rows are looked at in one go, without a lock. */
export const SCAN_BATCH = 5000

/** A live task as far as it decides whether it is moved: its result is not read. */
export interface MovableTask {
  readonly taskId: string
  readonly status: string
  readonly submitTime: string
}

/**
 * The queries that move tasks between the live tables and the archive, each prepared once for a connection,
 * when it is first asked for. Rows are copied by SQLite, so every cell stays as it is, to the byte.
 */
export class MoveQueries {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  hasTask(place: Place, taskId: string): boolean {
    return this.#has(place, 'tasks', taskId)
  }

  /** Whether a place has shards of this task. The archive can have some whose task is gone. */
  hasShards(place: Place, taskId: string): boolean {
    return this.#has(place, 'shards', taskId)
  }

  /** Copies a task and its shards into the archive. */
  copyToArchive(taskId: string, archivedAt: string): void {
    for (const part of ['tasks', 'shards'] as const) {
      const query = this.#connection.prepared(`archive ${part}`, (db) => prepareCopy(db, LIVE, ARCHIVE, part))
      query.run({ taskId, archivedAt })
    }
  }

  /** Copies a task and its shards out of the archive. */
  copyToLive(taskId: string): void {
    for (const part of ['tasks', 'shards'] as const) {
      const query = this.#connection.prepared(`restore ${part}`, (db) => prepareCopy(db, ARCHIVE, LIVE, part))
      query.run({ taskId })
    }
  }

  byId(taskId: string): MovableTask | undefined {
    const query = this.#connection.prepared('movable byId', (db) =>
      db
        .select({ taskId: tasks.taskId, status: tasks.status, submitTime: tasks.submitTime })
        .from(tasks)
        .where(eq(tasks.taskId, sql.placeholder('taskId')))
        .prepare(),
    )
    return query.get({ taskId })
  }

  /** The next live tasks behind a row, as they were inserted. */
  scan(afterRowid: number): (MovableTask & { readonly rowid: number })[] {
    const query = this.#connection.prepared('movable scan', (db) =>
      db
        .select({
          rowid: sql<number>`rowid`,
          taskId: tasks.taskId,
          status: tasks.status,
          submitTime: tasks.submitTime,
        })
        .from(tasks)
        .where(gt(sql`rowid`, sql.placeholder('afterRowid')))
        .orderBy(asc(sql`rowid`))
        .limit(SCAN_BATCH)
        .prepare(),
    )
    return query.all({ afterRowid })
  }

  #has(place: Place, part: 'tasks' | 'shards', taskId: string): boolean {
    const query = this.#connection.prepared(`has ${place.name} ${part}`, (db) =>
      db
        .select({ one: sql`1` })
        .from(place[part])
        .where(eq(keyOf(place[part]), sql.placeholder('taskId')))
        .limit(1)
        .prepare(),
    )
    return query.get({ taskId }) !== undefined
  }
}

/** Copies the rows of a task from one table to its twin, whose columns stand in another order. */
function prepareCopy(db: TaskDatabase, from: Place, to: Place, part: 'tasks' | 'shards') {
  const source = from[part]
  const target = to[part]
  const shared = Object.values(getTableColumns(LIVE[part])).map(({ name }) => name)
  const [into, values] =
    to === ARCHIVE
      ? [
          [...shared, 'archived_at'],
          [...shared, ':archivedAt'],
        ]
      : [shared, shared]
  return db.$client.prepare(
    `INSERT INTO ${getTableName(target)} (${into.join()}) SELECT ${values.join()} FROM ${getTableName(source)}
     WHERE ${keyOf(source).name} = :taskId`,
  )
}

function keyOf(table: SQLiteTable): AnyColumn {
  const columns: Record<string, AnyColumn> = getTableColumns(table)
  return (columns.taskId ?? columns.uniqcTaskId) as AnyColumn
}
