import { inLightBatches, weightOf } from '../../rules/batches.ts'
import type { IsIncoming, Lookup } from '../../rules/find-existing.ts'
import { idsOf } from '../../rules/match-tasks.ts'
import type { Merge } from '../../rules/merge-tasks.ts'
import { PLACE_NAMES } from '../../rules/place-name.ts'
import type { StoredTask } from '../../rules/raw-task.ts'
import type { Reconciled } from '../../rules/reconcile.ts'
import { mayBeReplacedId } from '../../rules/task-id.ts'
import { rawTask } from '../../rules/task-row.ts'
import type { Connection } from '../connection.ts'
import { knownIds, storedTask } from '../tables/stored-tasks.ts'

/** What a store knows of incoming tasks, looked up when it is asked for. The caller holds the lock. */
export function lookupIn(connection: Connection): Lookup {
  return {
    at: (place, taskId) => {
      const table = connection.at(place)
      const row = table.row(taskId)
      return row && { place, ...storedTask(table, row) }
    },
    replacing: (place, taskId) =>
      connection
        .at(place)
        .replacing(taskId)
        .map((task) => task.taskId),
    ownersOf: (id, backend) => {
      const tables = PLACE_NAMES.map((place) => connection.at(place))
      const owners = tables.flatMap(({ shards }) => shards.ownersOf(id, backend))
      const isTask = tables.some((table) => {
        const row = mayBeReplacedId(id) ? table.row(id) : undefined
        return row !== undefined && rawTask(row).backend === backend
      })
      return isTask ? [...owners, id] : owners
    },
  }
}

/** Takes tasks of another store in a batch, or in several if they are large, as the merge decides. */
export function takeTasks(
  connection: Connection,
  tasks: readonly StoredTask[],
  merge: Merge,
  lookup: Lookup,
  isIncoming: IsIncoming,
  dryRun: boolean,
): void {
  for (const task of tasks) {
    if (task.task.taskId === null) merge.refuse(task, 'has no id; see the check of that file')
  }
  const taken = tasks.filter(({ task }) => task.taskId !== null)
  for (const batch of inLightBatches(taken, taken.length, weightOf)) {
    const takeAll = () => {
      const known = knownIds(connection, batch.flatMap(idsOf))
      for (const incoming of batch) {
        const isKnown = idsOf(incoming).some((id) => known.has(id))
        const reconciled = merge.take(incoming, isKnown ? lookup : undefined, isIncoming)
        if (!dryRun) writeReconciled(connection, reconciled)
      }
    }
    if (dryRun) connection.snapshot(takeAll)
    else connection.batch(takeAll)
  }
}

/** Writes what became of an incoming task. The caller holds the lock. */
export function writeReconciled(connection: Connection, reconciled: Reconciled | undefined): void {
  if (reconciled === undefined || !('shards' in reconciled)) return
  const { place, task, shards, archivedAt } = reconciled
  const table = connection.at(place)
  if (task !== undefined) table.put(task, archivedAt)
  for (const shard of shards) table.shards.put(shard, archivedAt)
}
