/** How many tasks are held in memory, and how many are written under one lock. */
export const BATCH = 100

/** How many tasks are looked for at once. */
export const GET_BATCH = 500

/** How many tasks of a long deletion go under one lock, so that other writers get their turn. */
export const DELETE_BATCH = 1000

/** The items in runs of at most `size`, in their order. */
export function inBatches<T>(items: readonly T[], size: number): T[][] {
  const batches: T[][] = []
  for (let start = 0; start < items.length; start += size) batches.push(items.slice(start, start + size))
  return batches
}
