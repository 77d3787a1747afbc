import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { readJsonObject } from '../../drizzle/json/cell.ts'
import { parseJson } from '../../drizzle/json/read.ts'
import type { JsonObject } from '../../drizzle/json/value.ts'
import type { TaskInfo } from '../../drizzle/schema.ts'
import {
  checkUpdate,
  isBlind,
  planUpdate,
  type TaskChanges,
  type UpdateOptions,
} from '../../src/rules/update-task.ts'
import { isInvalid, isMisuseOf } from '../support/rule-errors.ts'
import { wrong } from '../support/store.ts'

const NOW = '2026-05-03T01:02:03.123456+00:00'
const BEFORE = '2026-05-01T00:00:00.000000+00:00'
const GIVEN = '2026-04-01T00:00:00.000000+00:00'

const MISUSES: readonly (readonly [title: string, given: unknown[], word: string])[] = [
  ['an id that is not a string', [5, {}], 'taskId'],
  ['no id', [undefined, {}], 'taskId'],
  ['changes that are null', ['t', null], 'changes'],
  ['changes that are a list', ['t', []], 'changes'],
  ['a field that does not exist', ['t', { state: 'failed' }], 'state'],
  ['a field of a shard', ['t', { platformTaskId: 'p' }], 'platformTaskId'],
  ['options that are null', ['t', {}, null], 'options'],
  ['an option that does not exist', ['t', {}, { ifstatus: 'running' }], 'ifstatus'],
  ['ifStatus: null', ['t', {}, { ifStatus: null }], 'ifStatus'],
  ['ifStatus with a number', ['t', {}, { ifStatus: ['running', 5] }], 'ifStatus'],
  ['ifUpdateTime: null', ['t', {}, { ifUpdateTime: null }], 'ifUpdateTime'],
  ['ifUpdateTime: a Date', ['t', {}, { ifUpdateTime: new Date(0) }], 'ifUpdateTime'],
  ['removedMetadata: null', ['t', {}, { removedMetadata: null }], 'removedMetadata'],
  ['keepUpdateTime: "yes"', ['t', {}, { keepUpdateTime: 'yes' }], 'keepUpdateTime'],
]
for (const [title, given, word] of MISUSES) {
  test(`${title} is a TypeError that names it`, () => {
    assert.throws(() => checkUpdate(...wrong<Parameters<typeof checkUpdate>>(given)), isMisuseOf(word))
  })
}

const INVALID: readonly (readonly [field: string, value: unknown])[] = [
  ['status', 'done'],
  ['status', null],
  ['backend', ''],
  ['shots', -1],
  ['metadata', null],
  ['metadata', []],
  ['result', () => 1],
  ['submitTime', null],
  ['submitTime', 'noon'],
  ['updateTime', 'noon'],
]
for (const [field, value] of INVALID) {
  test(`${field}: ${String(value) || JSON.stringify(value)} is INVALID_TASK, and names the task and the field`, () => {
    assert.throws(() => checkUpdate('t', wrong({ [field]: value }), undefined), isInvalid('t', field))
  })
}

const STORED: TaskInfo = {
  taskId: 'uqt_1',
  backend: 'b',
  status: 'running',
  shots: 5,
  submitTime: BEFORE,
  updateTime: BEFORE,
  result: { '00': 5 },
  metadata: { a: 1, b: { c: 2 } },
  errorMessage: 'x',
}

const plan = (changes: TaskChanges, options?: UpdateOptions, stored: Partial<TaskInfo> = {}) =>
  planUpdate({ ...STORED, ...stored }, checkUpdate('uqt_1', changes, options), NOW)

test('the id of another task among the changes is a TypeError that names it', () => {
  const changes = wrong<TaskChanges>({ taskId: 'uqt_2' })
  assert.throws(() => plan(changes), isMisuseOf('taskId'))
})

for (const [title, asked, given] of [
  ['the new id of a task', 'old-1', 'uqt_1'],
  ['the old id by which it was asked for', 'old-1', 'old-1'],
  ['its one id', 'uqt_1', 'uqt_1'],
] as const) {
  test(`${title} among the changes is accepted, and the task keeps its id`, () => {
    const update = checkUpdate(asked, wrong({ taskId: given, shots: 6 }), undefined)
    const planned = planUpdate(STORED, update, NOW)
    assert.deepEqual(planned, {
      change: { shots: 6, updateTime: NOW },
      task: { ...STORED, shots: 6, updateTime: NOW },
    })
  })
}

const CONDITIONS: readonly (readonly [title: string, options: UpdateOptions, holds: boolean])[] = [
  ['another status is refused', { ifStatus: 'pending' }, false],
  ['none of several statuses is refused', { ifStatus: ['pending', 'success'] }, false],
  ['a status that only begins with it is refused', { ifStatus: 'runnin' }, false],
  ['no status at all is refused', { ifStatus: [] }, false],
  ['another update time is refused', { ifUpdateTime: NOW }, false],
  ['the same moment in another form is refused', { ifUpdateTime: '2026-05-01T00:00:00.000000Z' }, false],
  ['the status alone is not enough', { ifStatus: 'running', ifUpdateTime: NOW }, false],
  ['the time alone is not enough', { ifStatus: [], ifUpdateTime: BEFORE }, false],
  ['the status holds', { ifStatus: 'running' }, true],
  ['one of several statuses holds', { ifStatus: ['pending', 'running'] }, true],
  ['the update time holds', { ifUpdateTime: BEFORE }, true],
  ['both hold', { ifStatus: ['running'], ifUpdateTime: BEFORE }, true],
  ['conditions that are undefined hold', { ifStatus: undefined, ifUpdateTime: undefined }, true],
]
for (const [title, options, holds] of CONDITIONS) {
  test(`as a condition, ${title}`, () => assert.equal(plan({ shots: 6 }, options) !== undefined, holds))
}

const TIMES: readonly (readonly [title: string, changes: TaskChanges, keep: boolean, updateTime: string])[] =
  [
    ['an update is stamped', {}, false, NOW],
    ['an update is stamped whatever update time is given', { updateTime: GIVEN }, false, NOW],
    ['a given update time is stored if it is to be kept', { updateTime: GIVEN }, true, GIVEN],
    ['the stored update time stays if it is to be kept and none is given', {}, true, BEFORE],
  ]
for (const [title, changes, keepUpdateTime, updateTime] of TIMES) {
  test(title, () => {
    const planned = plan(changes, { keepUpdateTime })
    assert.deepEqual(planned, { change: { updateTime }, task: { ...STORED, updateTime } })
  })
}

test('what is left out or undefined is not written', () => {
  const planned = plan({ shots: undefined, result: undefined, metadata: undefined, errorMessage: undefined })
  assert.deepEqual(planned, { change: { updateTime: NOW }, task: { ...STORED, updateTime: NOW } })
})

test('every field that is given is written, JSON as text', () => {
  const columns = { backend: 'c', status: 'failed', shots: 0, submitTime: GIVEN, errorMessage: null } as const
  const planned = plan({ ...columns, result: [1] })
  assert.deepEqual(planned, {
    change: { ...columns, result: '[1]', updateTime: NOW },
    task: { ...STORED, ...columns, result: [1], updateTime: NOW },
  })
})

test('a result that is null takes the stored one away', () => {
  const planned = plan({ result: null })
  assert.equal(planned?.change.result, null)
  assert.equal(planned?.task.result, null)
})

const MERGES: readonly (readonly [title: string, stored: string, given: string, merged: string])[] = [
  ['a new key stands after the stored ones', '{"a":1,"b":2}', '{"c":3}', '{"a":1,"b":2,"c":3}'],
  [
    'a given key replaces the stored one where it stands',
    '{"a":1,"b":2}',
    '{"a":{"x":1}}',
    '{"a":{"x":1},"b":2}',
  ],
  ['an object inside is replaced, not merged', '{"a":{"x":1}}', '{"a":{"y":2}}', '{"a":{"y":2}}'],
  ['a key that is null is kept as null', '{"a":1}', '{"a":null}', '{"a":null}'],
  ['no key changes nothing', '{"a":NaN}', '{}', '{"a":NaN}'],
  ['a key __proto__ is a key', '{"a":1}', '{"__proto__":{"x":1}}', '{"a":1,"__proto__":{"x":1}}'],
  ['a list is kept under the key of version 5', '[1]', '{"a":1}', '{"legacy_metadata_raw":[1],"a":1}'],
  ['a torn text is kept under the key of version 5', '{"torn', '{}', '{"legacy_metadata_raw":"{\\"torn"}'],
  [
    'that very key, if it is given, counts',
    '{"torn',
    '{"legacy_metadata_raw":null}',
    '{"legacy_metadata_raw":null}',
  ],
  ['what cannot be read replaces all, as its text', '{"a":1}', '[1', '[1'],
]
for (const [title, stored, given, merged] of MERGES) {
  test(`of metadata, ${title}`, () => {
    const planned = plan({ metadata: readJsonObject(given) }, {}, { metadata: readJsonObject(stored) })
    assert.equal(planned?.change.metadata, merged)
    assert.deepEqual(planned?.task.metadata, readJsonObject(merged))
  })
}

const REMOVALS: readonly (readonly [
  title: string,
  stored: string,
  given: string | undefined,
  removed: readonly string[],
  merged: string | undefined,
])[] = [
  ['a key is removed', '{"a":1,"b":2}', undefined, ['a'], '{"b":2}'],
  ['several keys are removed', '{"a":1,"b":2,"c":3}', undefined, ['a', 'c', 'd'], '{"b":2}'],
  ['the only key is removed', '{"a":1}', undefined, ['a'], '{}'],
  ['a key is removed while another one is given', '{"a":1}', '{"b":2}', ['a'], '{"b":2}'],
  [
    'a key that is not there changes nothing',
    '{"a":1}',
    undefined,
    ['b', 'toString', '__proto__'],
    undefined,
  ],
  ['no key changes nothing', '{"a":1}', undefined, [], undefined],
  ['metadata that cannot be read stay', '[1]', undefined, ['a', 'text'], undefined],
  [
    'metadata that cannot be read are kept beside what is given',
    '[1]',
    '{}',
    ['a'],
    '{"legacy_metadata_raw":[1]}',
  ],
]
for (const [title, stored, given, removedMetadata, merged] of REMOVALS) {
  test(`of metadata with keys to remove, ${title}`, () => {
    const before = readJsonObject(stored)
    const changes = given === undefined ? {} : { metadata: readJsonObject(given) }
    const planned = plan(changes, { removedMetadata }, { metadata: before })
    assert.equal(planned?.change.metadata, merged)
    assert.deepEqual(planned?.task.metadata, merged === undefined ? before : readJsonObject(merged))
    // What is stored is not touched.
    assert.deepEqual(before, readJsonObject(stored))
  })
}

const BLIND: readonly (readonly [
  title: string,
  changes: TaskChanges,
  options: UpdateOptions,
  blind: boolean,
])[] = [
  ['a change of metadata needs a look', { metadata: {} }, {}, false],
  ['keys of metadata to remove need a look', {}, { removedMetadata: [] }, false],
  ['an id among the changes needs a look', wrong({ taskId: 'uqt_1' }), {}, false],
  ['an update time to be kept needs a look', { updateTime: GIVEN }, { keepUpdateTime: true }, false],
  ['other fields need none', { status: 'failed', result: null, shots: 1, errorMessage: null }, {}, true],
  ['an update time that is not kept needs none', { updateTime: GIVEN }, {}, true],
  ['conditions need none', {}, { ifStatus: 'running', ifUpdateTime: BEFORE }, true],
  ['metadata that are undefined need none', { metadata: undefined }, { keepUpdateTime: false }, true],
]
for (const [title, changes, options, blind] of BLIND) {
  test(`${title} at the task first`, () =>
    assert.equal(isBlind(checkUpdate('uqt_1', changes, options)), blind))
}

const anyMetadata: fc.Arbitrary<JsonObject> = fc
  .array(
    fc.tuple(fc.oneof(fc.constantFrom('a', 'b', '__proto__'), fc.string()), fc.jsonValue({ maxDepth: 0 })),
    {
      maxLength: 4,
    },
  )
  .map((members) => Object.fromEntries(members) as JsonObject)

test('merged metadata have each given value, and each stored one that is not given; the text says the same', () => {
  fc.assert(
    fc.property(anyMetadata, anyMetadata, (stored, given) => {
      const planned = plan({ metadata: given }, {}, { metadata: stored })
      const merged = planned?.task.metadata ?? {}
      assert.deepEqual(new Set(Object.keys(merged)), new Set([...Object.keys(stored), ...Object.keys(given)]))
      for (const key of Object.keys(merged)) {
        assert.deepEqual(merged[key], Object.hasOwn(given, key) ? given[key] : stored[key])
      }
      assert.deepEqual(parseJson(planned?.change.metadata ?? ''), merged)
      assert.deepEqual(plan({ metadata: given }, {}, { metadata: merged })?.task.metadata, merged)
    }),
  )
})
