import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import fc from 'fast-check'
import { parseJson } from '../../drizzle/json/read.ts'
import type { JsonValue } from '../../drizzle/json/value.ts'
import { JsonEncodeError, stringifyJson } from '../../drizzle/json/write.ts'
import { needsPython, runPython } from '../support/processes.ts'
import { temporaryFolder } from '../support/temporary.ts'

const BIG = 2n ** 53n

/**
 * Everything that the codec keeps. A bigint within the safe range reads back as a number, so it is left out.
 */
const { value: anyJson } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    fc.constantFrom<JsonValue>(null, true, false, Number.NaN, Infinity, -Infinity, -0, 1e21, -1e300, 2 ** 60),
    fc.double(),
    fc.integer(),
    fc.bigInt({ min: BIG, max: 10n ** 60n }),
    fc.bigInt({ min: -(10n ** 60n), max: -BIG }),
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^[\ud800-\udfff"\\]{0,3}$/),
    fc.array(tie('value'), { maxLength: 5 }),
    fc
      .array(
        fc.tuple(
          fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString', '0')),
          tie('value'),
        ),
        { maxLength: 5 },
      )
      .map((entries) => Object.fromEntries(entries) as JsonValue),
  ),
}))

test('any written value reads back equal', () => {
  fc.assert(
    fc.property(anyJson, (value) => {
      assert.deepStrictEqual(parseJson(stringifyJson(value)), value)
    }),
    { numRuns: 2000 },
  )
})

test('text that JSON.parse reads without rounding reads the same', () => {
  fc.assert(
    fc.property(fc.json(), fc.boolean(), (text, isSpaced) => {
      const spaced = isSpaced ? ` ${text}\n` : text
      const value = parseJson(spaced)
      fc.pre(!/\d{16}/.test(text))
      assert.deepStrictEqual(value, JSON.parse(text))
    }),
    { numRuns: 1000 },
  )
})

const READS: readonly (readonly [text: string, value: JsonValue])[] = [
  ['NaN', Number.NaN],
  ['[NaN, Infinity, -Infinity]', [Number.NaN, Infinity, -Infinity]],
  ['{"a": NaN, "NaN": "NaN, Infinity"}', { a: Number.NaN, NaN: 'NaN, Infinity' }],
  ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ['9007199254740992', 9007199254740992n],
  ['[-9007199254740993,1]', [-9007199254740993n, 1]],
  ['12345678901234567890123', 12345678901234567890123n],
  [
    '{"n":12345678901234567890123, "f":0.12345678901234567890}',
    { n: 12345678901234567890123n, f: 0.12345678901234568 },
  ],
  ['1234567890123456789.0', Number('1234567890123456789')],
  ['1234567890123456789e3', Number('1234567890123456789e3')],
  ['["1234567890123456789", "\\"NaN\\\\"]', ['1234567890123456789', '"NaN\\']],
  ['[1.0, 1e400, -0.0]', [1, Infinity, -0]],
  ['{"a": 1, "a": NaN}', { a: Number.NaN }],
  [' [ ] ', []],
  ['[{ }, NaN]', [{}, Number.NaN]],
]

for (const [text, value] of READS) {
  test(`reads ${text}`, () => assert.deepStrictEqual(parseJson(text), value))
}

const REFUSED_TEXTS = [
  '',
  ' ',
  '{',
  '[1,]',
  '{"a":NaN,}',
  '{a:1}',
  "{'a':NaN}",
  '[NaN',
  'nan',
  '-NaN',
  '+1',
  '01',
  '1.',
  '.5',
  '[1 NaN]',
  '"\\NaN',
  '{"a" NaN}',
  'NaN NaN',
  '[NaN,"\t"]',
  '{"a":NaN "b":1}',
  'Infinit',
  '0x10, NaN',
  '[12345678901234567890',
  'NaN.5',
]

for (const text of REFUSED_TEXTS) {
  test(`does not read ${JSON.stringify(text)}`, () => assert.throws(() => parseJson(text), SyntaxError))
}

test('__proto__ is a plain own key, whichever way the text is read', () => {
  for (const text of ['{"__proto__": {"polluted": 1}}', '{"__proto__": {"polluted": NaN}}']) {
    const value = parseJson(text) as Record<string, JsonValue>
    assert.ok(Object.hasOwn(value, '__proto__'))
    assert.equal(Object.getPrototypeOf(value), Object.prototype)
    assert.equal('polluted' in value, false)
    assert.deepStrictEqual(parseJson(stringifyJson(value)), value)
  }
})

class Plain {
  x = 1
}
const cycle: Record<string, unknown> = {}
cycle.inner = [cycle]

const REFUSED_VALUES: readonly (readonly [path: string, value: unknown, problem: RegExp])[] = [
  ['', undefined, /undefined/],
  ['', () => 1, /a function/],
  ['.a[1]', { a: [1, () => 1] }, /a function/],
  ['.a', { a: Symbol('s') }, /a symbol/],
  ['.a', { a: new Date(0) }, /a Date/],
  ['.a', { a: new Map() }, /a Map/],
  ['.a', { a: new Set() }, /a Set/],
  ['.a', { a: new Plain() }, /a Plain/],
  ['.a', { a: new Uint8Array(2) }, /Uint8Array/],
  ['.a["b c"]', { a: { 'b c': /x/ } }, /a RegExp/],
  ['[1]', [1, undefined], /undefined/],
  // biome-ignore lint/suspicious/noSparseArray: the hole is the point
  ['[1]', [1, , 2], /undefined/],
  ['.inner[0]', cycle, /refers back/],
  ['.a', { a: { [Symbol('k')]: 1 } }, /the key Symbol\(k\)/],
]

for (const [path, value, problem] of REFUSED_VALUES) {
  test(`refuses a value at ${path || 'the top'} that is ${problem.source}`, () => {
    assert.throws(
      () => stringifyJson(value),
      (error) => error instanceof JsonEncodeError && error.path === path && problem.test(error.problem),
    )
  })
}

test('an object that appears twice is not a cycle', () => {
  const twice = { n: 1n }
  assert.equal(stringifyJson([twice, twice]), '[{"n":1},{"n":1}]')
})

test('the value returned by toJSON is written, even if JSON.stringify could not write it', () => {
  assert.equal(stringifyJson({ a: { toJSON: () => [Number.NaN, 1n] } }), '{"a":[NaN,1]}')
  assert.equal(stringifyJson({ toJSON: (key: string) => ({ key }) }), '{"key":""}')
})

test('an undefined property is left out', () => {
  assert.equal(stringifyJson({ a: undefined, b: 1 }), '{"b":1}')
  assert.equal(stringifyJson({ a: undefined, b: 1n }), '{"b":1}')
})

test('values nest as deep as the stack allows; deeper ones are an error that says so', () => {
  const nest = (depth: number, leaf: JsonValue) => {
    let value = leaf
    for (let i = 0; i < depth; i++) value = [value]
    return value
  }
  for (const leaf of [1, Number.NaN]) {
    const text = stringifyJson(nest(1000, leaf))
    assert.equal(stringifyJson(parseJson(text)), text)
  }
  assert.throws(() => stringifyJson(nest(1e6, 1)), /nested too deeply/)
  assert.throws(() => stringifyJson(nest(1e6, Number.NaN)), /nested too deeply/)
  assert.throws(() => parseJson(`${'['.repeat(1e6)}NaN${']'.repeat(1e6)}`), RangeError)
})

test("Python's json reads what is written, and what it writes reads back equal", needsPython, async (t) => {
  const values = fc.sample(anyJson, { numRuns: 400, seed: 7 })
  const program = `
import json, sys
def tag(v):
    if isinstance(v, bool) or v is None: return v
    if isinstance(v, int): return {"int": str(v)}
    if isinstance(v, float): return {"float": repr(v)}
    if isinstance(v, str): return {"str": [ord(c) for c in v]}
    if isinstance(v, list): return [tag(x) for x in v]
    return {"dict": [[tag(k), tag(x)] for k, x in v.items()]}
for line in json.load(open(sys.argv[1])):
    v = json.loads(line)
    print(json.dumps([json.dumps(v), json.dumps(tag(v))]))
`
  const file = join(temporaryFolder(t), 'texts.json')
  writeFileSync(file, JSON.stringify(values.map((value) => stringifyJson(value))))
  const lines = (await runPython(program, file)).trim().split('\n')
  assert.equal(lines.length, values.length)
  for (const [index, line] of lines.entries()) {
    const [rewritten, tagged] = JSON.parse(line) as [string, string]
    assert.deepStrictEqual(parseJson(rewritten), values[index])
    assert.deepStrictEqual(untag(JSON.parse(tagged)), values[index])
  }
})

function untag(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map(untag)
  if (typeof value !== 'object' || value === null) return value as JsonValue
  const [kind, content] = Object.entries(value)[0] as [string, never]
  switch (kind) {
    case 'int': {
      const integer = BigInt(content)
      return integer >= BIG || integer <= -BIG ? integer : Number(integer)
    }
    case 'float':
      return (
        ({ nan: Number.NaN, inf: Infinity, '-inf': -Infinity } as Record<string, number>)[content] ??
        Number(content)
      )
    case 'str': {
      const units = (content as number[]).flatMap((point) =>
        point > 0xffff ? [0xd800 + ((point - 0x10000) >> 10), 0xdc00 + ((point - 0x10000) & 0x3ff)] : [point],
      )
      return units.map((unit) => String.fromCharCode(unit)).join('')
    }
    default:
      return Object.fromEntries(
        (content as [unknown, unknown][]).map(([key, item]) => [untag(key) as string, untag(item)]),
      )
  }
}
