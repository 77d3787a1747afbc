import { callback, type OptionReader, optionsReader, wrongType } from './check-arguments.ts'

/** How a call that may take long is followed, and how it is ended early. */
export interface LongCallOptions<Progress> {
  /**
   * Called after each batch: between its transactions or, if the call is one transaction or reads one snapshot,
   * inside it. If it throws, the call ends as if it were aborted.
   */
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /**
   * Ends the call between two batches: it throws the signal's reason. A call that works in batches keeps those that
   * it has done, and the same call completes it later; any other one leaves nothing behind.
   */
  readonly signal?: AbortSignal | undefined
}

/** How far a call is that does one thing to each of some tasks. */
export interface TaskProgress {
  readonly done: number
  /** How many there are; undefined if only the end will tell. */
  readonly total?: number | undefined
}

/** How many tasks and shards a call has read or written. */
export interface RecordProgress {
  readonly tasks: number
  readonly shards: number
}

/** Reads an option that ends a call. */
export const signal: OptionReader<AbortSignal | undefined> = (name, value) => {
  if (value === undefined || value instanceof AbortSignal) return value
  throw wrongType(name, 'an AbortSignal', value)
}

/** The readers of {@link LongCallOptions}. */
export function longCall<Progress>(): {
  readonly [name in keyof Required<LongCallOptions<Progress>>]: OptionReader<LongCallOptions<Progress>[name]>
} {
  return { onProgress: callback<(progress: Progress) => void>, signal }
}

export const readLongCall = optionsReader(longCall<TaskProgress>())

/** Stands between two batches: tells how far the call is, if that is given, and ends it if it was aborted. */
export type Step<Progress> = (progress?: Progress) => void

/** @throws The reason of a signal that is already aborted. */
export function stepOf<Progress>({ onProgress, signal }: LongCallOptions<Progress>): Step<Progress> {
  const step: Step<Progress> = (progress) => {
    if (progress !== undefined) onProgress?.(progress)
    signal?.throwIfAborted()
  }
  step()
  return step
}
