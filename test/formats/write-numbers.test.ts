import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { stringifyJson } from '../../drizzle/json/write.ts'
import { writeNumbers } from '../../drizzle/json/write-numbers.ts'

const write = (object: Readonly<Record<string, unknown>>) => writeNumbers(object, Object.keys(object))

const plainNumber = fc.oneof(
  fc.maxSafeInteger(),
  fc.nat(9),
  fc.double({ max: 2 ** 53 - 1, min: -(2 ** 53) + 1, noNaN: true }).filter((value) => !Object.is(value, -0)),
)
const plainKey = fc.oneof(fc.stringMatching(/^[01]{1,12}$/), fc.stringMatching(/^[ -~]*$/))

test('counts are written as JSON.stringify writes them, or left to others', () => {
  let written = 0
  fc.assert(
    fc.property(fc.dictionary(plainKey, plainNumber, { minKeys: 1, maxKeys: 40 }), (counts) => {
      const text = write(counts)
      const isPlain = Object.keys(counts).every((key) => !/["\\]/.test(key))
      assert.equal(text, isPlain ? JSON.stringify(counts) : undefined)
      assert.equal(stringifyJson(counts), JSON.stringify(counts))
      if (isPlain) written++
    }),
    { numRuns: 2000 },
  )
  assert.ok(written > 500, `only ${written} were written`)
})

const EDGES = [
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  Number.MIN_VALUE,
  -Number.MIN_VALUE,
  -2.2250738585072014e-308,
  0,
  0.1,
  -1.5,
]

for (const value of EDGES) {
  test(`${value} is written as it is`, () => assert.equal(write({ a: value }), `{"a":${value}}`))
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
  test(`an object that holds ${String(value)}, ${typeof value}, is left to others`, () => {
    assert.equal(write({ a: 1, b: value, c: 2 }), undefined)
  })
}

for (const key of ['\u0000', '\u001f', '"', '\\', '\u0080', 'é', '量', '\ud800', '😀']) {
  test(`the key ${JSON.stringify(key)} is left to others`, () => {
    assert.equal(write({ a: 1, [key]: 2 }), undefined)
    assert.equal(stringifyJson({ a: 1, [key]: 2 }), JSON.stringify({ a: 1, [key]: 2 }))
  })
}

test('space and delete stand in a key as they are, and so does __proto__', () => {
  const counts = JSON.parse('{"__proto__":1," ":2,"\u007f":3,"":4}')
  assert.equal(write(counts), JSON.stringify(counts))
})

test('what is longer than the memory for it is written piece by piece', () => {
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`key ${i}`, i * 1.1]))
  assert.equal(write(many), JSON.stringify(many))
  // Each length of what stands before the last key: a piece ends at every place.
  for (let length = 65_400; length < 65_540; length++) {
    const counts = { [`a${'b'.repeat(length)}`]: 1, c: -2.2250738585072014e-308, d: 3 }
    assert.equal(stringifyJson(counts), JSON.stringify(counts))
    const half = { ['a'.repeat(32_700)]: 1, ['b'.repeat(length - 32_700)]: -2.2250738585072014e-308, d: 3 }
    assert.equal(write(half), JSON.stringify(half))
  }
})

test('a key that is longer than the memory is left to others', () => {
  const counts = { a: 1, ['b'.repeat(2 ** 16)]: 2 }
  assert.equal(write(counts), undefined)
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
  assert.equal(write(outer), '{"a":1,"b":2,"c":3}')
  const failing = {
    a: 1,
    get b(): number {
      throw new Error('mine')
    },
  }
  assert.throws(() => stringifyJson(failing), { message: 'mine' })
  assert.equal(write({ a: 1 }), '{"a":1}')
})

test('each value is read once', () => {
  let reads = 0
  const counts = {
    get a() {
      return ++reads
    },
    b: 5,
  }
  assert.equal(stringifyJson(counts), '{"a":1,"b":5}')
})
