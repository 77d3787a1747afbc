import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import {
  ArgumentError,
  fromJson,
  type NewTaskInfo,
  type TaskInfo,
  TaskStore,
  toJson,
  UnreadableJson,
} from 'uniqc-task-store'
import { parseJson } from '../../drizzle/json/read.ts'
import { toStrictJson } from '../../src/formats/strict-json.ts'
import { ANY_VALUES, CallersError } from '../support/any-value.ts'
import { jsonTexts, mutated } from '../support/json-texts.ts'

const TASK = { taskId: 'a', backend: 'b', status: 'running' } as const

function cycle(): object {
  const list: unknown[] = []
  list.push({ back: list })
  return { items: [0, list] }
}

const REFUSED: readonly (readonly [value: unknown, message: string])[] = [
  [undefined, 'value is undefined, which JSON cannot hold'],
  [() => 1, 'value is a function, which JSON cannot hold'],
  [[1, undefined], 'value[1] is undefined, which JSON cannot hold'],
  [{ items: [{ result: new Map() }] }, 'value.items[0].result is a Map, which JSON cannot hold'],
  [{ at: new Date(0) }, 'value.at is a Date, which JSON cannot hold'],
  [{ $a: { 'b c': Symbol('s') } }, 'value.$a["b c"] is a symbol, which JSON cannot hold'],
  [{ [Symbol('k')]: 1 }, 'value has the key Symbol(k), which JSON cannot hold'],
  [cycle(), 'value.items[1][0].back refers back to an object that holds it, which JSON cannot hold'],
  [ANY_VALUES['deep nesting']?.(), 'value is nested too deeply'],
]
for (const [value, message] of REFUSED) {
  test(`toJson refuses it by its path: ${message}`, () => {
    assert.throws(() => toJson(value), {
      constructor: ArgumentError,
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_VALUE',
      argument: 'value',
      message,
    })
  })
}

const MALFORMED: readonly (readonly [text: string, message: string])[] = [
  ['{"$int":""}', 'value: "$int" must hold the digits of an integer in a string'],
  ['[{"$int":5}]', 'value[0]: "$int" must hold the digits of an integer in a string'],
  ['{"$int":"0x10"}', 'value: "$int" must hold the digits of an integer in a string'],
  ['{"$int":"1.0"}', 'value: "$int" must hold the digits of an integer in a string'],
  ['{"$int":"007"}', 'value: "$int" must hold the digits of an integer in a string'],
  ['{"$int":"-0"}', 'value: "$int" must hold the digits of an integer in a string'],
  ['{"a":{"$float":"nan"}}', 'value.a: "$float" must hold "NaN", "Infinity" or "-Infinity"'],
  ['{"$float":1.5}', 'value: "$float" must hold "NaN", "Infinity" or "-Infinity"'],
  ['{"$float":["NaN"]}', 'value: "$float" must hold "NaN", "Infinity" or "-Infinity"'],
  ['{"$unreadable":null}', 'value: "$unreadable" must hold a string'],
  ['{"$object":[]}', 'value: "$object" must hold an object'],
  ['{"$object":{"a":{"$int":{}}}}', 'value.a: "$int" must hold the digits of an integer in a string'],
  [
    '{"a":[0,{"\\u0024date":"2026"}]}',
    'value.a[1]: "$date" is not a form that this release knows; wrap an object of data in "$object"',
  ],
  [`{"$int":"5","a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`, 'the text is nested too deeply'],
]
for (const [text, message] of MALFORMED) {
  test(`fromJson refuses ${text.slice(0, 40)}`, () => {
    assert.throws(() => fromJson(text), { name: 'SyntaxError', message })
  })
}
for (const text of ['', 'NaN', '[Infinity]', '{"a":1,}', "{'a':1}", '01', '{"$int":"5"', '\ufeff{}']) {
  test(`fromJson refuses ${JSON.stringify(text)}, which is not JSON`, () => {
    assert.throws(() => fromJson(text), SyntaxError)
  })
}
for (const text of [undefined, null, 5, {}, Buffer.from('1')]) {
  test(`fromJson refuses what is not a string (${String(text)})`, () => {
    assert.throws(() => fromJson(text as never), {
      constructor: ArgumentError,
      code: 'ERR_INVALID_ARG_TYPE',
      argument: 'text',
      message: /^text must be a string, not /,
    })
  })
}

const unreadableOf = (text: string) => fromJson<UnreadableJson>(`{"$unreadable":${JSON.stringify(text)}}`)
const unreadable = unreadableOf('{"00": ')
const long = 12345678901234567890123n

const FORMS: readonly (readonly [value: unknown, text: string])[] = [
  [Number.NaN, '{"$float":"NaN"}'],
  [[Infinity, -Infinity], '[{"$float":"Infinity"},{"$float":"-Infinity"}]'],
  [{ a: long, b: -long }, '{"a":{"$int":"12345678901234567890123"},"b":{"$int":"-12345678901234567890123"}}'],
  [5n, '{"$int":"5"}'],
  [-0, '-0.0'],
  [2 ** 60, '1152921504606847000.0'],
  [1e21, '1e+21'],
  [unreadable, '{"$unreadable":"{\\"00\\": "}'],
  [{ result: [unreadable] }, '{"result":[{"$unreadable":"{\\"00\\": "}]}'],
  [{ $int: '5' }, '{"$object":{"$int":"5"}}'],
  [{ $: 1 }, '{"$object":{"$":1}}'],
  [{ $object: { $object: {} } }, '{"$object":{"$object":{"$object":{"$object":{}}}}}'],
  [{ $float: 1, a: 1 }, '{"$float":1,"a":1}'],
  [{ $a: { $b: Number.NaN } }, '{"$object":{"$a":{"$object":{"$b":{"$float":"NaN"}}}}}'],
  [['$int', { a: '$int' }], '["$int",{"a":"$int"}]'],
  [JSON.parse('{"__proto__":{"$a":1},"b":[{}]}'), '{"__proto__":{"$object":{"$a":1}},"b":[{}]}'],
  ['\ud800\u2028\n', '"\\ud800\u2028\\n"'],
]
for (const [value, text] of FORMS) {
  test(`${text} is what toJson writes, and fromJson reads`, () => {
    assert.equal(toJson(value), text)
    assert.deepStrictEqual(fromJson(text), value)
  })
}

test('a property that is undefined is left out, and does not keep a key that begins with $ from being wrapped', () => {
  assert.equal(toJson({ a: undefined, b: [{ $int: '5', c: undefined }] }), '{"b":[{"$object":{"$int":"5"}}]}')
  assert.equal(toJson({ a: undefined }), '{}')
})

test('an object with a toJSON is written as what that returns', () => {
  assert.equal(toJson({ a: { toJSON: () => ({ $b: 5n }) } }), '{"a":{"$object":{"$b":{"$int":"5"}}}}')
  assert.equal(toJson([{ toJSON: () => unreadable }]), '[{"$unreadable":"{\\"00\\": "}]')
})

test('fromJson reads JSON from elsewhere, with integers of any size', () => {
  const text = ' {"n" : 12345678901234567890123, "f": 1.0, "needless": {"$object": {"a": 1}}}\n'
  assert.deepStrictEqual(fromJson(text), { n: long, f: 1, needless: { a: 1 } })
})

test('a needless escape hides no form', () => {
  assert.equal(fromJson('{"\\u0024int":"5"}'), 5n)
  assert.equal(toStrictJson('{"\\u0024int": "5"}'), '{"$object":{"$int":"5"}}')
})

const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    fc.constantFrom<unknown>(null, true, false, Number.NaN, Infinity, -Infinity, -0, 1e21, 2 ** 60, 0n),
    fc.double(),
    fc.integer(),
    fc.bigInt(),
    fc.string({ unit: 'binary' }),
    fc.string().map(unreadableOf),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(
        fc.tuple(
          fc.oneof(
            fc.string(),
            fc.constantFrom('$', '$int', '$float', '$object', '$unreadable', '__proto__', 'toJson', '0'),
          ),
          tie('value'),
        ),
        { maxLength: 3 },
      )
      .map((entries) => Object.fromEntries(entries)),
  ),
}))

test('fromJson returns what toJson was given, and every parser reads the text', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const text = toJson(value)
      assert.doesNotMatch(text, /[\r\n]/)
      JSON.parse(text)
      assert.deepStrictEqual(fromJson(text), value)
      assert.equal(toJson(fromJson(text)), text)
    }),
    { numRuns: 3000 },
  )
})

test('fromJson reads a cell of an export as the store reads it', (t) => {
  let readable = 0
  fc.assert(
    fc.property(mutated(jsonTexts(t)), (text) => {
      let value: unknown
      try {
        value = parseJson(text)
      } catch {
        return
      }
      readable++
      assert.deepStrictEqual(fromJson(toStrictJson(text)), value)
      assert.deepStrictEqual(fromJson(toJson(value)), value)
    }),
    { numRuns: 3000 },
  )
  assert.ok(readable > 300, `only ${readable} mutants could be read`)
})

for (const [name, make] of Object.entries(ANY_VALUES)) {
  test(`toJson of ${name} is JSON, or an ArgumentError`, () => {
    try {
      JSON.parse(toJson(make()))
    } catch (error) {
      // A trap of the caller's may throw what it likes, and a revoked Proxy throws whatever is done to it.
      const isOwn = error instanceof ArgumentError || error instanceof CallersError
      assert.ok(isOwn || /revoked/.test(String(error)), String(error))
    }
  })
}

test('every task comes back equal that a store returns, and is stored again as it was', () => {
  using store = new TaskStore({ file: ':memory:' })
  store.save({ ...TASK, result: { counts: { '00': long }, ratio: Number.NaN }, metadata: { $ref: -0 } })
  store.db.$client
    .prepare(`INSERT INTO tasks VALUES ('torn', 'b', 'success', 1, '2026', '2026', '{"00": 51', 'x', NULL)`)
    .run()
  store.archive.archive('torn')
  store.addShard({ uniqcTaskId: 'a', platformTaskId: 'p', result: [1n, null] })
  const returned = [
    store.get('a'),
    store.list({ archived: 'both' }),
    store.listSummaries(),
    store.page({ limit: 1, archived: 'both' }),
    store.getShards('a'),
    store.archive.get('torn'),
    store.countByStatus(),
    store.check(),
  ]
  for (const value of returned) assert.deepStrictEqual(fromJson(toJson(value)), value)

  const [torn] = fromJson<TaskInfo[]>(toJson(store.archive.list()))
  assert.ok((torn?.result as unknown) instanceof UnreadableJson)
  assert.ok((torn?.metadata as unknown) instanceof UnreadableJson)
  const { result, metadata } = torn as TaskInfo
  store.save({ ...TASK, taskId: 'again', result, metadata })
  const cells = store.db.$client
    .prepare('SELECT result_json, metadata_json FROM tasks WHERE task_id = ?')
    .raw()
  assert.deepEqual(cells.get('again'), ['{"00": 51', 'x'])
})

test('JSON.stringify shows an unreadable cell in the form of toJson', () => {
  assert.equal(JSON.stringify({ result: unreadable }), toJson({ result: unreadable }))
})

test('an unreadable cell inside another is refused by a save, by its path, and nothing is written', () => {
  using store = new TaskStore({ file: ':memory:' })
  const inside = unreadable as never
  const tasks: readonly (readonly [task: NewTaskInfo, field: string])[] = [
    [{ ...TASK, result: [inside] }, 'result[0]'],
    [{ ...TASK, result: { counts: inside } }, 'result.counts'],
    [{ ...TASK, metadata: { note: inside } }, 'metadata.note'],
  ]
  for (const [task, field] of tasks) {
    const message = `task "a": ${field} is an UnreadableJson, which JSON cannot hold`
    assert.throws(() => store.save(task), { code: 'INVALID_TASK', message })
  }
  assert.equal(store.count(), 0)
  store.save(TASK)
  assert.throws(() => store.update('a', { metadata: { note: inside } }), { code: 'INVALID_TASK' })
})
