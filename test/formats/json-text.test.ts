import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { parseJson } from '../../drizzle/json/read.ts'
import { endOfString, splitArray, splitObject } from '../../drizzle/json/text.ts'

const ENDS: readonly (readonly [text: string, at: number, end: number])[] = [
  ['"', 0, -1],
  ['"a', 0, -1],
  ['"a\\"', 0, -1],
  ['"a\\\\\\"', 0, -1],
  ['""', 0, 2],
  ['"a" "b"', 0, 3],
  ['"a" "b"', 4, 7],
  ['"a\\"b"', 0, 6],
  ['"a\\\\"b"', 0, 5],
  ['"\\\\\\""', 0, 6],
]
for (const [text, at, end] of ENDS) {
  test(`the string at ${at} of ${text} ends at ${end}`, () => assert.equal(endOfString(text, at), end))
}

const OBJECTS: readonly (readonly [text: string, members: readonly (readonly [string, string])[]])[] = [
  ['{}', []],
  [' { } ', []],
  ['{"a":1}', [['a', '1']]],
  [
    '\r\n{ "a" : 1.0 ,\t"b":-0.0\n}',
    [
      ['a', '1.0'],
      ['b', '-0.0'],
    ],
  ],
  [
    '{"10":NaN,"2":-Infinity, "1": 12345678901234567890123}',
    [
      ['10', 'NaN'],
      ['2', '-Infinity'],
      ['1', '12345678901234567890123'],
    ],
  ],
  [
    '{"__proto__": {"x" : 1.50 }, "constructor":[ ]}',
    [
      ['__proto__', '{"x" : 1.50 }'],
      ['constructor', '[ ]'],
    ],
  ],
  [
    '{"a":"}\\"]","b":["{\\\\",[{"c":"]"}]], "d": null}',
    [
      ['a', '"}\\"]"'],
      ['b', '["{\\\\",[{"c":"]"}]]'],
      ['d', 'null'],
    ],
  ],
  ['{"a":1,"a":2}', [['a', '2']]],
  ['{"\\u0061\\n\\ud800":true}', [['a\n\ud800', 'true']]],
  ['{"":""}', [['', '""']]],
]
for (const [text, members] of OBJECTS) {
  test(`the members of ${JSON.stringify(text)}`, () => assert.deepEqual([...splitObject(text)], members))
}

const ARRAYS: readonly (readonly [text: string, items: readonly string[]])[] = [
  ['[]', []],
  [' [ ] ', []],
  ['[1]', ['1']],
  ['[ 1.0 , NaN,-Infinity\n,1e5 ]', ['1.0', 'NaN', '-Infinity', '1e5']],
  ['[[],{},[[1, 2]], "],[" ]', ['[]', '{}', '[[1, 2]]', '"],["']],
  ['[{"a": "}"}, 12345678901234567890123]', ['{"a": "}"}', '12345678901234567890123']],
]
for (const [text, items] of ARRAYS) {
  test(`the items of ${JSON.stringify(text)}`, () => assert.deepEqual(splitArray(text), items))
}

const anyString = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^["\\{}[\],: ]{0,6}$/))
const anyKey = fc.oneof(anyString, fc.constantFrom('__proto__', 'constructor', '0', '10'))
const anyValue = fc.jsonValue({ stringUnit: 'binary', maxDepth: 4 })
const anyIndent = fc.constantFrom('', ' ', '\t', '\r\n ')

test('a string ends where JSON says, whatever follows', () => {
  fc.assert(
    fc.property(anyString, anyString, (string, rest) => {
      const text = JSON.stringify(string)
      assert.equal(endOfString(text + rest, 0), text.length)
    }),
  )
})

test('the members of any object have the keys of JSON.parse, each with the text of its value', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anyKey, anyValue)), anyIndent, (entries, indent) => {
      const object = Object.fromEntries(entries)
      const text = JSON.stringify(object, null, indent)
      const members = splitObject(text)
      assert.deepEqual([...members.keys()], Object.keys(object))
      const parsed = Object.fromEntries([...members].map(([key, member]) => [key, JSON.parse(member)]))
      assert.deepEqual(parsed, JSON.parse(text))
      for (const member of members.values()) assert.equal(member, member.trim())
    }),
  )
})

test('the items of any array are the texts of its values', () => {
  fc.assert(
    fc.property(fc.array(anyValue), anyIndent, (array, indent) => {
      const text = JSON.stringify(array, null, indent)
      const items = splitArray(text)
      assert.deepEqual(
        items.map((item) => JSON.parse(item)),
        JSON.parse(text),
      )
      for (const item of items) assert.equal(item, item.trim())
    }),
  )
})

/** Texts whose spelling JSON.parse loses, or that it does not read. */
const anySpelling = fc.constantFrom(
  ...['1.0', '-0.0', '1.50', '1E+2', 'NaN', 'Infinity', '-Infinity', '12345678901234567890123', '"\\u00e9"'],
  ...['[ 1.0,NaN ]', '{"b" : 1.0, "10":{}}', '"]"', 'null'],
)
const anySpace = fc.constantFrom('', ' ', '\n', '\t\r\n  ')

test('texts joined to an array or an object split into the very same texts', () => {
  fc.assert(
    fc.property(fc.array(anySpelling), anySpace, anySpace, (texts, before, after) => {
      const pad = (text: string) => `${before}${text}${after}`
      assert.deepEqual(splitArray(`[${texts.map(pad).join()}]`), texts)
      const members = texts.map((text, i) => `${pad(`"k${i}"`)}:${pad(text)}`)
      const object = `{${members.join()}${after}}`
      assert.deepEqual([...splitObject(object).values()], texts)
      assert.deepEqual(
        [...splitObject(object).values()].map(parseJson),
        Object.values(parseJson(object) as object),
      )
    }),
  )
})

for (const [text, items] of [
  ['[{"a": 1', ['{"a": 1']],
  ['[1, [2', ['1', '[2']],
  ['[1, 2', ['1', '2']],
] as const) {
  test(`an unclosed value in ${text} ends with the text`, () => assert.deepEqual(splitArray(text), items))
}
