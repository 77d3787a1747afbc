import { invalidType } from './rules/argument-error.ts'
import { weightOf } from './rules/batches.ts'
import { flag, optionsReader } from './rules/check-arguments.ts'
import { timeZone } from './rules/instant.ts'
import { type LongCallOptions, longCall, stepOf } from './rules/long-call.ts'
import { idsOf } from './rules/match-tasks.ts'
import { Merge, type MergeProgress, type MergeReport } from './rules/merge-tasks.ts'
import { gather, takeInTurn } from './rules/read-ahead.ts'
import { type CheckedFilter, checkFilter, places, type TaskFilter } from './rules/task-filter.ts'
import { type Position, TRANSFER, type Transfer, type Transferable } from './rules/transfer.ts'

/** Which tasks are copied, and how. */
export interface CopyOptions extends LongCallOptions<MergeProgress> {
  /** Which tasks. Default: all. */
  readonly filter?: TaskFilter | undefined
  /** `false` for the live tasks alone, `true` for the archived ones. Default `'both'`. */
  readonly archived?: boolean | 'both' | undefined
  /** Replace a record of the target even if it is newer. Default false. */
  readonly overwrite?: boolean | undefined
  /**
   * The zone of times without an offset, to tell which of two records is newer: `UTC`, `+08:00`,
   * `Asia/Shanghai`. Default: the zone of this machine.
   */
  readonly timeZone?: string | undefined
  /** Report what would happen, and write nothing. Default false. */
  readonly dryRun?: boolean | undefined
}

/** What a copy did: `read` is the sum of `added`, `updated`, `unchanged`, `kept` and the conflicts. */
export type CopyReport = MergeReport

const readOptions = optionsReader({
  filter: (_name, value) => checkFilter(value as TaskFilter | undefined),
  archived: (name, value = 'both') => places(name, value),
  overwrite: flag(false),
  timeZone,
  dryRun: flag(false),
  ...longCall<MergeProgress>(),
})

/**
 * Copies tasks from one store to another, of any kind: from a file to a team's database, back, or between two
 * of a kind. Every cell stays as it is, and a task is read with its shards from one snapshot. Tasks are
 * matched as {@link TaskStore.mergeFile} does it, by their ids, else by the ids on their platform; of two
 * records of one task the newer one stays, shard by shard. It works in batches: if it is interrupted, the same
 * call completes it later, and a copy of what was copied changes nothing.
 *
 * @throws TaskStoreError With the codes of either store.
 */
export async function copyTasks(
  from: Transferable,
  to: Transferable,
  options?: CopyOptions,
): Promise<CopyReport> {
  const [source, target] = [transferOf('from', from), transferOf('to', to)]
  if (from === to) throw invalidType('to', 'to must be another store than from')
  const { filter, archived, dryRun, onProgress, signal, ...reconcile } = readOptions(options)
  const step = stepOf({ onProgress, signal })
  const merge = new Merge(reconcile)
  for (const place of archived) {
    const batches = gather(batchesOf(source, place, filter), target.batch, weightOf)
    await takeInTurn(batches, async (batch) => {
      const candidates = await target.known(batch.flatMap(idsOf))
      const ids = new Set([...batch.map(({ task }) => task.taskId), ...candidates])
      const present = await source.present([...ids])
      await target.take(batch, merge, present, dryRun)
      step(merge.progress)
    })
  }
  return merge.report
}

async function* batchesOf(source: Transfer, place: 'live' | 'archived', filter: CheckedFilter) {
  let after: Position | undefined
  do {
    const { tasks, next } = await source.read(place, after, filter)
    if (tasks.length > 0) yield tasks
    after = next
  } while (after !== undefined)
}

function transferOf(name: string, store: Transferable): Transfer {
  const transfer = typeof store === 'object' && store !== null ? store[TRANSFER] : undefined
  if (transfer === undefined) throw invalidType(name, `${name} must be a store`)
  return transfer
}
