import type { NewTaskInfo, NewTaskShard } from '../../drizzle/schema.ts'
import { stepOf } from '../rules/long-call.ts'
import { Merge } from '../rules/merge-tasks.ts'
import { readSaveManyOptions, type SaveManyOptions } from '../rules/save-task.ts'
import type { TaskListOptions } from '../rules/task-filter.ts'
import { TRANSFER, type Transfer } from '../rules/transfer.ts'
import { CHANGES, STAGE, type StagedTasks, TaskStore } from '../task-store.ts'
import { type PackedFields, packCell, type Saved, unpackFields } from './values.ts'

type Method = (...args: never[]) => unknown

/** Items that were sent in parts before the call that takes them, and the last part. */
interface Sent {
  readonly staged: number
  readonly items: readonly unknown[]
}

/** What a caller can ask of the thread: the methods of its store, and what crosses for them. */
export class Methods {
  readonly #store: () => TaskStore
  readonly #stagedTasks = new Map<number, StagedTasks>()
  readonly #stagedIds = new Map<number, string[]>()
  /** What tells whether the lists that are watched may have changed. */
  readonly #watched = new Map<number, ReturnType<TaskStore[typeof CHANGES]>>()
  /** The merges of the copies into this store, which are decided here. */
  readonly #merges = new Map<number, Merge>()

  constructor(store: () => TaskStore) {
    this.#store = store
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
      return changes.areSeen ? this.#store().listSummaries(options) : undefined
    },
    unwatch: (id: number) => {
      this.#watched.delete(id)
    },
    // What the caller has stays there.
    save: (task: PackedFields, options: SaveManyOptions): Saved => {
      const given = unpackFields<NewTaskInfo>(task)
      const { taskId, submitTime, updateTime, metadata } = this.#store().save(given, options)
      const saved = { taskId, submitTime, updateTime }
      return metadata === given.metadata ? saved : { ...saved, metadata: packCell(metadata) }
    },
    update: (taskId: string, changes: PackedFields, ...rest) =>
      this.#store().update(taskId, unpackFields(changes), ...rest),
    addShard: (shard: PackedFields, ...rest) =>
      this.#store().addShard(unpackFields<NewTaskShard>(shard), ...rest),
    saveShard: (shard: PackedFields, ...rest) =>
      this.#store().saveShard(unpackFields<NewTaskShard>(shard), ...rest),
    saveMany: (tasks: readonly PackedFields[] | Sent, options?: SaveManyOptions) => {
      if (Array.isArray(tasks)) return this.#store().saveMany(unpackTasks(tasks), options)
      const { staged, items } = tasks as Sent
      using all = this.#stagedTasks.get(staged) as StagedTasks
      this.#stagedTasks.delete(staged)
      for (const task of unpackTasks(items)) all.add(task)
      return all.save(stepOf(readSaveManyOptions(options)))
    },
    getMany: (ids: readonly string[] | Sent) => this.#store().getMany(this.#ids(ids)),
    'archive.archiveMany': (ids: readonly string[] | Sent, ...rest) =>
      this.#store().archive.archiveMany(this.#ids(ids), ...rest),
    'archive.restoreMany': (ids: readonly string[] | Sent, ...rest) =>
      this.#store().archive.restoreMany(this.#ids(ids), ...rest),
    'archive.deleteMany': (ids: readonly string[] | Sent, ...rest) =>
      this.#store().archive.deleteMany(this.#ids(ids), ...rest),
    stage: (method: string, id: number, items: readonly unknown[], options?: SaveManyOptions) => {
      if (method !== 'saveMany') {
        const ids = this.#stagedIds.get(id) ?? []
        this.#stagedIds.set(id, ids)
        ids.push(...(items as string[]))
        return
      }
      const staged =
        this.#stagedTasks.get(id) ?? this.#store()[STAGE](readSaveManyOptions(options).keepUpdateTime)
      this.#stagedTasks.set(id, staged)
      for (const task of unpackTasks(items)) staged.add(task)
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
    if (Array.isArray(ids)) return ids
    const { staged, items } = ids as Sent
    const before = this.#stagedIds.get(staged) as string[]
    this.#stagedIds.delete(staged)
    return [...before, ...(items as string[])]
  }
}

type TakeArguments = Parameters<Transfer['take']>

function* unpackTasks(packed: readonly unknown[]): Generator<NewTaskInfo> {
  for (const task of packed) yield unpackFields<NewTaskInfo>(task as PackedFields)
}
