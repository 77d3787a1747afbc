/** How many tasks are held in memory, and how many are written under one lock. */
export const BATCH = 100

/** How many tasks are looked for at once. */
export const GET_BATCH = 500

/** How many tasks an iteration reads at a time. */
export const ITERATION = 200

/** How many tasks of a long deletion go under one lock, so that other writers get their turn. */
export const DELETE_BATCH = 1000

/** For how long a batch is to hold the lock, in milliseconds. */
const TURN = 50

const LARGEST_BATCH = 2000

/**
 * How many items the next batch is to have, so that it holds the lock for about a turn: a transaction writes each page of
 * an index once, however many of its rows change.
 *
 * @param took How long a batch of `size` items took, in milliseconds.
 */
export function nextBatchSize(size: number, took: number): number {
  if (took > TURN) return Math.max(BATCH, Math.floor(size / 2))
  return took > TURN / 2 ? size : Math.min(LARGEST_BATCH, size * 2)
}

/** The items in runs of at most `size`, in their order. */
export function inBatches<T>(items: readonly T[], size: number): T[][] {
  const batches: T[][] = []
  for (let start = 0; start < items.length; start += size) batches.push(items.slice(start, start + size))
  return batches
}
