import assert from 'node:assert/strict'
import test from 'node:test'
import { type JsonValue, type NewTaskShard, TaskStoreError } from 'uniqc-task-store'
import type { AnyStore, OpenStore, ReadRows } from '../support/any-store.ts'
import { saveReplacing } from '../support/replaced-id.ts'
import { RUNNING, wrong } from '../support/store.ts'
import { throws } from '../support/throws.ts'

const SHARD = { uniqcTaskId: 'a', platformTaskId: 'p' } as const

/** A call is refused with `INVALID_TASK`, for this field. */
async function refused(call: () => unknown, field: string, problem: RegExp): Promise<void> {
  await throws(call, (error) => {
    assert.ok(error instanceof TaskStoreError, String(error))
    assert.equal(error.code, 'INVALID_TASK')
    assert.equal(error.invalid?.field, field)
    assert.match(error.invalid?.problem ?? '', problem)
    return true
  })
}

const NO_TEXT: readonly unknown[] = [null, '', 5, {}, '\ud800']
const NO_NUMBER: readonly unknown[] = [null, -1, 1.5, Number.NaN, Infinity, 2 ** 53, '1', 1n]
const INVALID: Readonly<Record<string, readonly unknown[]>> = {
  uniqcTaskId: [...NO_TEXT, undefined],
  platformTaskId: [...NO_TEXT, undefined],
  backend: NO_TEXT,
  shardIndex: [...NO_NUMBER, undefined],
  circuitCount: NO_NUMBER,
  subIndexOffset: NO_NUMBER,
  status: [...NO_TEXT, 'done', 'SUCCESS'],
  result: [new Map(), () => 1, Symbol('x')],
  errorMessage: [5, {}, '\ud800'],
  submitTime: NO_TEXT,
  updateTime: NO_TEXT,
}

const MISUSES: readonly (readonly [what: string, call: (store: AnyStore) => unknown, message: RegExp])[] = [
  ['addShard(null)', (s) => s.addShard(wrong(null)), /shard must be an object/],
  ['addShard() of an unknown field', (s) => s.addShard(wrong({ ...SHARD, taskId: 'a' })), /no "taskId"/],
  ['addShard() of an index', (s) => s.addShard(wrong({ ...SHARD, shardIndex: 1 })), /saveShard/],
  ['addShard() with an unknown option', (s) => s.addShard(SHARD, wrong({ refresh: true })), /no "refresh"/],
  ['addShard() with refreshTask 1', (s) => s.addShard(SHARD, wrong({ refreshTask: 1 })), /refreshTask must/],
  ['addShard() with keepUpdateTime 0', (s) => s.addShard(SHARD, wrong({ keepUpdateTime: 0 })), /keepUpdate/],
  ['saveShard(5)', (s) => s.saveShard(wrong(5)), /shard must be an object/],
  [
    'saveShard() with an unknown option',
    (s) => s.saveShard({ ...SHARD, shardIndex: 0 }, wrong({ ifStatus: 'x' })),
    /no "ifStatus"/,
  ],
  ['getShards(5)', (s) => s.getShards(wrong(5)), /taskId must be a string/],
  ['findShards(undefined)', (s) => s.findShards(wrong(undefined)), /platformTaskId must be a string/],
  ['findShards() with an unknown option', (s) => s.findShards('p', wrong({ status: 'x' })), /no "status"/],
  [
    'findShards() with backend 5',
    (s) => s.findShards('p', wrong({ backend: 5 })),
    /backend must be a string/,
  ],
  ['deleteShards(5)', (s) => s.deleteShards(wrong(5)), /taskId must be a string/],
]

export function shardsContract(open: OpenStore, rows: ReadRows): void {
  for (const [field, values] of Object.entries(INVALID)) {
    test(`a shard whose ${field} cannot be stored is refused, and nothing is written`, async (t) => {
      const store = await open(t)
      await store.save(RUNNING)
      await store.addShard({ ...SHARD, result: [1] })
      const before = await rows(store)
      for (const value of values) {
        const shard = wrong<NewTaskShard>({ ...SHARD, shardIndex: 0, result: [2], [field]: value })
        const problem = value === undefined ? /is missing/ : /must|surrogate|JSON/
        await refused(() => store.saveShard(shard, { refreshTask: true }), field, problem)
        if (field === 'shardIndex') continue
        const { shardIndex: _, ...added } = shard
        await refused(() => store.addShard(added, { refreshTask: true }), field, problem)
      }
      assert.deepEqual(await rows(store), before)
    })
  }

  test('the error for an invalid result names its path', async (t) => {
    const store = await open(t)
    await store.save(RUNNING)
    const result = wrong<JsonValue>([{ counts: new Set() }])
    await refused(() => store.addShard({ ...SHARD, result }), 'result[0].counts', /Set/)
  })

  for (const [what, call, message] of MISUSES) {
    test(`${what} is a TypeError, and nothing is written`, async (t) => {
      const store = await open(t)
      await store.save(RUNNING)
      const before = await rows(store)
      await throws(
        () => call(store),
        (error) => error instanceof TypeError && message.test(error.message),
      )
      assert.deepEqual(await rows(store), before)
    })
  }

  test('a shard of a task that does not exist or is archived is refused, for its uniqcTaskId', async (t) => {
    const store = await open(t)
    const { taskId } = await saveReplacing(store, 'old', { backend: RUNNING.backend })
    await store.save(RUNNING)
    await store.archive.archiveMany(['a', taskId])
    const before = await rows(store)
    for (const [uniqcTaskId, problem] of [
      ['gone', /does not exist; save the task first/],
      ['a', /is archived; restore it first/],
      [taskId, /is archived; restore it first/],
      ['old', /is archived; restore it first/],
    ] as const) {
      await refused(() => store.addShard({ ...SHARD, uniqcTaskId }), 'uniqcTaskId', problem)
      await refused(() => store.saveShard({ ...SHARD, uniqcTaskId, shardIndex: 3 }), 'uniqcTaskId', problem)
    }
    assert.deepEqual(await rows(store), before)
    assert.equal((await store.archive.getShards(taskId)).length, 1)
  })

  test('a shard with only its two required fields gets a default for every other', async (t) => {
    const store = await open(t)
    await store.save(RUNNING)
    const shard = await store.addShard(SHARD)
    const { submitTime, updateTime, ...rest } = shard
    assert.deepEqual(rest, {
      ...SHARD,
      shardIndex: 0,
      backend: 'originq:WK_C180',
      circuitCount: 1,
      subIndexOffset: 0,
      status: 'pending',
      result: null,
      errorMessage: null,
    })
    assert.equal(submitTime, updateTime)
    assert.deepEqual(await store.getShards('a'), [shard])
  })

  test('an added shard comes after the highest index and the last circuit, whatever the gaps', async (t) => {
    const store = await open(t)
    await store.save(RUNNING)
    await store.save({ ...RUNNING, taskId: 'b' })
    const place = ({ shardIndex, subIndexOffset }: { shardIndex: number; subIndexOffset: number }) => [
      shardIndex,
      subIndexOffset,
    ]
    assert.deepEqual(place(await store.addShard({ ...SHARD, circuitCount: 3 })), [0, 0])
    assert.deepEqual(place(await store.addShard({ ...SHARD, circuitCount: 2 })), [1, 3])
    assert.deepEqual(place(await store.saveShard({ ...SHARD, shardIndex: 7, circuitCount: 4 })), [7, 5])
    // A new shard at an index below the highest one.
    assert.deepEqual(place(await store.saveShard({ ...SHARD, shardIndex: 4 })), [4, 9])
    assert.deepEqual(place(await store.addShard({ ...SHARD, subIndexOffset: 2, circuitCount: 1 })), [8, 2])
    assert.deepEqual(place(await store.addShard(SHARD)), [9, 10])
    assert.deepEqual(place(await store.addShard({ ...SHARD, uniqcTaskId: 'b' })), [0, 0])
    assert.deepEqual(
      (await store.getShards('a')).map((shard) => shard.shardIndex),
      [0, 1, 4, 7, 8, 9],
    )
  })

  test('a replaced shard keeps its place and submit time; everything else becomes what is given', async (t) => {
    const store = await open(t)
    await store.save(RUNNING)
    const first = await store.saveShard({
      ...SHARD,
      shardIndex: 2,
      backend: 'ibm:ibm_fez',
      circuitCount: 4,
      subIndexOffset: 9,
      status: 'failed',
      result: [1],
      errorMessage: 'broken',
      submitTime: '2026-01-01T00:00:00',
    })
    const second = await store.saveShard({ ...SHARD, platformTaskId: 'q', shardIndex: 2 })
    assert.ok(second.updateTime > first.updateTime)
    assert.deepEqual(second, {
      ...first,
      platformTaskId: 'q',
      status: 'pending',
      result: null,
      errorMessage: null,
      updateTime: second.updateTime,
    })
    const given = { backend: 'dummy:x', circuitCount: 1, subIndexOffset: 0, submitTime: '2025-01-01' }
    const third = await store.saveShard({ ...SHARD, shardIndex: 2, ...given })
    assert.deepEqual({ ...third, ...given }, third)
    assert.deepEqual(await store.getShards('a'), [third])
  })

  test('the update time of a shard is now, unless one is given with keepUpdateTime', async (t) => {
    const store = await open(t)
    await store.save(RUNNING)
    const updateTime = '2026-01-01T00:00:00'
    assert.notEqual((await store.addShard({ ...SHARD, updateTime })).updateTime, updateTime)
    assert.equal(
      (await store.addShard({ ...SHARD, updateTime }, { keepUpdateTime: true })).updateTime,
      updateTime,
    )
    assert.notEqual((await store.addShard(SHARD, { keepUpdateTime: true })).updateTime, updateTime)
    assert.deepEqual(
      (await store.getShards('a')).map((shard) => shard.updateTime === updateTime),
      [false, true, false],
    )
  })

  test('saving a task again keeps its shards; deleting it deletes them', async (t) => {
    const store = await open(t)
    await store.save(RUNNING)
    await store.addShard(SHARD)
    await store.save({ ...RUNNING, status: 'success' })
    assert.equal((await store.getShards('a')).length, 1)
    await store.delete('a')
    assert.deepEqual(await store.getShards('a'), [])
    assert.deepEqual(await store.findShards('p'), [])
  })

  test('deleteShards deletes the shards of one task, keeps the task, and returns how many', async (t) => {
    const store = await open(t)
    await store.save(RUNNING)
    await store.save({ ...RUNNING, taskId: 'b' })
    for (const uniqcTaskId of ['a', 'a', 'b']) await store.addShard({ ...SHARD, uniqcTaskId })
    assert.equal(await store.deleteShards('gone'), 0)
    assert.equal(await store.deleteShards('a'), 2)
    assert.equal(await store.deleteShards('a'), 0)
    assert.equal((await store.get('a'))?.status, 'running')
    assert.equal((await store.getShards('b')).length, 1)
  })

  test('findShards finds the shards of all live tasks with the platform task id, the oldest first, on any backend or on one', async (t) => {
    const store = await open(t)
    for (const taskId of ['b', 'a', 'c']) {
      await store.save({ ...RUNNING, taskId })
      await store.addShard({ ...SHARD, uniqcTaskId: taskId })
    }
    await store.addShard({ ...SHARD, backend: 'ibm:ibm_fez' })
    await store.addShard({ ...SHARD, platformTaskId: 'P' })
    await store.archive.archive('c')
    const found = async (...args: Parameters<AnyStore['findShards']>) =>
      (await store.findShards(...args)).map((shard) => `${shard.uniqcTaskId}${shard.shardIndex}`)
    assert.deepEqual(await found('gone'), [])
    assert.deepEqual(await found('p'), ['b0', 'a0', 'a1'])
    assert.deepEqual(await found('p', { backend: 'ibm:ibm_fez' }), ['a1'])
    assert.deepEqual(await found('p', { backend: 'ibm' }), [])
  })

  test('an id that several tasks replaced is AMBIGUOUS_ID in every call about shards, and nothing is written', async (t) => {
    const store = await open(t)
    const ids = [await saveReplacing(store, 'old'), await saveReplacing(store, 'old')].map(
      ({ taskId }) => taskId,
    )
    const before = await rows(store)
    const ambiguous = (error: Error & { code?: string }) =>
      error.code === 'AMBIGUOUS_ID' && ids.every((id) => error.message.includes(id))
    const shard = { uniqcTaskId: 'old', platformTaskId: 'p' }
    await throws(() => store.addShard(shard), ambiguous)
    await throws(() => store.saveShard({ ...shard, shardIndex: 0 }), ambiguous)
    await throws(() => store.getShards('old'), ambiguous)
    await throws(() => store.deleteShards('old'), ambiguous)
    assert.deepEqual(await rows(store), before)
    // As a platform's id it means both.
    assert.equal((await store.findShards('old')).length, 2)
  })

  test('a replaced id finds its task in every call about shards', async (t) => {
    const store = await open(t)
    const { taskId } = await saveReplacing(store, 'old', { backend: RUNNING.backend })
    const added = await store.addShard(
      { uniqcTaskId: 'old', platformTaskId: 'p', result: 1 },
      { refreshTask: true },
    )
    assert.deepEqual([added.uniqcTaskId, added.shardIndex, added.backend], [taskId, 1, RUNNING.backend])
    await store.saveShard({ uniqcTaskId: 'old', shardIndex: 1, platformTaskId: 'q' })
    assert.deepEqual(await store.getShards('old'), await store.getShards(taskId))
    assert.deepEqual(
      (await store.getShards('old')).map((shard) => shard.platformTaskId),
      ['old', 'q'],
    )
    assert.deepEqual((await store.get(taskId))?.result, [null, 1])
    assert.equal(await store.count(), 1)
    assert.equal(await store.deleteShards('old'), 2)
    assert.deepEqual(await store.getShards(taskId), [])
  })

  test('the offset of a shard stays a safe integer', async (t) => {
    const store = await open(t)
    await store.save(RUNNING)
    const shard = { uniqcTaskId: 'a', platformTaskId: 'p', circuitCount: Number.MAX_SAFE_INTEGER }
    for (let n = 0; n < 2; n++) await store.addShard(shard)
    await throws(() => store.addShard(shard), { code: 'INVALID_TASK' })
    assert.deepEqual(
      (await store.getShards('a')).map(({ subIndexOffset }) => subIndexOffset),
      [0, Number.MAX_SAFE_INTEGER],
    )
    // Wherever there is room.
    await store.saveShard({ ...shard, shardIndex: 1, circuitCount: 2, status: 'running' })
    await store.saveShard({ ...shard, shardIndex: 7, subIndexOffset: 3 })
    await store.addShard({ ...shard, subIndexOffset: 4 })
    await throws(() => store.saveShard({ ...shard, shardIndex: 9 }), {
      code: 'INVALID_TASK',
      message: /subIndexOffset/,
    })
    assert.deepEqual(
      (await store.getShards('a')).map(({ shardIndex, subIndexOffset }) => [shardIndex, subIndexOffset]),
      [
        [0, 0],
        [1, Number.MAX_SAFE_INTEGER],
        [7, 3],
        [8, 4],
      ],
    )
  })

  test('no shard can follow the last index, and a shard without circuits has no result', async (t) => {
    const store = await open(t)
    await store.save(RUNNING)
    await store.saveShard({ ...SHARD, shardIndex: Number.MAX_SAFE_INTEGER })
    await throws(() => store.addShard(SHARD), { code: 'INVALID_TASK', message: /no room left/ })
    assert.equal((await store.getShards('a')).length, 1)
    await store.deleteShards('a')
    await store.addShard({ ...SHARD, circuitCount: 0, status: 'success', result: { x: 1 } })
    await store.addShard({ ...SHARD, status: 'success', result: 4 }, { refreshTask: true })
    assert.deepEqual((await store.get('a'))?.result, [4])
  })
}
