import { BATCH } from '../../rules/batches.ts'
import { PLACE_NAMES } from '../../rules/place-name.ts'
import { isAmong, recordName, type Transfer } from '../../rules/transfer.ts'
import type { Connection } from '../connection.ts'
import { filterSql } from '../tables/filter-sql.ts'
import { BEFORE_ALL, readRowid } from '../tables/rowid.ts'
import { knownIds, storedTasksOf } from '../tables/stored-tasks.ts'
import { lookupIn, takeTasks } from './reconcile-tasks.ts'

/** What `copyTasks` needs of a store on SQLite. */
export function transferTasks(connection: Connection): Transfer {
  const lookup = lookupIn(connection)
  const tables = () => PLACE_NAMES.map((place) => connection.at(place))
  return {
    batch: BATCH,
    read: (place, after, filter) =>
      connection.snapshot(() => {
        const table = connection.at(place)
        const rows = table.after(after ?? BEFORE_ALL, filterSql(filter), BATCH)
        const next = rows.length < BATCH ? undefined : readRowid(rows.at(-1)?.at(-1))
        return { tasks: storedTasksOf(table, rows), next }
      }),
    present: (taskIds) =>
      connection.run(() => {
        const found = PLACE_NAMES.flatMap((place) =>
          [...connection.at(place).rowidsOf(taskIds).keys()].map((taskId) => recordName(taskId, place)),
        )
        return new Set(found)
      }),
    known: (ids) =>
      connection.run(() => {
        const known = [...knownIds(connection, ids)]
        return known.flatMap((id) => [id, ...tables().flatMap(({ shards }) => shards.ownersOf(id))])
      }),
    take: (batch, merge, present, dryRun) =>
      takeTasks(connection, batch, merge, lookup, isAmong(present), dryRun),
  }
}
