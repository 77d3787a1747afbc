import { ARCHIVED_TASK_SHARDS, ARCHIVED_TASKS, TASK_SHARDS, TASKS } from '../../../drizzle/tables.ts'
import type { PlaceName } from '../../rules/place-name.ts'

/** The tables of a place, by their names in SQL. */
export interface Place {
  readonly name: PlaceName
  readonly tasks: string
  readonly shards: string
}

export const LIVE: Place = { name: 'live', tasks: TASKS.name, shards: TASK_SHARDS.name }

export const ARCHIVE: Place = {
  name: 'archived',
  tasks: ARCHIVED_TASKS.name,
  shards: ARCHIVED_TASK_SHARDS.name,
}

export const placeOf = (name: PlaceName): Place => (name === 'live' ? LIVE : ARCHIVE)
