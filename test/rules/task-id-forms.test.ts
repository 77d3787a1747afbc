import assert from 'node:assert/strict'
import test from 'node:test'
import { generateTaskId, isGeneratedId, isUniqcTaskId, mayBeReplacedId } from '../../src/rules/task-id.ts'

const HEX = '0123456789abcdef'.repeat(2)

/** What a person may have made up: two of these can be two tasks. */
const MADE_UP: readonly (readonly [title: string, id: string])[] = [
  ['31 digits', `uqt_${HEX.slice(1)}`],
  ['33 digits', `uqt_${HEX}0`],
  ['a digit that is not hexadecimal', `uqt_${HEX.slice(1)}g`],
  ['one digit in upper case', `uqt_${HEX.slice(1)}F`],
  ['a line break after it', `uqt_${HEX}\n`],
]
for (const [title, id] of MADE_UP) {
  test(`${title} is an id of UnifiedQuantum by its prefix, and was not generated`, () => {
    assert.equal(isUniqcTaskId(id), true)
    assert.equal(isGeneratedId(id), false)
  })
}

const NOT_IDS: readonly (readonly [title: string, id: unknown])[] = [
  ['an empty string', ''],
  ['another prefix', `uqt-${HEX}`],
  ['a prefix in upper case', `UQT_${HEX}`],
  ['a line before it', `x\nuqt_${HEX}`],
  ['a word before it', `my-uqt_${HEX}`],
  ['undefined', undefined],
  ['null', null],
]
for (const [title, id] of NOT_IDS) {
  test(`${title} is not a task id of UnifiedQuantum's form`, () => {
    assert.equal(isUniqcTaskId(id as string), false)
    assert.equal(isGeneratedId(id as string), false)
  })
}

test('an object that reads as a task id is not one', () => {
  assert.equal(isUniqcTaskId({ toString: () => `uqt_${HEX}` } as unknown as string), false)
})

test('uqt_ and 32 lower-case hex digits are one', () => {
  for (const digits of [HEX, '0'.repeat(32), 'f'.repeat(32)])
    assert.equal(isUniqcTaskId(`uqt_${digits}`) && isGeneratedId(`uqt_${digits}`), true)
})

test('every digit of a generated id takes every value', () => {
  const ids = Array.from({ length: 1000 }, generateTaskId)
  assert.deepEqual(
    ids.filter((id) => !isGeneratedId(id)),
    [],
  )
  for (let at = 4; at < 36; at++) assert.equal(new Set(ids.map((id) => id[at])).size, 16)
})

for (const [id, may] of [
  ['', true],
  ['old-1', true],
  ['uqt', true],
  ['UQT_1', true],
  [' uqt_1', true],
  ['my-uqt_1', true],
  ['uqt_', false],
  ['uqt_1', false],
  [`uqt_${HEX}`, false],
] as const) {
  test(`version 5 ${may ? 'may have replaced' : 'kept'} the id ${JSON.stringify(id)}`, () => {
    assert.equal(mayBeReplacedId(id), may)
  })
}
