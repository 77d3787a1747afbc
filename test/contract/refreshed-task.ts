import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { JsonValue, NewTaskShard, TaskInfo } from 'uniqc-task-store'
import type { AnyStore, OpenStore, ReadRows } from '../support/any-store.ts'
import { RUNNING, wrong } from '../support/store.ts'
import { throws } from '../support/throws.ts'
import { transact, wait } from '../support/work.ts'

const SHARD = { uniqcTaskId: 'a', platformTaskId: 'p' } as const

type GivenShard = Omit<NewTaskShard, 'uniqcTaskId' | 'platformTaskId' | 'shardIndex'>

/** The task after shards were added to it, the last one with a refresh. */
async function refreshed(store: AnyStore, ...shards: readonly GivenShard[]): Promise<TaskInfo> {
  await store.save({ ...RUNNING, result: 'stored', errorMessage: 'stored' })
  for (const [i, shard] of shards.entries()) {
    await store.addShard(
      { ...SHARD, platformTaskId: `p${i}`, ...shard },
      { refreshTask: i === shards.length - 1 },
    )
  }
  const task = await store.get('a')
  assert.ok(task)
  return task
}

const REFRESHES: readonly (readonly [what: string, shards: readonly GivenShard[], result: JsonValue])[] = [
  ['one circuit in one shard: its value alone', [{ result: { '00': 1 } }], { '00': 1 }],
  ['one circuit whose value is a list: that list', [{ result: [1, 2] }], [1, 2]],
  ['one circuit with an empty result: that', [{ result: {} }], {}],
  ['no result at all: null', [{}], null],
  ['no result in any of several: null', [{ circuitCount: 2 }, { circuitCount: 3, result: null }], null],
  [
    'several circuits in one shard: a list',
    [{ circuitCount: 2, result: [{ a: 1 }, { a: 2 }] }],
    [{ a: 1 }, { a: 2 }],
  ],
  ['a shard of several with too few: null for the rest', [{ circuitCount: 3, result: [1] }], [1, null, null]],
  [
    'a shard of several with one value: null for the rest',
    [{ circuitCount: 2, result: { a: 1 } }],
    [{ a: 1 }, null],
  ],
  ['two shards: one list', [{ result: 1 }, { result: 2 }], [1, 2]],
  ['two shards of one circuit, whose value is a list', [{ result: [1, 2] }, { result: [3] }], [[1, 2], [3]]],
  [
    'a missing one: null, so that the others stand in their place',
    [{ circuitCount: 2 }, { circuitCount: 2, result: [3, 4] }],
    [null, null, 3, 4],
  ],
  [
    'in the order of their offsets, not of their indexes',
    [
      { subIndexOffset: 3, circuitCount: 2, result: [3, 4] },
      { subIndexOffset: 0, result: 0 },
      { subIndexOffset: 1, circuitCount: 2, result: [1, 2] },
    ],
    [0, 1, 2, 3, 4],
  ],
  [
    'of one offset in the order of their indexes',
    [
      { subIndexOffset: 0, result: 'first' },
      { subIndexOffset: 0, result: 'second' },
    ],
    ['first', 'second'],
  ],
  ['falsy values, which are results', [{ result: 0 }, { result: '' }, { result: false }], [0, '', false]],
  [
    'numbers beyond JSON',
    [{ result: Number.NaN }, { result: { n: 2n ** 70n } }, { result: [Infinity, -Infinity] }],
    [Number.NaN, { n: 2n ** 70n }, [Infinity, -Infinity]],
  ],
  ['one number beyond JSON', [{ result: 2n ** 70n }], 2n ** 70n],
]

export function refreshedTaskContract(open: OpenStore, rows: ReadRows): void {
  for (const [what, shards, result] of REFRESHES) {
    test(`the refreshed result of ${what}`, async (t) => {
      const store = await open(t)
      assert.deepEqual((await refreshed(store, ...shards)).result, result)
    })
  }

  test('the refreshed result is every value in the order of the offsets, however the shards came', async (t) => {
    const arbitrary = fc
      .array(fc.array(fc.jsonValue(), { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 6 })
      .chain((lists) =>
        fc.tuple(fc.constant(lists), fc.shuffledSubarray([...lists.keys()], { minLength: lists.length })),
      )
    await fc.assert(
      fc.asyncProperty(arbitrary, async ([lists, order]) => {
        const store = await open(t)
        await store.save(RUNNING)
        for (const [nth, i] of order.entries()) {
          const list = lists[i] as JsonValue[]
          const shard = {
            ...SHARD,
            shardIndex: nth,
            circuitCount: list.length,
            subIndexOffset: lists.slice(0, i).flat().length,
            result: list.length === 1 ? list[0] : list,
          }
          await store.saveShard(wrong(shard), { refreshTask: true })
        }
        const values = lists.flat()
        const isNone = values.every((value) => value === null)
        assert.deepEqual((await store.get('a'))?.result, isNone ? null : values)
      }),
      { numRuns: 50 },
    )
  })

  test('the refreshed error is what the failed shards say, each text once; without one it is null', async (t) => {
    const store = await open(t)
    const failed = { status: 'failed' } as const
    const errorOf = async (...shards: readonly GivenShard[]) => {
      await store.deleteShards('a')
      return (await refreshed(store, ...shards)).errorMessage
    }
    assert.equal(await errorOf({ ...failed }), null)
    assert.equal(await errorOf({ status: 'success', errorMessage: 'a warning' }), null)
    assert.equal(await errorOf({ ...failed, errorMessage: 'x' }, { status: 'success' }), 'x')
    assert.equal(
      await errorOf(
        { ...failed, errorMessage: 'x' },
        { status: 'cancelled', errorMessage: 'not this' },
        { ...failed, errorMessage: 'y' },
        { ...failed, errorMessage: 'x' },
      ),
      'x; y',
    )
  })

  test('a refresh changes status, result, error and update time of the one task; no refresh changes none', async (t) => {
    const store = await open(t)
    const metadata = { note: 'stays' }
    const a = await store.save({ ...RUNNING, shots: 7, metadata, submitTime: '2026' })
    const b = await store.save({ ...RUNNING, taskId: 'b' })
    await store.addShard({ ...SHARD, status: 'success', result: 1 })
    assert.deepEqual(await store.get('a'), a)
    await store.saveShard({ ...SHARD, shardIndex: 0, status: 'success', result: 2 }, { refreshTask: true })
    const after = await store.get('a')
    assert.ok(after && after.updateTime > a.updateTime)
    assert.deepEqual(after, { ...a, status: 'success', result: 2, updateTime: after.updateTime })
    assert.deepEqual(await store.get('b'), b)
  })

  test('a transaction that throws leaves neither the shard nor the refresh', async (t) => {
    const store = await open(t)
    await store.save(RUNNING)
    const before = await rows(store)
    const adding = () =>
      transact(store, function* (tx) {
        yield* wait(tx.addShard({ ...SHARD, status: 'failed', result: 1 }, { refreshTask: true }))
        assert.equal((yield* wait(tx.get('a')))?.status, 'failed')
        throw new Error('undo')
      })
    await throws(adding, /undo/)
    assert.deepEqual(await rows(store), before)
  })

  test('what a list has beyond the circuits of its shard does not move the results of the next', async (t) => {
    const store = await open(t)
    await store.save(RUNNING)
    await store.addShard({ ...SHARD, circuitCount: 2, status: 'success', result: [1, 2, 3] })
    await store.addShard(
      { ...SHARD, platformTaskId: 'q', status: 'success', result: 9 },
      { refreshTask: true },
    )
    assert.deepEqual((await store.get('a'))?.result, [1, 2, 9])
    assert.deepEqual((await store.getShards('a'))[0]?.result, [1, 2, 3])
  })
}
