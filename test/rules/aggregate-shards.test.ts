import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { type JsonValue, UnreadableJson } from '../../drizzle/json/value.ts'
import type { TaskShard } from '../../drizzle/schema.ts'
import { isTerminal, TASK_STATUSES } from '../../drizzle/task-status.ts'
import { aggregateShards, aggregateStatus, checkShards } from '../../src/rules/aggregate-shards.ts'
import { isInvalid } from '../support/rule-errors.ts'

const shard = (given: Partial<TaskShard> = {}): TaskShard => ({
  uniqcTaskId: 'uqt_1',
  shardIndex: 0,
  platformTaskId: 'p0',
  backend: 'b',
  circuitCount: 1,
  subIndexOffset: 0,
  status: 'success',
  result: null,
  errorMessage: null,
  submitTime: '2026-01-01',
  updateTime: '2026-01-01',
  ...given,
})

/** Counts of circuits: those that a file can hold and no call writes as well. */
const TOO_MANY: readonly (readonly unknown[])[] = [
  [1_000_001],
  [1_000_000, 1],
  [1_000_000, 0, 1],
  [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  [Infinity],
  [-5, 1_000_001],
  [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ['1000001'],
  ['999999', 2],
]
for (const counts of TOO_MANY) {
  test(`shards of ${JSON.stringify(counts)} circuits are too many for one result, which is INVALID_TASK`, () => {
    const shards = counts.map((circuitCount) => shard({ circuitCount: circuitCount as number }))
    assert.throws(() => aggregateShards(shards), isInvalid('uqt_1', 'circuitCount'))
  })
}

for (const counts of [[1_000_000], ['99999', 99]]) {
  test(`shards of ${JSON.stringify(counts)} circuits are not too many`, () => {
    const shards = counts.map((circuitCount) => shard({ circuitCount: circuitCount as number }))
    assert.equal(aggregateShards(shards).result, null)
  })
}

const STATUSES: readonly (readonly [statuses: string, status: string])[] = [
  ['', 'pending'],
  ['pending', 'running'],
  ['success queued', 'running'],
  ['success', 'success'],
  ['cancelled', 'cancelled'],
  ['success failed', 'failed'],
  ['success cancelled', 'cancelled'],
  ['success cancelled failed', 'failed'],
]
for (const [statuses, status] of STATUSES) {
  test(`shards that are ${statuses || 'none'} make a task that is ${status}`, () => {
    const shards = statuses.split(' ').flatMap((name) => (name === '' ? [] : shard({ status: name })))
    assert.equal(aggregateShards(shards).status, status)
  })
}

test('a task is done when all of its shards are, and never before', () => {
  const anyStatus = fc.oneof(fc.constantFrom(...TASK_STATUSES), fc.string())
  fc.assert(
    fc.property(fc.array(anyStatus, { minLength: 1 }), (statuses) => {
      const status = aggregateStatus(statuses.map((status) => ({ status })))
      assert.equal(isTerminal(status), statuses.every(isTerminal))
      if (isTerminal(status)) assert.ok(statuses.includes(status), status)
    }),
  )
})

const unreadable = new UnreadableJson('{"torn') as unknown as JsonValue
const RESULTS: readonly (readonly [
  title: string,
  shards: readonly Partial<TaskShard>[],
  result: JsonValue | null,
])[] = [
  ['no shard has none', [], null],
  ['one circuit has the value alone', [{ result: { '00': 5 } }], { '00': 5 }],
  ['one circuit without a result has none', [{}], null],
  ['one circuit with a list has that list', [{ result: [1, 2] }], [1, 2]],
  ['one circuit that cannot be read has it as it is', [{ result: unreadable }], unreadable],
  ['one shard of two circuits has its list', [{ circuitCount: 2, result: [1, 2] }], [1, 2]],
  [
    'one shard of two circuits with one value has null for the other',
    [{ circuitCount: 2, result: 1 }],
    [1, null],
  ],
  ['a list that is too short is filled up', [{ circuitCount: 3, result: [1] }], [1, null, null]],
  ['a list that is too long is cut', [{ circuitCount: 2, result: [1, 2, 3] }], [1, 2]],
  ['an empty list is none', [{ circuitCount: 2, result: [] }], null],
  ['a list of nulls is none', [{ circuitCount: 2, result: [null, null] }], null],
  ['a shard without circuits has none', [{ circuitCount: 0, result: { '00': 5 } }], null],
  ['false and 0 are results', [{ circuitCount: 2, result: [false, 0] }], [false, 0]],
  ['two shards without results have none', [{}, { shardIndex: 1, subIndexOffset: 1 }], null],
  ['two shards have one value each', [{ result: 1 }, { subIndexOffset: 1, result: 2 }], [1, 2]],
  ['a shard without a result leaves its place', [{}, { subIndexOffset: 1, result: 2 }], [null, 2]],
  ['a list of a shard of one circuit is one value', [{ result: [1] }, { subIndexOffset: 1 }], [[1], null]],
  [
    'the order is that of the circuits',
    [
      { subIndexOffset: 1, result: 2 },
      { shardIndex: 1, result: 1 },
    ],
    [1, 2],
  ],
  [
    'shards at one place are in the order of their indexes',
    [
      { shardIndex: 10, result: 10 },
      { shardIndex: 9, result: 9 },
    ],
    [9, 10],
  ],
  [
    'what a list has too much does not move the next shard',
    [
      { circuitCount: 1, result: 1 },
      { circuitCount: 2, subIndexOffset: 1, result: [2, 3, 4] },
      { subIndexOffset: 3, result: 5 },
    ],
    [1, 2, 3, 5],
  ],
  [
    'a shard without circuits has no place among others',
    [
      { circuitCount: 0, result: 1 },
      { subIndexOffset: 0, result: 2 },
    ],
    [2],
  ],
  [
    'what cannot be read is shown in a list as its text',
    [{ result: unreadable }, { circuitCount: 2, subIndexOffset: 1, result: unreadable }],
    ['{"torn', '{"torn', null],
  ],
]
for (const [title, shards, result] of RESULTS) {
  test(`as the result of a task, ${title}`, () => {
    assert.deepEqual(aggregateShards(shards.map(shard)).result, result)
  })
}

test('the result of several shards has one value a circuit, those of each shard where it stands', () => {
  const anyShards = fc.array(
    fc.record({
      circuitCount: fc.nat(4),
      result: fc.oneof(fc.nat(9), fc.array(fc.nat(9), { maxLength: 6 })),
    }),
    { minLength: 2, maxLength: 5 },
  )
  fc.assert(
    fc.property(anyShards, (given) => {
      let end = 0
      const shards = given.map((fields, shardIndex) => {
        const subIndexOffset = end
        end += fields.circuitCount
        return shard({ shardIndex, subIndexOffset, ...fields })
      })
      const { result } = aggregateShards(shards.toReversed())
      if (result === null) {
        const withResults = given.filter(
          ({ circuitCount, result }) => circuitCount > 0 && [result].flat().length > 0,
        )
        assert.deepEqual(withResults, [])
        return
      }
      assert.ok(Array.isArray(result), String(result))
      assert.equal(result.length, end)
      for (const { subIndexOffset, circuitCount, result: own } of shards) {
        if (circuitCount > 0)
          assert.deepEqual(result[subIndexOffset], circuitCount === 1 ? own : ([own].flat()[0] ?? null))
      }
    }),
  )
})

const ERRORS: readonly (readonly [
  title: string,
  shards: readonly Partial<TaskShard>[],
  error: string | null,
])[] = [
  ['no shard says nothing', [], null],
  ['a failed shard without an error says nothing', [{ status: 'failed' }], null],
  ['a shard that did not fail says nothing', [{ status: 'cancelled', errorMessage: 'x' }], null],
  ['a failed shard says why', [{ status: 'failed', errorMessage: 'x' }], 'x'],
  [
    'failed shards say each text once, in their order',
    ['b', 'a', 'b', null].map((errorMessage) => ({ status: 'failed', errorMessage })),
    'b; a',
  ],
  [
    'of failed and other shards the failed ones speak',
    [
      { status: 'success', errorMessage: 'warning' },
      { status: 'failed', errorMessage: 'x' },
    ],
    'x',
  ],
]
for (const [title, shards, error] of ERRORS) {
  test(`as the error of a task, ${title}`, () => {
    assert.equal(aggregateShards(shards.map(shard)).errorMessage, error)
  })
}

for (const [given, message] of [
  [5, 'shards must be an iterable of shards, not a number'],
  [[{}], 'the status of a shard must be a string, not undefined'],
  [[undefined], 'the status of a shard must be a string, not undefined'],
  [[{ status: 5 }], 'the status of a shard must be a string, not a number'],
] as const) {
  test(`${JSON.stringify(given)} for shards is a TypeError: ${message}`, () => {
    assert.throws(() => checkShards(given as never), { name: 'TypeError', argument: 'shards', message })
  })
}

test('shards that were checked are an array of their own', () => {
  const shards = [shard()]
  assert.deepEqual(checkShards(new Set(shards)), shards)
  assert.notEqual(checkShards(shards), shards)
})

test('too many circuits are told how many they are', () => {
  assert.throws(() => aggregateShards([shard({ circuitCount: 999_999 }), shard({ circuitCount: 2 })]), {
    message: /circuitCount is 1000001 in all, more than the result of a task can list/,
  })
})

test('a shard of fewer than no circuits, without a result, adds none to the others', () => {
  const others = { subIndexOffset: 1, shardIndex: 1, circuitCount: 2, result: [1, 2] }
  assert.deepEqual(aggregateShards([shard({ circuitCount: -1 }), shard(others)]).result, [1, 2])
})
