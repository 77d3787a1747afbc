import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { stringifyJson } from '../../drizzle/json/write.ts'
import { writeNumbers } from '../../drizzle/json/write-numbers.ts'

/** What is written of an object, and how many of its members that are. */
function write(object: Readonly<Record<string, unknown>>): [text: string, count: number] {
  const { text, count } = writeNumbers(object, Object.keys(object))
  return [text, count]
}

const plainNumber = fc.oneof(
  fc.maxSafeInteger(),
  fc.nat(9),
  fc.double({ max: 2 ** 53 - 1, min: -(2 ** 53) + 1, noNaN: true }).filter((value) => !Object.is(value, -0)),
)
const plainKey = fc.oneof(fc.stringMatching(/^[01]{1,12}$/), fc.stringMatching(/^[ !#-[\]-~]*$/))

test('counts are written as JSON.stringify writes them', () => {
  fc.assert(
    fc.property(fc.dictionary(plainKey, plainNumber, { minKeys: 1, maxKeys: 40 }), (counts) => {
      assert.deepEqual(write(counts), [JSON.stringify(counts), Object.keys(counts).length])
    }),
    { numRuns: 2000 },
  )
})

test('an object of anything is written as JSON.stringify writes it', () => {
  const value = fc.oneof(
    plainNumber,
    fc.string(),
    fc.constantFrom(null, true, {}, []),
    fc.dictionary(plainKey, plainNumber),
  )
  fc.assert(
    fc.property(fc.dictionary(fc.oneof(plainKey, fc.string({ unit: 'binary' })), value), (object) => {
      assert.equal(stringifyJson(object), JSON.stringify(object))
    }),
    { numRuns: 2000 },
  )
})

const EDGES = [
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  Number.MIN_VALUE,
  -Number.MIN_VALUE,
  -2.2250738585072014e-308,
  // No number is longer.
  -0.0000012345678901234567,
  0,
  0.1,
  -1.5,
]

for (const value of EDGES) {
  test(`${value} is written as it is`, () =>
    assert.deepEqual(write({ a: value }), [JSON.stringify({ a: value }), 1]))
}

const LEFT = [
  -0,
  2 ** 53,
  -(2 ** 53),
  1e21,
  Number.NaN,
  Infinity,
  -Infinity,
  1n,
  '1',
  null,
  undefined,
  true,
  {},
  [],
  new Number(1),
]

for (const value of LEFT) {
  test(`${String(value)}, ${typeof value}, and what follows it is left to others`, () => {
    const object = { a: 1, b: value, c: 2 }
    const keys = Object.keys(object)
    assert.deepEqual(writeNumbers(object, keys), { text: '{"a":1', count: 1, next: value })
    assert.deepEqual(writeNumbers({ b: value }, ['b']), { text: '', count: 0, next: value })
  })
}

for (const key of ['\u0000', '\u001f', '"', '\\', '\u0080', 'é', '量', '\ud800', '😀']) {
  test(`the key ${JSON.stringify(key)} is left to others`, () => {
    const object = { a: 1, [key]: 2, c: 3 }
    assert.deepEqual(writeNumbers(object, Object.keys(object)), { text: '{"a":1', count: 1, next: 2 })
    assert.equal(stringifyJson(object), JSON.stringify(object))
  })
}

test('space and delete stand in a key as they are, and so does __proto__', () => {
  const counts = JSON.parse('{"__proto__":1," ":2,"\u007f":3,"":4}')
  assert.deepEqual(write(counts), [JSON.stringify(counts), 4])
})

test('what is longer than the memory for it is written piece by piece', () => {
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`key ${i}`, i * 1.1]))
  assert.deepEqual(write(many), [JSON.stringify(many), 20_000])
  // Each length of what stands before the last keys: a piece ends at every place.
  for (let length = 65_400; length < 65_540; length++) {
    const counts = { [`a${'b'.repeat(length)}`]: 1, c: -0.0000012345678901234567, d: 3 }
    assert.equal(stringifyJson(counts), JSON.stringify(counts))
    const half = { ['a'.repeat(32_700)]: 1, ['b'.repeat(length - 32_700)]: -0.0000012345678901234567, d: 3 }
    assert.deepEqual(write(half), [JSON.stringify(half), 3])
  }
})

test('a key that is longer than the memory is left to others', () => {
  const counts = { a: 1, ['b'.repeat(2 ** 16)]: 2 }
  assert.deepEqual(write(counts), ['{"a":1', 1])
  assert.equal(stringifyJson(counts), JSON.stringify(counts))
})

test('a getter that writes other counts meanwhile, or throws, leaves these as they are', () => {
  const inner = { x: 7, y: 8 }
  const outer = {
    a: 1,
    get b() {
      assert.equal(stringifyJson(inner), '{"x":7,"y":8}')
      return 2
    },
    c: 3,
  }
  assert.equal(stringifyJson(outer), '{"a":1,"b":2,"c":3}')
  const failing = {
    a: 1,
    get b(): number {
      throw new Error('mine')
    },
  }
  assert.throws(() => stringifyJson(failing), { message: 'mine' })
  assert.equal(stringifyJson({ a: 1 }), '{"a":1}')
})

for (const last of [5, 'x', []]) {
  test(`each value is read once, before ${JSON.stringify(last)} as well`, () => {
    let reads = 0
    const object = {
      get a() {
        return ++reads
      },
      get b() {
        reads++
        return last
      },
    }
    assert.match(stringifyJson(object), /^\{"a":1,"b":/)
    assert.equal(reads, 2)
  })
}
