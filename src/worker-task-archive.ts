import type { ArchivedTaskInfo, ArchivedTaskShard } from '../drizzle/schema.ts'
import { checkString, stringsOf } from './rules/check-arguments.ts'
import { type LongCallOptions, readLongCall, type TaskProgress } from './rules/long-call.ts'
import {
  type ArchiveManyOptions,
  type ArchiveMoveOptions,
  type ArchiveMoveResult,
  type ArchiveOlderThanOptions,
  type ArchiveOlderThanReport,
  readManyOptions,
  readMoveOptions,
  readOlderThanOptions,
} from './rules/move-task.ts'
import type { StatusCounts } from './rules/status-counts.ts'
import { type ArchiveListOptions, checkFilter, checkList, type TaskFilter } from './rules/task-filter.ts'
import type { ArchiveRepository } from './task-repository.ts'
import type { Caller } from './worker/caller.ts'
import { callWithItems } from './worker/send-items.ts'
import { copyOptions, splitOptions } from './worker/split-options.ts'

/** The archived tasks of a store in a thread: the calls of {@link TaskArchive}, as promises. */
export class WorkerTaskArchive implements ArchiveRepository<'async'> {
  readonly #caller: Caller

  /** @internal */
  constructor(caller: Caller) {
    this.#caller = caller
  }

  /** {@link TaskArchive.archive} */
  async archive(taskId: string, options?: ArchiveMoveOptions): Promise<boolean> {
    checkString('taskId', taskId)
    return this.#caller.call('archive.archive', [taskId, readMoveOptions(options)])
  }

  /** {@link TaskArchive.restore} */
  async restore(taskId: string, options?: ArchiveMoveOptions): Promise<boolean> {
    checkString('taskId', taskId)
    return this.#caller.call('archive.restore', [taskId, readMoveOptions(options)])
  }

  /** {@link TaskArchive.archiveMany} */
  async archiveMany(taskIds: Iterable<string>, options?: ArchiveManyOptions): Promise<ArchiveMoveResult[]> {
    readManyOptions(options)
    return this.#many('archive.archiveMany', taskIds, options)
  }

  /** {@link TaskArchive.restoreMany} */
  async restoreMany(taskIds: Iterable<string>, options?: ArchiveManyOptions): Promise<ArchiveMoveResult[]> {
    readManyOptions(options)
    return this.#many('archive.restoreMany', taskIds, options)
  }

  /** {@link TaskArchive.archiveOlderThan} */
  async archiveOlderThan(options: ArchiveOlderThanOptions): Promise<ArchiveOlderThanReport> {
    readOlderThanOptions(options, 0)
    const { others, following } = splitOptions(options)
    return this.#caller.call('archive.archiveOlderThan', [others], following)
  }

  /** {@link TaskArchive.list} */
  async list(options?: ArchiveListOptions): Promise<ArchivedTaskInfo[]> {
    checkList(options)
    return this.#caller.call('archive.list', [copyOptions(options)])
  }

  /** {@link TaskArchive.get} */
  async get(taskId: string): Promise<ArchivedTaskInfo | undefined> {
    checkString('taskId', taskId)
    return this.#caller.call('archive.get', [taskId])
  }

  /** {@link TaskArchive.getShards} */
  async getShards(taskId: string): Promise<ArchivedTaskShard[]> {
    checkString('taskId', taskId)
    return this.#caller.call('archive.getShards', [taskId])
  }

  /** {@link TaskArchive.count} */
  async count(filter?: TaskFilter): Promise<number> {
    checkFilter(filter)
    return this.#caller.call('archive.count', [copyOptions(filter)])
  }

  /** {@link TaskArchive.countByStatus} */
  async countByStatus(filter?: TaskFilter): Promise<StatusCounts> {
    checkFilter(filter)
    return this.#caller.call('archive.countByStatus', [copyOptions(filter)])
  }

  /** {@link TaskArchive.delete} */
  async delete(taskId: string): Promise<boolean> {
    checkString('taskId', taskId)
    return this.#caller.call('archive.delete', [taskId])
  }

  /** {@link TaskArchive.deleteMany} */
  async deleteMany(
    taskIds: Iterable<string>,
    options?: LongCallOptions<TaskProgress>,
  ): Promise<ArchiveMoveResult[]> {
    readLongCall(options)
    return this.#many('archive.deleteMany', taskIds, options)
  }

  #many(
    method: string,
    taskIds: Iterable<string>,
    options: object | undefined,
  ): Promise<ArchiveMoveResult[]> {
    const ids = stringsOf('taskIds', taskIds, 'an iterable of task ids')
    const { others, following } = splitOptions(options)
    return callWithItems(this.#caller, method, ids, [others], following)
  }
}
