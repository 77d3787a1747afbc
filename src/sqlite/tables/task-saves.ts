import { SHARD_COLUMNS, TASK_COLUMNS } from '../../../drizzle/columns.ts'
import type { TaskInfo } from '../../../drizzle/schema.ts'
import type { TaskRow } from '../../rules/save-task.ts'
import { mayBeReplacedId } from '../../rules/task-id.ts'
import type { Statements } from '../statement.ts'
import { LIVE } from './place.ts'
import { bindings, setters } from './sql.ts'
import { REMEMBERS_REPLACED_ID } from './upsert-task.ts'

const FIELDS = Object.keys(TASK_COLUMNS) as (keyof TaskInfo)[]
const COLUMNS = Object.values(TASK_COLUMNS).join()
const { taskId: ID, submitTime: SUBMIT_TIME, updateTime: UPDATE_TIME } = TASK_COLUMNS

/**
 * The names of updates that must be later than what is stored, by where the submit time comes from: to return it costs
 * SQLite more than to compare it. A name that is put together would take longer to look up than the row to bind.
 */
const LATER = {
  given: 'update given later',
  kept: 'update kept later',
  known: 'update known later',
  returned: 'update returned later',
} as const

/** How many submit times are kept. */
const MOST = 1000

/**
 * Saves live tasks, one at a time. A task is likely to be what the last ones were, new or stored, so an insert or an
 * update is tried first: alone, each is cheaper than an upsert that tells what it did.
 */
export class TaskSaves {
  readonly #statements: Statements
  #areNew = true
  #wasWrong = false
  /** The submit times of the tasks that were saved last, by id. */
  readonly #submitTimes = new Map<string, string>()

  constructor(statements: Statements) {
    this.#statements = statements
  }

  /**
   * Inserts a task or replaces the one with its id, and returns the submit time that is now stored, or any text if that
   * is not asked for; undefined, with nothing written, if the id may be one that version 5 replaced, if the stored row
   * names such an id and the new one would forget it, or if the stored update time is not before a stamped one.
   */
  save(row: TaskRow, isAsked: boolean): string | undefined {
    const submitTime = this.#save(row, isAsked)
    if (isAsked && submitTime !== undefined) this.#remember(row.taskId, submitTime)
    return submitTime
  }

  #remember(taskId: string, submitTime: string): void {
    if (this.#submitTimes.size >= MOST) this.#submitTimes.clear()
    this.#submitTimes.set(taskId, submitTime)
  }

  #save(row: TaskRow, isAsked: boolean): string | undefined {
    const likely = this.#areNew ? this.#insert(row) : this.#update(row, isAsked)
    if (likely !== undefined) {
      this.#wasWrong = false
      return likely
    }
    const other = this.#areNew ? this.#update(row, isAsked) : this.#insert(row)
    if (other === undefined) return undefined
    // Not at once: a program may save every task twice.
    if (this.#wasWrong) this.#areNew = !this.#areNew
    this.#wasWrong = !this.#wasWrong
    return other
  }

  #insert(row: TaskRow): string | undefined {
    const mayBeReplaced = mayBeReplacedId(row.taskId)
    const statement = this.#statements.statement(mayBeReplaced ? 'insert unless replaced' : 'insert', () => {
      const cells = bindings(FIELDS)
      const shard = `SELECT 1 FROM ${LIVE.shards} WHERE ${SHARD_COLUMNS.platformTaskId} = :taskId`
      const source = mayBeReplaced ? `SELECT ${cells} WHERE NOT EXISTS (${shard})` : `VALUES (${cells})`
      return `INSERT INTO ${LIVE.tasks} (${COLUMNS}) ${source} ON CONFLICT (${ID}) DO NOTHING`
    })
    return statement.run(row).changes > 0 ? row.submitTime : undefined
  }

  #update(row: TaskRow, isAsked: boolean): string | undefined {
    if (row.isTimed) return this.#updateStored(row, 'given')
    if (!isAsked) return this.#updateStored(row, 'kept')
    const submitTime = this.#submitTimes.get(row.taskId)
    const known = submitTime === undefined ? undefined : this.#updateStored({ ...row, submitTime }, 'known')
    return known ?? this.#updateStored(row, 'returned')
  }

  #updateStored(row: TaskRow, submitTime: keyof typeof LATER): string | undefined {
    const name = row.isStamped ? LATER[submitTime] : `update ${submitTime}`
    const statement = this.#statements.statement(name, () => {
      const kept: readonly string[] = submitTime === 'given' ? ['taskId'] : ['taskId', 'submitTime']
      const set = setters(
        TASK_COLUMNS,
        FIELDS.filter((field) => !kept.includes(field)),
      )
      const isKnown = submitTime === 'known' ? `AND ${SUBMIT_TIME} = :submitTime` : ''
      const isLater = row.isStamped ? `AND ${UPDATE_TIME} < :updateTime` : ''
      return `UPDATE ${LIVE.tasks} SET ${set} WHERE ${ID} = :taskId ${isKnown} ${isLater} AND ${REMEMBERS_REPLACED_ID}
          ${submitTime === 'returned' ? `RETURNING ${SUBMIT_TIME}` : ''}`
    })
    // all, not get: get stops at the first row, and does not notice a commit that failed.
    if (submitTime === 'returned') return statement.all(row)[0]?.[0] as string | undefined
    return statement.run(row).changes > 0 ? row.submitTime : undefined
  }
}
