import { BATCH, SENT_BATCH } from '../../rules/batches.ts'
import { idsOf } from '../../rules/match-tasks.ts'
import { PLACE_NAMES, type PlaceName } from '../../rules/place-name.ts'
import { isAmong, recordName, type Transfer } from '../../rules/transfer.ts'
import { withShards } from '../tables/stored-tasks.ts'
import type { Session } from '../transaction.ts'
import { takeTasks } from './take-tasks.ts'

/** What `copyTasks` needs of a store on PostgreSQL. */
export function transferTasks(session: Session): Transfer {
  return {
    batch: SENT_BATCH,
    read: (place, after, filter) =>
      session.snapshot(async (tx) => {
        const table = tx.at(place)
        const rows = await table.after(Number(after ?? 0), filter, BATCH)
        const next = rows.length < BATCH ? undefined : (rows.at(-1)?.at(-1) as number)
        return { tasks: await withShards(table, rows), next }
      }),
    present: async (taskIds) => {
      const namesAt = async (place: PlaceName) =>
        [...(await session.at(place).movable(taskIds)).keys()].map((taskId) => recordName(taskId, place))
      return new Set((await Promise.all(PLACE_NAMES.map(namesAt))).flat())
    },
    known: async (ids) =>
      (await Promise.all(PLACE_NAMES.map((place) => session.at(place).knownIds(ids)))).flat(),
    take: (batch, merge, present, dryRun) =>
      takeTasks(session, batch, {
        taskOf: (task) => task,
        idsOf,
        take: (task, known) => merge.take(task, known, isAmong(present)),
        refuse: (task, reason) => merge.refuse(task, reason),
        mark: () => merge.mark(),
        dryRun,
      }),
  }
}
