import { TASK_STATUSES, type TaskStatus } from '../../drizzle/task-status.ts'

/** How many tasks have each status. The five of UnifiedQuantum are always there. */
export type StatusCounts = Record<TaskStatus, number> & Record<string, number>

/** {@link StatusCounts} of the statuses that occur. */
export function statusCounts(counts: Iterable<readonly [status: string, count: number]>): StatusCounts {
  return Object.fromEntries([...TASK_STATUSES.map((status) => [status, 0]), ...counts])
}
