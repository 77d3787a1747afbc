import { archivedTaskShards, archivedTasks, taskShards, tasks } from '../../../drizzle/schema.ts'
import type { PlaceName } from '../../rules/place-name.ts'

/** The tables of a place. */
export interface Place {
  readonly name: PlaceName
  readonly tasks: typeof tasks
  readonly shards: typeof taskShards
}

export const LIVE: Place = { name: 'live', tasks, shards: taskShards }

/** Typed as the live tables, of which it has every column; `archivedAt` is an addition. */
export const ARCHIVE: Place = {
  name: 'archived',
  tasks: archivedTasks as unknown as typeof tasks,
  shards: archivedTaskShards as unknown as typeof taskShards,
}

export const placeOf = (name: PlaceName): Place => (name === 'live' ? LIVE : ARCHIVE)
