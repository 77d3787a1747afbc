import type { TaskShard } from '../../../drizzle/schema.ts'
import { aggregateShards } from '../../rules/aggregate-shards.ts'
import { encodeJson } from '../../rules/check-task.ts'
import { otherPlace } from '../../rules/place-name.ts'
import type { RawTask } from '../../rules/raw-task.ts'
import { type Row, readShard, shardArchivedAtOf } from '../../rules/task-row.ts'
import { TaskStoreError } from '../../rules/task-store-error.ts'
import type { Connection } from '../connection.ts'
import type { TaskTable } from '../tables/task-table.ts'
import type { Repaired } from './repaired.ts'

/** The ids of tasks that are gone and have shards. */
export function findOrphans(connection: Connection, { place }: TaskTable): string[] {
  const statement = connection.statement(
    `orphans ${place.name}`,
    () =>
      `SELECT DISTINCT uniqc_task_id FROM ${place.shards}
       WHERE NOT EXISTS (SELECT 1 FROM ${place.tasks} WHERE task_id = uniqc_task_id)`,
  )
  return statement.all().map(([taskId]) => taskId as string)
}

/** Recreates tasks from what their shards say. */
export function* recreateTasks(connection: Connection): Generator<Repaired> {
  for (const table of [connection.live, connection.archive]) {
    for (const row of findOrphans(connection, table)) {
      const shards = table.shards.of(row)
      if (shards.length === 0) continue
      const reason = recreate(connection, table, row, shards)
      yield reason === undefined ? { row } : { row, reason }
    }
  }
}

/** Recreates a task, or says why it cannot. */
function recreate(
  connection: Connection,
  table: TaskTable,
  taskId: string,
  shards: readonly Row[],
): string | undefined {
  if (connection.at(otherPlace(table.place.name)).has(taskId)) {
    return 'the task is in the other place, with shards of its own: decide which to keep'
  }
  try {
    table.put(taskOf(taskId, shards.map(readShard)), shardArchivedAtOf(shards[0] as Row))
    return undefined
  } catch (error) {
    // Thrown before anything was written.
    if (!(error instanceof TaskStoreError && error.invalid)) throw error
    const { field, problem } = error.invalid
    return `the shards do not add up (their ${field} ${problem}): save() a task with this id`
  }
}

/** @throws TaskStoreError `INVALID_TASK` where no task can hold what the shards say. */
function taskOf(taskId: string, shards: readonly TaskShard[]): RawTask {
  const { status, result, errorMessage } = aggregateShards(shards)
  const submitTimes = shards.map(({ submitTime }) => submitTime).toSorted()
  const updateTimes = shards.map(({ updateTime }) => updateTime).toSorted()
  return {
    taskId,
    backend: shards[0]?.backend as string,
    status,
    shots: 0,
    submitTime: submitTimes[0] as string,
    updateTime: updateTimes.at(-1) as string,
    result: result === null ? null : encodeJson(taskId, 'result', result).text,
    metadata: '{"recovered_from": "shards"}',
    errorMessage,
  }
}
