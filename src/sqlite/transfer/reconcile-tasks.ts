import { otherPlace, PLACE_NAMES, type PlaceName } from '../../rules/place-name.ts'
import type { StoredTask } from '../../rules/raw-task.ts'
import {
  type ExistingTask,
  type Reconciled,
  type ReconcileOptions,
  reconcile,
} from '../../rules/reconcile.ts'
import type { Connection } from '../connection.ts'
import { storedTask } from '../tables/stored-tasks.ts'

/** Whether an incoming task has this id in a place: the stored record there is then a match for that task. */
export type IsIncoming = (taskId: string, place: PlaceName) => boolean

/**
 * The records of a store that match an incoming task by its id, now or before version 5; the one in its own
 * place comes first. Records that match another incoming task are left out.
 */
export function findExisting(
  connection: Connection,
  { task: { taskId }, archivedAt }: StoredTask,
  isIncoming: IsIncoming,
): ExistingTask[] {
  const own = archivedAt === null ? 'live' : 'archived'
  const other = otherPlace(own)
  const existing =
    existingAt(connection, own, taskId) ??
    (isIncoming(taskId, other) ? undefined : existingAt(connection, other, taskId))
  if (existing !== undefined) return [existing]
  return PLACE_NAMES.flatMap((place) =>
    connection
      .at(place)
      .replacing(taskId)
      .filter((task) => !PLACE_NAMES.some((any) => isIncoming(task.taskId, any)))
      .flatMap((task) => existingAt(connection, place, task.taskId) ?? []),
  )
}

/** The record of a place with exactly this id. */
export function existingAt(
  connection: Connection,
  place: PlaceName,
  taskId: string,
): ExistingTask | undefined {
  const table = connection.at(place)
  const row = table.row(taskId)
  return row && { place, ...storedTask(table, row) }
}

/** Reconciles an incoming task with the same task of the store. The caller holds the lock. */
export function reconcileTask(
  connection: Connection,
  incoming: StoredTask,
  existing: ExistingTask | undefined,
  { dryRun, ...options }: ReconcileOptions & { readonly dryRun: boolean },
): Reconciled {
  const reconciled = reconcile(incoming, existing, options)
  if (dryRun || !('shards' in reconciled)) return reconciled
  const { place, task, shards, archivedAt } = reconciled
  const table = connection.at(place)
  if (task !== undefined) table.put(task, archivedAt)
  for (const shard of shards) table.shards.put(shard, archivedAt)
  return reconciled
}
