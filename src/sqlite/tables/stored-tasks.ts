import { getTableName } from 'drizzle-orm'
import { BATCH } from '../../rules/batches.ts'
import type { StoredTask } from '../../rules/raw-task.ts'
import { archivedAtOf, type Row, rawShard, rawTask } from '../../rules/task-row.ts'
import type { Statements } from '../statement.ts'
import { EVERY_TASK, type FilterSql } from './filter-sql.ts'
import { ARCHIVE, LIVE } from './place.ts'
import type { TaskTable } from './task-table.ts'
import { walk } from './walk.ts'

/** Every task of a place that matches, with its shards, in batches, in the order of insertion. */
export function* storedTasks(
  file: string,
  table: TaskTable,
  filter: FilterSql = EVERY_TASK,
): Generator<StoredTask[]> {
  for (const rows of walk(file, BATCH, (rowid) => table.after(rowid, filter, BATCH))) {
    yield rows.map((row) => storedTask(table, row))
  }
}

/** The task of a row, with its shards. */
export function storedTask(table: TaskTable, row: Row): StoredTask {
  const task = rawTask(row)
  const archivedAt = table.place === ARCHIVE ? archivedAtOf(row) : null
  return { task, archivedAt, shards: table.shards.of(task.taskId).map(rawShard) }
}

/** Which of these ids exist, as task ids or as platform task ids. */
export function knownIds(statements: Statements, ids: readonly string[]): ReadonlySet<string> {
  const statement = statements.statement('known ids', () =>
    [LIVE, ARCHIVE]
      .flatMap(({ tasks, shards }) => [tasks.taskId, shards.platformTaskId])
      .map(
        ({ name, table }) =>
          `SELECT ${name} FROM ${getTableName(table)} WHERE ${name} IN (SELECT value FROM json_each(:ids))`,
      )
      .join(' UNION ALL '),
  )
  return new Set(statement.all({ ids: JSON.stringify(ids) }).map(([id]) => id as string))
}
