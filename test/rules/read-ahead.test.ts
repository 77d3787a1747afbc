import assert from 'node:assert/strict'
import test from 'node:test'
import { gather, takeInTurn } from '../../src/rules/read-ahead.ts'

const MB = 1_000_000

async function all<T>(batches: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const batch of batches) found.push(batch)
  return found
}

const light = () => 1

test('batches are gathered until they have as many items as are asked for, and the rest comes last', async () => {
  assert.deepEqual(await all(gather([[1, 2], [3], [4, 5, 6], [7]], 3, light)), [[1, 2, 3], [4, 5, 6], [7]])
  assert.deepEqual(await all(gather([[1], [2, 3, 4]], 3, light)), [[1, 2, 3, 4]])
  assert.deepEqual(await all(gather([[1], [2]], 2, light)), [[1, 2]])
  assert.deepEqual(await all(gather([[], []], 2, light)), [])
})

test('batches that come over time are gathered, too', async () => {
  async function* batches() {
    yield [1]
    await Promise.resolve()
    yield [2]
  }
  assert.deepEqual(await all(gather(batches(), 5, light)), [[1, 2]])
})

test('no more than 8 MB are gathered, but for the batch that makes it more', async () => {
  const weightOf = (item: number) => item
  assert.deepEqual(await all(gather([[4 * MB], [4 * MB], [1], [1]], 100, weightOf)), [
    [4 * MB, 4 * MB, 1],
    [1],
  ])
  assert.deepEqual(await all(gather([[5 * MB, 4 * MB], [1]], 100, weightOf)), [[5 * MB, 4 * MB], [1]])
  // What was gathered before weighs no more.
  assert.deepEqual(await all(gather([[9 * MB], [5 * MB], [1]], 100, weightOf)), [[9 * MB], [5 * MB, 1]])
})

test('while batches are gathered, others get their turns', async () => {
  let turns = 0
  let isDone = false
  const count = () => {
    turns++
    if (!isDone) setImmediate(count)
  }
  setImmediate(count)
  await all(gather(Array(20).fill([1]), 100, light))
  isDone = true
  assert.ok(turns >= 10, `${turns} turns`)
})

/** What happens, in its order: reading and taking numbers. */
async function happened(count: number, take: (n: number) => Promise<void>) {
  const events: string[] = []
  async function* batches() {
    for (let n = 0; n < count; n++) {
      events.push(`read ${n}`)
      yield n
    }
  }
  const taken = takeInTurn(batches(), async (n) => {
    events.push(`take ${n}`)
    await take(n)
    events.push(`took ${n}`)
  })
  return { events, taken }
}

const later = () => new Promise<void>((fulfil) => setImmediate(fulfil))

test('the next batch is read while one is taken, and taken when that is done', async () => {
  const { events, taken } = await happened(3, later)
  await taken
  const order = ['read 0', 'take 0', 'read 1', 'took 0', 'take 1', 'read 2', 'took 1', 'take 2', 'took 2']
  assert.deepEqual(events, order)
})

test('what taking the last batch throws is thrown', async () => {
  const { taken } = await happened(1, () => later().then(() => Promise.reject(new Error('full'))))
  await assert.rejects(taken, /full/)
})

test('what taking throws ends the reading, and is thrown, and nothing more is taken', async () => {
  const { events, taken } = await happened(5, () => Promise.reject(new Error('full')))
  await assert.rejects(taken, /full/)
  assert.deepEqual(
    events.filter((event) => event.startsWith('take')),
    ['take 0'],
  )
})

test('what reading throws is thrown when what was taken is done', async () => {
  let isTaken = false
  async function* batches() {
    yield 1
    throw new Error('damaged')
  }
  const taken = takeInTurn(batches(), async () => {
    await later()
    isTaken = true
  })
  await assert.rejects(taken, /damaged/)
  assert.equal(isTaken, true)
})
