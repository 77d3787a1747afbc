import { setImmediate } from 'node:timers/promises'
import { BATCH_WEIGHT } from './batches.ts'

/** Gathers batches into larger ones, until they have `size` items or are as large as is held in memory. */
export async function* gather<Item>(
  batches: Iterable<readonly Item[]> | AsyncIterable<readonly Item[]>,
  size: number,
  weightOf: (item: Item) => number,
): AsyncGenerator<Item[], void, undefined> {
  let gathered: Item[] = []
  let weight = 0
  for await (const batch of batches) {
    for (const item of batch) {
      gathered.push(item)
      weight += weightOf(item)
    }
    if (gathered.length >= size || weight > BATCH_WEIGHT) {
      yield gathered
      gathered = []
      weight = 0
    }
    // What was sent meanwhile goes out, and its answers come in.
    else await setImmediate()
  }
  if (gathered.length > 0) yield gathered
}

/** Takes batches one after the other, and has the next one read while one is taken. */
export async function takeInTurn<Batch>(
  batches: AsyncIterable<Batch>,
  take: (batch: Batch) => Promise<void>,
): Promise<void> {
  let taking = Promise.resolve()
  try {
    for await (const batch of batches) {
      await taking
      taking = take(batch)
      taking.catch(() => undefined)
    }
  } finally {
    await taking
  }
}
