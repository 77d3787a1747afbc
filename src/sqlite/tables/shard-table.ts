import { and, asc, eq, sql } from 'drizzle-orm'
import { type TaskShard, taskShards } from '../../../drizzle/schema.ts'
import type { Connection } from '../connection.ts'

const { uniqcTaskId, shardIndex, subIndexOffset, circuitCount, platformTaskId, backend } = taskShards
const value = sql.placeholder

/** The queries on the shards of live tasks, each prepared once for a connection, when it is first asked for. */
export class ShardQueries {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  byIndex(taskId: string, index: number): TaskShard | undefined {
    const query = this.#connection.prepared('shard byIndex', (db) =>
      db
        .select()
        .from(taskShards)
        .where(and(eq(uniqcTaskId, value('taskId')), eq(shardIndex, value('index'))))
        .prepare(),
    )
    return query.get({ taskId, index })
  }

  /** The shards with this platform id, on any backend or on one. */
  byPlatformTaskId(platformId: string, onBackend: string | undefined): TaskShard[] {
    const isOne = onBackend !== undefined
    const query = this.#connection.prepared(`shards byPlatformTaskId ${isOne}`, (db) =>
      db
        .select()
        .from(taskShards)
        .where(
          and(eq(platformTaskId, value('platformId')), isOne ? eq(backend, value('onBackend')) : undefined),
        )
        .orderBy(asc(uniqcTaskId), asc(shardIndex))
        .prepare(),
    )
    return query.all({ platformId, onBackend })
  }

  /** The index behind the last shard of a task, and the position behind its last circuit. */
  end(taskId: string): { readonly shardIndex: number; readonly subIndexOffset: number } {
    const query = this.#connection.prepared('shards end', (db) =>
      db
        .select({
          shardIndex: sql<number>`coalesce(max(${shardIndex}) + 1, 0)`,
          subIndexOffset: sql<number>`coalesce(max(${subIndexOffset} + ${circuitCount}), 0)`,
        })
        .from(taskShards)
        .where(eq(uniqcTaskId, value('taskId')))
        .prepare(),
    )
    return query.get({ taskId }) ?? { shardIndex: 0, subIndexOffset: 0 }
  }

  /** Inserts a shard or replaces the one at its index. `cell` is the text of its result. */
  save({ result: _, ...row }: TaskShard, cell: string | null): void {
    const query = this.#connection.prepared('shard save', (db) => {
      const fields = Object.keys(row).map((field) => [field, sql`${value(field)}`])
      // As it is bound, past the column's codec.
      const bound = { ...Object.fromEntries(fields), result: sql`${value('cell')}` }
      return db
        .insert(taskShards)
        .values(bound)
        .onConflictDoUpdate({ target: [uniqcTaskId, shardIndex], set: bound })
        .prepare()
    })
    query.run({ ...row, cell })
  }
}
