import assert from 'node:assert/strict'
import test from 'node:test'
import { inBatches, inLightBatches, nextBatchSize, weightOf } from '../../src/rules/batches.ts'
import type { StoredTask } from '../../src/rules/raw-task.ts'

const SIZES: readonly (readonly [what: string, size: number, took: number, next: number])[] = [
  ['a batch that took no time is followed by one of twice its size', 100, 0, 200],
  ['a batch of half a turn is followed by one of twice its size', 400, 25, 800],
  ['a batch of more than half a turn is followed by one of its size', 400, 26, 400],
  ['a batch of a whole turn is followed by one of its size', 400, 50, 400],
  ['a batch of more than a turn is followed by one of half its size', 400, 51, 200],
  ['half of an odd size is rounded down', 401, 51, 200],
  ['a batch of one item that took longer than a turn is followed by one of one', 1, 1000, 1],
  ['a batch never has more than 3200 items', 2000, 1, 3200],
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

const MB = 1_000_000

/** A task whose result and whose shards' results have so many characters. */
const stored = (characters: number | null, ...ofShards: readonly (number | null)[]) =>
  ({
    task: { metadata: '{}', result: characters === null ? null : 'x'.repeat(characters) },
    shards: ofShards.map((count) => ({ result: count === null ? null : 'x'.repeat(count) })),
  }) as unknown as StoredTask

const lightBatches = (tasks: readonly StoredTask[]) => [...inLightBatches(tasks, tasks.length, weightOf)]

const WEIGHTS: readonly (readonly [
  what: string,
  tasks: readonly StoredTask[],
  lengths: readonly number[],
])[] = [
  ['no tasks are no batch', [], []],
  ['light tasks are one batch', Array(100).fill(stored(1000)), [100]],
  ['a task without a result weighs its row', Array(12_000).fill(stored(null)), [11_397, 603]],
  ['a batch ends with the task that makes it heavier than 8 MB', Array(7).fill(stored(3 * MB)), [3, 3, 1]],
  ['a batch of 8 MB takes one more task', [stored(8 * MB - 702), stored(1), stored(1)], [2, 1]],
  ['a batch of more than 8 MB takes no more', [stored(8 * MB - 701), stored(1)], [1, 1]],
  ['a task that is heavier than 8 MB is a batch', Array(2).fill(stored(9 * MB)), [1, 1]],
  ['the results of shards count', Array(3).fill(stored(1, 4 * MB, 4 * MB)), [1, 1, 1]],
  ['shards without a result weigh their rows', Array(3).fill(stored(1, ...Array(6000).fill(null))), [2, 1]],
]

for (const [what, tasks, lengths] of WEIGHTS) {
  test(what, () => {
    const batches = lightBatches(tasks)
    assert.deepEqual(
      batches.map(({ length }) => length),
      lengths,
    )
    assert.deepEqual(batches.flat(), tasks)
  })
}

test('long metadata weigh, too', () => {
  const task = { task: { metadata: 'x'.repeat(9 * MB), result: null }, shards: [] } as unknown as StoredTask
  assert.equal(lightBatches([task, task]).length, 2)
})

test('a light batch has no more items than are asked for', () => {
  assert.deepEqual([...inLightBatches(['a', 'b', 'c'], 2, () => 1)], [['a', 'b'], ['c']])
})
