/** How many tasks are held in memory, and how many are written under one lock. */
export const BATCH = 100

/** The items in runs of at most `size`, in their order. */
export function inBatches<T>(items: readonly T[], size: number): T[][] {
  const batches: T[][] = []
  for (let start = 0; start < items.length; start += size) batches.push(items.slice(start, start + size))
  return batches
}
