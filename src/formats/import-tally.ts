import { findExisting, type Lookup } from '../rules/find-existing.ts'
import { type Reconciled, type ReconcileOptions, reconcile } from '../rules/reconcile.ts'
import {
  type ImportProgress,
  type ImportReport,
  keyOf,
  type ReadTask,
  recordKey,
  type SkippedRecord,
  type Superseded,
} from './read-batches.ts'

/** Decides what becomes of each record of some files, and counts it. */
export class ImportTally {
  readonly #files: readonly string[]
  readonly #options: ReconcileOptions
  readonly #taken = new Set<string>()
  readonly #skipped: SkippedRecord[] = []
  readonly #counts = { read: 0, imported: 0, unchanged: 0, superseded: 0 }

  constructor(files: readonly string[], options: ReconcileOptions) {
    this.#files = files
    this.#options = options
  }

  get report(): ImportReport {
    return { files: this.#files, ...this.#counts, skipped: this.#skipped }
  }

  progress(file: string): ImportProgress {
    return { file, ...this.#counts, skipped: this.#skipped.length }
  }

  /**
   * What becomes of a record; undefined if it is skipped.
   *
   * @param lookup Undefined if the store knows none of its ids.
   */
  take({ file, line, task, isInFile }: ReadTask, lookup: Lookup | undefined): Reconciled | undefined {
    const { taskId } = task.task
    const skip = (reason: string) => {
      this.#skipped.push({ file, line, taskId, reason })
      return undefined
    }
    const found = lookup === undefined ? [] : findExisting(lookup, task, isInFile)
    if (found.length > 1) {
      const ids = found.map((existing) => existing.task.taskId)
      return skip(`is the old id of several tasks of the store: ${ids.join(', ')}`)
    }
    const [existing] = found
    const key = existing ? recordKey(existing.task.taskId, existing.place) : keyOf(task)
    // A record from another file of the same call is not an older record of the store.
    const overwrite = this.#options.overwrite && !(existing && this.#taken.has(key))
    const reconciled = reconcile(task, existing, { ...this.#options, overwrite })
    if (this.#files.length > 1 && 'taskId' in reconciled) this.#taken.add(key)
    if (reconciled.outcome === 'kept')
      return skip('the store has a newer record; pass overwrite to replace it')
    if (reconciled.outcome === 'conflict') return skip(`${reconciled.reason}; pass overwrite to replace it`)
    this.#counts[reconciled.outcome === 'unchanged' ? 'unchanged' : 'imported']++
    return reconciled
  }

  /** Returns a function that forgets what was counted since now. */
  mark(): () => void {
    const counts = { ...this.#counts }
    const skipped = this.#skipped.length
    const taken = this.#taken.size
    return () => {
      Object.assign(this.#counts, counts)
      this.#skipped.length = skipped
      // A set keeps its keys in the order in which they were added.
      for (const key of [...this.#taken].slice(taken)) this.#taken.delete(key)
    }
  }

  /** Counts a record that the store cannot hold. */
  refuse({ file, line, task }: ReadTask, reason: string): void {
    this.#skipped.push({ file, line, taskId: task.task.taskId, reason })
  }

  /** Counts a whole batch, whose tasks were taken. */
  endBatch(batch: readonly (ReadTask | SkippedRecord | Superseded)[]): void {
    for (const read of batch) {
      if ('reason' in read) this.#skipped.push(read)
      else if (!('task' in read)) this.#counts.superseded++
    }
    this.#counts.read += batch.length
  }
}
