import { archivedTaskShards, archivedTasks, taskShards, tasks } from '../../../drizzle/schema.ts'
import type { PlaceName } from '../../rules/place-name.ts'

/** Where a task is: among the live ones, or in the archive. */
export interface Place {
  readonly name: PlaceName
  readonly tasks: typeof tasks
  readonly shards: typeof taskShards
}

export const LIVE: Place = { name: 'live', tasks, shards: taskShards }

/** Typed as the live tables, of which it has every column; `archivedAt` comes on top. */
export const ARCHIVE: Place = {
  name: 'archived',
  tasks: archivedTasks as unknown as typeof tasks,
  shards: archivedTaskShards as unknown as typeof taskShards,
}

export const PLACES: readonly Place[] = [LIVE, ARCHIVE]

export const placeOf = (name: PlaceName): Place => (name === 'live' ? LIVE : ARCHIVE)
