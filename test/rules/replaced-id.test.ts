import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { readJsonObject } from '../../drizzle/json/cell.ts'
import { parseJson } from '../../drizzle/json/read.ts'
import { type JsonObject, UnreadableJson } from '../../drizzle/json/value.ts'
import { stringifyJson } from '../../drizzle/json/write.ts'
import type { TaskInfo } from '../../drizzle/schema.ts'
import {
  keepReplacedId,
  keepReplacedIdText,
  namesReplacedId,
  REPLACED_ID,
  soleTask,
} from '../../src/rules/replaced-id.ts'
import { hasCode } from '../support/rule-errors.ts'

const tasks = (...ids: string[]) => ids.map((taskId) => ({ taskId }) as TaskInfo)

for (const ids of [
  ['uqt_1', 'uqt_2'],
  ['uqt_1', 'uqt_2', 'uqt_3'],
]) {
  test(`${ids.length} tasks that replaced one id are AMBIGUOUS_ID, and each is named`, () => {
    assert.throws(() => soleTask('old-1', tasks(...ids)), hasCode('AMBIGUOUS_ID', 'old-1', ids.join(', ')))
  })
}

test('the only task that replaced an id is the one', () => {
  const found = tasks('uqt_1')
  assert.equal(soleTask('old-1', found), found[0])
})

test('no task that replaced an id is none', () => assert.equal(soleTask('old-1', []), undefined))

const NAMES: readonly (readonly [title: string, metadata: JsonObject, names: boolean])[] = [
  ['empty metadata', {}, false],
  ['metadata with other keys', { legacy_metadata_raw: 'x', platform_id: 'x' }, false],
  ['metadata that inherit the key', Object.create({ [REPLACED_ID]: 'old-1' }), false],
  ['metadata with the key further inside', { a: { [REPLACED_ID]: 'old-1' } }, false],
  ['metadata with the key', { [REPLACED_ID]: 'old-1' }, true],
  ['metadata whose key is null', { [REPLACED_ID]: null }, true],
  ['metadata that cannot be read', new UnreadableJson('{"torn') as unknown as JsonObject, true],
]
for (const [title, metadata, names] of NAMES) {
  test(`${title} ${names ? 'name a replaced id, or cannot' : 'name no replaced id'}`, () => {
    assert.equal(namesReplacedId(metadata), names)
  })
}

const OLD = '{"b": 2, "legacy_platform_id": "old-1"}'

/** The texts of two cells, the stored one and the new one, and the text that is written. */
const KEPT: readonly (readonly [title: string, stored: string, given: string, kept: string])[] = [
  [
    'metadata that name another id keep it',
    OLD,
    '{"legacy_platform_id": "old-2"}',
    '{"legacy_platform_id": "old-2"}',
  ],
  [
    'metadata whose id is null keep the null',
    OLD,
    '{"legacy_platform_id":null}',
    '{"legacy_platform_id":null}',
  ],
  ['if no id is stored, the text stays as it is', '{"a": 1}', ' { "b" : 1.0 }\n', ' { "b" : 1.0 }\n'],
  ['if the stored cell is empty, the text stays as it is', '', '{"b": 1}', '{"b": 1}'],
  ['if the stored cell is null, the text stays as it is', 'null', '{}', '{}'],
  ['if the stored cell is a list, the text stays as it is', '["legacy_platform_id"]', '{}', '{}'],
  ['if the stored cell is torn, the text stays as it is', '{"legacy_platform_id": "old-1"', '{}', '{}'],
  [
    'if what is stored is a number, the text stays as it is',
    '{"legacy_platform_id": 5}',
    '{"a":1}',
    '{"a":1}',
  ],
  ['if what is stored is a list, the text stays as it is', '{"legacy_platform_id": ["x"]}', '{}', '{}'],
  ['if what is stored is null, the text stays as it is', '{"legacy_platform_id": null}', '{}', '{}'],
  ['empty metadata get the id', OLD, '{}', '{"legacy_platform_id": "old-1"}'],
  ['metadata of white space alone inside get the id', OLD, '{ \n }', '{"legacy_platform_id": "old-1"}'],
  ['an empty cell gets the id', OLD, '', '{"legacy_platform_id": "old-1"}'],
  ['the id stands after what is there', OLD, '{"a": 1}', '{"a": 1, "legacy_platform_id": "old-1"}'],
  [
    'what is there keeps its text and its order',
    OLD,
    '\t{ "10" : 1.0, "2":[ NaN, 12345678901234567890 ], "__proto__" : {"x":1} }\n',
    '{"10" : 1.0, "2":[ NaN, 12345678901234567890 ], "__proto__" : {"x":1}, "legacy_platform_id": "old-1"}',
  ],
  [
    'an id with quotes and backslashes stays what it is',
    '{"legacy_platform_id":"a\\"b\\\\c"}',
    '{"a":1}',
    '{"a":1, "legacy_platform_id": "a\\"b\\\\c"}',
  ],
  ['an empty id is an id', '{"legacy_platform_id":""}', '{}', '{"legacy_platform_id": ""}'],
]
for (const [title, stored, given, kept] of KEPT) {
  test(`${title}, as text`, () => assert.equal(keepReplacedIdText(stored, given), kept))
  test(`${title}, as a value`, () => {
    const read = readJsonObject(given)
    const value = keepReplacedId(readJsonObject(stored), read)
    assert.deepEqual(value, readJsonObject(kept))
    // A caller sees by it that nothing was added.
    assert.equal(value === read, given === kept)
  })
}

const NOT_OBJECTS: readonly (readonly [given: string, raw: string])[] = [
  ['[1.0]', '[1]'],
  ['null', 'null'],
  ['"legacy_platform_id"', '"legacy_platform_id"'],
  ['NaN', 'NaN'],
  ['{"torn', '"{\\"torn"'],
]
for (const [given, raw] of NOT_OBJECTS) {
  test(`the cell ${given} is kept under the key of version 5 beside the id`, () => {
    const expected = `{"legacy_metadata_raw": ${raw}, "legacy_platform_id": "old-1"}`
    assert.equal(keepReplacedIdText(OLD, given), expected)
  })
}

test('a cell that is not an object stays as it is if no id is stored', () => {
  for (const [given] of NOT_OBJECTS) assert.equal(keepReplacedIdText('{"a":1}', given), given)
})

test('metadata that cannot be read stay as they are', () => {
  const torn = readJsonObject('{"torn')
  assert.equal(keepReplacedId(readJsonObject(OLD), torn), torn)
})

const anyKey = fc.oneof(fc.constantFrom(REPLACED_ID, '__proto__', 'legacy_metadata_raw'), fc.string())
const anyMembers = fc.array(fc.tuple(anyKey, fc.jsonValue({ maxDepth: 0 })), { maxLength: 5 })
const anyStoredId = fc.option(fc.oneof(fc.string(), fc.jsonValue({ maxDepth: 0 })))
const textOf = (members: readonly (readonly [string, unknown])[]) =>
  stringifyJson(Object.fromEntries(members))

test('on values and on texts the same id is kept', () => {
  fc.assert(
    fc.property(anyMembers, anyStoredId, anyMembers, (others, id, members) => {
      const rest = others.filter(([key]) => key !== REPLACED_ID)
      const stored = textOf(id === null ? rest : [...rest, [REPLACED_ID, id]])
      const given = textOf(members)
      const value = keepReplacedId(parseJson(stored) as JsonObject, parseJson(given) as JsonObject)
      const text = keepReplacedIdText(stored, given)
      assert.deepEqual(parseJson(text), value)
      assert.equal(keepReplacedIdText(stored, text), text)
      if (typeof id === 'string') assert.equal(namesReplacedId(value), true)
    }),
  )
})
