import type { StoredTask } from './raw-task.ts'

/** How many tasks are held in memory, and how many are written under one lock. */
export const BATCH = 100

/** How many tasks a server is sent at once: each batch waits for its answers. */
export const SENT_BATCH = 1000

/** How many tasks are looked for at once. */
export const GET_BATCH = 500

/** How many tasks an iteration reads at a time. */
export const ITERATION = 200

/** How many tasks of a long deletion go under one lock, so that other writers get their turn. */
export const DELETE_BATCH = 1000

/** How many items the first batch has of a call whose batches are to take about a turn each. */
export const FIRST_BATCH = 25

/** How many items such a batch has at most. */
export const LARGEST_BATCH = 3200

/** For how long a batch is to hold the lock, in milliseconds. */
const TURN = 50

/** How many bytes of memory, by estimate, the tasks that are written under one lock take, but for the last of them. */
export const BATCH_WEIGHT = 8_000_000

/** What a task or a shard takes besides its long texts. */
const ROW_WEIGHT = 700

/**
 * How many items the next batch is to have, so that it holds the lock for about a turn: a transaction writes each page of
 * an index once, however many of its rows change.
 *
 * @param took How long a batch of `size` items took, in milliseconds.
 */
export function nextBatchSize(size: number, took: number): number {
  if (took > TURN) return Math.max(1, Math.floor(size / 2))
  return took > TURN / 2 ? size : Math.min(LARGEST_BATCH, size * 2)
}

/** The items in runs of at most `size`, in their order. */
export function inBatches<T>(items: readonly T[], size: number): T[][] {
  const batches: T[][] = []
  for (let start = 0; start < items.length; start += size) batches.push(items.slice(start, start + size))
  return batches
}

/** About how many bytes of memory a task takes. */
export function weightOf({ task, shards }: StoredTask): number {
  let weight = ROW_WEIGHT * (1 + shards.length) + task.metadata.length + (task.result?.length ?? 0)
  for (const { result } of shards) weight += result?.length ?? 0
  return weight
}

/**
 * Parts of at most `size` items, in their order. One that weighs more than {@link BATCH_WEIGHT} ends with the item by which
 * it does.
 */
export function* inLightBatches<T>(
  items: Iterable<T>,
  size: number,
  weightOf: (item: T) => number,
): Generator<T[]> {
  let batch: T[] = []
  let weight = 0
  for (const item of items) {
    batch.push(item)
    weight += weightOf(item)
    if (batch.length < size && weight <= BATCH_WEIGHT) continue
    yield batch
    batch = []
    weight = 0
  }
  if (batch.length > 0) yield batch
}
