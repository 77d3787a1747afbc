import type { TestContext } from 'node:test'
import {
  type ListedTask,
  type NewTaskRecord,
  type TaskArchive,
  type TaskListOptions,
  TaskPersistence,
  type TaskRecordChanges,
  type TaskStore,
} from 'uniqc-task-store'

/** What a call returns: a synchronous store the value itself, another one a promise of it. */
export type Either<T> = T | Promise<T>

/** The same methods, each of which may return a promise. */
type OfEitherKind<Methods> = {
  readonly [Name in keyof Methods]: Methods[Name] extends (...args: infer Args) => infer Returned
    ? (...args: Args) => Either<Returned>
    : Methods[Name]
}

/** What only a store of a file has. */
type OfAFile = 'file' | 'cacheDir' | 'db' | 'backup' | 'repair' | 'mergeFile'

/** What a contract knows of a store, whatever its engine. */
export type AnyStore = OfEitherKind<
  Omit<TaskStore, OfAFile | 'archive' | 'iterate' | 'transaction' | typeof Symbol.dispose>
> & {
  readonly archive: OfEitherKind<TaskArchive>
  iterate(options?: TaskListOptions): Iterable<ListedTask> | AsyncIterable<ListedTask>
  /** @param work Gets the store of the transaction, or nothing where that is the store itself. */
  transaction<T>(work: (tx?: AnyStore) => Either<T>): Either<T>
}

type SaveArguments = [
  taskId: string,
  platform: string,
  status: string,
  result?: unknown,
  metadata?: TaskRecordChanges,
]

/** What a contract knows of a {@link TaskPersistence}. */
export type AnyPersistence = OfEitherKind<
  Omit<TaskPersistence, 'cacheDir' | 'tasksFile' | 'save' | 'upsert' | typeof Symbol.dispose>
> & {
  save(...args: SaveArguments): Either<void>
  save(record: NewTaskRecord): Either<void>
  upsert(...args: SaveArguments): Either<void>
  upsert(record: TaskRecordChanges & { readonly task_id: string }): Either<void>
}

export const persistenceOf = (store: AnyStore): AnyPersistence => new TaskPersistence(store as TaskStore)

/** Opens a fresh store, which is closed when the test ends. */
export type OpenStore = (t: TestContext) => Promise<AnyStore>

/** A row of one of UnifiedQuantum's tables: JSON as text, integers as bigints, and `rowid` for its place. */
export type Row = Readonly<Record<string, unknown>>

export type Rows = Readonly<
  Record<'tasks' | 'task_shards' | 'archived_tasks' | 'archived_task_shards', readonly Row[]>
>

/** Reads every row that a store holds, cell for cell as it is stored, in the order of insertion. */
export type ReadRows = (store: AnyStore) => Either<Rows>

/** Everything that is iterated, whichever way. */
export async function collect<T>(items: Iterable<T> | AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
