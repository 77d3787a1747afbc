import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { ArgumentError } from '../../src/rules/argument-error.ts'
import { type Cursor, decodeCursor, encodeCursor } from '../../src/rules/cursor.ts'

const CURSOR: Cursor = { submitTime: '2026-05-03T01:02:03.123456+00:00', rowid: 42, isArchived: false }
const TEXT = encodeCursor(CURSOR)
const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64url')
const json = (value: unknown) => base64(JSON.stringify(value))

const REFUSED: readonly (readonly [title: string, text: unknown])[] = [
  ['an empty string', ''],
  ['a time', CURSOR.submitTime],
  ['a rowid', '42'],
  ['undefined', undefined],
  ['null', null],
  ['a number', 42],
  ['a cursor that was read', CURSOR],
  ['JSON that is null', json(null)],
  ['JSON that is an object', json(CURSOR)],
  ['JSON that is a string', json('x1t')],
  ['an empty list', json([])],
  ['a list without its last item', json(['x', 1])],
  ['a list with one item more', json(['x', 1, true, 1])],
  ['a list with one item more that is null', json(['x', 1, true, null])],
  ['a time that is null', json([null, 1, true])],
  ['a time that is a number', json([1, 1, true])],
  ['a rowid that is a string', json(['x', '1', true])],
  ['a rowid that is null', json(['x', null, true])],
  ['a rowid that is a fraction', json(['x', 1.5, true])],
  ['a rowid beyond 2^53-1', base64('["x",9007199254740992,true]')],
  ['a rowid that is written as a fraction', base64('["x",1.0,true]')],
  ['a rowid of -0', base64('["x",-0,true]')],
  ['a place that is a number', json(['x', 1, 1])],
  ['a place that is null', json(['x', 1, null])],
  ['a rowid in a string that a number can hold', json(['x', '9007199254740991', true])],
  ['a rowid in a string with a 0 before it', json(['x', '09007199254740993', true])],
  ['a rowid in a string with a space', json(['x', ' 9007199254740993', true])],
  ['a rowid beyond 64 bits', json(['x', '9223372036854775808', true])],
  ['a rowid in a string that is not a number', json(['x', '1e3', true])],
  ['a time that is an object', json([{}, 1, true])],
  ['a BLOB that is a list', json([{ blob: [1, 2] }, 1, true])],
  ['a BLOB that is not base64', json([{ blob: 'a b' }, 1, true])],
  ['a BLOB with another key', json([{ blob: 'AQI=', x: 1 }, 1, true])],
  ['white space inside', base64('["x", 1, true]')],
  ['torn JSON', base64('["x",1,tr')],
  ['bytes that are not UTF-8', base64(Buffer.from([0x5b, 0x22, 0xff, 0x22, ...Buffer.from(',1,true]')]))],
  ['base64 that is not of the form for URLs', Buffer.from('["???>>>",1,true]').toString('base64')],
  ['padding after it', `${base64('["xx",1,true]')}==`],
  ['a line break after it', `${TEXT}\n`],
  ['a space before it', ` ${TEXT}`],
  ['a cursor that is cut', TEXT.slice(0, -1)],
  ['a cursor twice', TEXT + TEXT],
  ['a cursor in upper case', TEXT.toUpperCase()],
]
for (const [title, text] of REFUSED) {
  test(`${title} is not a cursor, which the error says of \`after\``, () => {
    assert.throws(
      () => decodeCursor(text as string),
      (error) => {
        assert.ok(error instanceof ArgumentError, String(error))
        assert.deepEqual([error.code, error.argument], ['ERR_INVALID_ARG_VALUE', 'after'])
        return true
      },
    )
  })
}

const READ: readonly (readonly [title: string, cursor: Cursor])[] = [
  ['a live task', CURSOR],
  ['an archived task', { ...CURSOR, isArchived: true }],
  ['the first rowid', { ...CURSOR, rowid: 0 }],
  ['a rowid below 0, which SQLite allows', { ...CURSOR, rowid: -1 }],
  ['the last rowid that is a number', { ...CURSOR, rowid: Number.MAX_SAFE_INTEGER }],
  ['a rowid that only a bigint can be', { ...CURSOR, rowid: 2n ** 53n + 1n }],
  ['the last rowid of all', { ...CURSOR, rowid: 2n ** 63n - 1n }],
  ['the first rowid of all', { ...CURSOR, rowid: -(2n ** 63n) }],
  ['a time that is a BLOB', { ...CURSOR, submitTime: Buffer.from([0, 255, 128]) }],
  ['a time that is an empty BLOB', { ...CURSOR, submitTime: Buffer.alloc(0) }],
  ['a time that is empty', { ...CURSOR, submitTime: '' }],
  ['a time of any text', { ...CURSOR, submitTime: '"\\\u0000\u2028本源😀\ud800' }],
]
for (const [title, cursor] of READ) {
  test(`the cursor of ${title} reads back`, () => {
    const text = encodeCursor(cursor)
    assert.match(text, /^[\w-]+$/)
    assert.deepEqual(decodeCursor(text), cursor)
  })
}

const anyUnit = fc.constantFrom(...'aZ0-:+"\\{[', 'é', '本', '😀', '\0', '\u2028', '\ud800')
const anyCursor: fc.Arbitrary<Cursor> = fc.record(
  { submitTime: fc.string({ unit: anyUnit }), rowid: fc.maxSafeInteger(), isArchived: fc.boolean() },
  { noNullPrototype: true },
)

test('every cursor reads back', () => {
  fc.assert(fc.property(anyCursor, (cursor) => assert.deepEqual(decodeCursor(encodeCursor(cursor)), cursor)))
})

test('a cursor that was tampered with is refused, or is wholly another one: no two texts are one cursor', () => {
  const change = fc.record({ at: fc.nat(60), removed: fc.nat(2), put: fc.string({ maxLength: 2 }) })
  fc.assert(
    fc.property(anyCursor, change, (cursor, { at, removed, put }) => {
      const text = encodeCursor(cursor)
      const changed = text.slice(0, at) + put + text.slice(at + removed)
      let read: Cursor
      try {
        read = decodeCursor(changed)
      } catch (error) {
        assert.ok(error instanceof ArgumentError, String(error))
        return
      }
      assert.equal(encodeCursor(read), changed)
    }),
    { numRuns: 200 },
  )
})
