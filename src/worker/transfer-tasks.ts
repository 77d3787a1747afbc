import { BATCH } from '../rules/batches.ts'
import type { Merge } from '../rules/merge-tasks.ts'
import type { RawShard, RawTask } from '../rules/raw-task.ts'
import type { Transfer, TransferBatch } from '../rules/transfer.ts'
import type { Caller } from './caller.ts'
import { withBuffers } from './values.ts'

/** The merges that decide in a thread. */
const ids = new WeakMap<Merge, number>()
let last = 0

/** What `copyTasks` needs of a store in a thread, where the merge decides. */
export function transferTasks(caller: Caller): Transfer {
  const forget = new FinalizationRegistry<number>((id) => {
    caller.call('transfer.end', [id]).catch(() => undefined)
  })
  const idOf = (merge: Merge) => {
    const id = ids.get(merge) ?? ++last
    if (!ids.has(merge)) {
      ids.set(merge, id)
      forget.register(merge, id)
    }
    return id
  }
  return {
    batch: BATCH,
    read: async (place, after, filter) => {
      const { tasks, next } = await caller.call<TransferBatch>('transfer.read', [place, after, filter])
      const read = tasks.map(({ task, archivedAt, shards }) => ({
        task: withBuffers<RawTask>(task),
        archivedAt,
        shards: shards.map((shard) => withBuffers<RawShard>(shard)),
      }))
      return { tasks: read, next }
    },
    present: (taskIds) => caller.call('transfer.present', [taskIds]),
    known: (ids) => caller.call('transfer.known', [ids]),
    take: async (batch, merge, present, dryRun) => {
      merge.add(await caller.call('transfer.take', [idOf(merge), merge.options, batch, present, dryRun]))
    },
  }
}
