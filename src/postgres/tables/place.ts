import { getTableName } from 'drizzle-orm'
import { archivedTaskShards, archivedTasks, taskShards, tasks } from '../../../drizzle/postgres-schema.ts'
import type { PlaceName } from '../../rules/place-name.ts'

/** The tables of a place, by their names in SQL. */
export interface Place {
  readonly name: PlaceName
  readonly isArchive: boolean
  readonly tasks: string
  readonly shards: string
}

export const quote = (name: string) => `"${name.replaceAll('"', '""')}"`

export function tablesOf(schema: string): Readonly<Record<PlaceName, Place>> {
  const nameOf = (table: Parameters<typeof getTableName>[0]) => `${quote(schema)}.${getTableName(table)}`
  return {
    live: { name: 'live', isArchive: false, tasks: nameOf(tasks), shards: nameOf(taskShards) },
    archived: {
      name: 'archived',
      isArchive: true,
      tasks: nameOf(archivedTasks),
      shards: nameOf(archivedTaskShards),
    },
  }
}
