import assert from 'node:assert/strict'
import test from 'node:test'
import { type JsonValue, UnreadableJson } from '../../drizzle/json/value.ts'
import type { NewTaskShard, TaskInfo, TaskShard } from '../../drizzle/schema.ts'
import { checkNewShard } from '../../src/rules/check-task.ts'
import {
  checkHasIndex,
  checkHasNoIndex,
  noSuchTask,
  planRefresh,
  planShard,
  readSaveShardOptions,
  type ShardEnd,
  shardIndexOf,
} from '../../src/rules/save-shard.ts'
import { isInvalid, isMisuseOf } from '../support/rule-errors.ts'

const NOW = '2026-05-03T01:02:03.123456+00:00'
const BEFORE = '2026-05-01T00:00:00.000000+00:00'
const GIVEN = '2026-04-01T00:00:00.000000+00:00'
const MOST = Number.MAX_SAFE_INTEGER

const REFUSED_OPTIONS: readonly (readonly [title: string, options: unknown, word: string])[] = [
  ['null', null, 'options'],
  ['an unknown option', { refresh: true }, 'refresh'],
  ['keepUpdateTime: null', { keepUpdateTime: null }, 'keepUpdateTime'],
  ['refreshTask: "yes"', { refreshTask: 'yes' }, 'refreshTask'],
]
for (const [title, options, word] of REFUSED_OPTIONS) {
  test(`${title} for options is a TypeError that names it`, () => {
    assert.throws(() => readSaveShardOptions(options as object), isMisuseOf(word))
  })
}

test('by default the update time is now and the task stays as it is', () => {
  const defaults = { keepUpdateTime: false, refreshTask: false }
  assert.deepEqual(readSaveShardOptions(undefined), defaults)
  assert.deepEqual(readSaveShardOptions({ refreshTask: undefined }), defaults)
  assert.deepEqual(readSaveShardOptions({ refreshTask: true }), { ...defaults, refreshTask: true })
  assert.deepEqual(readSaveShardOptions({ keepUpdateTime: true }), { ...defaults, keepUpdateTime: true })
})

const check = (given: Partial<NewTaskShard> = {}) =>
  checkNewShard({ uniqcTaskId: 'old-1', platformTaskId: 'p', ...given })

test('after the last index of all there is no place for a shard, which is INVALID_TASK', () => {
  for (const subIndexOffset of [0, MOST + 1]) {
    const end = { shardIndex: MOST + 1, subIndexOffset }
    assert.throws(() => shardIndexOf(check(), 'uqt_1', end), isInvalid('uqt_1', 'shardIndex'))
  }
})

const INDEXES: readonly (readonly [
  title: string,
  given: Partial<NewTaskShard>,
  end: ShardEnd,
  index: number,
])[] = [
  ['the first shard is at 0', {}, { shardIndex: 0, subIndexOffset: 0 }, 0],
  ['the next shard is at the next index', {}, { shardIndex: 3, subIndexOffset: 9 }, 3],
  ['a shard can be at the last index of all', {}, { shardIndex: MOST, subIndexOffset: MOST }, MOST],
  ['a given index is taken', { shardIndex: 1 }, { shardIndex: 3, subIndexOffset: 9 }, 1],
  ['a given 0 is taken', { shardIndex: 0 }, { shardIndex: 3, subIndexOffset: 9 }, 0],
  ['a given last index is taken', { shardIndex: MOST }, { shardIndex: 0, subIndexOffset: 0 }, MOST],
  [
    'a given index is taken if no next one is left',
    { shardIndex: 1 },
    { shardIndex: MOST + 1, subIndexOffset: 0 },
    1,
  ],
  [
    'a given index is taken whatever the circuits are',
    { shardIndex: 1 },
    { shardIndex: MOST + 1, subIndexOffset: MOST + 1 },
    1,
  ],
  ['the next index is taken whatever the circuits are', {}, { shardIndex: 3, subIndexOffset: MOST + 1 }, 3],
]
for (const [title, given, end, index] of INDEXES) {
  test(title, () => assert.equal(shardIndexOf(check(given), 'uqt_1', end), index))
}

const TASK: TaskInfo = {
  taskId: 'uqt_1',
  backend: 'of-the-task',
  status: 'running',
  shots: 5,
  submitTime: BEFORE,
  updateTime: BEFORE,
  result: null,
  metadata: {},
  errorMessage: null,
}
const STORED: TaskShard = {
  uniqcTaskId: 'uqt_1',
  shardIndex: 3,
  platformTaskId: 'stored',
  backend: 'stored',
  circuitCount: 7,
  subIndexOffset: 11,
  status: 'failed',
  result: 1,
  errorMessage: 'x',
  submitTime: BEFORE,
  updateTime: BEFORE,
}
/** What a shard is when nothing but its task and its id on the platform is given, and nothing is stored. */
const PLAIN: TaskShard = {
  uniqcTaskId: 'uqt_1',
  shardIndex: 3,
  platformTaskId: 'p',
  backend: 'of-the-task',
  circuitCount: 1,
  subIndexOffset: 9,
  status: 'pending',
  result: null,
  errorMessage: null,
  submitTime: NOW,
  updateTime: NOW,
}

interface Planned {
  readonly given?: Partial<NewTaskShard>
  readonly stored?: Partial<TaskShard>
  readonly keepUpdateTime?: boolean
  /** What differs from {@link PLAIN}. */
  readonly expected: Partial<TaskShard>
}

const ALL_GIVEN = {
  backend: 'given',
  circuitCount: 2,
  subIndexOffset: 4,
  status: 'success',
  result: 2,
  errorMessage: 'y',
  submitTime: GIVEN,
} as const
const KEPT = { backend: 'stored', circuitCount: 7, subIndexOffset: 11, submitTime: BEFORE }

const PLANS: readonly (readonly [title: string, planned: Planned])[] = [
  ['a new shard is as its task has it, after the last circuit', { expected: {} }],
  ['what is given to a new shard is stored', { given: ALL_GIVEN, expected: ALL_GIVEN }],
  ['what is not given to a stored shard stays', { stored: {}, expected: KEPT }],
  ['what is given to a stored shard replaces it', { given: ALL_GIVEN, stored: {}, expected: ALL_GIVEN }],
  [
    'status, result and error of a stored shard do not stay',
    { stored: { status: 'success' }, expected: KEPT },
  ],
  [
    'a given 0 is stored',
    {
      given: { circuitCount: 0, subIndexOffset: 0 },
      stored: {},
      expected: { ...KEPT, circuitCount: 0, subIndexOffset: 0 },
    },
  ],
  [
    'a stored 0 stays',
    {
      stored: { circuitCount: 0, subIndexOffset: 0 },
      expected: { ...KEPT, circuitCount: 0, subIndexOffset: 0 },
    },
  ],
  ['a given update time is not stored', { given: { updateTime: GIVEN }, expected: {} }],
  [
    'a given update time that is to be kept is stored',
    { given: { updateTime: GIVEN }, keepUpdateTime: true, expected: { updateTime: GIVEN } },
  ],
  [
    'without an update time to keep it is now, also for a stored shard',
    { stored: {}, keepUpdateTime: true, expected: { ...KEPT, updateTime: NOW } },
  ],
]
for (const [title, { given, stored, keepUpdateTime = false, expected }] of PLANS) {
  test(title, () => {
    const places = {
      task: TASK,
      stored: stored && { ...STORED, ...stored },
      end: { shardIndex: 5, subIndexOffset: 9 },
    }
    const shard = planShard(check(given), { ...places, shardIndex: 3 }, keepUpdateTime, NOW)
    assert.deepEqual(shard, { ...PLAIN, ...expected })
  })
}

const FULL = { shardIndex: 5, subIndexOffset: MOST + 1 }

test('after the last circuit of all there is no place for a shard without an offset, which is INVALID_TASK', () => {
  const places = { task: TASK, stored: undefined, end: FULL, shardIndex: 3 }
  assert.throws(() => planShard(check(), places, false, NOW), isInvalid(TASK.taskId, 'subIndexOffset'))
})

test('after the last circuit of all a shard can be saved at a given offset, or where it is', () => {
  const places = { task: TASK, stored: undefined, end: FULL, shardIndex: 3 }
  assert.equal(planShard(check({ subIndexOffset: 2 }), places, false, NOW).subIndexOffset, 2)
  assert.equal(
    planShard(check(), { ...places, stored: STORED }, false, NOW).subIndexOffset,
    STORED.subIndexOffset,
  )
})

test('the error for a task that is not live names the task, and says whether it is archived', () => {
  for (const isArchived of [true, false]) {
    const error = noSuchTask('uqt_1', isArchived)
    isInvalid('uqt_1', 'uniqcTaskId')(error)
    assert.equal(/archive/.test(error.message), isArchived)
  }
})

const shard = (given: Partial<TaskShard>) => ({ ...PLAIN, ...given })

test('shards of too many circuits for one result are INVALID_TASK', () => {
  const shards = [shard({ circuitCount: 1_000_001 })]
  assert.throws(() => planRefresh('uqt_1', shards, NOW), isInvalid('uqt_1', 'circuitCount'))
})

const unreadable = new UnreadableJson('{"torn') as unknown as JsonValue
const REFRESHES: readonly (readonly [
  title: string,
  shards: readonly Partial<TaskShard>[],
  change: object,
])[] = [
  ['without shards a task is pending', [], { status: 'pending', result: null, errorMessage: null }],
  [
    'a result is written as Python writes it',
    [{ status: 'success', result: [Number.NaN, 2n ** 70n] }],
    { status: 'success', result: `[NaN,${2n ** 70n}]`, errorMessage: null },
  ],
  [
    'a result that cannot be read is its text',
    [{ status: 'running', result: unreadable }],
    { status: 'running', result: '{"torn', errorMessage: null },
  ],
  [
    'no result is no text, and what failed says why',
    [{ status: 'failed', errorMessage: 'x' }],
    { status: 'failed', result: null, errorMessage: 'x' },
  ],
  [
    'a result that is false is one',
    [{ status: 'success', result: false }],
    { status: 'success', result: 'false', errorMessage: null },
  ],
]
for (const [title, shards, change] of REFRESHES) {
  test(`brought up to date with its shards: ${title}`, () => {
    assert.deepEqual(planRefresh('uqt_1', shards.map(shard), NOW), { ...change, updateTime: NOW })
  })
}

test('a shard to add has no index, not even undefined', () => {
  for (const shardIndex of [0, undefined]) {
    assert.throws(() => checkHasNoIndex({ uniqcTaskId: 't', shardIndex }), {
      argument: 'shardIndex',
      message: /next free index.*saveShard\(\)/,
    })
  }
  for (const shard of [{ uniqcTaskId: 't' }, undefined, null, 'shardIndex']) checkHasNoIndex(shard)
})

test('a shard to save has an index', () => {
  const shard = { uniqcTaskId: 't', platformTaskId: 'p', status: 'running' } as const
  for (const given of [shard, { ...shard, shardIndex: undefined }]) {
    assert.throws(() => checkHasIndex(given as never), isInvalid('t', 'shardIndex'))
  }
  checkHasIndex({ ...shard, shardIndex: 0 })
  // What is no object is refused elsewhere, by what it is.
  for (const given of [undefined, null, 5]) checkHasIndex(given as never)
})

test('messages say what is wrong with a shard, and what to do', () => {
  assert.match(noSuchTask('t', false).message, /names a task that does not exist; save the task first/)
  const { shard, cell } = checkNewShard({ uniqcTaskId: 't', platformTaskId: 'p' })
  const checked = { shard, cell }
  const end = { shardIndex: MOST + 1, subIndexOffset: MOST + 1 }
  assert.throws(() => shardIndexOf(checked, 't', end), {
    message: /has no room left after the last index; save it at an index of its own/,
  })
  const task = { taskId: 't', backend: 'b' } as TaskInfo
  assert.throws(() => planShard(checked, { task, stored: undefined, end, shardIndex: 0 }, false, NOW), {
    message: /has no room left after the last circuit; give it a subIndexOffset of its own/,
  })
})
