import { and, asc, eq, getTableName, gt, type SQL, sql } from 'drizzle-orm'
import { archivedTasks } from '../../../drizzle/schema.ts'
import type { ShardCells, TaskCells, TaskCopy } from '../../rules/raw-task.ts'
import type { Connection, TaskDatabase } from '../connection.ts'
import { Compiled } from '../statement.ts'
import { conditionOf, type FilterCondition } from './filter-sql.ts'
import { ARCHIVE, PLACES, type Place } from './place.ts'
import { nextRowid } from './walk.ts'

/** How many tasks are held in memory, and how many are written under one lock. */
export const COPY_BATCH = 100

const value = sql.placeholder
const NO_FILTER: FilterCondition = { shape: '', params: {} }

/**
 * The queries that read and write whole tasks as they stand in a file, past the codec of the columns; each
 * prepared once for a connection, when it is first asked for.
 */
export class CopyQueries {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Every task of a place that matches, with its shards, as they were inserted. Reads in batches. */
  *batches(place: Place, filter = NO_FILTER): Generator<TaskCopy[]> {
    for (let rowid = 0; ; ) {
      const rows = this.#after(place, rowid, filter)
      if (rows.length === 0) return
      yield rows.map(({ rowid: _, archivedAt, ...task }) => ({
        task,
        archivedAt,
        shards: this.shardsOf(place, task.taskId),
      }))
      rowid = nextRowid(rows, rowid, this.#connection.file)
    }
  }

  byId(place: Place, taskId: string): (TaskCells & { readonly archivedAt: string | null }) | undefined {
    const query = this.#prepared(place, 'copy byId', (db, { tasks }) =>
      db
        .select({ archivedAt: archivedAtOf(place), ...taskCells(tasks) })
        .from(tasks)
        .where(eq(tasks.taskId, value('taskId')))
        .prepare(),
    )
    return query.get({ taskId })
  }

  has(place: Place, taskId: string): boolean {
    const query = this.#prepared(place, 'copy has', (db, { tasks }) =>
      db
        .select({ one: sql`1` })
        .from(tasks)
        .where(eq(tasks.taskId, value('taskId')))
        .prepare(),
    )
    return query.get({ taskId }) !== undefined
  }

  /** Which of these ids the store knows, be it as a task's or as one on a platform. */
  known(ids: readonly string[]): Set<string> {
    const query = this.#connection.prepared('copy known', (db) => {
      const columns = PLACES.flatMap(({ tasks, shards }) => [tasks.taskId, shards.platformTaskId])
      const parts = columns.map(
        ({ name, table }) =>
          `SELECT ${name} FROM ${getTableName(table)} WHERE ${name} IN (SELECT value FROM json_each(:ids))`,
      )
      return db.$client.prepare(parts.join(' UNION ALL ')).pluck()
    })
    return new Set(query.all({ ids: JSON.stringify(ids) }) as string[])
  }

  shardsOf(place: Place, taskId: string): ShardCells[] {
    const query = this.#prepared(place, 'copy shardsOf', (db, { shards }) =>
      db
        .select(shardCells(shards))
        .from(shards)
        .where(eq(shards.uniqcTaskId, value('taskId')))
        .orderBy(asc(shards.shardIndex))
        .prepare(),
    )
    return query.all({ taskId })
  }

  /** The ids of the tasks of a place that have a shard with this platform id on this backend. */
  ownersOf(place: Place, platformTaskId: string, backend: string): string[] {
    const query = this.#prepared(place, 'copy ownersOf', (db, { shards }) =>
      db
        .selectDistinct({ taskId: shards.uniqcTaskId })
        .from(shards)
        .where(and(eq(shards.platformTaskId, value('platformTaskId')), eq(shards.backend, value('backend'))))
        .prepare(),
    )
    return query.all({ platformTaskId, backend }).map(({ taskId }) => taskId)
  }

  /** Inserts a task, or replaces all of the one with its id but when it was archived. */
  saveTask(place: Place, task: TaskCells, archivedAt: string | null): void {
    const query = this.#prepared(place, 'copy saveTask', (db, { tasks }) => {
      const set = bind(task)
      const values = withArchivedAt(place, set)
      return new Compiled(
        db,
        db.insert(tasks).values(values).onConflictDoUpdate({ target: tasks.taskId, set }),
      )
    })
    query.run({ ...task, archivedAt })
  }

  /** Inserts a shard, or replaces all of the one at its index but when it was archived. */
  saveShard(place: Place, shard: ShardCells, archivedAt: string | null): void {
    const query = this.#prepared(place, 'copy saveShard', (db, { shards }) => {
      const set = bind(shard)
      const target = [shards.uniqcTaskId, shards.shardIndex]
      const values = withArchivedAt(place, set)
      return new Compiled(db, db.insert(shards).values(values).onConflictDoUpdate({ target, set }))
    })
    query.run({ ...shard, archivedAt })
  }

  #after(place: Place, afterRowid: number, { shape, params }: FilterCondition) {
    const query = this.#prepared(place, `copy after ${shape}`, (db, { tasks }) =>
      db
        .select({
          rowid: sql<number>`rowid`,
          archivedAt: archivedAtOf(place),
          ...taskCells(tasks),
        })
        .from(tasks)
        .where(and(conditionOf(shape, tasks), gt(sql`rowid`, value('afterRowid'))))
        .orderBy(asc(sql`rowid`))
        .limit(COPY_BATCH)
        .prepare(),
    )
    return query.all({ ...params, afterRowid })
  }

  #prepared<T>(place: Place, name: string, prepare: (db: TaskDatabase, place: Place) => T): T {
    return this.#connection.prepared(`${place.name} ${name}`, (db) => prepare(db, place))
  }
}

function archivedAtOf(place: Place) {
  return sql<string | null>`${place === ARCHIVE ? archivedTasks.archivedAt : sql`null`}`
}

/** The columns of a task, with JSON as text. */
function taskCells(tasks: Place['tasks']) {
  const { taskId, backend, status, shots, submitTime, updateTime, errorMessage } = tasks
  return {
    ...{ taskId, backend, status, shots, submitTime, updateTime, errorMessage },
    result: sql<string | null>`${tasks.result}`,
    metadata: sql<string>`${tasks.metadata}`,
  }
}

/** The columns of a shard, with JSON as text. */
function shardCells(shards: Place['shards']) {
  const { uniqcTaskId, shardIndex, platformTaskId, backend, circuitCount, subIndexOffset } = shards
  const { status, errorMessage, submitTime, updateTime } = shards
  return {
    ...{ uniqcTaskId, shardIndex, platformTaskId, backend, circuitCount, subIndexOffset },
    ...{ status, errorMessage, submitTime, updateTime },
    result: sql<string | null>`${shards.result}`,
  }
}

/** A placeholder for each cell, bound as it is, past the codec of its column. */
function bind<Cells extends object>(cells: Cells): { [name in keyof Cells]: SQL } {
  const bound = Object.keys(cells).map((name) => [name, sql`${value(name)}`])
  return Object.fromEntries(bound)
}

/** What the archive has on top. */
function withArchivedAt<Bound extends object>(place: Place, bound: Bound): Bound {
  return place === ARCHIVE ? { ...bound, archivedAt: sql`${value('archivedAt')}` } : bound
}
