import { parseInstant } from './instant.ts'
import type { StoredTask } from './raw-task.ts'
import { isGeneratedId, mayBeReplacedId } from './task-id.ts'

/** What a task is called on its platform. */
export interface PlatformId {
  readonly id: string
  readonly backend: string
}

/** The ids of a task on its platform. A task without shards, from before version 5, has its own id there. */
export function platformIdsOf({ task, shards }: Pick<StoredTask, 'task' | 'shards'>): PlatformId[] {
  if (shards.length > 0) return shards.map(({ platformTaskId, backend }) => ({ id: platformTaskId, backend }))
  return mayBeReplacedId(task.taskId) ? [{ id: task.taskId, backend: task.backend }] : []
}

/** The ids by which a store may know a task. */
export function idsOf({ task, shards }: StoredTask): string[] {
  return [task.taskId, ...shards.map((shard) => shard.platformTaskId)]
}

/** Whether two tasks have the same ids on their platforms. */
export function haveSamePlatformIds(
  a: Pick<StoredTask, 'task' | 'shards'>,
  b: Pick<StoredTask, 'task' | 'shards'>,
): boolean {
  const [first, second] = [a, b].map(
    (task) => new Set(platformIdsOf(task).map(({ id, backend }) => `${backend}\n${id}`)),
  ) as [Set<string>, Set<string>]
  return first.size === second.size && [...first].every((name) => second.has(name))
}

/** Whether two times are the same moment. */
export function isSameTime(a: string, b: string, timeZone: string | undefined): boolean {
  if (a === b) return true
  const [first, second] = [a, b].map((time) => parseInstant(time, timeZone))
  return first !== undefined && first === second
}

/** The candidates that were submitted at the incoming task's time; all of them if none was. */
export function preferSameTime<Task extends Pick<StoredTask, 'task'>>(
  incoming: StoredTask,
  found: readonly Task[],
  timeZone: string | undefined,
): readonly Task[] {
  const { submitTime } = incoming.task
  const same = found.filter(({ task }) => isSameTime(task.submitTime, submitTime, timeZone))
  return same.length > 0 ? same : found
}

/**
 * Why an incoming task cannot be matched with the tasks that were found; undefined if it can, or if none was
 * found.
 *
 * @param matched The task of the other file that the one found here was matched with before.
 */
export function mismatch(
  { task: incoming }: StoredTask,
  found: readonly Pick<StoredTask, 'task'>[],
  matched: string | undefined,
  timeZone: string | undefined,
): string | undefined {
  const [existing] = found
  if (found.length > 1) {
    return `is the same as several tasks here: ${found.map(({ task }) => task.taskId).join(', ')}`
  }
  if (existing === undefined) return undefined
  const { taskId, submitTime } = existing.task
  if (matched !== undefined) return `is the same task as ${matched} there and ${taskId} here`
  // An id that a person made up can be made up twice.
  if (isGeneratedId(incoming.taskId) || isSameTime(incoming.submitTime, submitTime, timeZone))
    return undefined
  return `was submitted at ${incoming.submitTime} there and at ${submitTime} here: two tasks with one id`
}
