import assert from 'node:assert/strict'
import test from 'node:test'
import { BATCH, inBatches, nextBatchSize } from '../../src/rules/batches.ts'

const SIZES: readonly (readonly [what: string, size: number, took: number, next: number])[] = [
  ['a batch that took no time is followed by one of twice its size', 100, 0, 200],
  ['a batch of half a turn is followed by one of twice its size', 400, 25, 800],
  ['a batch of more than half a turn is followed by one of its size', 400, 26, 400],
  ['a batch of a whole turn is followed by one of its size', 400, 50, 400],
  ['a batch of more than a turn is followed by one of half its size', 400, 51, 200],
  ['half of an odd size is rounded down', 401, 51, 200],
  ['a batch is never smaller than usual', 150, 1000, BATCH],
  ['a batch never has more than 2000 items', 1500, 1, 2000],
]

for (const [what, size, took, next] of SIZES) {
  test(what, () => {
    assert.equal(nextBatchSize(size, took), next)
  })
}

test('the items of batches are all items in their order', () => {
  assert.deepEqual(inBatches([1, 2, 3, 4, 5], 2), [[1, 2], [3, 4], [5]])
  assert.deepEqual(inBatches([1, 2, 3, 4], 2), [
    [1, 2],
    [3, 4],
  ])
  assert.deepEqual(inBatches([], 2), [])
})
