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
 * Saves live tasks, one at a time. A task is likely to be what the last ones were, new or stored, so an insert or an
 * update is tried first: alone, each is cheaper than an upsert that tells what it did.
 */
export class TaskSaves {
  readonly #statements: Statements
  #areNew = true
  #wasWrong = false

  constructor(statements: Statements) {
    this.#statements = statements
  }

  /**
   * Inserts a task or replaces the one with its id, and returns the submit time that is now stored, or any text if that
   * is not asked for; undefined, with nothing written, if the id may be one that version 5 replaced, if the stored row
   * names such an id and the new one would forget it, or if the stored update time is not before a stamped one.
   */
  save(row: TaskRow, isAsked: boolean): string | undefined {
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
      const cells = bindings(FIELDS).replace(':submitTime', 'coalesce(:submitTime, :now)')
      const shard = `SELECT 1 FROM ${LIVE.shards} WHERE ${SHARD_COLUMNS.platformTaskId} = :taskId`
      const source = mayBeReplaced ? `SELECT ${cells} WHERE NOT EXISTS (${shard})` : `VALUES (${cells})`
      return `INSERT INTO ${LIVE.tasks} (${COLUMNS}) ${source} ON CONFLICT (${ID}) DO NOTHING`
    })
    return statement.run(row).changes > 0 ? (row.submitTime ?? row.now) : undefined
  }

  #update(row: TaskRow, isAsked: boolean): string | undefined {
    const { submitTime, isStamped } = row
    const isTimed = submitTime !== null
    const isReturned = isAsked && !isTimed
    const statement = this.#statements.statement(
      `update stored ${isTimed} ${isStamped} ${isReturned}`,
      () => {
        const kept: readonly string[] = isTimed ? ['taskId'] : ['taskId', 'submitTime']
        const set = setters(
          TASK_COLUMNS,
          FIELDS.filter((field) => !kept.includes(field)),
        )
        const isLater = isStamped ? `AND ${UPDATE_TIME} < :updateTime` : ''
        return `UPDATE ${LIVE.tasks} SET ${set} WHERE ${ID} = :taskId ${isLater} AND ${REMEMBERS_REPLACED_ID}
          ${isReturned ? `RETURNING ${SUBMIT_TIME}` : ''}`
      },
    )
    // all, not get: get stops at the first row, and does not notice a commit that failed.
    if (isReturned) return statement.all(row)[0]?.[0] as string | undefined
    return statement.run(row).changes > 0 ? (submitTime ?? row.now) : undefined
  }
}
