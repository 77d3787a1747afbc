import { readJsonObject } from '../../../drizzle/json/cell.ts'
import { BATCH, inBatches } from '../../rules/batches.ts'
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
  /** By the ids that their shards have on their platforms. */
  readonly #owners = new Map<string, ExistingTask[]>()

  private constructor(tasks: Readonly<Record<PlaceName, Map<string, ExistingTask>>>) {
    this.#tasks = tasks
    for (const existing of PLACE_NAMES.flatMap((place) => [...tasks[place].values()])) {
      for (const id of new Set(existing.shards.map(({ platformTaskId }) => platformTaskId))) {
        this.#owners.set(id, [...(this.#owners.get(id) ?? []), existing])
      }
    }
  }

  /** @param ids The ids of tasks, now, before version 5 or on their platforms. */
  static async load(session: Session, ids: readonly string[], lock: Lock): Promise<KnownTasks> {
    const load = async (place: PlaceName) => {
      const table = session.at(place)
      const stored = await withShards(table, await table.known(ids, lock))
      return new Map(stored.map((task) => [task.task.taskId, { place, ...task }]))
    }
    const [live, archived] = await Promise.all([load('live'), load('archived')])
    return new KnownTasks({ live, archived })
  }

  at(place: PlaceName, taskId: string): ExistingTask | undefined {
    return this.#tasks[place].get(taskId)
  }

  replacing(place: PlaceName, taskId: string): readonly string[] {
    if (!mayBeReplacedId(taskId)) return []
    return (this.#owners.get(taskId) ?? [])
      .filter((owner) => owner.place === place)
      .filter(({ task }) => readJsonObject(task.metadata)[REPLACED_ID] === taskId)
      .map(({ task }) => task.taskId)
  }

  ownersOf(platformTaskId: string, backend: string): readonly string[] {
    const isOwner = (shard: RawShard) => shard.platformTaskId === platformTaskId && shard.backend === backend
    const owners = (this.#owners.get(platformTaskId) ?? []).filter(({ shards }) => shards.some(isOwner))
    const itself = PLACE_NAMES.flatMap((place) => this.at(place, platformTaskId) ?? []).filter(
      ({ task }) => mayBeReplacedId(platformTaskId) && task.backend === backend,
    )
    return [...new Set([...owners, ...itself].map(({ task }) => task.taskId))]
  }
}

/** Rows of a place to be written. */
class PlaceWrites {
  readonly added: { task: RawTask; archivedAt: string | null }[] = []
  readonly changed: { task: RawTask; archivedAt: string | null }[] = []
  readonly shards: { shard: RawShard; archivedAt: string | null }[] = []

  /** Sends all of it: while the server writes the first rows, the text of the next ones is made. */
  send(table: TaskTable): Promise<void>[] {
    return [
      // One that somebody else saves meanwhile is not replaced: it makes the batch be decided again.
      ...inBatches(this.added, BATCH).map((tasks) => table.putAll(tasks, true)),
      ...inBatches(this.changed, BATCH).map((tasks) => table.putAll(tasks, false)),
      ...inBatches(this.shards, BATCH).map((shards) => table.shards.putAll(shards)),
    ]
  }
}

/** What became of some incoming tasks, to be written at once. */
export class Writes {
  readonly #places: Readonly<Record<PlaceName, PlaceWrites>> = {
    live: new PlaceWrites(),
    archived: new PlaceWrites(),
  }
  readonly #written = new Set<string>()

  /** Adds what became of a task; false if one that was added before is the same record of the store. */
  add(reconciled: Reconciled | undefined): boolean {
    if (reconciled === undefined || !('shards' in reconciled)) return true
    const { outcome, place, taskId, task, shards, archivedAt } = reconciled
    const record = `${place} ${taskId}`
    if (this.#written.has(record)) return false
    this.#written.add(record)
    const { [outcome === 'added' ? 'added' : 'changed']: tasks, shards: shardsOfPlace } = this.#places[place]
    if (task !== undefined) tasks.push({ task, archivedAt })
    for (const shard of shards) shardsOfPlace.push({ shard, archivedAt })
    return true
  }

  async write(session: Session): Promise<void> {
    await Promise.all(PLACE_NAMES.flatMap((place) => this.#places[place].send(session.at(place))))
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
