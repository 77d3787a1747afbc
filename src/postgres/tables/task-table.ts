import { ARCHIVED_AT, SHARD_COLUMNS, TASK_COLUMNS } from '../../../drizzle/columns.ts'
import type { TaskInfo } from '../../../drizzle/schema.ts'
import type { MovableTask } from '../../rules/move-task.ts'
import type { RawTask } from '../../rules/raw-task.ts'
import { REPLACED_ID, soleTask } from '../../rules/replaced-id.ts'
import type { CheckedFilter } from '../../rules/task-filter.ts'
import { mayBeReplacedId } from '../../rules/task-id.ts'
import type { Row } from '../../rules/task-row.ts'
import type { CheckedUpdate, TaskChange } from '../../rules/update-task.ts'
import type { Executor } from '../statement.ts'
import { Bindings } from './filter-sql.ts'
import type { Place } from './place.ts'
import { ShardTable } from './shard-table.ts'
import { rawTaskCells, storedCells, taskColumns, taskRowOf, typeOf } from './stored-row.ts'

const FIELDS = Object.keys(TASK_COLUMNS) as (keyof TaskInfo)[]
const {
  taskId: ID,
  status: STATUS,
  submitTime: SUBMITTED,
  updateTime: UPDATED,
  result: RESULT,
} = TASK_COLUMNS
const { uniqcTaskId: TASK } = SHARD_COLUMNS

/** Locks the rows that are read, so that nobody else changes them before the transaction ends. */
export type Lock = '' | 'FOR UPDATE'

/** The tasks of one place, and their shards. Rows stay raw; rules/task-row.ts decodes them. */
export class TaskTable<Task extends TaskInfo = TaskInfo> {
  readonly place: Place
  readonly shards: ShardTable
  readonly #session: Executor
  readonly #read: (row: Row) => Task

  constructor(session: Executor, place: Place, read: (row: Row) => Task) {
    this.place = place
    this.shards = new ShardTable(session, place)
    this.#session = session
    this.#read = read
  }

  /**
   * The task with this id, or the one whose id it was before version 5.
   *
   * @throws TaskStoreError `AMBIGUOUS_ID`
   */
  async find(taskId: string, lock: Lock = ''): Promise<Task | undefined> {
    const [row] = await this.rows([taskId], lock)
    return row === undefined ? soleTask(taskId, await this.replacing(taskId, lock)) : this.#read(row)
  }

  /** The id under which {@link find} finds a task. No result is read if that is the given id. */
  async idOf(taskId: string, lock: Lock = ''): Promise<string | undefined> {
    const [found] = await this.#session.read(`SELECT 1 FROM ${this.place.tasks} WHERE ${ID} = $1 ${lock}`, [
      taskId,
    ])
    return found !== undefined ? taskId : soleTask(taskId, await this.replacing(taskId, lock))?.taskId
  }

  /** The ids from one text up to another, at most `limit`, in their order. */
  async idsBetween(from: string, to: string, limit: number): Promise<string[]> {
    const rows = await this.#session.read(
      `SELECT ${ID} FROM ${this.place.tasks} WHERE ${ID} >= $1 AND ${ID} < $2 ORDER BY ${ID} LIMIT $3`,
      [from, to, limit < 0 ? null : limit],
    )
    return rows.map(([taskId]) => taskId as string)
  }

  /** The rows of the tasks with exactly these ids. */
  rows(taskIds: readonly string[], lock: Lock = ''): Promise<Row[]> {
    const [only] = taskIds
    if (taskIds.length === 1) return this.#rows('by id', lock, () => `WHERE ${ID} = $1`, [only])
    return this.#rows('by ids', lock, () => `WHERE ${ID} = ANY($1) ORDER BY ${ID}`, [taskIds])
  }

  /** The rows of the tasks with one of these ids, as their own or on their platform, by their ids. */
  known(ids: readonly string[], lock: Lock): Promise<Row[]> {
    const where = () => `WHERE ${ID} = ANY($1 || ARRAY(${this.#owners})) ORDER BY ${ID}`
    return this.#rows('known', lock, where, [ids])
  }

  /** The ids of the tasks of {@link known}. */
  async knownIds(ids: readonly string[]): Promise<string[]> {
    const rows = await this.#session.read(
      `SELECT ${ID} FROM ${this.place.tasks} WHERE ${ID} = ANY($1) UNION ${this.#owners}`,
      [ids],
    )
    return rows.map(([taskId]) => taskId as string)
  }

  /** The tasks that replaced this id in version 5: several if two programs upgraded a file at once. */
  async replacing(taskId: string, lock: Lock = ''): Promise<Task[]> {
    if (!mayBeReplacedId(taskId)) return []
    const owners = `SELECT ${TASK} FROM ${this.place.shards} WHERE ${SHARD_COLUMNS.platformTaskId} = $1`
    const where = () => `WHERE ${ID} IN (${owners}) ORDER BY ${ID}`
    const rows = await this.#rows('replacing', lock, where, [taskId])
    return rows.map(this.#read).filter(({ metadata }) => metadata[REPLACED_ID] === taskId)
  }

  /** The tasks after one that match, at most `limit`, as they were inserted, with their `seq`. */
  async after(seq: number, filter: CheckedFilter, limit: number): Promise<Row[]> {
    const bound = new Bindings().filter(filter).bind('seq', seq)
    const rows = await this.#session.read(
      `SELECT ${taskColumns(this.place.isArchive)}, seq FROM ${this.place.tasks} ${bound.where(`seq > ${bound.at('seq')}`)}
       ORDER BY seq LIMIT ${limit}`,
      bound.values,
    )
    return rows.map(taskRowOf)
  }

  /** Like {@link after}, with only the fields that decide whether a task is moved. */
  movableAfter(seq: number, statuses: readonly string[] | undefined, limit: number): Promise<Row[]> {
    const isOne = statuses === undefined ? '' : `AND ${STATUS} = ANY($2)`
    return this.#session.read(
      `SELECT ${ID}, ${STATUS}, ${SUBMITTED}, ${UPDATED}, seq FROM ${this.place.tasks}
       WHERE seq > $1 ${isOne} ORDER BY seq LIMIT ${limit}`,
      statuses === undefined ? [seq] : [seq, statuses],
    )
  }

  /** Those of some tasks that are there, by id. Locked in the order of their ids, as by everybody. */
  async movable(taskIds: readonly string[], lock: Lock = ''): Promise<ReadonlyMap<string, MovableTask>> {
    const rows = await this.#session.read(
      `SELECT ${ID}, ${STATUS}, ${SUBMITTED}, ${UPDATED} FROM ${this.place.tasks} WHERE ${ID} = ANY($1) ORDER BY ${ID} ${lock}`,
      [taskIds],
    )
    return new Map(rows.map(movableTask).map((task) => [task.taskId, task]))
  }

  /** Writes the given columns of a task; the others keep their cells byte for byte. */
  async update(taskId: string, change: TaskChange): Promise<void> {
    const cells = Object.entries(storedCells(taskId, change))
    const set = cells.map(([field], i) => `${TASK_COLUMNS[field as keyof TaskInfo]} = $${i + 2}`)
    const text = `UPDATE ${this.place.tasks} SET ${set.join()} WHERE ${ID} = $1`
    await this.#session.write(text, [taskId, ...cells.map(([, value]) => value)])
  }

  /**
   * Does an {@link update} in one statement, and returns the row; undefined, with nothing written, if no task
   * has exactly this id, a condition does not hold, or its update time is not before the new one. A result
   * that is written is not read back.
   */
  async updateIf(
    { taskId, change, ifStatus, ifUpdateTime }: CheckedUpdate,
    updateTime: string,
  ): Promise<Row | undefined> {
    const cells = storedCells(taskId, { updateTime, ...change })
    const fields = Object.keys(cells) as (keyof TaskInfo)[]
    const bound = new Bindings()
    for (const field of fields) bound.bind(field, cells[field])
    bound.bind('id', taskId)
    if (ifStatus !== undefined) bound.bind('ifStatus', ifStatus)
    if (ifUpdateTime !== undefined) bound.bind('ifUpdateTime', ifUpdateTime)
    const text = this.#session.text(`${this.place.name} update if ${bound.shape}`, () => {
      const set = fields.map((field) => `${TASK_COLUMNS[field]} = ${bound.at(field)}`)
      const conditions = [
        `${ID} = ${bound.at('id')}`,
        `${UPDATED} < ${bound.at('updateTime')}`,
        ...(ifStatus === undefined ? [] : [`${STATUS} = ANY(${bound.at('ifStatus')})`]),
        ...(ifUpdateTime === undefined ? [] : [`${UPDATED} = ${bound.at('ifUpdateTime')}`]),
      ]
      const columns = Object.values(TASK_COLUMNS).map((name) =>
        name === RESULT && 'result' in change ? 'NULL::text' : name,
      )
      return `UPDATE ${this.place.tasks} SET ${set.join()} WHERE ${conditions.join(' AND ')} RETURNING ${columns.join()}`
    })
    return (await this.#session.write(text, bound.values)).rows.map(taskRowOf)[0]
  }

  /**
   * Inserts tasks that are new, or replaces those with their ids, except for the time at which they were archived. Each
   * has another id.
   */
  async putAll(
    tasks: readonly { task: RawTask; archivedAt: string | null }[],
    areNew: boolean,
  ): Promise<void> {
    if (tasks.length === 0) return
    const { isArchive } = this.place
    const cells = tasks.map(({ task }) => rawTaskCells(task))
    const columns: unknown[][] = FIELDS.map((field) => cells.map((task) => task[field]))
    if (isArchive) columns.push(tasks.map(({ archivedAt }) => archivedAt))
    const arrays = [...FIELDS, ...(isArchive ? [ARCHIVED_AT] : [])].map(
      (field, i) => `$${i + 1}::${typeOf(field)}[]`,
    )
    const set = Object.values(TASK_COLUMNS).filter((name) => name !== ID)
    const replace = `ON CONFLICT (${ID}) DO UPDATE SET ${set.map((name) => `${name} = excluded.${name}`).join()}`
    await this.#session.write(
      `INSERT INTO ${this.place.tasks} (${taskColumns(isArchive)}) SELECT * FROM unnest(${arrays.join()})
       ${areNew ? '' : replace}`,
      columns,
    )
  }

  /**
   * Deletes a task and its shards, and returns whether there was one. A shard that is added meanwhile makes it
   * fail, and then it is run again.
   */
  async delete(taskId: string): Promise<boolean> {
    const { tasks, shards } = this.place
    const text = `WITH task AS MATERIALIZED (SELECT ${ID} FROM ${tasks} WHERE ${ID} = $1 FOR UPDATE),
      gone AS (DELETE FROM ${shards} WHERE ${TASK} IN (SELECT ${ID} FROM task))
      DELETE FROM ${tasks} WHERE ${ID} IN (SELECT ${ID} FROM task)`
    return (await this.#session.write(text, [taskId])).count > 0
  }

  /** Deletes some tasks, which are locked, and their shards. */
  async deleteAll(taskIds: readonly string[]): Promise<void> {
    const shards = this.shards.deleteAll(taskIds)
    const tasks = this.#session.write(`DELETE FROM ${this.place.tasks} WHERE ${ID} = ANY($1)`, [taskIds])
    await Promise.all([shards, tasks])
  }

  /** Which of these ids have a task, and which have shards. */
  async occupied(taskIds: readonly string[], lock: Lock = '') {
    const tasks = this.#session.read(
      `SELECT ${ID} FROM ${this.place.tasks} WHERE ${ID} = ANY($1) ORDER BY ${ID} ${lock}`,
      [taskIds],
    )
    const shards = this.#session.read(
      `SELECT DISTINCT ${TASK} FROM ${this.place.shards} WHERE ${TASK} = ANY($1)`,
      [taskIds],
    )
    const [withTask, withShards] = await Promise.all([tasks, shards])
    const ids = (rows: readonly Row[]) => new Set(rows.map(([id]) => id as string))
    return { tasks: ids(withTask), shards: ids(withShards) }
  }

  /** The end of the table: what is inserted later has a higher `seq`. */
  async lastSeq(): Promise<number> {
    const [row] = await this.#session.read(`SELECT coalesce(max(seq), 0) FROM ${this.place.tasks}`)
    return row?.[0] as number
  }

  /**
   * Deletes the first tasks that match after one and up to another, at most `limit`, with their shards, and
   * returns the `seq` up to which it looked. Tasks that somebody else is writing are waited for.
   */
  async deleteAfter(seq: number, lastSeq: number, filter: CheckedFilter, limit: number): Promise<Row[]> {
    const bound = new Bindings().filter(filter).bind('seq', seq).bind('last', lastSeq)
    const part = bound.where(`seq > ${bound.at('seq')}`, `seq <= ${bound.at('last')}`)
    const first = await this.#session.read(
      `SELECT ${ID}, seq FROM ${this.place.tasks} ${part} ORDER BY seq LIMIT ${limit}`,
      bound.values,
    )
    if (first.length === 0) return []
    const ids = first.map(([taskId]) => taskId)
    const locked = new Bindings().filter(filter).bind('ids', ids)
    // Looked at again under the lock: a task that was changed meanwhile may not match any more.
    const rows = await this.#session.read(
      `SELECT ${ID} FROM ${this.place.tasks} ${locked.where(`${ID} = ANY(${locked.at('ids')})`)} ORDER BY ${ID} FOR UPDATE`,
      locked.values,
    )
    await this.deleteAll(rows.map(([taskId]) => taskId as string))
    return first.map(([taskId, position], i) => [taskId, i < rows.length, position])
  }

  /** Moves some tasks, which are locked, and their shards to the other place, cell for cell, in the order of the ids. */
  async moveAll(to: TaskTable, taskIds: readonly string[], archivedAt: string): Promise<void> {
    const copy = (part: 'tasks' | 'shards', columns: string, key: string) => {
      const [into, values] = to.place.isArchive ? [`,${ARCHIVED_AT}`, ',$2'] : ['', '']
      const order = part === 'shards' ? `, ${SHARD_COLUMNS.shardIndex}` : ''
      return this.#session.write(
        `INSERT INTO ${to.place[part]} (${columns}${into})
         SELECT ${columns}${values} FROM unnest($1::text[]) WITH ORDINALITY AS ids (id, n)
         JOIN ${this.place[part]} ON ${key} = id ORDER BY n${order}`,
        to.place.isArchive ? [taskIds, archivedAt] : [taskIds],
      )
    }
    await Promise.all([
      copy('tasks', taskColumns(false), ID),
      copy('shards', Object.values(SHARD_COLUMNS).join(), TASK),
      this.deleteAll(taskIds),
    ])
  }

  /** The ids of the tasks with a shard that has one of these ids. One by one, so that the index is used on a table of any size. */
  get #owners(): string {
    const { platformTaskId } = SHARD_COLUMNS
    return `SELECT ${TASK} FROM unnest($1::text[]) AS ids (id) CROSS JOIN LATERAL
      (SELECT ${TASK} FROM ${this.place.shards} WHERE ${platformTaskId} = id OFFSET 0) AS owners`
  }

  async #rows(name: string, lock: Lock, clauses: () => string, values: readonly unknown[]): Promise<Row[]> {
    const { place } = this
    const text = this.#session.text(
      `${place.name} ${name} ${lock}`,
      () => `SELECT ${taskColumns(place.isArchive)} FROM ${place.tasks} ${clauses()} ${lock}`,
    )
    return (await this.#session.read(text, values)).map(taskRowOf)
  }
}

/** The task of a row of {@link TaskTable.movableAfter}. */
export function movableTask(row: Row): MovableTask {
  const [taskId, status, submitTime, updateTime] = row as [string, string, string, string]
  return { taskId, status, submitTime, updateTime }
}
