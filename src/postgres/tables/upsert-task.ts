import { SHARD_COLUMNS, TASK_COLUMNS } from '../../../drizzle/columns.ts'
import type { TaskInfo } from '../../../drizzle/schema.ts'
import { REPLACED_ID } from '../../rules/replaced-id.ts'
import type { TaskRow } from '../../rules/save-task.ts'
import { mayBeReplacedId } from '../../rules/task-id.ts'
import type { Session } from '../transaction.ts'
import { storedCell, typeOf } from './stored-row.ts'

const FIELDS = Object.keys(TASK_COLUMNS) as (keyof TaskInfo)[]
const COLUMNS = Object.values(TASK_COLUMNS).join()
const { taskId: ID, submitTime: SUBMITTED, metadata: METADATA, updateTime: UPDATED } = TASK_COLUMNS

/** How one upsert differs from another. */
interface UpsertForm {
  /** The id may be a replaced one: insert only if no shard has it. */
  readonly mayBeReplaced: boolean
  /** Replace only a row whose replaced id is not forgotten. */
  readonly mustRemember: boolean
  /** Replace only a row whose update time is before the new one. */
  readonly mustBeLater: boolean
  /** Store the given submit time. */
  readonly isTimed: boolean
}

/**
 * Inserts a live task or replaces the one with its id, and returns the submit time that is now stored;
 * undefined, with nothing written, if the id may be one that version 5 replaced, if the stored row names such
 * an id and the new one would forget it, or if the stored update time is not before a stamped one.
 */
export async function upsertTask(session: Session, row: TaskRow): Promise<string | undefined> {
  return upsertOne(session, row, formOf(row))
}

/** {@link upsertTask} for a task whose id is known not to be a replaced one. */
export async function upsertKnownTask(session: Session, row: TaskRow): Promise<string> {
  const form = { ...formOf(row), mayBeReplaced: false, mustRemember: false, mustBeLater: false }
  return (await upsertOne(session, row, form)) as string
}

/**
 * {@link upsertTask} for many rows, in their order; `refused` gets those that were not written, and `written` is told
 * how many are done.
 */
export async function upsertTasks(
  session: Session,
  rows: readonly TaskRow[],
  refused: (row: TaskRow) => Promise<unknown>,
  written: (rows: number) => void,
): Promise<void> {
  let done = 0
  for (const run of runsOf(rows)) {
    const stored = await upsert(session, run, formOf(run[0] as TaskRow))
    if (stored.size < run.length) {
      for (const row of run) if (!stored.has(row.taskId)) await refused(row)
    }
    done += run.length
    written(done)
  }
}

const MOST_ROWS = 500

/** Runs of rows of one form and with an id each, since a statement writes no row twice. */
function runsOf(rows: readonly TaskRow[]): TaskRow[][] {
  const runs: TaskRow[][] = []
  let ids = new Set<string>()
  let name = ''
  for (const row of rows) {
    const nameOfRow = JSON.stringify(formOf(row))
    if (nameOfRow !== name || ids.has(row.taskId) || ids.size === MOST_ROWS) {
      runs.push([])
      ids = new Set()
      name = nameOfRow
    }
    runs.at(-1)?.push(row)
    ids.add(row.taskId)
  }
  return runs
}

function formOf({ taskId, isTimed, namesReplacedId, isStamped }: TaskRow): UpsertForm {
  return {
    mayBeReplaced: mayBeReplacedId(taskId),
    mustRemember: namesReplacedId === 0,
    mustBeLater: isStamped,
    isTimed,
  }
}

/** One row is bound cell by cell: an array would have to be written and parsed. */
async function upsertOne(session: Session, row: TaskRow, form: UpsertForm): Promise<string | undefined> {
  const { rows } = await session.write(textOf(session, form, true), cellsOf(row))
  return rows[0]?.[0] as string | undefined
}

/** The submit times that are now stored, by the ids of the rows that were written. */
async function upsert(
  session: Session,
  rows: readonly TaskRow[],
  form: UpsertForm,
): Promise<ReadonlyMap<string, string>> {
  const cells = rows.map(cellsOf)
  const columns = FIELDS.map((_, i) => cells.map((row) => row[i]))
  const { rows: stored } = await session.write(textOf(session, form, false), columns)
  return new Map(stored as unknown as [string, string][])
}

const cellsOf = (row: TaskRow) => FIELDS.map((field) => storedCell(row.taskId, field, row[field]))

function textOf(session: Session, form: UpsertForm, isOne: boolean): string {
  const { mayBeReplaced, mustRemember, mustBeLater, isTimed } = form
  const shape = `upsert ${mayBeReplaced} ${mustRemember} ${mustBeLater} ${isTimed} ${isOne}`
  return session.text(shape, () => {
    const { tasks, shards } = session.live.place
    const bound = FIELDS.map((field, i) => `$${i + 1}::${typeOf(field)}${isOne ? '' : '[]'}`).join()
    const given = isOne ? `(VALUES (${bound}))` : `unnest(${bound}) WITH ORDINALITY`
    const where = mayBeReplaced
      ? `WHERE NOT EXISTS (SELECT FROM ${shards} WHERE ${SHARD_COLUMNS.platformTaskId} = given.${ID})
           OR EXISTS (SELECT FROM ${tasks} WHERE ${ID} = given.${ID})`
      : ''
    const source = `SELECT ${COLUMNS} FROM ${given} AS given (${COLUMNS}${isOne ? '' : ', n'}) ${where} ${isOne ? '' : 'ORDER BY n'}`
    const set = Object.values(TASK_COLUMNS)
      .filter((name) => name !== ID && (isTimed || name !== SUBMITTED))
      .map((name) => `${name} = excluded.${name}`)
    const conditions = [
      ...(mustRemember ? [`position('"${REPLACED_ID}"' IN t.${METADATA}) = 0`] : []),
      ...(mustBeLater ? [`t.${UPDATED} < excluded.${UPDATED}`] : []),
    ]
    return `INSERT INTO ${tasks} AS t (${COLUMNS}) ${isOne && !mayBeReplaced ? `VALUES (${bound})` : source}
     ON CONFLICT (${ID}) DO UPDATE SET ${set.join()}
     ${conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''}
     RETURNING ${isOne ? '' : `${ID}, `}${SUBMITTED}`
  })
}
