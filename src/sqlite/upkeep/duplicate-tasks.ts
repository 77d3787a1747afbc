import { readJsonObject } from '../../../drizzle/json/cell.ts'
import { REPLACED_ID } from '../../rules/replaced-id.ts'
import type { Connection } from '../connection.ts'
import { storedTask } from '../tables/stored-tasks.ts'
import type { TaskTable } from '../tables/task-table.ts'
import type { Repaired } from './repaired.ts'

/**
 * Groups of tasks that replaced one id of a platform and were submitted at one time, each in the order of
 * insertion: two upgrades at once made them. Other tasks may rightly share a platform id.
 */
export function findDuplicates(connection: Connection, { place }: TaskTable): string[][] {
  const statement = connection.statement(
    `duplicates ${place.name}`,
    () =>
      `SELECT platform_task_id, json_group_array(json_array(task_id, metadata_json)) FROM (
         SELECT DISTINCT s.platform_task_id, s.backend, t.submit_time, t.task_id, t.metadata_json, t.rowid AS r
         FROM ${place.shards} s JOIN ${place.tasks} t ON t.task_id = s.uniqc_task_id
         ORDER BY r
       ) GROUP BY platform_task_id, backend, submit_time HAVING count(*) > 1`,
  )
  return statement
    .all()
    .map(([platformTaskId, group]) =>
      (JSON.parse(group as string) as [string, string][])
        .filter(([, metadata]) => readJsonObject(metadata)[REPLACED_ID] === platformTaskId)
        .map(([taskId]) => taskId),
    )
    .filter((ids) => ids.length > 1)
}

/** Keeps the first of tasks that are equal except for their ids. */
export function* removeDuplicates(connection: Connection): Generator<Repaired> {
  for (const table of [connection.live, connection.archive]) {
    for (const [first = '', ...others] of findDuplicates(connection, table)) {
      const kept = contentOf(table, first)
      for (const taskId of others) {
        if (contentOf(table, taskId) === kept) {
          table.deleteAll([taskId])
          yield { row: taskId }
        } else yield { row: taskId, reason: 'they are not equal: compare them, and delete() one' }
      }
    }
  }
}

/** All that a task and its shards say, except for the id. */
function contentOf(table: TaskTable, taskId: string): string {
  const row = table.row(taskId)
  if (row === undefined) return ''
  const { task, shards } = storedTask(table, row)
  return JSON.stringify([
    { ...task, taskId: undefined },
    shards.map((shard) => ({ ...shard, uniqcTaskId: undefined })),
  ])
}
