import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import {
  countsOf,
  countsPerCircuit,
  fromJson,
  type JsonValue,
  probabilitiesOf,
  TaskStore,
} from 'uniqc-task-store'
import { copyFixture, FIXTURE_NAMES, needsFixtures } from '../support/fixtures.ts'

const unreadable = fromJson('{"$unreadable":"{\\"00\\": "}')
/** What no file holds and no type allows. */
const any = (value: unknown) => value as JsonValue

const WITHOUT_COUNTS: Readonly<Record<string, JsonValue | undefined>> = {
  'no task': undefined,
  null: null,
  'an error': { error: 'chip offline' },
  'a cell that cannot be read': unreadable,
  'counts that cannot be read': { counts: unreadable },
  'a string': '00',
  'a number': 512,
  'a Map': any(new Map([['00', 512]])),
  'a batch': [{ '00': 512 }, { '11': 488 }],
  'a batch of one circuit': [{ '00': 512 }],
  'a batch without circuits': [],
  'a batch under counts': { counts: [{ '00': 512 }, { '11': 488 }] },
  'a batch of pairs': [[{ key: '0x0', value: 512 }], [{ key: '0x0', value: 488 }]],
  'pairs with a gap': [{ key: '0x0', value: 512 }, null],
  'a key alone': [{ key: '0x0' }],
  'pairs with a key that is a number': [{ key: 0, value: 512 }],
  'pairs of several circuits in one list': [
    { key: '0x0', value: 512 },
    { key: '0x3', value: 488 },
    { key: '0x0', value: 1000 },
  ],
  'one outcome under two keys': { '0x3': 1, '0x03': 2 },
  'a float': { '00': 512, '11': 487.5 },
  'a float in pairs': [{ key: '0x0', value: 0.5 }],
  'a float beyond 2^53': { '00': 1e21 },
  NaN: { '00': Number.NaN },
  Infinity: { counts: { '00': Infinity } },
  'a bigint that no number can be': { '00': 10n ** 400n },
  'a count that is a string': { '00': '512' },
  'a count that is true': { '00': true },
  'a count that is null': { '00': 512, '11': null },
  'a decimal key': { '0': 1, '1': 2, '2': 3 },
  'a key with a space': { '00 11': 512 },
  'a key in a ket': { '|00>': 512 },
  'an empty key': { '': 512 },
  'a hexadecimal key without digits': { '0x': 512 },
  'a hexadecimal key that is none': { '0xg': 512 },
  'a hexadecimal key beyond any machine': { [`0x${'f'.repeat(1025)}`]: 512 },
  'a key __proto__': JSON.parse('{"00":512,"__proto__":{}}'),
  'probabilities alone': { probabilities: { '00': 0.5, '11': 0.5 } },
  'something beside a bit string': { '00': 512, shots: 512 },
}
for (const [name, result] of Object.entries(WITHOUT_COUNTS)) {
  test(`${name} has no counts`, () => assert.equal(countsOf(result), undefined))
}

/** What a text like `00:512 11:488` says; of an empty one an empty list. */
const pairs = (text: string): [string, number][] =>
  text.split(' ').flatMap((pair) => {
    const [bits = '', value] = pair.split(':')
    return bits === '' ? [] : [[bits, Number(value)]]
  })
const show = (value: unknown) =>
  JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? `${item}n` : item)) ?? 'nothing'
const key = (key: string, value: JsonValue) => ({ key, value })

const WITH_COUNTS: readonly (readonly [result: JsonValue, counts: string])[] = [
  [{}, ''],
  [{ counts: {} }, ''],
  [{ counts: {}, probabilities: {} }, ''],
  [{ '11': 488, '00': 512 }, '00:512 11:488'],
  [{ counts: { '1': 488, '0': 512 } }, '0:512 1:488'],
  [{ counts: { '01': 3 }, probabilities: { '01': 0.14, '10': 0.86 } }, '01:3'],
  [{ counts: { '01': 3 }, raw_result: { key: ['0x1'], value: [1] } }, '01:3'],
  [{ counts: { '01': 3 }, '11': 4, error: 'x' }, '01:3'],
  [[key('0x3', 488), key('0x0', 512)], '00:512 11:488'],
  [[key('10', 1), { ...key('01', 2), note: 'x' }], '01:2 10:1'],
  [{ counts: [key('0x0', 512)] }, '0:512'],
  [{ '0x10': 1, '0xA': 2, '0X3': 3 }, '00011:3 01010:2 10000:1'],
  [{ '0x00': 7 }, '0:7'],
  [{ '00': 1001, '11': -1 }, '00:1001 11:-1'],
  [{ '00': -0 }, '00:0'],
  [{ '0': 5n, '1': 2n ** 64n }, `0:5 1:${2 ** 64}`],
  // Without a leading 0 these are integers to JavaScript, which puts them before the others.
  [{ '001': 1, '100': 4, '010': 2, '011': 3 }, '001:1 010:2 011:3 100:4'],
  [{ '000': 1, '1': 2, '10': 3, '01': 4, '0': 5 }, '0:5 1:2 01:4 10:3 000:1'],
  [{ '0001': 1, '0x3': 2, '0x0': 3 }, '00:3 11:2 0001:1'],
]
for (const [result, counts] of WITH_COUNTS) {
  test(`the counts of ${show(result)} are "${counts}"`, () => {
    assert.deepStrictEqual(countsOf(result), pairs(counts))
    assert.deepStrictEqual(countsPerCircuit(result), [pairs(counts)])
  })
}

const WITHOUT_PROBABILITIES: readonly (JsonValue | undefined)[] = [
  undefined,
  null,
  unreadable,
  { error: 'chip offline' },
  [{ '00': 1 }],
  [],
  { '00': 0, '11': 0 },
  { '00': 1, '11': -1 },
  { counts: { '00': 0.5, '11': 0.5 } },
  { '00': 512.5, '11': 1 },
  { '00': -0.5, '11': 0.5 },
  { '00': Number.NaN },
  { probabilities: { '00': Infinity } },
  { probabilities: null },
  { '00': 0.5, '2': 0.5 },
]
for (const result of WITHOUT_PROBABILITIES) {
  test(`${show(result)} has no probabilities`, () => assert.equal(probabilitiesOf(result), undefined))
}

const WITH_PROBABILITIES: readonly (readonly [result: JsonValue, probabilities: string])[] = [
  [{}, ''],
  [{ counts: {} }, ''],
  [{ '11': 3, '00': 1 }, '00:0.25 11:0.75'],
  [{ '00': 5, '11': -1 }, '00:1.25 11:-0.25'],
  [{ '00': 3n, '11': 1 }, '00:0.75 11:0.25'],
  [[key('0x3', 1), key('0x0', 1)], '00:0.5 11:0.5'],
  [{ counts: { '0': 1, '1': 1 }, probabilities: { '0': 0.4, '1': 0.6 } }, '0:0.5 1:0.5'],
  [{ counts: {}, probabilities: { '1': 0.6, '0': 0.4 } }, '0:0.4 1:0.6'],
  [{ counts: { '0': 0 }, probabilities: { '0': 1 } }, '0:1'],
  [{ counts: null, probabilities: { '0x1': 1.2, '0x0': -0.2 } }, '0:-0.2 1:1.2'],
  [{ probabilities: { '11': 0.1 } }, '11:0.1'],
  [{ '11': 0.5, '00': 0.25, '01': 0, '10': 1 }, '00:0.25 01:0 10:1 11:0.5'],
  [[key('0x1', 0.5), key('0x0', 0.5)], '0:0.5 1:0.5'],
]
for (const [result, probabilities] of WITH_PROBABILITIES) {
  test(`the probabilities of ${show(result)} are "${probabilities}"`, () => {
    assert.deepStrictEqual(probabilitiesOf(result), pairs(probabilities))
  })
}

const PER_CIRCUIT: readonly (readonly [result: JsonValue | undefined, perCircuit: (string | null)[]])[] = [
  [undefined, []],
  [null, []],
  [[], []],
  [unreadable, [null]],
  [{ error: 'chip offline' }, [null]],
  [[{ '11': 1, '00': 2 }], ['00:2 11:1']],
  [
    [null, { counts: { '0': 1 } }, { error: 'x' }, {}, null],
    [null, '0:1', null, '', null],
  ],
  [
    [[key('0x0', 1)], [key('0x1', 2)]],
    ['0:1', '1:2'],
  ],
  [
    [[{ '0': 1 }], { '1': 2.5 }, '{"00": '],
    [null, null, null],
  ],
  [[key('0x0', 1), key('0x0', 2)], [null]],
]
for (const [result, perCircuit] of PER_CIRCUIT) {
  test(`the counts of each circuit of ${show(result)} are ${show(perCircuit)}`, () => {
    const expected = perCircuit.map((counts) => (counts === null ? null : pairs(counts)))
    assert.deepStrictEqual(countsPerCircuit(result), expected)
  })
}

/** Counts in the order of the bit strings, of which the last has a 1 in front: so wide is the longest key. */
const anyCounts = fc
  .integer({ min: 1, max: 12 })
  .chain((width) =>
    fc
      .uniqueArray(fc.nat(2 ** width - 1), { maxLength: 40 })
      .map((values) =>
        [...new Set([...values, 2 ** width - 1])]
          .toSorted((a, b) => a - b)
          .map((value) => [value.toString(2).padStart(width, '0'), value] as const),
      ),
  )
  .chain((keys) =>
    fc
      .array(fc.integer({ min: -1, max: 10_000 }), { minLength: keys.length, maxLength: keys.length })
      .map((counts) => keys.map(([bits, value], index) => ({ bits, value, count: counts[index] as number }))),
  )

test('every form of the same counts, in whatever order, has the same counts and probabilities', () => {
  fc.assert(
    fc.property(anyCounts, fc.infiniteStream(fc.nat()), (sorted, order) => {
      const shuffled = sorted
        .map((entry) => ({ ...entry, at: order.next().value as number }))
        .toSorted((a, b) => a.at - b.at)
      const bits = Object.fromEntries(shuffled.map((entry) => [entry.bits, entry.count]))
      const hex = shuffled.map(({ value, count }) => ({ key: `0x${value.toString(16)}`, value: count }))
      const forms: JsonValue[] = [
        bits,
        { counts: bits },
        { counts: bits, probabilities: {} },
        { counts: bits, raw_result: { anything: [1] } },
        shuffled.map((entry) => ({ key: entry.bits, value: entry.count })),
        hex,
        Object.fromEntries(hex.map(({ key, value }) => [key.toUpperCase(), value])),
      ]
      const counts = sorted.map((entry) => [entry.bits, entry.count])
      const sum = sorted.reduce((total, { count }) => total + count, 0)
      for (const form of forms) {
        assert.deepStrictEqual(countsOf(form), counts)
        assert.deepStrictEqual(countsPerCircuit(form), [counts])
        assert.deepStrictEqual(countsPerCircuit([form, null, form]), [counts, null, counts])
      }
      const expected = sum > 0 ? sorted.map((entry) => [entry.bits, entry.count / sum]) : undefined
      for (const form of [bits, hex]) assert.deepStrictEqual(probabilitiesOf(form), expected)
    }),
  )
})

test('any value has counts, probabilities and circuits, or none: nothing throws', () => {
  const anyKey = fc.oneof(
    fc.string(),
    fc.constantFrom('00', '0x1', 'counts', 'probabilities', 'key', 'value'),
  )
  fc.assert(
    fc.property(fc.object({ key: anyKey, withBigInt: true, withMap: true }), (value) => {
      for (const result of [any(value), any([value]), { counts: any(value), probabilities: any(value) }]) {
        for (const [bits, count] of countsOf(result) ?? []) {
          assert.match(bits, /^[01]+$/)
          assert.ok(Number.isInteger(count))
        }
        for (const [bits, probability] of probabilitiesOf(result) ?? []) {
          assert.match(bits, /^[01]+$/)
          assert.ok(Number.isFinite(probability))
        }
        assert.equal(countsPerCircuit(result).length, 1)
      }
    }),
    { numRuns: 1000 },
  )
})

for (const name of FIXTURE_NAMES) {
  test(`${name}: every result has the counts that UnifiedQuantum wrote`, needsFixtures, (t) => {
    using store = new TaskStore({ file: copyFixture(t, name) })
    let circuits = 0
    for (const { taskId, result } of store.list({ archived: 'both' })) {
      const perCircuit = countsPerCircuit(result)
      const entries = result === null ? [] : Array.isArray(result) ? result : [result]
      assert.equal(perCircuit.length, entries.length, taskId)
      for (const [index, counts] of perCircuit.entries()) {
        const text = JSON.stringify(entries[index])
        const written = [...text.matchAll(/"([01]+)":(-?\d+)(?![.\d])/g)].map(([, bits, count]) => [
          bits,
          count,
        ])
        if (counts === null) assert.match(text, /^\{"error":/)
        else
          assert.deepEqual(
            counts.map(([bits, count]) => [bits, String(count)]),
            written.toSorted(),
          )
        circuits++
      }
    }
    assert.ok(circuits > 0)
  })
}

test('a key that only ends like a hexadecimal number is none', () => {
  assert.equal(countsOf({ '10x1': 5 }), undefined)
  assert.equal(countsOf({ '0x1': 5, '00x1': 5 }), undefined)
})
