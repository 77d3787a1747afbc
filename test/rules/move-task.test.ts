import assert from 'node:assert/strict'
import test from 'node:test'
import { TERMINAL_STATUSES } from '../../drizzle/task-status.ts'
import {
  type ArchiveOlderThanOptions,
  notMoved,
  type OnConflict,
  planArchive,
  planMove,
  readManyOptions,
  readMoveOptions,
  readOlderThanOptions,
} from '../../src/rules/move-task.ts'
import { PLACE_NAMES, type PlaceName } from '../../src/rules/place-name.ts'
import { TaskStoreError } from '../../src/rules/task-store-error.ts'
import { hasCode, isMisuseOf } from '../support/rule-errors.ts'

const NOW = Date.UTC(2026, 0, 2)

const REFUSED_MOVES: readonly (readonly [title: string, options: unknown, word: string])[] = [
  ['null', null, 'options'],
  ['a string', 'live', 'options'],
  ['an unknown option', { onconflict: 'live' }, 'onconflict'],
  ['onConflict: null', { onConflict: null }, 'onConflict'],
  ['onConflict: "archive"', { onConflict: 'archive' }, 'onConflict'],
  ['onConflict: ["live"]', { onConflict: ['live'] }, 'onConflict'],
]
for (const [title, options, word] of REFUSED_MOVES) {
  test(`${title} for the options of a move is a TypeError that names it`, () => {
    assert.throws(() => readMoveOptions(options as object), isMisuseOf(word))
  })
}

test('by default a conflict throws', () => {
  assert.deepEqual(readMoveOptions(undefined), { onConflict: 'throw' })
  assert.deepEqual(readMoveOptions({ onConflict: undefined }), { onConflict: 'throw' })
  for (const onConflict of ['throw', 'live', 'archived']) {
    assert.deepEqual(readMoveOptions({ onConflict }), { onConflict })
  }
})

const REFUSED_AGES: readonly (readonly [title: string, options: unknown, word: string])[] = [
  ['undefined', undefined, 'options'],
  ['null', null, 'options'],
  ['a number', 24, 'options'],
  ['no hours', {}, 'hours'],
  ['hours: null', { hours: null }, 'hours'],
  ['hours: "24"', { hours: '24' }, 'hours'],
  ['hours: 24n', { hours: 24n }, 'hours'],
  ['hours: NaN', { hours: Number.NaN }, 'hours'],
  ['hours: -1', { hours: -1 }, 'hours'],
  ['hours: Infinity', { hours: Infinity }, 'hours'],
  ['an unknown option', { hours: 1, days: 1 }, 'days'],
  ['statuses: null', { hours: 1, statuses: null }, 'statuses'],
  ['statuses with a number', { hours: 1, statuses: ['failed', 1] }, 'statuses'],
  ['timeZone: "Mars"', { hours: 1, timeZone: 'Mars' }, 'timeZone'],
  ['timeZone: 8', { hours: 1, timeZone: 8 }, 'timeZone'],
  ['by: null', { hours: 1, by: null }, 'by'],
  ['by: "archivedAt"', { hours: 1, by: 'archivedAt' }, 'by'],
  ['dryRun: 1', { hours: 1, dryRun: 1 }, 'dryRun'],
  ['onConflict: "keep"', { hours: 1, onConflict: 'keep' }, 'onConflict'],
]
for (const [title, options, word] of REFUSED_AGES) {
  test(`${title} for an age is a TypeError that names it`, () => {
    assert.throws(() => readOlderThanOptions(options as ArchiveOlderThanOptions, NOW), isMisuseOf(word))
  })
}

test('by default tasks are moved, by the zone of this machine, and a conflict throws', () => {
  const read = (options: ArchiveOlderThanOptions) => {
    const { isOld: _, isDue: __, step: ___, ...read } = readOlderThanOptions(options, NOW)
    return read
  }
  const by = 'submitTime'
  const statuses = TERMINAL_STATUSES
  const byDefault = { by, statuses, timeZone: undefined, dryRun: false, onConflict: 'throw' }
  assert.deepEqual(read({ hours: 1 }), byDefault)
  const given = {
    by: 'updateTime',
    statuses: ['failed'],
    timeZone: 'UTC',
    dryRun: true,
    onConflict: 'live',
  } as const
  assert.deepEqual(read({ hours: 1, ...given }), given)
})

/** With `now` at the first moment of the 2nd of January 2026. */
const AGES: readonly (readonly [
  title: string,
  options: ArchiveOlderThanOptions,
  submitTime: string,
  isDue: boolean | undefined,
])[] = [
  ['exactly as old as the hours is not due', { hours: 24 }, '2026-01-01T00:00:00.000000+00:00', false],
  ['a microsecond older is due', { hours: 24 }, '2025-12-31T23:59:59.999999+00:00', true],
  ['a microsecond younger is not due', { hours: 24 }, '2026-01-01T00:00:00.000001+00:00', false],
  ['exactly as old at another offset is not due', { hours: 24 }, '2026-01-01T08:00:00+08:00', false],
  ['a second older at another offset is due', { hours: 24 }, '2026-01-01T07:59:59+08:00', true],
  [
    'exactly as old in a zone is not due',
    { hours: 24, timeZone: 'Asia/Shanghai' },
    '2026-01-01T08:00:00',
    false,
  ],
  ['a second older in a zone is due', { hours: 24, timeZone: 'Asia/Shanghai' }, '2026-01-01T07:59:59', true],
  ['the same wall time in UTC is not due', { hours: 24, timeZone: 'UTC' }, '2026-01-01T07:59:59', false],
  ['half an hour is 30 minutes', { hours: 0.5 }, '2026-01-01T23:30:00Z', false],
  ['more than half an hour is due', { hours: 0.5 }, '2026-01-01T23:29:59.999999Z', true],
  ['of this very moment is not due after 0 hours', { hours: 0 }, '2026-01-02T00:00:00Z', false],
  ['just before this moment is due after 0 hours', { hours: 0 }, '2026-01-01T23:59:59.999999Z', true],
  ['of the future is never due', { hours: 0 }, '2026-01-02T00:00:00.000001Z', false],
  ['of the year 1 is not due after a number of hours beyond all time', { hours: 1e308 }, '0001-01-01', false],
  ['that cannot be read is neither', { hours: 24 }, 'yesterday', undefined],
  ['that does not exist is neither', { hours: 24 }, '2025-02-31T00:00:00Z', undefined],
  ['that is empty is neither', { hours: 24 }, '', undefined],
]
for (const [title, options, submitTime, isDue] of AGES) {
  test(`a time ${title}`, () => {
    const { isDue: decide } = readOlderThanOptions(options, NOW)
    assert.equal(decide({ taskId: 't', status: 'success', submitTime, updateTime: 'noon' }), isDue)
  })
}

const BY: readonly (readonly [by: 'submitTime' | 'updateTime' | undefined, isDue: boolean])[] = [
  [undefined, true],
  ['submitTime', true],
  ['updateTime', false],
]
for (const [by, isDue] of BY) {
  test(`by ${by ?? 'default'}, a task that was submitted long ago and updated now is ${isDue ? 'due' : 'not due'}`, () => {
    const { isDue: decide } = readOlderThanOptions({ hours: 24, by }, NOW)
    const [early, late] = ['2025-01-01T00:00:00Z', '2026-01-01T00:00:00Z']
    assert.equal(decide({ taskId: 't', status: 'success', submitTime: early, updateTime: late }), isDue)
    assert.equal(decide({ taskId: 't', status: 'success', submitTime: late, updateTime: early }), !isDue)
  })
}

const STATUSES: readonly (readonly [
  title: string,
  statuses: string | string[] | undefined,
  due: string[],
])[] = [
  ['by default those at their end', undefined, [...TERMINAL_STATUSES]],
  ['those of no status', [], []],
  ['those of one status', 'running', ['running']],
  ['those of several statuses', ['queued', 'failed'], ['failed', 'queued']],
]
for (const [title, statuses, due] of STATUSES) {
  test(`old tasks are due by their status: ${title}`, () => {
    const { isDue } = readOlderThanOptions({ hours: 1, statuses }, NOW)
    for (const status of ['pending', 'running', 'success', 'failed', 'cancelled', 'queued', 'fail', '']) {
      assert.equal(
        isDue({ taskId: 't', status, submitTime: '2025-01-01', updateTime: 'noon' }),
        due.includes(status),
        status,
      )
      const unreadable = due.includes(status) ? undefined : false
      assert.equal(
        isDue({ taskId: 't', status, submitTime: 'noon', updateTime: '2025-01-01' }),
        unreadable,
        status,
      )
    }
  })
}

type Outcome = 'move' | 'replace' | 'discard' | 'CONFLICT'

/** What is there, and what becomes of the move for each way to solve a conflict. */
const MOVES: readonly (readonly [
  there: string,
  task: boolean,
  shards: boolean,
  outcomes: Readonly<Record<OnConflict, (to: PlaceName) => Outcome>>,
])[] = [
  ['nothing', false, false, { throw: () => 'move', live: () => 'move', archived: () => 'move' }],
  [
    'a task',
    true,
    false,
    {
      throw: () => 'CONFLICT',
      live: (to) => (to === 'live' ? 'discard' : 'replace'),
      archived: (to) => (to === 'archived' ? 'discard' : 'replace'),
    },
  ],
  [
    'a task with shards',
    true,
    true,
    {
      throw: () => 'CONFLICT',
      live: (to) => (to === 'live' ? 'discard' : 'replace'),
      archived: (to) => (to === 'archived' ? 'discard' : 'replace'),
    },
  ],
  [
    'shards alone',
    false,
    true,
    { throw: () => 'CONFLICT', live: () => 'replace', archived: () => 'replace' },
  ],
]
for (const [there, task, shards, outcomes] of MOVES) {
  for (const onConflict of Object.keys(outcomes) as OnConflict[]) {
    for (const to of PLACE_NAMES) {
      const outcome = outcomes[onConflict](to)
      test(`if the ${to} place has ${there}, onConflict '${onConflict}' is: ${outcome}`, () => {
        const move = () => planMove('uqt_1', to, { task, shards }, onConflict)
        if (outcome === 'CONFLICT') {
          assert.throws(move, hasCode('CONFLICT', 'uqt_1', 'onConflict'))
        } else assert.equal(move(), outcome)
      })
    }
  }
}

test('a conflict says what stands in the way, and where', () => {
  const tell = (to: PlaceName, task: boolean) => {
    try {
      return planMove('uqt_1', to, { task, shards: true }, 'throw')
    } catch (error) {
      return (error as Error).message.split('onConflict', 1)[0] ?? ''
    }
  }
  for (const task of [true, false]) {
    assert.doesNotMatch(tell('live', task), /archive/)
    assert.match(tell('archived', task), /archive/)
  }
  for (const to of PLACE_NAMES) {
    assert.doesNotMatch(tell(to, true), /shard/)
    assert.match(tell(to, false), /shard/)
  }
})

for (const [given, written] of [
  [{ days: 30 }, /write \{ hours: 720 \}/],
  [{ days: '30' }, /write \{ hours: days \* 24 \}/],
] as const) {
  test(`days for an age, ${JSON.stringify(given)}, are told in hours`, () => {
    const read = () => readOlderThanOptions(given as unknown as ArchiveOlderThanOptions, NOW)
    assert.throws(read, isMisuseOf('days', 'ERR_INVALID_ARG_VALUE'))
    assert.throws(read, { message: written })
  })
}

test('days beside hours are an unknown option', () => {
  const given = { hours: 1, days: 1 } as ArchiveOlderThanOptions
  assert.throws(() => readOlderThanOptions(given, NOW), { message: /options has no "days"; it has "hours"/ })
})

test('hours without an end are told to have one', () => {
  const read = () => readOlderThanOptions({ hours: Infinity }, NOW)
  assert.throws(read, { message: /a finite number from 0/ })
})

test('a step tells how many tasks the report names, and ends at a signal', () => {
  const told: object[] = []
  const controller = new AbortController()
  const onProgress = (progress: object) => told.push(progress)
  const { step } = readOlderThanOptions({ hours: 1, onProgress, signal: controller.signal }, NOW)
  step({ archived: ['a', 'b'], conflicts: ['c'], unreadable: [] })
  assert.deepEqual(told, [{ archived: 2, conflicts: 1, unreadable: 0 }])
  controller.abort('enough')
  assert.throws(
    () => step({ archived: [], conflicts: [], unreadable: [] }),
    (reason) => reason === 'enough',
  )
})

test('many tasks are moved with a conflict for each, and are followed', () => {
  const none = { onConflict: 'throw', onProgress: undefined, signal: undefined }
  assert.deepEqual(readManyOptions(undefined), none)
  const onProgress = () => undefined
  assert.deepEqual(readManyOptions({ onConflict: 'live', onProgress }), {
    ...none,
    onConflict: 'live',
    onProgress,
  })
})

const movable = (taskId: string) => ({ taskId, status: 'success', submitTime: taskId, updateTime: '' })
const TASKS = new Map(
  ['due', 'due and taken', 'young', 'young and taken', 'unreadable'].map((id) => [id, movable(id)]),
)
/** By its time, which is its id here. */
const isDue = ({ submitTime }: { readonly submitTime: string }) =>
  submitTime === 'unreadable' ? undefined : submitTime.startsWith('due')

for (const onConflict of ['throw', 'live', 'archived'] as const) {
  test(`of some tasks those that are due are archived, with onConflict: '${onConflict}'`, () => {
    const ids = [...TASKS.keys(), 'gone', 'gone and taken']
    const taken = new Set(ids.filter((id) => id.includes('taken')))
    const isConflict = onConflict === 'throw'
    assert.deepEqual(planArchive(ids, TASKS, taken, isDue, onConflict), {
      archived: isConflict ? ['due'] : ['due', 'due and taken'],
      conflicts: isConflict ? ['due and taken'] : [],
      unreadable: ['unreadable'],
    })
  })
}

for (const [code, outcome] of [
  ['CONFLICT', 'conflict'],
  ['AMBIGUOUS_ID', 'ambiguous-id'],
] as const) {
  test(`a ${code} of one of several tasks is its outcome`, () => {
    const error = new TaskStoreError(code, 'no')
    assert.deepEqual(notMoved('a', error), { taskId: 'a', outcome, error })
  })
}

for (const error of [
  new TaskStoreError('DISK_FULL', 'no'),
  Object.assign(new Error('no'), { code: 'CONFLICT' }),
]) {
  test(`a ${error.name} ${error.code} that is not about one task ends all`, () => {
    assert.throws(
      () => notMoved('a', error),
      (thrown) => thrown === error,
    )
  })
}

test('a conflict says where the task is, or what is left of it', () => {
  const move = (to: PlaceName, task: boolean) => () => planMove('t', to, { task, shards: true }, 'throw')
  assert.throws(move('live', true), { message: /^task "t" is also live; nothing was moved/ })
  assert.throws(move('archived', true), { message: /^task "t" is also in the archive; / })
  assert.throws(move('live', false), { message: /^task "t" is not live, but shards of it are; / })
  assert.throws(move('archived', false), {
    message: /^task "t" is not in the archive, but shards of it are; /,
  })
})
