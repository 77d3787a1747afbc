import { readJsonObject } from '../../../drizzle/json/cell.ts'
import type { Lookup } from '../../rules/find-existing.ts'
import { PLACE_NAMES, type PlaceName } from '../../rules/place-name.ts'
import type { RawShard, RawTask, StoredTask } from '../../rules/raw-task.ts'
import type { ExistingTask, Reconciled } from '../../rules/reconcile.ts'
import { REPLACED_ID } from '../../rules/replaced-id.ts'
import { mayBeReplacedId } from '../../rules/task-id.ts'
import { TaskStoreError } from '../../rules/task-store-error.ts'
import { rawShardCells, rawTaskCells } from '../tables/stored-row.ts'
import { withShards } from '../tables/stored-tasks.ts'
import type { Lock, TaskTable } from '../tables/task-table.ts'
import type { Session } from '../transaction.ts'

/** What a store knows of incoming tasks, looked up at once: each query is a round trip. */
export class KnownTasks implements Lookup {
  readonly #tasks: Readonly<Record<PlaceName, Map<string, ExistingTask>>>

  private constructor(tasks: Readonly<Record<PlaceName, Map<string, ExistingTask>>>) {
    this.#tasks = tasks
  }

  /** @param ids The ids of tasks, now, before version 5 or on their platforms. */
  static async load(session: Session, ids: readonly string[], lock: Lock): Promise<KnownTasks> {
    const load = async (place: PlaceName, table: TaskTable) => {
      const stored = await withShards(table, await table.known(ids, lock))
      return new Map(stored.map((task) => [task.task.taskId, { place, ...task }]))
    }
    const [live, archived] = await Promise.all([
      load('live', session.live),
      load('archived', session.archive),
    ])
    return new KnownTasks({ live, archived })
  }

  at(place: PlaceName, taskId: string): ExistingTask | undefined {
    return this.#tasks[place].get(taskId)
  }

  replacing(place: PlaceName, taskId: string): readonly string[] {
    if (!mayBeReplacedId(taskId)) return []
    return this.#all(place)
      .filter(({ shards }) => shards.some(({ platformTaskId }) => platformTaskId === taskId))
      .filter(({ task }) => readJsonObject(task.metadata)[REPLACED_ID] === taskId)
      .map(({ task }) => task.taskId)
  }

  ownersOf(platformTaskId: string, backend: string): readonly string[] {
    const isOwner = (shard: RawShard) => shard.platformTaskId === platformTaskId && shard.backend === backend
    const owners = PLACE_NAMES.flatMap((place) => this.#all(place))
      .filter(({ task, shards }) => {
        const isItself = mayBeReplacedId(platformTaskId) && task.taskId === platformTaskId
        return shards.some(isOwner) || (isItself && task.backend === backend)
      })
      .map(({ task }) => task.taskId)
    return [...new Set(owners)]
  }

  /** The ids of every task that is known. */
  get ids(): readonly string[] {
    return PLACE_NAMES.flatMap((place) => [...this.#tasks[place].keys()])
  }

  #all(place: PlaceName): ExistingTask[] {
    return [...this.#tasks[place].values()]
  }
}

/** What became of some incoming tasks, to be written at once. */
export class Writes {
  readonly #tasks: Readonly<Record<PlaceName, { task: RawTask; archivedAt: string | null }[]>> = {
    live: [],
    archived: [],
  }
  readonly #shards: Readonly<Record<PlaceName, { shard: RawShard; archivedAt: string | null }[]>> = {
    live: [],
    archived: [],
  }
  readonly #written = new Set<string>()

  /** Adds what became of a task; false if one that was added before is the same record of the store. */
  add(reconciled: Reconciled | undefined): boolean {
    if (reconciled === undefined || !('shards' in reconciled)) return true
    const { place, taskId, task, shards, archivedAt } = reconciled
    const record = `${place} ${taskId}`
    if (this.#written.has(record)) return false
    this.#written.add(record)
    if (task !== undefined) this.#tasks[place].push({ task, archivedAt })
    this.#shards[place].push(...shards.map((shard) => ({ shard, archivedAt })))
    return true
  }

  async write(session: Session): Promise<void> {
    for (const place of PLACE_NAMES) {
      const table = place === 'live' ? session.live : session.archive
      await table.putAll(this.#tasks[place])
      await table.shards.putAll(this.#shards[place])
    }
  }
}

/** Why PostgreSQL cannot hold a task; undefined if it can. */
export function unstorable({ task, shards }: StoredTask): string | undefined {
  try {
    rawTaskCells(task)
    for (const shard of shards) rawShardCells(shard)
    return undefined
  } catch (error) {
    if (!(error instanceof TaskStoreError) || error.invalid === undefined) throw error
    return `${error.invalid.field} ${error.invalid.problem}`
  }
}
