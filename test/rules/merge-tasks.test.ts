import assert from 'node:assert/strict'
import test from 'node:test'
import type { Lookup } from '../../src/rules/find-existing.ts'
import { Merge } from '../../src/rules/merge-tasks.ts'
import type { RawShard, RawTask, StoredTask } from '../../src/rules/raw-task.ts'

const TIME = '2026-01-01T00:00:00.000000+00:00'
const LATER = '2026-01-02T00:00:00.000000+00:00'

const uqt = (digit: number) => `uqt_${String(digit).repeat(32)}`

function stored(taskId: string, updateTime = TIME, platformTaskId?: string): StoredTask {
  const shared = { backend: 'b', status: 'success', submitTime: TIME, updateTime, errorMessage: null }
  const task: RawTask = { ...shared, taskId, shots: 0, result: null, metadata: '{}' }
  const at = { uniqcTaskId: taskId, shardIndex: 0, circuitCount: 1, subIndexOffset: 0, result: null }
  const shards: RawShard[] = platformTaskId === undefined ? [] : [{ ...shared, ...at, platformTaskId }]
  return { task, archivedAt: null, shards }
}

/** A store that has some live tasks. */
function lookupIn(...tasks: readonly StoredTask[]): Lookup {
  return {
    at: (place, taskId) => {
      const found = tasks.find(({ task }) => task.taskId === taskId)
      return place === 'live' && found ? { place, ...found } : undefined
    },
    replacing: () => [],
    ownersOf: (id) =>
      tasks
        .filter(({ shards }) => shards.some((shard) => shard.platformTaskId === id))
        .map(({ task }) => task.taskId),
  }
}

const NONE = { read: 0, added: 0, updated: 0, unchanged: 0, kept: 0 }
const newMerge = () => new Merge({ overwrite: false, timeZone: 'UTC' })
const isNotIncoming = () => false

test('a merge counts what became of each task', () => {
  const merge = newMerge()
  const [same, newer, older, fresh] = [uqt(1), uqt(2), uqt(3), uqt(4)]
  const lookup = lookupIn(stored(same), stored(newer, LATER), stored(older))
  merge.take(stored(same), lookup, isNotIncoming)
  merge.take(stored(newer), lookup, isNotIncoming)
  merge.take(stored(older, LATER), lookup, isNotIncoming)
  merge.take(stored(fresh), lookup, isNotIncoming)
  merge.take(stored(uqt(5)), undefined, isNotIncoming)
  const counts = { read: 5, added: 2, updated: 1, unchanged: 1, kept: 1 }
  assert.deepEqual(merge.report, { ...counts, conflicts: [], renamed: [] })
  assert.deepEqual(merge.progress, { ...counts, conflicts: 0 })
})

test('a task that the store cannot hold is a conflict, whether it has an id or none', () => {
  const merge = newMerge()
  merge.refuse(stored('a'), 'is too long')
  const withoutId = stored('b')
  merge.refuse({ ...withoutId, task: { ...withoutId.task, taskId: null as unknown as string } }, 'has no id')
  assert.deepEqual(merge.report, {
    ...NONE,
    read: 2,
    conflicts: [
      { taskId: 'a', reason: 'is too long' },
      { taskId: '', reason: 'has no id' },
    ],
    renamed: [],
  })
})

test('a task that has another id here is renamed, and no second one is taken for it', () => {
  const merge = newMerge()
  const ours = uqt(1)
  const lookup = lookupIn(stored(ours, TIME, 'p'))
  const first = merge.take(stored(uqt(2), TIME, 'p'), lookup, isNotIncoming)
  assert.equal(first.outcome, 'unchanged')
  const second = merge.take(stored(uqt(3), TIME, 'p'), lookup, isNotIncoming)
  const reason = `is the same task as ${uqt(2)} there and ${ours} here`
  assert.deepEqual(second, { outcome: 'conflict', reason })
  assert.deepEqual(merge.report, {
    ...NONE,
    read: 2,
    unchanged: 1,
    conflicts: [{ taskId: uqt(3), reason }],
    renamed: [{ theirs: uqt(2), ours }],
  })
})

test('what was decided after a mark can be forgotten, and then be decided otherwise', () => {
  const merge = newMerge()
  const lookup = lookupIn(stored(uqt(1), TIME, 'p'), stored(uqt(2), TIME, 'q'))
  merge.take(stored(uqt(3), TIME, 'p'), lookup, isNotIncoming)
  merge.refuse(stored('a'), 'is too long')
  const before = merge.report
  const forget = merge.mark()
  merge.take(stored(uqt(4), TIME, 'q'), lookup, isNotIncoming)
  merge.refuse(stored('b'), 'is too long')
  forget()
  assert.deepEqual(merge.report, before)
  // The one before the mark is not forgotten.
  assert.equal(merge.take(stored(uqt(5), TIME, 'p'), lookup, isNotIncoming).outcome, 'conflict')
  assert.equal(merge.take(stored(uqt(5), TIME, 'q'), lookup, isNotIncoming).outcome, 'unchanged')
})

test('a report does not change with what comes after it', () => {
  const merge = newMerge()
  const { conflicts, renamed } = merge.report
  merge.refuse(stored('a'), 'is too long')
  merge.take(stored(uqt(2), TIME, 'p'), lookupIn(stored(uqt(1), TIME, 'p')), isNotIncoming)
  assert.deepEqual([conflicts, renamed], [[], []])
})

test('what was decided elsewhere is counted with the rest', () => {
  const merge = newMerge()
  merge.take(stored(uqt(1)), undefined, isNotIncoming)
  const [conflict, renamed] = [
    { taskId: 'c', reason: 'differs' },
    { theirs: 'a', ours: 'b' },
  ]
  const report = {
    read: 10,
    added: 4,
    updated: 3,
    unchanged: 2,
    kept: 1,
    conflicts: [conflict],
    renamed: [renamed],
  }
  merge.add(report)
  merge.add({ ...NONE, conflicts: [], renamed: [] })
  assert.deepEqual(merge.report, { ...report, read: 11, added: 5 })
  assert.deepEqual(merge.progress, { read: 11, added: 5, updated: 3, unchanged: 2, kept: 1, conflicts: 1 })
})

test('a report that was taken is left out of the next one', () => {
  const merge = newMerge()
  merge.take(stored(uqt(1)), undefined, isNotIncoming)
  merge.refuse(stored(uqt(2)), 'has no id')
  merge.add({ ...NONE, conflicts: [], renamed: [{ theirs: 'a', ours: 'b' }] })
  const first = merge.takeReport()
  assert.deepEqual([first.read, first.added, first.conflicts.length, first.renamed.length], [2, 1, 1, 1])
  assert.deepEqual(merge.takeReport(), { ...NONE, conflicts: [], renamed: [] })
  // It is of its own: what comes later does not change it.
  merge.refuse(stored(uqt(3)), 'has no id')
  assert.equal(first.conflicts.length, 1)
})
