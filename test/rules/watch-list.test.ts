import assert from 'node:assert/strict'
import test from 'node:test'
import { readWatchOptions, type WatchOptions, watchList } from '../../src/rules/watch-list.ts'
import { isMisuseOf } from '../support/rule-errors.ts'

const REFUSED: readonly (readonly [title: string, options: unknown, word: string])[] = [
  ['null', null, 'options'],
  ['an unknown option', { every: 1 }, 'every'],
  ['interval: null', { interval: null }, 'interval'],
  ['interval: "500"', { interval: '500' }, 'interval'],
  ['interval: 0', { interval: 0 }, 'interval'],
  ['interval: 0.5', { interval: 0.5 }, 'interval'],
  ['interval: 2^31, which no timer waits,', { interval: 2 ** 31 }, 'interval'],
  ['a signal that is none', { signal: { aborted: false } }, 'signal'],
]
for (const [title, options, word] of REFUSED) {
  test(`${title} for the options of a watch is a TypeError that names it`, () => {
    assert.throws(() => readWatchOptions(options as WatchOptions), isMisuseOf(word))
  })
}

test('a list is looked at every 500 milliseconds, or every 1 to 2^31-1', () => {
  assert.deepEqual(readWatchOptions(undefined), { interval: 500, signal: undefined })
  assert.deepEqual(readWatchOptions({ interval: undefined }), { interval: 500, signal: undefined })
  for (const interval of [1, 2 ** 31 - 1]) assert.equal(readWatchOptions({ interval }).interval, interval)
})

test('an interval that is too long is told the longest', () => {
  assert.throws(() => readWatchOptions({ interval: 2 ** 31 }), { message: /at most 2147483647/ })
})

/** A list that is read, one state after the other, and then stays. */
function reading<T>(...states: readonly (readonly T[] | undefined)[]) {
  let reads = 0
  return () => states[Math.min(reads++, states.length - 1)]
}

const OPTIONS = { interval: 1, signal: undefined }

test('a list is yielded when it is read first, and when it differs from the one before', async () => {
  const lists: (readonly string[])[] = []
  for await (const list of watchList(reading(['a'], ['a'], undefined, ['a', 'b'], undefined, []), OPTIONS)) {
    lists.push(list)
    if (list.length === 0) break
  }
  assert.deepEqual(lists, [['a'], ['a', 'b'], []])
})

test('a list that is empty at first is yielded', async () => {
  assert.deepEqual((await watchList(reading<string>([]), OPTIONS).next()).value, [])
})

test('a list that is promised is waited for', async () => {
  const lists = watchList(async () => ['a'], OPTIONS)
  assert.deepEqual((await lists.next()).value, ['a'])
})

test('what is yielded is an array of its own', async () => {
  const read = ['a']
  const { value } = await watchList(() => read, OPTIONS).next()
  assert.notEqual(value, read)
})

test('between two reads it waits as long as it is told to, and no longer', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let reads = 0
  const lists = watchList(() => [++reads], { interval: 700, signal: undefined })
  await lists.next()
  const next = lists.next()
  await Promise.resolve()
  t.mock.timers.tick(699)
  await Promise.resolve()
  assert.equal(reads, 1)
  t.mock.timers.tick(1)
  assert.deepEqual((await next).value, [2])
})

test('a signal that is aborted before ends it with its reason, and nothing is read', async () => {
  let reads = 0
  const lists = watchList(() => [++reads], { interval: 1, signal: AbortSignal.abort('enough') })
  await assert.rejects(lists.next(), (reason) => reason === 'enough')
  assert.equal(reads, 0)
})

test('a signal that is aborted while it waits ends it at once with its reason', async () => {
  const controller = new AbortController()
  const lists = watchList(() => ['a'], { interval: 2 ** 31 - 1, signal: controller.signal })
  await lists.next()
  const next = lists.next()
  setImmediate(() => controller.abort('enough'))
  await assert.rejects(next, (reason) => reason === 'enough')
})

test('a signal that is aborted while a list is read ends it before the next one', async () => {
  const controller = new AbortController()
  const read = () => {
    controller.abort('enough')
    return ['a']
  }
  const lists = watchList(read, { interval: 1, signal: controller.signal })
  assert.deepEqual((await lists.next()).value, ['a'])
  await assert.rejects(lists.next(), (reason) => reason === 'enough')
})

test('what a read throws ends it', async () => {
  const failing = () => {
    throw new Error('closed')
  }
  await assert.rejects(watchList(failing, OPTIONS).next(), /closed/)
})
