import { haveSamePlatformIds, platformIdsOf, preferSameTime } from './match-tasks.ts'
import { otherPlace, PLACE_NAMES, type PlaceName } from './place-name.ts'
import type { StoredTask } from './raw-task.ts'
import type { ExistingTask } from './reconcile.ts'

/** Whether an incoming task has this id in a place: the stored record there is then a match for that task. */
export type IsIncoming = (taskId: string, place: PlaceName) => boolean

/** What a store knows of some incoming tasks. */
export interface Lookup {
  /** The record of a place with exactly this id. */
  at(place: PlaceName, taskId: string): ExistingTask | undefined
  /** The ids of the tasks of a place that replaced this id in version 5. */
  replacing(place: PlaceName, taskId: string): readonly string[]
  /** The ids of the tasks of either place that have this id on this backend. */
  ownersOf(platformTaskId: string, backend: string): readonly string[]
}

/**
 * The records of a store that match an incoming task by its id, now or before version 5; the one in its own
 * place comes first. Records that match another incoming task are left out.
 */
export function findExisting(
  lookup: Lookup,
  { task: { taskId }, archivedAt }: StoredTask,
  isIncoming: IsIncoming,
): ExistingTask[] {
  const own = archivedAt === null ? 'live' : 'archived'
  const other = otherPlace(own)
  const existing =
    lookup.at(own, taskId) ?? (isIncoming(taskId, other) ? undefined : lookup.at(other, taskId))
  if (existing !== undefined) return [existing]
  return PLACE_NAMES.flatMap((place) =>
    lookup
      .replacing(place, taskId)
      .filter((id) => !PLACE_NAMES.some((any) => isIncoming(id, any)))
      .flatMap((id) => lookup.at(place, id) ?? []),
  )
}

/** The records of a store that are an incoming task: by its id, else by the ids that it has on its platform. */
export function findSame(
  lookup: Lookup,
  incoming: StoredTask,
  isIncoming: IsIncoming,
  timeZone: string | undefined,
): readonly ExistingTask[] {
  const byId = findExisting(lookup, incoming, isIncoming)
  if (byId.length > 0) return byId
  const ids = new Set(platformIdsOf(incoming).flatMap(({ id, backend }) => lookup.ownersOf(id, backend)))
  const found = [...ids]
    .flatMap((taskId) => PLACE_NAMES.flatMap((place) => lookup.at(place, taskId) ?? []))
    .filter(({ task }) => !PLACE_NAMES.some((place) => isIncoming(task.taskId, place)))
    .filter((existing) => haveSamePlatformIds(existing, incoming))
  return preferSameTime(incoming, found, timeZone)
}
