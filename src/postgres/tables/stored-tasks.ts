import { BATCH } from '../../rules/batches.ts'
import type { StoredTask } from '../../rules/raw-task.ts'
import type { CheckedFilter } from '../../rules/task-filter.ts'
import { archivedAtOf, type Row, rawShard, rawTask } from '../../rules/task-row.ts'
import type { TaskTable } from './task-table.ts'
import { walk } from './walk.ts'

/** Every task of a place that matches, with its shards, in batches, in the order of insertion. */
export async function* storedTasks(table: TaskTable, filter: CheckedFilter): AsyncGenerator<StoredTask[]> {
  for await (const rows of walk(BATCH, (seq) => table.after(seq, filter, BATCH))) {
    yield await withShards(table, rows)
  }
}

/** The tasks of rows, with their shards. */
export async function withShards(table: TaskTable, rows: readonly Row[]): Promise<StoredTask[]> {
  if (rows.length === 0) return []
  const shards = await table.shards.ofAll(rows.map(([taskId]) => taskId as string))
  return rows.map((row) => {
    const task = rawTask(row)
    const archivedAt = table.place.isArchive ? archivedAtOf(row) : null
    return { task, archivedAt, shards: (shards.get(task.taskId) ?? []).map(rawShard) }
  })
}
