import assert from 'node:assert/strict'
import test from 'node:test'
import {
  generateTaskId,
  type JsonValue,
  type NewTaskShard,
  type TaskStore,
  TaskStoreError,
} from 'uniqc-task-store'
import { taskShards, tasks } from 'uniqc-task-store/schema'
import { insertShard } from '../support/insert-shard.ts'
import { memory, RUNNING, wrong } from '../support/store.ts'

const SHARD = { uniqcTaskId: 'a', platformTaskId: 'p' } as const

/** A task under a new id that replaced this old one. */
function saveReplacing(store: TaskStore, oldId: string): string {
  const taskId = generateTaskId()
  const { backend, status } = RUNNING
  store.save({ taskId, backend, status, metadata: { legacy_platform_id: oldId } })
  insertShard(store, taskId, oldId)
  return taskId
}

const everything = (store: TaskStore) => [
  store.db.select().from(tasks).all(),
  store.db.select().from(taskShards).all(),
]

function assertInvalid(work: () => unknown, field: string, problem: RegExp) {
  assert.throws(work, (error) => {
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

for (const [field, values] of Object.entries(INVALID)) {
  test(`a shard whose ${field} cannot be stored is refused, and nothing is written`, () => {
    using store = memory()
    store.save(RUNNING)
    store.addShard({ ...SHARD, result: [1] })
    const before = everything(store)
    for (const value of values) {
      const shard = wrong<NewTaskShard>({ ...SHARD, shardIndex: 0, result: [2], [field]: value })
      const problem = value === undefined ? /is missing/ : /must|surrogate|JSON/
      assertInvalid(() => store.saveShard(shard, { refreshTask: true }), field, problem)
      if (field === 'shardIndex') continue
      const { shardIndex: _, ...added } = shard
      assertInvalid(() => store.addShard(added, { refreshTask: true }), field, problem)
    }
    assert.deepEqual(everything(store), before)
  })
}

test('the error of an invalid result has the path in it', () => {
  using store = memory()
  store.save(RUNNING)
  const result = wrong<JsonValue>([{ counts: new Set() }])
  assertInvalid(() => store.addShard({ ...SHARD, result }), 'result[0].counts', /Set/)
})

const MISUSES: readonly (readonly [what: string, call: (store: TaskStore) => unknown, message: RegExp])[] = [
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

for (const [what, call, message] of MISUSES) {
  test(`${what} is a TypeError, and nothing is written`, () => {
    using store = memory()
    store.save(RUNNING)
    const before = everything(store)
    assert.throws(
      () => call(store),
      (error) => error instanceof TypeError && message.test(error.message),
    )
    assert.deepEqual(everything(store), before)
  })
}

test('a shard of a task that does not exist or is archived names uniqcTaskId', () => {
  using store = memory()
  const taskId = saveReplacing(store, 'old')
  store.save(RUNNING)
  store.archive.archiveMany(['a', taskId])
  const before = everything(store)
  for (const [uniqcTaskId, problem] of [
    ['gone', /does not exist; save the task first/],
    ['a', /is archived; restore it first/],
    [taskId, /is archived; restore it first/],
    ['old', /is archived; restore it first/],
  ] as const) {
    assertInvalid(() => store.addShard({ ...SHARD, uniqcTaskId }), 'uniqcTaskId', problem)
    assertInvalid(() => store.saveShard({ ...SHARD, uniqcTaskId, shardIndex: 3 }), 'uniqcTaskId', problem)
  }
  assert.deepEqual(everything(store), before)
  assert.equal(store.archive.getShards(taskId).length, 1)
})

test('a shard that is given two fields has a default for every other one', () => {
  using store = memory()
  store.save(RUNNING)
  const shard = store.addShard(SHARD)
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
  assert.deepEqual(store.getShards('a'), [shard])
})

test('an added shard comes behind the highest index and the last circuit, whatever gaps there are', () => {
  using store = memory()
  store.save(RUNNING)
  store.save({ ...RUNNING, taskId: 'b' })
  const place = ({ shardIndex, subIndexOffset }: { shardIndex: number; subIndexOffset: number }) => [
    shardIndex,
    subIndexOffset,
  ]
  assert.deepEqual(place(store.addShard({ ...SHARD, circuitCount: 3 })), [0, 0])
  assert.deepEqual(place(store.addShard({ ...SHARD, circuitCount: 2 })), [1, 3])
  assert.deepEqual(place(store.saveShard({ ...SHARD, shardIndex: 7, circuitCount: 4 })), [7, 5])
  // A new shard at an index below the highest one.
  assert.deepEqual(place(store.saveShard({ ...SHARD, shardIndex: 4 })), [4, 9])
  assert.deepEqual(place(store.addShard({ ...SHARD, subIndexOffset: 2, circuitCount: 1 })), [8, 2])
  assert.deepEqual(place(store.addShard(SHARD)), [9, 10])
  assert.deepEqual(place(store.addShard({ ...SHARD, uniqcTaskId: 'b' })), [0, 0])
  assert.deepEqual(
    store.getShards('a').map((shard) => shard.shardIndex),
    [0, 1, 4, 7, 8, 9],
  )
})

test('a shard that is replaced keeps where and when it was; the rest becomes what is given', () => {
  using store = memory()
  store.save(RUNNING)
  const first = store.saveShard({
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
  const second = store.saveShard({ ...SHARD, platformTaskId: 'q', shardIndex: 2 })
  assert.ok(second.updateTime > first.updateTime)
  assert.deepEqual(second, {
    ...first,
    platformTaskId: 'q',
    status: 'pending',
    result: null,
    errorMessage: null,
    updateTime: second.updateTime,
  })
  const given = { backend: 'dummy:x', circuitCount: 1, subIndexOffset: 0, submitTime: '2025' }
  const third = store.saveShard({ ...SHARD, shardIndex: 2, ...given })
  assert.deepEqual({ ...third, ...given }, third)
  assert.deepEqual(store.getShards('a'), [third])
})

test('the update time of a shard is now, unless keepUpdateTime is set and one is given', () => {
  using store = memory()
  store.save(RUNNING)
  const updateTime = '2026-01-01T00:00:00'
  assert.notEqual(store.addShard({ ...SHARD, updateTime }).updateTime, updateTime)
  assert.equal(store.addShard({ ...SHARD, updateTime }, { keepUpdateTime: true }).updateTime, updateTime)
  assert.notEqual(store.addShard(SHARD, { keepUpdateTime: true }).updateTime, updateTime)
  assert.deepEqual(
    store.getShards('a').map((shard) => shard.updateTime === updateTime),
    [false, true, false],
  )
})

test('saving a task again leaves its shards; deleting it deletes them', () => {
  using store = memory()
  store.save(RUNNING)
  store.addShard(SHARD)
  store.save({ ...RUNNING, status: 'success' })
  assert.equal(store.getShards('a').length, 1)
  store.delete('a')
  assert.deepEqual(store.getShards('a'), [])
  assert.deepEqual(store.findShards('p'), [])
})

test('deleteShards deletes those of one task, which stays, and gives how many', () => {
  using store = memory()
  store.save(RUNNING)
  store.save({ ...RUNNING, taskId: 'b' })
  for (const uniqcTaskId of ['a', 'a', 'b']) store.addShard({ ...SHARD, uniqcTaskId })
  assert.equal(store.deleteShards('gone'), 0)
  assert.equal(store.deleteShards('a'), 2)
  assert.equal(store.deleteShards('a'), 0)
  assert.equal(store.get('a')?.status, 'running')
  assert.equal(store.getShards('b').length, 1)
})

test('findShards finds the shards of every live task with the id, on any backend or on one', () => {
  using store = memory()
  for (const taskId of ['b', 'a', 'c']) {
    store.save({ ...RUNNING, taskId })
    store.addShard({ ...SHARD, uniqcTaskId: taskId })
  }
  store.addShard({ ...SHARD, backend: 'ibm:ibm_fez' })
  store.addShard({ ...SHARD, platformTaskId: 'P' })
  store.archive.archive('c')
  const found = (...args: Parameters<TaskStore['findShards']>) =>
    store.findShards(...args).map((shard) => `${shard.uniqcTaskId}${shard.shardIndex}`)
  assert.deepEqual(found('gone'), [])
  assert.deepEqual(found('p'), ['a0', 'a1', 'b0'])
  assert.deepEqual(found('p', { backend: 'ibm:ibm_fez' }), ['a1'])
  assert.deepEqual(found('p', { backend: 'ibm' }), [])
})

test('an id that several tasks replaced is AMBIGUOUS_ID in every call, and nothing is written', () => {
  using store = memory()
  const ids = [saveReplacing(store, 'old'), saveReplacing(store, 'old')]
  const before = everything(store)
  const ambiguous = (error: Error & { code?: string }) =>
    error.code === 'AMBIGUOUS_ID' && ids.every((id) => error.message.includes(id))
  const shard = { uniqcTaskId: 'old', platformTaskId: 'p' }
  assert.throws(() => store.addShard(shard), ambiguous)
  assert.throws(() => store.saveShard({ ...shard, shardIndex: 0 }), ambiguous)
  assert.throws(() => store.getShards('old'), ambiguous)
  assert.throws(() => store.deleteShards('old'), ambiguous)
  assert.deepEqual(everything(store), before)
  // As a platform's id it means both.
  assert.equal(store.findShards('old').length, 2)
})

test('an id that was replaced finds its task in every call', () => {
  using store = memory()
  const taskId = saveReplacing(store, 'old')
  const added = store.addShard({ uniqcTaskId: 'old', platformTaskId: 'p', result: 1 }, { refreshTask: true })
  assert.deepEqual([added.uniqcTaskId, added.shardIndex, added.backend], [taskId, 1, RUNNING.backend])
  store.saveShard({ uniqcTaskId: 'old', shardIndex: 1, platformTaskId: 'q' })
  assert.deepEqual(store.getShards('old'), store.getShards(taskId))
  assert.deepEqual(
    store.getShards('old').map((shard) => shard.platformTaskId),
    ['old', 'q'],
  )
  assert.deepEqual(store.get(taskId)?.result, [null, 1])
  assert.equal(store.count(), 1)
  assert.equal(store.deleteShards('old'), 2)
  assert.deepEqual(store.getShards(taskId), [])
})

test('the offset of a shard stays a whole number that can be read', () => {
  using store = memory()
  store.save(RUNNING)
  const shard = { uniqcTaskId: 'a', platformTaskId: 'p', circuitCount: Number.MAX_SAFE_INTEGER }
  for (let n = 0; n < 2; n++) store.addShard(shard)
  assert.throws(() => store.addShard(shard), { code: 'INVALID_TASK' })
  assert.deepEqual(
    store.getShards('a').map(({ subIndexOffset }) => subIndexOffset),
    [0, Number.MAX_SAFE_INTEGER],
  )
})

test('behind the last index there is none, and a shard without circuits has no result', () => {
  using store = memory()
  store.save(RUNNING)
  store.saveShard({ ...SHARD, shardIndex: Number.MAX_SAFE_INTEGER })
  assert.throws(() => store.addShard(SHARD), { code: 'INVALID_TASK', message: /no room left/ })
  assert.equal(store.getShards('a').length, 1)
  store.deleteShards('a')
  store.addShard({ ...SHARD, circuitCount: 0, status: 'success', result: { x: 1 } })
  store.addShard({ ...SHARD, status: 'success', result: 4 }, { refreshTask: true })
  assert.deepEqual(store.get('a')?.result, [4])
})
