import { ARCHIVED_AT, SHARD_COLUMNS } from '../../../drizzle/columns.ts'
import type { TaskShard } from '../../../drizzle/schema.ts'
import type { RawShard } from '../../rules/raw-task.ts'
import type { ShardEnd } from '../../rules/save-shard.ts'
import type { Row } from '../../rules/task-row.ts'
import type { Executor } from '../statement.ts'
import type { Place } from './place.ts'
import { rawShardCells, shardColumns, shardRowOf, typeOf } from './stored-row.ts'

const FIELDS = Object.keys(SHARD_COLUMNS) as (keyof TaskShard)[]
const { uniqcTaskId: TASK, shardIndex: INDEX, platformTaskId: PLATFORM_ID, backend: BACKEND } = SHARD_COLUMNS
const { subIndexOffset: OFFSET, circuitCount: CIRCUITS } = SHARD_COLUMNS

/** The shards of the tasks of one place. Rows stay raw; rules/task-row.ts decodes them. */
export class ShardTable {
  readonly #session: Executor
  readonly #place: Place
  readonly #select: string

  constructor(session: Executor, place: Place) {
    this.#session = session
    this.#place = place
    this.#select = `SELECT ${shardColumns(place.isArchive)} FROM ${place.shards}`
  }

  /** The shards of a task, by their index. */
  of(taskId: string): Promise<Row[]> {
    return this.#rows(`WHERE ${TASK} = $1 ORDER BY ${INDEX}`, [taskId])
  }

  /** The shards of some tasks, by the id of the task. */
  async ofAll(taskIds: readonly string[]): Promise<Map<string, Row[]>> {
    const rows = await this.#rows(`WHERE ${TASK} = ANY($1) ORDER BY ${TASK}, ${INDEX}`, [taskIds])
    const byTask = new Map<string, Row[]>()
    for (const row of rows) {
      const taskId = row[0] as string
      const of = byTask.get(taskId)
      if (of === undefined) byTask.set(taskId, [row])
      else of.push(row)
    }
    return byTask
  }

  async at(taskId: string, index: number): Promise<Row | undefined> {
    return (await this.#rows(`WHERE ${TASK} = $1 AND ${INDEX} = $2`, [taskId, index]))[0]
  }

  /** The shards with this id on their platform, on any backend or on one, the oldest first. */
  onPlatform(platformTaskId: string, backend: string | undefined): Promise<Row[]> {
    const isOn = backend === undefined ? '' : `AND ${BACKEND} = $2`
    const values = backend === undefined ? [platformTaskId] : [platformTaskId, backend]
    return this.#rows(`WHERE ${PLATFORM_ID} = $1 ${isOn} ORDER BY seq`, values)
  }

  /** The ids of the tasks with a shard that has this id on its platform. */
  async ownersOf(platformTaskId: string): Promise<string[]> {
    const rows = await this.#session.read(
      `SELECT DISTINCT ${TASK} FROM ${this.#place.shards} WHERE ${PLATFORM_ID} = $1`,
      [platformTaskId],
    )
    return rows.map(([taskId]) => taskId as string)
  }

  /** The index after the last shard of a task, and the position after its last circuit. */
  async endOf(taskId: string): Promise<ShardEnd> {
    const [row] = await this.#session.read(
      `SELECT coalesce(max(${INDEX}) + 1, 0), coalesce(max(${OFFSET} + ${CIRCUITS}), 0)
       FROM ${this.#place.shards} WHERE ${TASK} = $1`,
      [taskId],
    )
    const [shardIndex, subIndexOffset] = row as unknown as [number | string, number | string]
    // The sum of two bigints is a numeric or a bigint.
    return { shardIndex: Number(shardIndex), subIndexOffset: Number(subIndexOffset) }
  }

  /** The shards after one, at most `limit`, in the order of their keys. */
  after(taskId: string, index: number, limit: number): Promise<Row[]> {
    return this.#rows(`WHERE (${TASK}, ${INDEX}) > ($1, $2) ORDER BY ${TASK}, ${INDEX} LIMIT ${limit}`, [
      taskId,
      index,
    ])
  }

  /** Inserts a shard, or replaces the one at its index, except for the time at which it was archived. */
  async put(shard: RawShard, archivedAt: string | null): Promise<void> {
    await this.putAll([{ shard, archivedAt }])
  }

  /** {@link put} for any number of shards, each with another key. */
  async putAll(shards: readonly { shard: RawShard; archivedAt: string | null }[]): Promise<void> {
    if (shards.length === 0) return
    const { isArchive } = this.#place
    const names = FIELDS.map((field) => SHARD_COLUMNS[field])
    const set = names.filter((name) => name !== TASK && name !== INDEX)
    const cells = shards.map(({ shard }) => rawShardCells(shard))
    const columns: unknown[][] = FIELDS.map((field) => cells.map((shard) => shard[field]))
    if (isArchive) columns.push(shards.map(({ archivedAt }) => archivedAt))
    const arrays = [...FIELDS, ...(isArchive ? [ARCHIVED_AT] : [])].map(
      (field, i) => `$${i + 1}::${typeOf(field)}[]`,
    )
    await this.#session.write(
      `INSERT INTO ${this.#place.shards} (${shardColumns(isArchive)})
       SELECT * FROM unnest(${arrays.join()}) ORDER BY 1, 2
       ON CONFLICT (${TASK}, ${INDEX}) DO UPDATE SET ${set.map((name) => `${name} = excluded.${name}`).join()}`,
      columns,
    )
  }

  /** Deletes the shards of some tasks, and returns how many there were. */
  async deleteAll(taskIds: readonly string[]): Promise<number> {
    const text = `DELETE FROM ${this.#place.shards} WHERE ${TASK} = ANY($1)`
    return (await this.#session.write(text, [taskIds])).count
  }

  async #rows(clauses: string, values: readonly unknown[]): Promise<Row[]> {
    return (await this.#session.read(`${this.#select} ${clauses}`, values)).map(shardRowOf)
  }
}
