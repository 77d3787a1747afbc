import assert from 'node:assert/strict'
import test from 'node:test'
import { encodeCursor } from '../../src/rules/cursor.ts'
import {
  type CheckedFilter,
  checkFilter,
  checkList,
  checkPage,
  checkTaskList,
  places,
  readFindShardsOptions,
  type TaskFilter,
  type TaskListOptions,
} from '../../src/rules/task-filter.ts'
import { isMisuseOf } from '../support/rule-errors.ts'
import { wrong } from '../support/store.ts'

const MOST = Number.MAX_SAFE_INTEGER
const CURSOR = { submitTime: '2026-05-03', rowid: 42, isArchived: false }

const REFUSED_FILTERS: readonly (readonly [title: string, filter: unknown, word: string])[] = [
  ['an unknown field', { state: 'failed' }, 'state'],
  ['an unknown field that is undefined', { state: undefined }, 'state'],
  ['status: null', { status: null }, 'status'],
  ['status: 5', { status: 5 }, 'status'],
  ['status: a Set', { status: new Set(['failed']) }, 'status'],
  ['status with undefined', { status: ['failed', undefined] }, 'status'],
  ['backend: null', { backend: null }, 'backend'],
  ['backend: a list', { backend: ['b'] }, 'backend'],
  ['platform: null', { platform: null }, 'platform'],
  ['platform: a list', { platform: ['p'] }, 'platform'],
  ['submittedAfter: null', { submittedAfter: null }, 'submittedAfter'],
  ['submittedAfter: a number', { submittedAfter: 0 }, 'submittedAfter'],
  ['submittedAfter: an invalid Date', { submittedAfter: new Date(Number.NaN) }, 'submittedAfter'],
  ['submittedAfter: a text that is not a time', { submittedAfter: 'noon' }, 'submittedAfter'],
  ['submittedAfter: a year', { submittedAfter: '2026' }, 'submittedAfter'],
  ['submittedBefore: an empty text', { submittedBefore: '' }, 'submittedBefore'],
  ['submittedBefore: a Date after the year 9999', { submittedBefore: new Date(8.64e15) }, 'submittedBefore'],
  ['submittedBefore: null', { submittedBefore: null }, 'submittedBefore'],
  ['submittedBefore: an object', { submittedBefore: {} }, 'submittedBefore'],
  ['submittedBefore: an invalid Date', { submittedBefore: new Date('noon') }, 'submittedBefore'],
]
const REFUSED_LISTS: readonly (readonly [title: string, options: unknown, word: string])[] = [
  ...REFUSED_FILTERS,
  ['limit: null', { limit: null }, 'limit'],
  ['limit: "5"', { limit: '5' }, 'limit'],
  ['limit: 5n', { limit: 5n }, 'limit'],
  ['limit: 1.5', { limit: 1.5 }, 'limit'],
  ['limit: NaN', { limit: Number.NaN }, 'limit'],
  ['limit: Infinity', { limit: Infinity }, 'limit'],
  ['limit: 2^53', { limit: 2 ** 53 }, 'limit'],
  ['offset: null', { offset: null }, 'offset'],
  ['offset: -1', { offset: -1 }, 'offset'],
  ['offset: 1.5', { offset: 1.5 }, 'offset'],
  ['offset: 2^53', { offset: 2 ** 53 }, 'offset'],
  ['after: null', { after: null }, 'after'],
  ['after: a number', { after: 42 }, 'after'],
  ['after: a cursor that was read', { after: CURSOR }, 'after'],
  ['after: an empty string', { after: '' }, 'after'],
  ['after: a time', { after: '2026-05-03' }, 'after'],
]
const REFUSED_TASK_LISTS: readonly (readonly [title: string, options: unknown, word: string])[] = [
  ...REFUSED_LISTS,
  ['archived: null', { archived: null }, 'archived'],
  ['archived: "true"', { archived: 'true' }, 'archived'],
  ['archived: "live"', { archived: 'live' }, 'archived'],
  ['archived: 1', { archived: 1 }, 'archived'],
]
for (const [check, cases] of [
  [checkFilter, [...REFUSED_FILTERS, ['limit: 5', { limit: 5 }, 'limit'], ['null', null, 'filter']]],
  [
    checkList,
    [...REFUSED_LISTS, ['archived: true', { archived: true }, 'archived'], ['null', null, 'options']],
  ],
  [checkTaskList, [...REFUSED_TASK_LISTS, ['null', null, 'options'], ['a list', [], 'options']]],
] as const) {
  for (const [title, options, word] of cases) {
    test(`${check.name}: ${title} is a TypeError that names it`, () => {
      assert.throws(() => check(wrong(options)), isMisuseOf(word))
    })
  }
}

const NONE: CheckedFilter = {
  statuses: undefined,
  backend: undefined,
  platform: undefined,
  submittedAfter: undefined,
  submittedBefore: undefined,
}

const FILTERS: readonly (readonly [
  title: string,
  filter: TaskFilter | undefined,
  checked: Partial<CheckedFilter>,
])[] = [
  ['no filter', undefined, {}],
  ['an empty filter', {}, {}],
  ['undefined fields', { status: undefined, backend: undefined, submittedAfter: undefined }, {}],
  ['one status', { status: 'failed' }, { statuses: ['failed'] }],
  ['an unknown status', { status: 'queued' }, { statuses: ['queued'] }],
  ['an empty status', { status: '' }, { statuses: [''] }],
  ['a list of one status', { status: ['failed'] }, { statuses: ['failed'] }],
  ['no status at all', { status: [] }, { statuses: [] }],
  ['several statuses', { status: ['success', 'failed'] }, { statuses: ['success', 'failed'] }],
  ['a status twice', { status: ['b', 'a', 'b', 'a'] }, { statuses: ['b', 'a'] }],
  ['one status twice', { status: ['a', 'a'] }, { statuses: ['a'] }],
  ['a backend and a platform', { backend: 'b', platform: 'p' }, { backend: 'b', platform: 'p' }],
  ['an empty backend', { backend: '', platform: '' }, { backend: '', platform: '' }],
  [
    'times as text, which stay as they are',
    { submittedAfter: '2026-01-01', submittedBefore: '2026-01-01 12:00+08:00' },
    { submittedAfter: '2026-01-01', submittedBefore: '2026-01-01 12:00+08:00' },
  ],
  [
    'Dates, which become text as the file holds it',
    { submittedAfter: new Date(0), submittedBefore: new Date(Date.UTC(2026, 4, 3, 1, 2, 3, 123)) },
    {
      submittedAfter: '1970-01-01T00:00:00.000000+00:00',
      submittedBefore: '2026-05-03T01:02:03.123000+00:00',
    },
  ],
  [
    'a Date before 1970',
    { submittedAfter: new Date(-1) },
    { submittedAfter: '1969-12-31T23:59:59.999000+00:00' },
  ],
]
for (const [title, filter, checked] of FILTERS) {
  test(`a filter of ${title} is read`, () => {
    const expected = { ...NONE, ...checked }
    assert.deepEqual(checkFilter(filter), expected)
    assert.deepEqual(checkList(filter).filter, expected)
    assert.deepEqual(checkTaskList(filter).filter, expected)
  })
}

const LISTS: readonly (readonly [title: string, options: TaskListOptions, read: object])[] = [
  ['nothing is all from the first one', {}, {}],
  ['limit 0 is 0', { limit: 0 }, { limit: 0 }],
  ['limit -1 is -1', { limit: -1 }, { limit: -1 }],
  ['any negative limit is itself', { limit: -5 }, { limit: -5 }],
  ['the lowest limit is itself', { limit: -MOST }, { limit: -MOST }],
  ['the highest limit is itself', { limit: MOST }, { limit: MOST }],
  ['limit undefined is all', { limit: undefined, offset: undefined, after: undefined }, {}],
  ['offset 0 is 0', { offset: 0 }, { offset: 0 }],
  ['the highest offset is itself', { offset: MOST }, { offset: MOST }],
  ['a cursor is read', { after: encodeCursor(CURSOR) }, { after: CURSOR }],
  [
    'a filter goes with it',
    { status: 'failed', limit: 5 },
    { limit: 5, filter: { ...NONE, statuses: ['failed'] } },
  ],
]
for (const [title, options, read] of LISTS) {
  test(`of the options of a list, ${title}`, () => {
    const expected = { filter: NONE, limit: -1, offset: 0, after: undefined, ...read }
    assert.deepEqual(checkList(options), expected)
    assert.deepEqual(checkTaskList(options), { ...expected, places: ['live'] })
  })
}

for (const limit of [0, -1, -MOST]) {
  test(`a page of at most ${limit} tasks is a TypeError that names the limit`, () => {
    assert.throws(() => checkPage({ limit }), isMisuseOf('limit', 'ERR_INVALID_ARG_VALUE'))
  })
}

test('a page has at most 100 tasks by default, else as many as are asked for', () => {
  for (const options of [undefined, {}, { limit: undefined }]) assert.equal(checkPage(options).limit, 100)
  for (const limit of [1, 100, 101, MOST]) assert.equal(checkPage({ limit }).limit, limit)
  const { limit: _, ...list } = checkTaskList({ status: 'failed', archived: 'both', offset: 5 })
  const { limit: __, ...page } = checkPage({ status: 'failed', archived: 'both', offset: 5 })
  assert.deepEqual(page, list)
})

const PLACES = [
  [undefined, ['live']],
  [false, ['live']],
  [true, ['archived']],
  ['both', ['live', 'archived']],
] as const
for (const [archived, expected] of PLACES) {
  test(`archived: ${archived} means the places ${expected.join(' and ')}`, () => {
    assert.deepEqual(checkTaskList({ archived }).places, expected)
    assert.deepEqual(places('archived', archived), expected)
  })
}

for (const [title, options, word] of [
  ['null', null, 'options'],
  ['an unknown option', { platform: 'p' }, 'platform'],
  ['backend: null', { backend: null }, 'backend'],
] as const) {
  test(`finding shards, ${title} is a TypeError that names it`, () => {
    assert.throws(() => readFindShardsOptions(wrong(options)), isMisuseOf(word))
  })
}

test('shards are found on any backend by default', () => {
  assert.deepEqual(readFindShardsOptions(undefined), { backend: undefined })
  assert.deepEqual(readFindShardsOptions({ backend: 'b' }), { backend: 'b' })
})

for (const [check, name] of [
  [checkFilter, 'filter'],
  [checkList, 'options'],
  [checkTaskList, 'options'],
  [checkPage, 'options'],
] as const) {
  test(`a status alone is told where it belongs by ${check.name}`, () => {
    assert.throws(() => check(wrong('running')), {
      code: 'ERR_INVALID_ARG_TYPE',
      argument: name,
      message: `${name} must be an object, not a string; write { status: "running" }`,
    })
    assert.throws(() => check(wrong(5)), {
      argument: name,
      message: `${name} must be an object, not a number`,
    })
  })
}

test('a page of no task is told how many it may have', () => {
  assert.throws(() => checkPage({ limit: 0 }), { message: 'limit must be a whole number from 1, not 0' })
})
