import assert from 'node:assert/strict'
import test from 'node:test'
import {
  haveSamePlatformIds,
  idsOf,
  isSameTime,
  mismatch,
  type PlatformId,
  platformIdsOf,
  preferSameTime,
} from '../../src/rules/match-tasks.ts'
import type { RawShard, RawTask, StoredTask } from '../../src/rules/raw-task.ts'

const UQT = `uqt_${'1'.repeat(32)}`
const TIME = '2026-01-01T00:00:00.000000+00:00'

function stored(taskId: string, platformIds: readonly string[] = [], submitTime = TIME): StoredTask {
  return {
    task: { taskId, backend: 'b', submitTime } as RawTask,
    archivedAt: null,
    shards: platformIds.map((name) => {
      const [platformTaskId, backend = 'b'] = name.split('@')
      return { uniqcTaskId: taskId, platformTaskId, backend } as RawShard
    }),
  }
}

const PLATFORM_IDS: readonly (readonly [title: string, task: StoredTask, ids: readonly PlatformId[]])[] = [
  ['a task of version 5 without shards has none', stored(UQT), []],
  ['any id that begins with uqt_ and has no shards has none', stored('uqt_mine'), []],
  ['an older task without shards has its own id', stored('old-1'), [{ id: 'old-1', backend: 'b' }]],
  [
    'an id that holds uqt_ further on is an older one',
    stored('my-uqt_1'),
    [{ id: 'my-uqt_1', backend: 'b' }],
  ],
  [
    'a task with shards has theirs, on their backends',
    stored(UQT, ['p1', 'p2@c']),
    [
      { id: 'p1', backend: 'b' },
      { id: 'p2', backend: 'c' },
    ],
  ],
  [
    'an older task with shards has theirs, not its own',
    stored('old-1', ['p1']),
    [{ id: 'p1', backend: 'b' }],
  ],
]
for (const [title, task, ids] of PLATFORM_IDS) {
  test(`of ids on a platform, ${title}`, () => assert.deepEqual(platformIdsOf(task), ids))
}

test('a task is known by its id and by those of its shards', () => {
  assert.deepEqual(idsOf(stored('old-1')), ['old-1'])
  assert.deepEqual(idsOf(stored(UQT, ['p1', 'p2'])), [UQT, 'p1', 'p2'])
})

const SAME_IDS: readonly (readonly [title: string, a: StoredTask, b: StoredTask, same: boolean])[] = [
  ['other ids', stored(UQT, ['p1']), stored('uqt_2', ['p2']), false],
  ['one id more', stored(UQT, ['p1']), stored('uqt_2', ['p1', 'p2']), false],
  ['some ids in common', stored(UQT, ['p1', 'p2']), stored('uqt_2', ['p1', 'p3']), false],
  ['one id on other backends', stored(UQT, ['p1']), stored('uqt_2', ['p1@c']), false],
  ['the ids of one and none of the other', stored(UQT, ['p1']), stored('uqt_2'), false],
  ['one id', stored(UQT, ['p1']), stored('uqt_2', ['p1']), true],
  ['the ids in another order', stored(UQT, ['p1', 'p2']), stored('uqt_2', ['p2', 'p1']), true],
  ['one id twice', stored(UQT, ['p1', 'p1']), stored('uqt_2', ['p1']), true],
  [
    'the id from before version 5 and the one of the shard that it became',
    stored('old-1'),
    stored(UQT, ['old-1']),
    true,
  ],
]
for (const [title, a, b, same] of SAME_IDS) {
  test(`two tasks with ${title} ${same ? 'have the same ids' : 'do not have the same ids'}`, () => {
    assert.equal(haveSamePlatformIds(a, b), same)
    assert.equal(haveSamePlatformIds(b, a), same)
  })
}

const TIMES: readonly (readonly [
  title: string,
  a: string,
  b: string,
  zone: string | undefined,
  same: boolean,
])[] = [
  ['a microsecond apart', TIME, '2026-01-01T00:00:00.000001+00:00', 'UTC', false],
  ['one wall time at two offsets', TIME, '2026-01-01T00:00:00+08:00', 'UTC', false],
  ['one wall time without an offset, in another zone', TIME, '2026-01-01T00:00:00', 'Asia/Shanghai', false],
  ['two texts that are not times', 'noon', 'midday', 'UTC', false],
  ['a time and a text that is not', TIME, 'noon', 'UTC', false],
  ['one text that is not a time', 'noon', 'noon', 'UTC', true],
  ['one text', TIME, TIME, undefined, true],
  ['two forms of one moment', TIME, '2026-01-01 00:00Z', undefined, true],
  ['one moment at two offsets', TIME, '2026-01-01T08:00:00+08:00', 'UTC', true],
  ['one moment, once without an offset', TIME, '2026-01-01T08:00:00', 'Asia/Shanghai', true],
]
for (const [title, a, b, zone, same] of TIMES) {
  test(`${title} ${same ? 'is one time' : 'is not one time'}`, () => {
    assert.equal(isSameTime(a, b, zone), same)
    assert.equal(isSameTime(b, a, zone), same)
  })
}

const PREFERRED: readonly (readonly [
  title: string,
  times: readonly string[],
  preferred: readonly number[],
])[] = [
  ['none is found', [], []],
  ['the only one is of another time', ['2025-12-31'], [0]],
  ['none is of that time', ['2025-12-31', 'noon'], [0, 1]],
  ['one is of that time', ['2025-12-31', TIME, 'noon'], [1]],
  ['one is of that moment, written otherwise', ['2025-12-31', '2026-01-01T08:00:00+08:00'], [1]],
  ['several are of that time', [TIME, '2025-12-31', '2026-01-01T00:00:00Z'], [0, 2]],
]
for (const [title, times, preferred] of PREFERRED) {
  test(`of the tasks that may be the one, if ${title}, ${preferred.length} are left`, () => {
    const found = times.map((time, index) => stored(`uqt_${index}`, [], time))
    const left = preferSameTime(stored(UQT), found, 'UTC')
    assert.deepEqual(
      left,
      preferred.map((index) => found[index]),
    )
  })
}

test('the zone decides which task is of that time', () => {
  const found = [stored('uqt_0', [], '2026-01-01T00:00:00'), stored('uqt_1', [], '2026-01-01T08:00:00')]
  assert.deepEqual(preferSameTime(stored(UQT), found, 'UTC'), [found[0]])
  assert.deepEqual(preferSameTime(stored(UQT), found, '+08:00'), [found[1]])
})

interface Match {
  readonly incoming?: StoredTask
  readonly found: readonly StoredTask[]
  readonly matched?: string
  readonly zone?: string
  /** What the reason names; undefined where there is none. */
  readonly named: readonly string[] | undefined
}

const LATER = '2026-01-02T00:00:00+00:00'
const MATCHES: readonly (readonly [title: string, match: Match])[] = [
  ['several tasks are not one', { found: [stored('uqt_a'), stored('uqt_b')], named: ['uqt_a, uqt_b'] }],
  [
    'several tasks are not one, whatever was taken for one before',
    { found: [stored('uqt_a'), stored('uqt_b')], matched: 'theirs', named: ['uqt_a', 'uqt_b'] },
  ],
  [
    'a task that another one was taken for is not taken again',
    { found: [stored(UQT)], matched: 'theirs', named: ['theirs', UQT] },
  ],
  [
    'an id that a person made up, at another time, is another task',
    { incoming: stored('mine'), found: [stored('mine', [], LATER)], named: [TIME, LATER] },
  ],
  [
    'an id that is not quite of version 5, at another time, is another task',
    { incoming: stored('uqt_mine'), found: [stored('uqt_mine', [], LATER)], named: [TIME, LATER] },
  ],
  [
    'an id that a person made up, at another moment of this zone, is another task',
    {
      incoming: stored('mine', [], '2026-01-01T00:00:00'),
      found: [stored('mine', [], TIME)],
      zone: '+08:00',
      named: ['2026-01-01T00:00:00', TIME],
    },
  ],
  ['nothing found is nothing in the way', { found: [], named: undefined }],
  [
    'nothing found is nothing in the way, whatever was taken before',
    { found: [], matched: 'theirs', named: undefined },
  ],
  ['an id of version 5 is that task at any time', { found: [stored(UQT, [], LATER)], named: undefined }],
  [
    'an id of version 5 is that task under any id here',
    { found: [stored('old-1', [], LATER)], named: undefined },
  ],
  [
    'an id that a person made up, at one moment, is that task',
    { incoming: stored('mine'), found: [stored('mine', [], '2026-01-01T00:00:00Z')], named: undefined },
  ],
  [
    'an id that a person made up, at one moment of this zone, is that task',
    {
      incoming: stored('mine', [], '2026-01-01T08:00:00'),
      found: [stored('mine', [], TIME)],
      zone: '+08:00',
      named: undefined,
    },
  ],
]
for (const [title, { incoming = stored(UQT), found, matched, zone = 'UTC', named }] of MATCHES) {
  test(title, () => {
    const reason = mismatch(incoming, found, matched, zone)
    if (named === undefined) assert.equal(reason, undefined)
    else for (const name of named) assert.ok(reason?.includes(name), reason ?? 'no reason')
  })
}
