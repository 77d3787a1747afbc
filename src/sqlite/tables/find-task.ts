import type { TaskInfo, TaskShard } from '../../../drizzle/schema.ts'
import { isReplaceable } from '../../rules/task-id.ts'
import { TaskStoreError } from '../../rules/task-store-error.ts'
import type { PlaceQueries } from './place-queries.ts'

/** The tasks of a place whose id this was before version 5. */
export function findReplaced<Task extends TaskInfo>(
  queries: PlaceQueries<Task, TaskShard>,
  taskId: string,
): Task[] {
  if (!isReplaceable(taskId)) return []
  return queries.byPlatformTaskId(taskId).filter(({ metadata }) => metadata.legacy_platform_id === taskId)
}

/**
 * The task of a place with this id, or the one whose id it was before version 5.
 *
 * @throws TaskStoreError `AMBIGUOUS_ID` where several tasks replaced it.
 */
export function findTask<Task extends TaskInfo>(
  queries: PlaceQueries<Task, TaskShard>,
  taskId: string,
): Task | undefined {
  const task = queries.byId(taskId)
  if (task !== undefined) return task
  const found = findReplaced(queries, taskId)
  if (found.length > 1) {
    throw new TaskStoreError(
      'AMBIGUOUS_ID',
      `${found.length} tasks replaced the id ${JSON.stringify(taskId)}: ${found.map((task) => task.taskId).join(', ')}; use one of these ids`,
    )
  }
  return found[0]
}
