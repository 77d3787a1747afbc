import { and, asc, eq, getTableColumns, gt, sql } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'
import { SHARD_COLUMNS } from '../../../drizzle/columns.ts'
import type { TaskShard } from '../../../drizzle/schema.ts'
import type { RawShard } from '../../rules/raw-task.ts'
import type { ShardEnd } from '../../rules/save-shard.ts'
import { type Row, rawShard } from '../../rules/task-row.ts'
import type { Query, Statement, Statements, TaskDatabase } from '../statement.ts'
import { bindings } from './bindings.ts'
import { ARCHIVE, type Place } from './place.ts'
import { ROWID_CELL, type Rowid } from './rowid.ts'

const FIELDS = Object.keys(SHARD_COLUMNS) as (keyof TaskShard)[]
const value = sql.placeholder
const ROWID = sql`rowid`

/** The shards of the tasks of one place. Rows stay raw; rules/task-row.ts decodes them. */
export class ShardTable {
  readonly #statements: Statements
  readonly #place: Place

  constructor(statements: Statements, place: Place) {
    this.#statements = statements
    this.#place = place
  }

  /** The shards of a task, by their index. */
  of(taskId: string): Row[] {
    const statement = this.#statement('of', (drizzle, { shards }) =>
      drizzle
        .select()
        .from(shards)
        .where(isGiven(shards.uniqcTaskId, 'taskId'))
        .orderBy(asc(shards.shardIndex)),
    )
    return statement.all({ taskId })
  }

  /** The shards of some tasks, those of each by their index. */
  ofAll(taskIds: readonly string[]): ReadonlyMap<string, readonly RawShard[]> {
    const statement = this.#statement('of all', (drizzle, { shards }) =>
      drizzle
        .select()
        .from(shards)
        .where(isOneOf(shards.uniqcTaskId))
        .orderBy(asc(shards.uniqcTaskId), asc(shards.shardIndex)),
    )
    const found = new Map<string, RawShard[]>()
    for (const row of statement.all({ ids: JSON.stringify(taskIds) })) {
      const shard = rawShard(row)
      const others = found.get(shard.uniqcTaskId)
      if (others === undefined) found.set(shard.uniqcTaskId, [shard])
      else others.push(shard)
    }
    return found
  }

  at(taskId: string, index: number): Row | undefined {
    const statement = this.#statement('at', (drizzle, { shards }) =>
      drizzle
        .select()
        .from(shards)
        .where(and(eq(shards.uniqcTaskId, value('taskId')), eq(shards.shardIndex, value('index')))),
    )
    return statement.get({ taskId, index })
  }

  /** The shards with this id on their platform, on any backend or on one, the oldest first: as their index has them. */
  onPlatform(platformTaskId: string, backend: string | undefined): Row[] {
    const isOne = backend !== undefined
    const statement = this.#statement(`on platform ${isOne}`, (drizzle, { shards }) =>
      drizzle.select().from(shards).where(isOnPlatform(shards, isOne)).orderBy(asc(ROWID)),
    )
    return statement.all({ platformTaskId, backend })
  }

  /** The ids of the tasks with a shard that has this id on its platform, on any backend or on one. */
  ownersOf(platformTaskId: string, backend?: string): string[] {
    const isOne = backend !== undefined
    const statement = this.#statement(`owners ${isOne}`, (drizzle, { shards }) =>
      drizzle.selectDistinct({ taskId: shards.uniqcTaskId }).from(shards).where(isOnPlatform(shards, isOne)),
    )
    return statement.all({ platformTaskId, backend }).map(([taskId]) => taskId as string)
  }

  /** Whether a task has shards. The archive can hold some whose task is gone. */
  has(taskId: string): boolean {
    const statement = this.#statement('has', (drizzle, { shards }) =>
      drizzle
        .select({ one: sql`1` })
        .from(shards)
        .where(eq(shards.uniqcTaskId, value('taskId')))
        .limit(1),
    )
    return statement.get({ taskId }) !== undefined
  }

  /** The index after the last shard of a task, and the position after its last circuit. */
  endOf(taskId: string): ShardEnd {
    const statement = this.#statement('end', (drizzle, { shards }) =>
      drizzle
        .select({
          shardIndex: sql`coalesce(max(${shards.shardIndex}) + 1, 0)`,
          subIndexOffset: sql`coalesce(max(${shards.subIndexOffset} + ${shards.circuitCount}), 0)`,
        })
        .from(shards)
        .where(eq(shards.uniqcTaskId, value('taskId'))),
    )
    const [shardIndex, subIndexOffset] = statement.get({ taskId }) as [number, number]
    return { shardIndex, subIndexOffset }
  }

  /** The shards after a row, at most `limit`, as they were inserted, with their rowids. */
  after(rowid: Rowid, limit: number): Row[] {
    const statement = this.#statement(`after ${limit}`, (drizzle, { shards }) =>
      drizzle
        .select({ ...getTableColumns(shards), rowid: ROWID_CELL })
        .from(shards)
        .where(gt(ROWID, value('rowid')))
        .orderBy(asc(ROWID))
        .limit(limit),
    )
    return statement.all({ rowid })
  }

  /** Inserts a shard, or replaces the one at its index, except for the time at which it was archived. */
  put(shard: RawShard, archivedAt: string | null): void {
    const statement = this.#statement('put', (drizzle, { shards }) => {
      const values = bindings(FIELDS)
      // Setting a key to its own value would cost a statement journal per row.
      const { uniqcTaskId: _, shardIndex: __, ...set } = values
      const isArchive = this.#place === ARCHIVE
      return drizzle
        .insert(shards)
        .values(isArchive ? { ...values, ...bindings(['archivedAt']) } : values)
        .onConflictDoUpdate({ target: [shards.uniqcTaskId, shards.shardIndex], set })
    })
    statement.run({ ...shard, archivedAt })
  }

  /** Deletes the shards of a task, and returns how many there were. */
  delete(taskId: string): number {
    const statement = this.#statement('delete', (drizzle, { shards }) =>
      drizzle.delete(shards).where(eq(shards.uniqcTaskId, value('taskId'))),
    )
    return statement.run({ taskId }).changes
  }

  /** Deletes the shards of some tasks. */
  deleteAll(taskIds: readonly string[]): void {
    const statement = this.#statement('delete all', (drizzle, { shards }) =>
      drizzle.delete(shards).where(isOneOf(shards.uniqcTaskId)),
    )
    statement.run({ ids: JSON.stringify(taskIds) })
  }

  #statement(name: string, query: (drizzle: TaskDatabase, place: Place) => Query): Statement {
    const place = this.#place
    return this.#statements.statement(`${place.name} shards ${name}`, (drizzle) => query(drizzle, place))
  }
}

/** Whether a column holds one of the ids in the JSON list that is bound as `ids`. */
export function isOneOf(column: SQLiteColumn) {
  return sql`${column} in (select value from json_each(${value('ids')}))`
}

function isOnPlatform(shards: Place['shards'], onOneBackend: boolean) {
  const isId = isGiven(shards.platformTaskId, 'platformTaskId')
  return onOneBackend ? and(isId, eq(shards.backend, value('backend'))) : isId
}

/**
 * Whether a column is what is bound, in a query with an order: from version 3.54 SQLite plans such a query again at
 * every call, unless the parameter has a + before it.
 */
const isGiven = (column: SQLiteColumn, name: string) => sql`${column} = +${value(name)}`
