import type { IsIncoming } from './find-existing.ts'
import type { Merge } from './merge-tasks.ts'
import type { PlaceName } from './place-name.ts'
import type { StoredTask } from './raw-task.ts'
import type { CheckedFilter } from './task-filter.ts'

/** The property under which a store of any engine has what `copyTasks` needs of it. */
export const TRANSFER: unique symbol = Symbol.for('uniqc-task-store.transfer')

type Either<T> = T | Promise<T>

/** Where a task is in the order of insertion. */
export type Position = number | bigint

/** Some tasks of a place, in the order of insertion, and where the next ones begin. */
export interface TransferBatch {
  readonly tasks: readonly StoredTask[]
  /** Undefined after the last. */
  readonly next: Position | undefined
}

/** What `copyTasks` needs of a store. */
export interface Transfer {
  /** How many tasks it takes at once. */
  readonly batch: number
  /** The first tasks of a place, or the next ones, with their shards, cell for cell, from one snapshot. */
  read(place: PlaceName, after: Position | undefined, filter: CheckedFilter): Either<TransferBatch>
  /** Which of these ids have a task in a place, as `recordName` names them. */
  present(taskIds: readonly string[]): Either<ReadonlySet<string>>
  /** The ids of the tasks that have one of these ids, as their own or on their platform. */
  known(ids: readonly string[]): Either<readonly string[]>
  /**
   * Takes tasks of another store in one transaction, as the merge decides.
   *
   * @param present The tasks of the other store that it may have to know of, as `recordName` names them.
   */
  take(
    batch: readonly StoredTask[],
    merge: Merge,
    present: ReadonlySet<string>,
    dryRun: boolean,
  ): Either<void>
}

/** A store that tasks can be copied from and to. */
export interface Transferable {
  /** @internal */
  readonly [TRANSFER]: Transfer
}

export const recordName = (taskId: string, place: PlaceName) => `${place} ${taskId}`

/** Whether another store has a task, of those that it was asked for. */
export const isAmong =
  (present: ReadonlySet<string>): IsIncoming =>
  (taskId, place) =>
    present.has(recordName(taskId, place))
