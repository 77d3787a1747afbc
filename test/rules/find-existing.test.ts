import assert from 'node:assert/strict'
import test from 'node:test'
import { findExisting, findSame, type IsIncoming, type Lookup } from '../../src/rules/find-existing.ts'
import type { PlaceName } from '../../src/rules/place-name.ts'
import type { StoredTask } from '../../src/rules/raw-task.ts'
import type { ExistingTask } from '../../src/rules/reconcile.ts'

const TIME = '2026-01-01T00:00:00.000000+00:00'
const OLD = 'old-id'
const uqt = (digit: number) => `uqt_${String(digit).repeat(32)}`

function stored(taskId: string, platformTaskId?: string, archivedAt: string | null = null): StoredTask {
  const shared = { backend: 'b', status: 'success', submitTime: TIME, updateTime: TIME, errorMessage: null }
  const at = { uniqcTaskId: taskId, shardIndex: 0, circuitCount: 1, subIndexOffset: 0, result: null }
  return {
    task: { ...shared, taskId, shots: 0, result: null, metadata: '{}' },
    archivedAt,
    shards: platformTaskId === undefined ? [] : [{ ...shared, ...at, platformTaskId }],
  }
}

const existing = (place: PlaceName, taskId: string, platformTaskId?: string): ExistingTask => ({
  place,
  ...stored(taskId, platformTaskId, place === 'live' ? null : TIME),
})

/** A store with some records; those with `replaces` replaced an old id. */
function lookupIn(...records: readonly (ExistingTask & { readonly replaces?: string })[]): Lookup {
  return {
    at: (place, taskId) => records.find((record) => record.place === place && record.task.taskId === taskId),
    replacing: (place, old) =>
      records
        .filter((record) => record.place === place && record.replaces === old)
        .map(({ task }) => task.taskId),
    ownersOf: (id, backend) =>
      records
        .filter(({ shards }) =>
          shards.some((shard) => shard.platformTaskId === id && shard.backend === backend),
        )
        .map(({ task }) => task.taskId),
  }
}

const none: IsIncoming = () => false
/** The other store has these. */
const incoming =
  (...names: readonly string[]): IsIncoming =>
  (taskId, place) =>
    names.includes(`${place} ${taskId}`)

const namesOf = (found: readonly ExistingTask[]) => found.map(({ place, task }) => `${place} ${task.taskId}`)

test('a record of the same id is found in the place of the incoming task, else in the other one', () => {
  const both = lookupIn(existing('live', 'a'), existing('archived', 'a'))
  assert.deepEqual(namesOf(findExisting(both, stored('a'), none)), ['live a'])
  assert.deepEqual(namesOf(findExisting(both, stored('a', undefined, TIME), none)), ['archived a'])
  for (const place of ['live', 'archived'] as const) {
    const one = lookupIn(existing(place, 'a'))
    for (const archivedAt of [null, TIME]) {
      assert.deepEqual(namesOf(findExisting(one, stored('a', undefined, archivedAt), none)), [`${place} a`])
    }
  }
})

test('a record in the other place is left to the incoming task of that place', () => {
  const archived = lookupIn(existing('archived', 'a'))
  assert.deepEqual(findExisting(archived, stored('a'), incoming('archived a')), [])
  assert.deepEqual(namesOf(findExisting(archived, stored('a'), incoming('live a'))), ['archived a'])
  const live = lookupIn(existing('live', 'a'))
  assert.deepEqual(findExisting(live, stored('a', undefined, TIME), incoming('live a')), [])
})

test('records that replaced the id of an incoming task are found, in both places', () => {
  const replaced = [
    { ...existing('live', uqt(1)), replaces: OLD },
    { ...existing('archived', uqt(2)), replaces: OLD },
    { ...existing('live', uqt(3)), replaces: 'another' },
  ]
  assert.deepEqual(namesOf(findExisting(lookupIn(...replaced), stored(OLD), none)), [
    `live ${uqt(1)}`,
    `archived ${uqt(2)}`,
  ])
  const own = lookupIn(existing('live', OLD), ...replaced)
  assert.deepEqual(namesOf(findExisting(own, stored(OLD), none)), [`live ${OLD}`])
})

test('a record that replaced the id is left to the incoming task with its own id, whatever the place of that', () => {
  const lookup = lookupIn({ ...existing('live', uqt(1)), replaces: OLD })
  for (const place of ['live', 'archived']) {
    assert.deepEqual(findExisting(lookup, stored(OLD), incoming(`${place} ${uqt(1)}`)), [])
  }
  assert.equal(findExisting(lookup, stored(OLD), incoming(`live ${uqt(2)}`)).length, 1)
})

test('a record that is gone when it is looked up is none', () => {
  const lookup: Lookup = { ...lookupIn(), replacing: () => [uqt(1)], ownersOf: () => [uqt(1)] }
  assert.deepEqual(findExisting(lookup, stored(OLD), none), [])
  assert.deepEqual(findSame(lookup, stored(uqt(2), 'p'), none, 'UTC'), [])
})

test('records with the same ids on their platform are the same task, unless one has its id', () => {
  const [first, second, other] = [existing('live', uqt(1), 'p'), existing('archived', uqt(2), 'p'), uqt(3)]
  const found = findSame(lookupIn(first, second), stored(other, 'p'), none, 'UTC')
  assert.deepEqual(namesOf(found).toSorted(), [`archived ${uqt(2)}`, `live ${uqt(1)}`])
  const own = lookupIn(first, existing('live', other))
  assert.deepEqual(namesOf(findSame(own, stored(other, 'p'), none, 'UTC')), [`live ${other}`])
  assert.deepEqual(findSame(lookupIn(existing('live', uqt(1), 'q')), stored(other, 'p'), none, 'UTC'), [])
})

test('records with one more id on their platform are another task', () => {
  const more = existing('live', uqt(1), 'p')
  const [shard] = more.shards
  const shards = shard === undefined ? [] : [shard, { ...shard, shardIndex: 1, platformTaskId: 'q' }]
  assert.deepEqual(findSame(lookupIn({ ...more, shards }), stored(uqt(2), 'p'), none, 'UTC'), [])
})

test('a record with the same ids on its platform is left to the incoming task with its own id', () => {
  const lookup = lookupIn(existing('live', uqt(1), 'p'))
  for (const place of ['live', 'archived']) {
    const isIncoming = incoming(`${place} ${uqt(1)}`)
    assert.deepEqual(findSame(lookup, stored(uqt(2), 'p'), isIncoming, 'UTC'), [])
  }
})
