import { BATCH, SENT_BATCH } from '../../rules/batches.ts'
import { idsOf } from '../../rules/match-tasks.ts'
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
        const table = place === 'live' ? tx.live : tx.archive
        const rows = await table.after(Number(after ?? 0), filter, BATCH)
        const next = rows.length < BATCH ? undefined : (rows.at(-1)?.at(-1) as number)
        return { tasks: await withShards(table, rows), next }
      }),
    present: async (taskIds) => {
      const [live, archived] = await Promise.all([
        session.live.movable(taskIds),
        session.archive.movable(taskIds),
      ])
      return new Set([
        ...[...live.keys()].map((taskId) => recordName(taskId, 'live')),
        ...[...archived.keys()].map((taskId) => recordName(taskId, 'archived')),
      ])
    },
    known: async (ids) => {
      const [live, archived] = await Promise.all([session.live.knownIds(ids), session.archive.knownIds(ids)])
      return [...live, ...archived]
    },
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
