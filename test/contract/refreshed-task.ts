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
  ['one circuit in one shard is its value', [{ result: { '00': 1 } }], { '00': 1 }],
  ['one circuit whose value is a list is that list', [{ result: [1, 2] }], [1, 2]],
  ['one circuit with an empty result is that result', [{ result: {} }], {}],
  ['no result is null', [{}], null],
  [
    'no result in any of several shards is null',
    [{ circuitCount: 2 }, { circuitCount: 3, result: null }],
    null,
  ],
  [
    'several circuits in one shard are a list',
    [{ circuitCount: 2, result: [{ a: 1 }, { a: 2 }] }],
    [{ a: 1 }, { a: 2 }],
  ],
  ['missing results of a shard are null', [{ circuitCount: 3, result: [1] }], [1, null, null]],
  [
    'a single value of a shard of several circuits is its first',
    [{ circuitCount: 2, result: { a: 1 } }],
    [{ a: 1 }, null],
  ],
  ['two shards are one list', [{ result: 1 }, { result: 2 }], [1, 2]],
  [
    'two shards of one circuit each keep lists as values',
    [{ result: [1, 2] }, { result: [3] }],
    [[1, 2], [3]],
  ],
  [
    'a missing shard result is null for each circuit, so that the others keep their place',
    [{ circuitCount: 2 }, { circuitCount: 2, result: [3, 4] }],
    [null, null, 3, 4],
  ],
  [
    'shards come in the order of their offsets, not of their indexes',
    [
      { subIndexOffset: 3, circuitCount: 2, result: [3, 4] },
      { subIndexOffset: 0, result: 0 },
      { subIndexOffset: 1, circuitCount: 2, result: [1, 2] },
    ],
    [0, 1, 2, 3, 4],
  ],
  [
    'shards of one offset come in the order of their indexes',
    [
      { subIndexOffset: 0, result: 'first' },
      { subIndexOffset: 0, result: 'second' },
    ],
    ['first', 'second'],
  ],
  ['falsy values are results', [{ result: 0 }, { result: '' }, { result: false }], [0, '', false]],
  [
    'numbers beyond JSON are kept',
    [{ result: Number.NaN }, { result: { n: 2n ** 70n } }, { result: [Infinity, -Infinity] }],
    [Number.NaN, { n: 2n ** 70n }, [Infinity, -Infinity]],
  ],
  ['a single number beyond JSON is kept', [{ result: 2n ** 70n }], 2n ** 70n],
]

export function refreshedTaskContract(open: OpenStore, rows: ReadRows): void {
  for (const [what, shards, result] of REFRESHES) {
    test(`the refreshed result: ${what}`, async (t) => {
      const store = await open(t)
      assert.deepEqual((await refreshed(store, ...shards)).result, result)
    })
  }

  test('the refreshed result has every value in the order of the offsets, whatever the order of the shards', async (t) => {
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

  test('the refreshed error joins the distinct errors of the failed shards, or is null', async (t) => {
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

  test('refreshTask changes status, result, error and update time of that task only; without it the task stays', async (t) => {
    const store = await open(t)
    const metadata = { note: 'stays' }
    const a = await store.save({ ...RUNNING, shots: 7, metadata, submitTime: '2026-01-01' })
    const b = await store.save({ ...RUNNING, taskId: 'b' })
    await store.addShard({ ...SHARD, status: 'success', result: 1 })
    assert.deepEqual(await store.get('a'), a)
    await store.saveShard({ ...SHARD, shardIndex: 0, status: 'success', result: 2 }, { refreshTask: true })
    const after = await store.get('a')
    assert.ok(after && after.updateTime > a.updateTime)
    assert.deepEqual(after, { ...a, status: 'success', result: 2, updateTime: after.updateTime })
    assert.deepEqual(await store.get('b'), b)
  })

  test('a transaction that throws undoes both the shard and the refresh', async (t) => {
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

  test('results beyond the circuits of a shard do not shift the results of the next shard', async (t) => {
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
