import { ARCHIVED_AT, SHARD_COLUMNS } from '../../../drizzle/columns.ts'
import type { TaskShard } from '../../../drizzle/schema.ts'
import type { RawShard } from '../../rules/raw-task.ts'
import type { ShardEnd } from '../../rules/save-shard.ts'
import { type Row, rawShard } from '../../rules/task-row.ts'
import type { Statement, Statements } from '../statement.ts'
import { ARCHIVE, type Place } from './place.ts'
import { ROWID_CELL, type Rowid } from './rowid.ts'
import { isOneOf, upsertSql } from './sql.ts'

const FIELDS = Object.keys(SHARD_COLUMNS) as (keyof TaskShard)[]
const {
  uniqcTaskId: TASK,
  shardIndex: INDEX,
  platformTaskId: PLATFORM_ID,
  backend: BACKEND,
  circuitCount: CIRCUITS,
  subIndexOffset: OFFSET,
} = SHARD_COLUMNS

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
    // The + keeps SQLite 3.54 from planning a query with an order again at every call.
    const statement = this.#statement(
      'of',
      ({ shards }) => `SELECT ${this.#columns} FROM ${shards} WHERE ${TASK} = +? ORDER BY ${INDEX}`,
    )
    return statement.all(taskId)
  }

  /** The shards of some tasks, those of each by their index. */
  ofAll(taskIds: readonly string[]): ReadonlyMap<string, readonly RawShard[]> {
    const statement = this.#statement(
      'of all',
      ({ shards }) =>
        `SELECT ${this.#columns} FROM ${shards} WHERE ${isOneOf(TASK)} ORDER BY ${TASK}, ${INDEX}`,
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
    const statement = this.#statement(
      'at',
      ({ shards }) => `SELECT ${this.#columns} FROM ${shards} WHERE ${TASK} = ? AND ${INDEX} = ?`,
    )
    return statement.get([taskId, index])
  }

  /** The shards with this id on their platform, on any backend or on one, the oldest first: as their index has them. */
  onPlatform(platformTaskId: string, backend: string | undefined): Row[] {
    const isOne = backend !== undefined
    const statement = this.#statement(
      `on platform ${isOne}`,
      ({ shards }) => `SELECT ${this.#columns} FROM ${shards} WHERE ${isOnPlatform(isOne)} ORDER BY rowid`,
    )
    return statement.all({ platformTaskId, backend })
  }

  /** The ids of the tasks with a shard that has this id on its platform, on any backend or on one. */
  ownersOf(platformTaskId: string, backend?: string): string[] {
    const isOne = backend !== undefined
    const statement = this.#statement(
      `owners ${isOne}`,
      ({ shards }) => `SELECT DISTINCT ${TASK} FROM ${shards} WHERE ${isOnPlatform(isOne)}`,
    )
    return statement.all({ platformTaskId, backend }).map(([taskId]) => taskId as string)
  }

  /** Whether a task has shards. The archive can hold some whose task is gone. */
  has(taskId: string): boolean {
    const statement = this.#statement(
      'has',
      ({ shards }) => `SELECT 1 FROM ${shards} WHERE ${TASK} = ? LIMIT 1`,
    )
    return statement.get(taskId) !== undefined
  }

  /** The index after the last shard of a task, and the position after its last circuit. */
  endOf(taskId: string): ShardEnd {
    const statement = this.#statement(
      'end',
      ({ shards }) =>
        `SELECT coalesce(max(${INDEX}) + 1, 0), coalesce(max(${OFFSET} + ${CIRCUITS}), 0)
         FROM ${shards} WHERE ${TASK} = ?`,
    )
    const [shardIndex, subIndexOffset] = statement.get(taskId) as unknown as [number, number]
    return { shardIndex, subIndexOffset }
  }

  /** The shards after a row, at most `limit`, as they were inserted, with their rowids. */
  after(rowid: Rowid, limit: number): Row[] {
    const statement = this.#statement(
      `after ${limit}`,
      ({ shards }) =>
        `SELECT ${this.#columns}, ${ROWID_CELL} FROM ${shards} WHERE rowid > ? ORDER BY rowid LIMIT ${limit}`,
    )
    return statement.all(rowid)
  }

  /** Inserts a shard, or replaces the one at its index, except for the time at which it was archived. */
  put(shard: RawShard, archivedAt: string | null): void {
    const statement = this.#statement('put', ({ shards }) => {
      const columns = this.#place === ARCHIVE ? { ...SHARD_COLUMNS, archivedAt: ARCHIVED_AT } : SHARD_COLUMNS
      const replaced = FIELDS.filter((field) => field !== 'uniqcTaskId' && field !== 'shardIndex')
      return upsertSql(shards, columns, ['uniqcTaskId', 'shardIndex'], replaced)
    })
    const cells: unknown[] = FIELDS.map((field) => shard[field])
    if (this.#place === ARCHIVE) cells.push(archivedAt)
    statement.run(cells)
  }

  /** Deletes the shards of a task, and returns how many there were. */
  delete(taskId: string): number {
    const statement = this.#statement('delete', ({ shards }) => `DELETE FROM ${shards} WHERE ${TASK} = ?`)
    return statement.run(taskId).changes
  }

  /** Deletes the shards of some tasks. */
  deleteAll(taskIds: readonly string[]): void {
    const statement = this.#statement(
      'delete all',
      ({ shards }) => `DELETE FROM ${shards} WHERE ${isOneOf(TASK)}`,
    )
    statement.run({ ids: JSON.stringify(taskIds) })
  }

  get #columns(): string {
    return [...Object.values(SHARD_COLUMNS), ...(this.#place === ARCHIVE ? [ARCHIVED_AT] : [])].join()
  }

  #statement(name: string, sql: (place: Place) => string): Statement {
    const place = this.#place
    return this.#statements.statement(`${place.name} shards ${name}`, () => sql(place))
  }
}

/** The + is that of {@link ShardTable.of}. */
function isOnPlatform(onOneBackend: boolean): string {
  const isId = `${PLATFORM_ID} = +:platformTaskId`
  return onOneBackend ? `${isId} AND ${BACKEND} = :backend` : isId
}
