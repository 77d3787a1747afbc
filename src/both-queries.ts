import { type SQL, sql } from 'drizzle-orm'
import { unionAll } from 'drizzle-orm/sqlite-core'
import { archivedTasks, type TaskInfo } from '../drizzle/schema.ts'
import type { Connection } from './connection.ts'
import { ARCHIVE, LIVE, type Place } from './place.ts'
import { conditionOf } from './task-filter.ts'

/** A live or an archived task: `archivedAt` is null for a live one. */
export type EitherTask = TaskInfo & { readonly archivedAt: string | null }

/** The queries on live and archived tasks in one, each prepared once for a connection. */
export class BothQueries {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  list(shape: string, params: Record<string, unknown>): EitherTask[] {
    const query = this.#connection.prepared(`both list ${shape}`, (db) => {
      const select = (place: Place, archivedAt: SQL) =>
        db
          .select({
            ...columnsOf(place.tasks),
            archivedAt: sql<string | null>`${archivedAt}`.as('archived_at'),
            rowid: sql`rowid`.as('rowid'),
          })
          .from(place.tasks)
          .where(conditionOf(shape, place.tasks))
      const live = select(LIVE, sql`null`)
      const archived = select(ARCHIVE, sql`${archivedTasks.archivedAt}`)
      // As in a list of one place. Each half comes in order, and SQLite merges them.
      return unionAll(live, archived)
        .orderBy(sql`submit_time desc`, sql`rowid desc`)
        .limit(sql.placeholder('limit'))
        .offset(sql.placeholder('offset'))
        .prepare()
    })
    return query.all(params).map(({ rowid: _, ...task }) => task)
  }
}

/** The columns that both tables have, in one order: the two halves of a union are matched by position. */
function columnsOf(table: Place['tasks']) {
  const { taskId, backend, status, shots, submitTime, updateTime, result, metadata, errorMessage } = table
  return { taskId, backend, status, shots, submitTime, updateTime, result, metadata, errorMessage }
}
