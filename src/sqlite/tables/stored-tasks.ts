import { SHARD_COLUMNS, TASK_COLUMNS } from '../../../drizzle/columns.ts'
import { BATCH } from '../../rules/batches.ts'
import type { RawShard, StoredTask } from '../../rules/raw-task.ts'
import { archivedAtOf, type Row, rawShard, rawTask } from '../../rules/task-row.ts'
import type { Statements } from '../statement.ts'
import { EVERY_TASK, type FilterSql } from './filter-sql.ts'
import { ARCHIVE, LIVE } from './place.ts'
import { isOneOf } from './sql.ts'
import type { TaskTable } from './task-table.ts'
import { walk } from './walk.ts'

/** Every task of a place that matches, with its shards, in batches, in the order of insertion. */
export function* storedTasks(
  file: string,
  table: TaskTable,
  filter: FilterSql = EVERY_TASK,
): Generator<StoredTask[]> {
  for (const rows of walk(file, BATCH, (rowid) => table.after(rowid, filter, BATCH))) {
    yield storedTasksOf(table, rows)
  }
}

/** The tasks of some rows, with their shards. */
export function storedTasksOf(table: TaskTable, rows: readonly Row[]): StoredTask[] {
  const shards = table.shards.ofAll(rows.map(([taskId]) => taskId as string))
  return rows.map((row) => storedTask(table, row, shards.get(row[0] as string) ?? []))
}

/** The task of a row, with its shards. */
export function storedTask(
  table: TaskTable,
  row: Row,
  shards: readonly RawShard[] = table.shards.of(row[0] as string).map(rawShard),
): StoredTask {
  return { task: rawTask(row), archivedAt: table.place === ARCHIVE ? archivedAtOf(row) : null, shards }
}

/** Which of these ids exist, as task ids or as platform task ids. */
export function knownIds(statements: Statements, ids: readonly string[]): ReadonlySet<string> {
  const statement = statements.statement('known ids', () =>
    [LIVE, ARCHIVE]
      .flatMap(({ tasks, shards }) => [
        [tasks, TASK_COLUMNS.taskId],
        [shards, SHARD_COLUMNS.platformTaskId],
      ])
      .map(([table, column = '']) => `SELECT ${column} FROM ${table} WHERE ${isOneOf(column)}`)
      .join(' UNION ALL '),
  )
  return new Set(statement.all({ ids: JSON.stringify(ids) }).map(([id]) => id as string))
}
