import assert from 'node:assert/strict'
import test from 'node:test'
import { readJsonObject } from '../../drizzle/json/cell.ts'
import { type JsonObject, UnreadableJson } from '../../drizzle/json/value.ts'
import type { NewTaskInfo, TaskInfo } from '../../drizzle/schema.ts'
import { checkNewTask } from '../../src/rules/check-task.ts'
import {
  readSaveManyOptions,
  readSaveOptions,
  rowUnderNewId,
  type TaskRow,
  taskRow,
} from '../../src/rules/save-task.ts'
import { isMisuseOf } from '../support/rule-errors.ts'

const NOW = '2026-05-03T01:02:03.123456+00:00'
const GIVEN = '2026-01-01T00:00:00.000000+00:00'

const REFUSED_OPTIONS: readonly (readonly [title: string, options: unknown, word: string])[] = [
  ['null', null, 'options'],
  ['a list', [], 'options'],
  ['a string', 'keepUpdateTime', 'options'],
  ['an unknown option', { keepUpdatetime: true }, 'keepUpdatetime'],
  ['an unknown option that is undefined', { refreshTask: undefined }, 'refreshTask'],
  ['keepUpdateTime: null', { keepUpdateTime: null }, 'keepUpdateTime'],
  ['keepUpdateTime: 1', { keepUpdateTime: 1 }, 'keepUpdateTime'],
  ['keepUpdateTime: "false"', { keepUpdateTime: 'false' }, 'keepUpdateTime'],
]
for (const [title, options, word] of REFUSED_OPTIONS) {
  test(`${title} for options is a TypeError that names it`, () => {
    assert.throws(() => readSaveOptions(options as object), isMisuseOf(word))
  })
}

for (const [options, keepUpdateTime] of [
  [undefined, false],
  [{}, false],
  [{ keepUpdateTime: undefined }, false],
  [{ keepUpdateTime: false }, false],
  [{ keepUpdateTime: true }, true],
] as const) {
  test(`the options ${JSON.stringify(options) ?? 'undefined'} mean keepUpdateTime: ${keepUpdateTime}`, () => {
    assert.deepEqual(readSaveOptions(options), { keepUpdateTime })
  })
}

const row = (given: Partial<NewTaskInfo> = {}, keepUpdateTime = false) =>
  taskRow(checkNewTask({ taskId: 'old-1', backend: 'b', status: 'running', ...given }), keepUpdateTime, NOW)

/** Asserts that a row has these fields, and whatever else the store marks it with. */
function assertHas(row: TaskRow, expected: Partial<TaskRow>): void {
  const fields = Object.keys(expected) as (keyof TaskRow)[]
  assert.deepEqual(Object.fromEntries(fields.map((field) => [field, row[field]])), expected)
}

test('what is not given has its default, and the submit time is for a new task', () => {
  assertHas(row(), {
    taskId: 'old-1',
    backend: 'b',
    status: 'running',
    shots: 0,
    submitTime: NOW,
    isTimed: false,
    updateTime: NOW,
    result: null,
    metadata: '{}',
    errorMessage: null,
    namesReplacedId: 0,
  })
})

test('what is given is bound, JSON as text', () => {
  const given = { shots: 5, submitTime: GIVEN, result: { '00': 5 }, metadata: { a: [1] }, errorMessage: 'x' }
  assertHas(row(given), {
    taskId: 'old-1',
    backend: 'b',
    status: 'running',
    shots: 5,
    submitTime: GIVEN,
    isTimed: true,
    updateTime: NOW,
    result: '{"00":5}',
    metadata: '{"a":[1]}',
    errorMessage: 'x',
    namesReplacedId: 0,
  })
})

const TIMES: readonly (readonly [title: string, given: string | undefined, keep: boolean, stored: string])[] =
  [
    ['a given update time is not stored', GIVEN, false, NOW],
    ['a given update time that is to be kept is stored', GIVEN, true, GIVEN],
    ['without an update time to keep, it is now', undefined, true, NOW],
  ]
for (const [title, updateTime, keep, stored] of TIMES) {
  test(title, () => {
    const planned = row({ updateTime }, keep)
    assert.equal(planned.updateTime, stored)
    assert.equal(planned.isStamped, stored === NOW)
  })
}

const unreadable = (text: string) => new UnreadableJson(text) as unknown as JsonObject

const NAMES: readonly (readonly [title: string, metadata: JsonObject, names: 0 | 1])[] = [
  ['metadata without a replaced id name none', { a: 1 }, 0],
  ['metadata with a replaced id name one', { legacy_platform_id: 'old-1' }, 1],
  ['metadata that cannot be read cannot name one, and nothing is added to them', unreadable('[1]'), 1],
]
for (const [title, metadata, names] of NAMES) {
  test(title, () => assert.equal(row({ metadata }).namesReplacedId, names))
}

test('a result that cannot be read is bound as its text', () => {
  assert.equal(row({ result: unreadable('{"torn') }).result, '{"torn')
})

const stored = (metadata: string) => ({ taskId: 'uqt_1', metadata: readJsonObject(metadata) }) as TaskInfo
const OLD = '{"legacy_platform_id": "old-1", "b": 2}'

interface UnderNewId {
  readonly stored: TaskInfo | undefined
  /** Whether a shard still has the replaced id. */
  readonly isReplaced: boolean
  readonly metadata: string
  readonly expected: { readonly taskId: string; readonly metadata: string }
}

const UNDER_NEW_ID: readonly (readonly [title: string, given: UnderNewId])[] = [
  [
    'a task that is not stored keeps its id',
    {
      stored: undefined,
      isReplaced: true,
      metadata: '{"a":1}',
      expected: { taskId: 'old-1', metadata: '{"a":1}' },
    },
  ],
  [
    'a task goes under its new id, and names the old one',
    {
      stored: stored(OLD),
      isReplaced: true,
      metadata: '{"a":1}',
      expected: { taskId: 'uqt_1', metadata: '{"a":1,"legacy_platform_id":"old-1"}' },
    },
  ],
  [
    'an id that no shard has any more is not named',
    {
      stored: stored(OLD),
      isReplaced: false,
      metadata: '{"a":1}',
      expected: { taskId: 'uqt_1', metadata: '{"a":1}' },
    },
  ],
  [
    'a stored task that names no id adds none',
    {
      stored: stored('{}'),
      isReplaced: true,
      metadata: '{"a":1}',
      expected: { taskId: 'uqt_1', metadata: '{"a":1}' },
    },
  ],
  [
    'metadata that name an id keep theirs',
    {
      stored: stored(OLD),
      isReplaced: true,
      metadata: '{"legacy_platform_id":"other"}',
      expected: { taskId: 'uqt_1', metadata: '{"legacy_platform_id":"other"}' },
    },
  ],
  [
    'metadata that cannot be read stay as they are',
    {
      stored: stored(OLD),
      isReplaced: true,
      metadata: '[1]',
      expected: { taskId: 'uqt_1', metadata: '[1]' },
    },
  ],
  [
    'a stored task whose metadata cannot be read adds no id',
    {
      stored: stored('{"torn'),
      isReplaced: true,
      metadata: '{}',
      expected: { taskId: 'uqt_1', metadata: '{}' },
    },
  ],
]
for (const [title, { stored, isReplaced, metadata, expected }] of UNDER_NEW_ID) {
  test(title, () => {
    const given: TaskRow = { ...row(), metadata }
    const planned = rowUnderNewId(given, stored, (task, replacedId) => {
      assert.equal(task, stored)
      assert.equal(replacedId, 'old-1')
      return isReplaced
    })
    assert.deepEqual(planned, {
      row: { ...given, ...expected },
      metadata: readJsonObject(expected.metadata),
    })
  })
}

test('the options of many saves are those of one, and those of a long call', () => {
  const none = { keepUpdateTime: false, onProgress: undefined, signal: undefined }
  assert.deepEqual(readSaveManyOptions(undefined), none)
  const onProgress = () => undefined
  assert.deepEqual(readSaveManyOptions({ keepUpdateTime: true, onProgress }), {
    ...none,
    keepUpdateTime: true,
    onProgress,
  })
  assert.throws(() => readSaveManyOptions({ keep: true } as object), isMisuseOf('keep'))
})
