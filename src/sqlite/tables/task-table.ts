import { ARCHIVED_AT, SHARD_COLUMNS, TASK_COLUMNS } from '../../../drizzle/columns.ts'
import type { TaskInfo } from '../../../drizzle/schema.ts'
import type { RawTask } from '../../rules/raw-task.ts'
import { REPLACED_ID, soleTask } from '../../rules/replaced-id.ts'
import { mayBeReplacedId } from '../../rules/task-id.ts'
import type { Row } from '../../rules/task-row.ts'
import type { CheckedUpdate, TaskChange } from '../../rules/update-task.ts'
import type { Statement, Statements } from '../statement.ts'
import { type FilterSql, whereOf } from './filter-sql.ts'
import { ARCHIVE, type Place } from './place.ts'
import { BEFORE_ALL, ROWID_CELL, type Rowid, readRowid } from './rowid.ts'
import { ShardTable } from './shard-table.ts'
import { isOneOf, setters, upsertSql } from './sql.ts'
import { taskColumns } from './task-row.ts'

const FIELDS = Object.keys(TASK_COLUMNS) as (keyof TaskInfo)[]
const { taskId: ID, status: STATUS, updateTime: UPDATE_TIME } = TASK_COLUMNS
const { uniqcTaskId: TASK, platformTaskId: PLATFORM_ID } = SHARD_COLUMNS

/** The tasks of one place, and their shards. Rows stay raw; rules/task-row.ts decodes them. */
export class TaskTable<Task extends TaskInfo = TaskInfo> {
  readonly place: Place
  readonly shards: ShardTable
  readonly #statements: Statements
  readonly #read: (row: Row) => Task
  /** Made once: to make it takes longer than to look it up. */
  readonly #nameOfRow: string

  constructor(statements: Statements, place: Place, read: (row: Row) => Task) {
    this.#statements = statements
    this.place = place
    this.shards = new ShardTable(statements, place)
    this.#read = read
    this.#nameOfRow = `${place.name} row`
  }

  /**
   * The task with this id, or the one whose id it was before version 5.
   *
   * @throws TaskStoreError `AMBIGUOUS_ID`
   */
  find(taskId: string): Task | undefined {
    const row = this.row(taskId)
    return row === undefined ? soleTask(taskId, this.replacing(taskId)) : this.#read(row)
  }

  /** The row of what {@link find} returns. */
  findRow(taskId: string): Row | undefined {
    const row = this.row(taskId)
    if (row !== undefined) return row
    const task = soleTask(taskId, this.replacing(taskId))
    return task && this.row(task.taskId)
  }

  /** The row of what {@link find} returns, for each of some ids. */
  findAllRows(taskIds: readonly string[]): (Row | undefined)[] {
    const statement = this.#statement(
      'find all',
      ({ tasks }) => `SELECT ${this.#columns} FROM ${tasks} WHERE ${isOneOf(ID)}`,
    )
    const rows = new Map(statement.all({ ids: JSON.stringify(taskIds) }).map((row) => [row[0], row]))
    return taskIds.map((taskId) => rows.get(taskId) ?? this.findRow(taskId))
  }

  /** The id under which {@link find} finds a task. The task is not read if that is the given id. */
  idOf(taskId: string): string | undefined {
    return this.has(taskId) ? taskId : soleTask(taskId, this.replacing(taskId))?.taskId
  }

  /** The row of the task with exactly this id. */
  row(taskId: string): Row | undefined {
    const statement = this.#statements.statement(
      this.#nameOfRow,
      () => `SELECT ${this.#columns} FROM ${this.place.tasks} WHERE ${ID} = ?`,
    )
    return statement.get(taskId)
  }

  has(taskId: string): boolean {
    const statement = this.#statement('has', ({ tasks }) => `SELECT 1 FROM ${tasks} WHERE ${ID} = ?`)
    return statement.get(taskId) !== undefined
  }

  /** The ids from one text up to another, at most `limit`, in their order. */
  idsBetween(from: string, to: string, limit: number): string[] {
    const statement = this.#statement(
      'ids between',
      ({ tasks }) =>
        `SELECT ${ID} FROM ${tasks} WHERE ${ID} >= ? AND ${ID} < ? ORDER BY ${ID} LIMIT CAST(? AS INTEGER)`,
    )
    return statement.all([from, to, limit]).map(([taskId]) => taskId as string)
  }

  /** The tasks that replaced this id in version 5: several if two programs upgraded the file at once. */
  replacing(taskId: string): Task[] {
    if (!mayBeReplacedId(taskId)) return []
    const statement = this.#statement(
      'replacing',
      ({ tasks, shards }) =>
        `SELECT ${this.#columns} FROM ${tasks} WHERE ${ID} IN (SELECT ${TASK} FROM ${shards} WHERE ${PLATFORM_ID} = ?)`,
    )
    const tasks = statement.all(taskId).map(this.#read)
    return tasks.filter(({ metadata }) => metadata[REPLACED_ID] === taskId)
  }

  /** The tasks after a row that match, at most `limit`, as they were inserted, with their rowids. */
  after(rowid: Rowid, { shape, params }: FilterSql, limit: number): Row[] {
    const statement = this.#statement(
      `after ${limit} ${shape}`,
      ({ tasks }) =>
        `SELECT ${this.#columns}, ${ROWID_CELL} FROM ${tasks} WHERE ${whereOf(shape, 'rowid > :rowid')}
         ORDER BY rowid LIMIT ${limit}`,
    )
    return statement.all({ ...params, rowid })
  }

  /** Like {@link after}, with only the id, the time that decides whether a task is old, and the rowid. No result is read. */
  agesAfter(rowid: Rowid, { by, statuses }: AgeColumns, limit: number): Row[] {
    const statement = this.#statement(
      `${by} after ${limit}`,
      ({ tasks }) =>
        `SELECT ${ID}, ${TASK_COLUMNS[by]}, ${ROWID_CELL} FROM ${tasks}
         WHERE rowid > :rowid AND ${isOneOf(`+${STATUS}`, 'statuses')} ORDER BY rowid LIMIT ${limit}`,
    )
    return statement.all({ rowid, statuses: JSON.stringify(statuses) })
  }

  /** The rows of {@link agesAfter} for those of some tasks that are there. */
  ages(taskIds: readonly string[], { by, statuses }: AgeColumns): Row[] {
    const statement = this.#statement(
      by,
      ({ tasks }) =>
        `SELECT ${ID}, ${TASK_COLUMNS[by]}, ${ROWID_CELL} FROM ${tasks}
         WHERE ${isOneOf(ID)} AND ${isOneOf(STATUS, 'statuses')}`,
    )
    return statement.all({ ids: JSON.stringify(taskIds), statuses: JSON.stringify(statuses) })
  }

  /** Where those of some tasks are that are there, by id. */
  rowidsOf(taskIds: readonly string[]): ReadonlyMap<string, Rowid> {
    const statement = this.#statement(
      'rowids',
      ({ tasks }) => `SELECT ${ID}, ${ROWID_CELL} FROM ${tasks} WHERE ${isOneOf(ID)}`,
    )
    const rows = statement.all({ ids: JSON.stringify(taskIds) })
    return new Map(rows.map(([taskId, rowid]) => [taskId as string, readRowid(rowid)]))
  }

  /** Writes the given columns of a task; the others keep their cells byte for byte. */
  update(taskId: string, change: TaskChange): void {
    const fields = Object.keys(change) as (keyof TaskInfo)[]
    const statement = this.#statement(
      `update ${fields.join()}`,
      ({ tasks }) => `UPDATE ${tasks} SET ${setters(TASK_COLUMNS, fields)} WHERE ${ID} = :taskId`,
    )
    statement.run([...Object.values(change), taskId])
  }

  /**
   * Does an {@link update} in one statement, and returns the row; undefined, with nothing written, if no task
   * has exactly this id, a condition does not hold, or its update time is not before the new one. A result
   * that is written is not read back.
   */
  updateIf(update: CheckedUpdate, updateTime: string): Row | undefined {
    const [statement, values] = this.#updateIf(update, updateTime, true)
    return statement.all(values)[0]
  }

  /** Does an {@link updateIf}, and returns whether there was a row. */
  updatesIf(update: CheckedUpdate, updateTime: string): boolean {
    const [statement, values] = this.#updateIf(update, updateTime, false)
    return statement.run(values).changes > 0
  }

  #updateIf(
    { taskId, change, ifStatus, ifUpdateTime }: CheckedUpdate,
    updateTime: string,
    isReturned: boolean,
  ): [Statement, readonly unknown[]] {
    // The name is grown, and the cells stand in the order of the SQL: joined and by name they take longer than to bind.
    let name = isReturned ? 'update if, returning' : 'update if'
    for (const field of Object.keys(change)) name += ` ${field}`
    const cells: unknown[] = Object.values(change)
    cells.push(updateTime, taskId, updateTime)
    if (ifStatus !== undefined) {
      name += ' ifStatus'
      cells.push(JSON.stringify(ifStatus))
    }
    if (ifUpdateTime !== undefined) {
      name += ' ifUpdateTime'
      cells.push(ifUpdateTime)
    }
    const statement = this.#statement(name, ({ tasks }) => {
      const fields = [...Object.keys(change), 'updateTime'] as (keyof TaskInfo)[]
      const conditions = [
        `${ID} = :taskId AND ${UPDATE_TIME} < :updateTime`,
        ...(ifStatus === undefined ? [] : [isOneOf(STATUS, 'ifStatus')]),
        ...(ifUpdateTime === undefined ? [] : [`${UPDATE_TIME} = :ifUpdateTime`]),
      ]
      const update = `UPDATE ${tasks} SET ${setters(TASK_COLUMNS, fields)} WHERE ${conditions.join(' AND ')}`
      const returned = taskColumns(this.place).map((name) =>
        'result' in change && name === TASK_COLUMNS.result ? 'NULL' : name,
      )
      return isReturned ? `${update} RETURNING ${returned.join()}` : update
    })
    return [statement, cells]
  }

  /** Inserts a task, or replaces the one with its id, except for the time at which it was archived. */
  put(task: RawTask, archivedAt: string | null): void {
    const statement = this.#statement('put', ({ tasks }) => {
      const columns = this.place === ARCHIVE ? { ...TASK_COLUMNS, archivedAt: ARCHIVED_AT } : TASK_COLUMNS
      const replaced = FIELDS.filter((field) => field !== 'taskId')
      return upsertSql(tasks, columns, ['taskId'], replaced)
    })
    const cells: unknown[] = FIELDS.map((field) => task[field])
    if (this.place === ARCHIVE) cells.push(archivedAt)
    statement.run(cells)
  }

  /** Deletes a task; the shards of a live one go with it. Returns whether there was one. */
  delete(taskId: string): boolean {
    const statement = this.#statement('delete', ({ tasks }) => `DELETE FROM ${tasks} WHERE ${ID} = ?`)
    return statement.run(taskId).changes > 0
  }

  /** Deletes some tasks and their shards. */
  deleteAll(taskIds: readonly string[]): void {
    this.shards.deleteAll(taskIds)
    const statement = this.#statement(
      'delete all',
      ({ tasks }) => `DELETE FROM ${tasks} WHERE ${isOneOf(ID)}`,
    )
    statement.run({ ids: JSON.stringify(taskIds) })
  }

  /** Which of these ids have a task, or shards without one. */
  taken(taskIds: readonly string[]): ReadonlySet<string> {
    const statement = this.#statement(
      'taken',
      ({ tasks, shards }) =>
        `SELECT value FROM json_each(:ids)
         WHERE EXISTS (SELECT 1 FROM ${tasks} WHERE ${ID} = value)
           OR EXISTS (SELECT 1 FROM ${shards} WHERE ${TASK} = value)`,
    )
    return new Set(statement.all({ ids: JSON.stringify(taskIds) }).map(([id]) => id as string))
  }

  /** The end of the table: what is inserted later has a higher rowid. */
  lastRowid(): Rowid {
    const statement = this.#statement(
      'last rowid',
      ({ tasks }) => `SELECT ${ROWID_CELL} FROM ${tasks} ORDER BY rowid DESC LIMIT 1`,
    )
    const row = statement.get()
    return row === undefined ? BEFORE_ALL : readRowid(row[0])
  }

  /**
   * Deletes the first tasks that match after one row and up to another, at most `limit`, and returns their
   * rowids. The lowest go first: once the row with the highest rowid is deleted, SQLite reuses that rowid.
   */
  deleteAfter(rowid: Rowid, lastRowid: Rowid, { shape, params }: FilterSql, limit: number): Row[] {
    const statement = this.#statement(`delete after ${shape}`, ({ tasks }) => {
      const where = whereOf(shape, 'rowid > :rowid AND rowid <= :lastRowid')
      const batch = `SELECT rowid FROM ${tasks} WHERE ${where} ORDER BY rowid LIMIT CAST(:limit AS INTEGER)`
      return `DELETE FROM ${tasks} WHERE rowid IN (${batch}) RETURNING ${ROWID_CELL}`
    })
    const rows = statement.all({ ...params, rowid, lastRowid, limit })
    return rows.toSorted(([a], [b]) => (readRowid(a) < readRowid(b) ? -1 : 1))
  }

  /**
   * Moves some tasks, and their shards, to the other place, where nothing is in their way. SQLite copies the rows, so every
   * cell stays byte for byte. The caller undoes what was done if it fails.
   *
   * @param moved The rowids of the tasks by their ids, as they are under the lock.
   */
  moveAll(to: TaskTable, moved: ReadonlyMap<string, Rowid>, archivedAt: string): void {
    const taskIds = [...moved.keys()]
    // JSON.stringify refuses a bigint.
    const rowids = `[${[...moved.values()].join()}]`
    // To undo an INSERT alone, SQLite would copy each page that it changes to a temporary file. But what a statement of a
    // trigger does instead of failing is then not done.
    const insert = this.#statements.hasTriggers ? 'INSERT' : 'INSERT OR FAIL'
    this.#statement(insert, (from) => copyQuery(from, to.place, 'tasks', insert)).run({ rowids, archivedAt })
    const copyShards = this.#statement('move shards', (from) => copyQuery(from, to.place, 'shards'))
    const { changes } = copyShards.run({ ids: JSON.stringify(taskIds), archivedAt })
    if (changes > 0) this.shards.deleteAll(taskIds)
    const deleteTasks = this.#statement(
      'delete rows',
      ({ tasks }) => `DELETE FROM ${tasks} WHERE ${isOneOf('rowid', 'rowids')}`,
    )
    deleteTasks.run({ rowids })
  }

  get #columns(): string {
    return taskColumns(this.place).join()
  }

  #statement(name: string, sql: (place: Place) => string): Statement {
    const { place } = this
    return this.#statements.statement(`${place.name} ${name}`, () => sql(place))
  }
}

/** What tells whether tasks are old. */
interface AgeColumns {
  readonly by: 'submitTime' | 'updateTime'
  readonly statuses: readonly string[]
}

/** In the order of the rowids, or of the ids. The columns of the two tables are in different orders. */
function copyQuery(from: Place, to: Place, part: 'tasks' | 'shards', insert = 'INSERT'): string {
  const shared = Object.values(part === 'tasks' ? TASK_COLUMNS : SHARD_COLUMNS)
  const isArchiving = to === ARCHIVE
  const into = isArchiving ? [...shared, ARCHIVED_AT] : shared
  const values = isArchiving ? [...shared, ':archivedAt'] : shared
  const source = {
    tasks: `json_each(:rowids) CROSS JOIN ${from.tasks} ON ${from.tasks}.rowid = value`,
    shards: `json_each(:ids) CROSS JOIN ${from.shards} ON ${TASK} = value`,
  }
  return `${insert} INTO ${to[part]} (${into.join()}) SELECT ${values.join()} FROM ${source[part]}`
}
