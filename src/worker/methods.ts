import type { NewTaskShard } from '../../drizzle/schema.ts'
import { now } from '../rules/clock.ts'
import { type LongCallOptions, readLongCall, stepOf, type TaskProgress } from '../rules/long-call.ts'
import { Merge } from '../rules/merge-tasks.ts'
import { ROWS, type RowCalls, type StagedTasks } from '../rules/row-calls.ts'
import type { ArchiveListOptions, TaskListOptions } from '../rules/task-filter.ts'
import type { Row } from '../rules/task-row.ts'
import { TRANSFER, type Transfer } from '../rules/transfer.ts'
import { readUpdateOptions, type UpdateOptions, updateOf } from '../rules/update-task.ts'
import { CHANGES, TaskStore } from '../task-store.ts'
import {
  type PackedFields,
  type PackedRow,
  packSave,
  unpackChanges,
  unpackFields,
  unpackRow,
} from './values.ts'

type Method = (...args: never[]) => unknown

/** Items that were sent in parts before the call that takes them, and the last part. */
interface Sent {
  readonly staged: number
  readonly items: readonly unknown[]
}

const isSent = (items: object): items is Sent => 'staged' in items

/** What a caller can ask of the thread: the methods of its store, and what crosses for them. */
export class Methods {
  readonly #store: () => TaskStore
  readonly #stagedTasks = new Map<number, StagedTasks>()
  readonly #stagedIds = new Map<number, string[]>()
  /** What tells whether the lists that are watched may have changed. */
  readonly #watched = new Map<number, ReturnType<TaskStore[typeof CHANGES]>>()
  /** The merges of the copies into this store, which are decided here. */
  readonly #merges = new Map<number, Merge>()

  #rowCalls: RowCalls | undefined

  constructor(store: () => TaskStore) {
    this.#store = store
  }

  get #rows(): RowCalls {
    this.#rowCalls ??= this.#store()[ROWS]
    return this.#rowCalls
  }

  call(method: string, args: readonly unknown[]): unknown {
    const own = this.#own[method] as Method | undefined
    if (own !== undefined) return own(...(args as never[]))
    const [name, ofArchive] = method.split('.')
    const store = this.#store() as unknown as Readonly<Record<string, Method>>
    const methods = name === 'archive' ? (store.archive as unknown as typeof store) : store
    const run = methods[ofArchive ?? (name as string)] as Method
    return run.call(methods, ...(args as never[]))
  }

  readonly #own: Readonly<Record<string, Method>> = {
    open: () => {
      this.#store()
    },
    restoreBackup: (...args: Parameters<typeof TaskStore.restoreBackup>) => TaskStore.restoreBackup(...args),
    pendingMigrations: (...args: Parameters<typeof TaskStore.pendingMigrations>) =>
      TaskStore.pendingMigrations(...args),
    listChanged: (id: number, options: TaskListOptions) => {
      const changes = this.#watched.get(id) ?? this.#store()[CHANGES]()
      this.#watched.set(id, changes)
      return changes.areSeen ? this.#rows.listSummaries(options) : undefined
    },
    unwatch: (id: number) => {
      this.#watched.delete(id)
    },
    save: (row: PackedRow) => new Whole(packSave(this.#rows.save(unpackRow(row, now())))),
    update: (taskId: string, changes: PackedFields, options?: UpdateOptions) =>
      whole(this.#rows.update(updateOf(taskId, unpackChanges(changes), readUpdateOptions(options)))),
    get: (taskId: string) => whole(this.#rows.get(taskId)),
    list: (options: TaskListOptions) => this.#rows.list(options),
    listSummaries: (options: TaskListOptions) => this.#rows.listSummaries(options),
    page: (options: TaskListOptions) => this.#rows.page(options),
    pageSummaries: (options: TaskListOptions) => this.#rows.pageSummaries(options),
    'archive.get': (taskId: string) => whole(this.#store().archive[ROWS].get(taskId)),
    'archive.list': (options: ArchiveListOptions) => this.#store().archive[ROWS].list(options),
    addShard: (shard: PackedFields, ...rest) =>
      this.#store().addShard(unpackFields<NewTaskShard>(shard), ...rest),
    saveShard: (shard: PackedFields, ...rest) =>
      this.#store().saveShard(unpackFields<NewTaskShard>(shard), ...rest),
    saveMany: (tasks: readonly PackedRow[] | Sent, options?: LongCallOptions<TaskProgress>) => {
      const { staged, items } = isSent(tasks) ? tasks : { staged: undefined, items: tasks }
      using all = staged === undefined ? this.#rows.stage() : (this.#stagedTasks.get(staged) as StagedTasks)
      if (staged !== undefined) this.#stagedTasks.delete(staged)
      addRows(all, items)
      return all.save(stepOf(readLongCall(options)))
    },
    getMany: (ids: readonly string[] | Sent) => this.#rows.getMany(this.#ids(ids)),
    'archive.archiveMany': (ids: readonly string[] | Sent, ...rest) =>
      this.#store().archive.archiveMany(this.#ids(ids), ...rest),
    'archive.restoreMany': (ids: readonly string[] | Sent, ...rest) =>
      this.#store().archive.restoreMany(this.#ids(ids), ...rest),
    'archive.deleteMany': (ids: readonly string[] | Sent, ...rest) =>
      this.#store().archive.deleteMany(this.#ids(ids), ...rest),
    stage: (method: string, id: number, items: readonly unknown[]) => {
      if (method !== 'saveMany') {
        const ids = this.#stagedIds.get(id) ?? []
        this.#stagedIds.set(id, ids)
        ids.push(...(items as string[]))
        return
      }
      const staged = this.#stagedTasks.get(id) ?? this.#rows.stage()
      this.#stagedTasks.set(id, staged)
      addRows(staged, items)
    },
    unstage: (id: number) => {
      this.#stagedIds.delete(id)
      this.#stagedTasks.get(id)?.[Symbol.dispose]()
      this.#stagedTasks.delete(id)
    },
    'transfer.read': (...args: Parameters<Transfer['read']>) => this.#store()[TRANSFER].read(...args),
    'transfer.present': (...args: Parameters<Transfer['present']>) =>
      this.#store()[TRANSFER].present(...args),
    'transfer.known': (...args: Parameters<Transfer['known']>) => this.#store()[TRANSFER].known(...args),
    'transfer.take': (
      id: number,
      options: ConstructorParameters<typeof Merge>[0],
      batch: TakeArguments[0],
      present: TakeArguments[2],
      dryRun: boolean,
    ) => {
      const merge = this.#merges.get(id) ?? new Merge(options)
      this.#merges.set(id, merge)
      this.#store()[TRANSFER].take(batch, merge, present, dryRun)
      return merge.takeReport()
    },
    'transfer.end': (id: number) => {
      this.#merges.delete(id)
    },
  }

  #ids(ids: readonly string[] | Sent): readonly string[] {
    if (!isSent(ids)) return ids
    const { staged, items } = ids
    const before = this.#stagedIds.get(staged) as string[]
    this.#stagedIds.delete(staged)
    return [...before, ...(items as string[])]
  }
}

type TakeArguments = Parameters<Transfer['take']>

/** An array that crosses as one value, and not as a list in parts. */
export class Whole {
  readonly value: readonly unknown[]

  constructor(value: readonly unknown[]) {
    this.value = value
  }
}

const whole = (row: Row | undefined) => row && new Whole(row)

function addRows(staged: StagedTasks, items: readonly unknown[]): void {
  for (const row of items) staged.add(unpackRow(row as PackedRow, now()))
}
