import { findSame, type IsIncoming, type Lookup } from './find-existing.ts'
import { mismatch } from './match-tasks.ts'
import type { StoredTask } from './raw-task.ts'
import { type Reconciled, type ReconcileOptions, reconcile } from './reconcile.ts'

/** What a merge did: `read` is the sum of `added`, `updated`, `unchanged`, `kept` and the conflicts. */
export interface MergeReport {
  /** How many tasks the other store has, live and archived. */
  readonly read: number
  readonly added: number
  /** The other store's record, or a shard of it, was newer. */
  readonly updated: number
  readonly unchanged: number
  /** The store's record was newer. */
  readonly kept: number
  /** Tasks of the other store that were left out, each with the reason. */
  readonly conflicts: readonly MergeConflict[]
  /** Tasks with one id in the other store and another one here, which they keep. */
  readonly renamed: readonly { readonly theirs: string; readonly ours: string }[]
}

/** How far a merge or a copy is: the numbers of its report. */
export interface MergeProgress {
  readonly read: number
  readonly added: number
  readonly updated: number
  readonly unchanged: number
  readonly kept: number
  readonly conflicts: number
}

/** A task of the other store that was left out. */
export interface MergeConflict {
  readonly taskId: string
  readonly reason: string
}

const COUNTS = ['read', 'added', 'updated', 'unchanged', 'kept'] as const

/** Decides what becomes of each task of another store, and counts it. */
export class Merge {
  readonly options: ReconcileOptions
  readonly #counts = { read: 0, added: 0, updated: 0, unchanged: 0, kept: 0 }
  readonly #conflicts: MergeConflict[] = []
  readonly #renamed: { theirs: string; ours: string }[] = []
  /** For each record here that has another id there, the task of the other store that it was matched with. */
  readonly #matched = new Map<string, string>()

  constructor(options: ReconcileOptions) {
    this.options = options
  }

  get report(): MergeReport {
    return { ...this.#counts, conflicts: [...this.#conflicts], renamed: [...this.#renamed] }
  }

  get progress(): MergeProgress {
    return { ...this.#counts, conflicts: this.#conflicts.length }
  }

  /** The report since the last call, which the next one leaves out. */
  takeReport(): MergeReport {
    const { report } = this
    for (const name of COUNTS) this.#counts[name] = 0
    this.#conflicts.length = 0
    this.#renamed.length = 0
    return report
  }

  /** Counts what was decided elsewhere. */
  add(report: MergeReport): void {
    for (const name of COUNTS) this.#counts[name] += report[name]
    for (const conflict of report.conflicts) this.#conflicts.push(conflict)
    for (const renamed of report.renamed) this.#renamed.push(renamed)
  }

  /**
   * What becomes of a task.
   *
   * @param lookup Undefined if the store knows none of its ids.
   */
  take(incoming: StoredTask, lookup: Lookup | undefined, isIncoming: IsIncoming): Reconciled {
    return this.#count(incoming, this.#decide(incoming, lookup, isIncoming))
  }

  /** Returns a function that forgets what was decided since now. */
  mark(): () => void {
    const counts = { ...this.#counts }
    const [conflicts, renamed, matched] = [this.#conflicts.length, this.#renamed.length, this.#matched.size]
    return () => {
      Object.assign(this.#counts, counts)
      this.#conflicts.length = conflicts
      this.#renamed.length = renamed
      // A map keeps its keys in the order in which they were added.
      for (const record of [...this.#matched.keys()].slice(matched)) this.#matched.delete(record)
    }
  }

  /** Counts a task that the store cannot hold. */
  refuse(incoming: StoredTask, reason: string): Reconciled {
    return this.#count(incoming, { outcome: 'conflict', reason })
  }

  #decide(incoming: StoredTask, lookup: Lookup | undefined, isIncoming: IsIncoming): Reconciled {
    const { timeZone } = this.options
    const found = lookup === undefined ? [] : findSame(lookup, incoming, isIncoming, timeZone)
    const [existing] = found
    const record = existing && `${existing.place} ${existing.task.taskId}`
    const matched = record && this.#matched.get(record)
    const reason = mismatch(incoming, found, matched, timeZone)
    if (reason !== undefined) return { outcome: 'conflict', reason }
    // Under its own id it is no match for another task: see findSame.
    if (record !== undefined && existing?.task.taskId !== incoming.task.taskId) {
      this.#matched.set(record, incoming.task.taskId)
    }
    return reconcile(incoming, existing, this.options)
  }

  #count({ task: { taskId } }: StoredTask, reconciled: Reconciled): Reconciled {
    this.#counts.read++
    // A row of a file can lack an id.
    if (reconciled.outcome === 'conflict')
      this.#conflicts.push({ taskId: taskId ?? '', reason: reconciled.reason })
    else {
      this.#counts[reconciled.outcome]++
      if (reconciled.taskId !== taskId) this.#renamed.push({ theirs: taskId, ours: reconciled.taskId })
    }
    return reconciled
  }
}
