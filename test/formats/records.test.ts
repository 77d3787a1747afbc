import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { parseJsonOrText } from '../../drizzle/json/read.ts'
import { parseCacheEntry, parseLine, RecordError } from '../../src/formats/parse-record.ts'
import { writeRecord } from '../../src/formats/write-record.ts'
import type { RawShard, RawTask, StoredTask } from '../../src/rules/raw-task.ts'

const TIME = '2026-01-01T00:00:00.000000+00:00'
const LATER = '2026-01-02T00:00:00.000000+00:00'
const MOST = Number.MAX_SAFE_INTEGER

/** The fields that a record must have, under the names of each form. */
const LINE = { task_id: 'task-1', backend: 'b', status: 'running', submit_time: TIME }
const FLAT = { task_id: 'task-1', platform: 'b', status: 'running', submit_time: TIME }
const SHARD = {
  shard_index: 0,
  platform_task_id: 'p',
  backend: 'b',
  status: 'running',
  submit_time: TIME,
  update_time: TIME,
}

/** The task of a record that has nothing else. */
const TASK: RawTask = {
  taskId: 'task-1',
  backend: 'b',
  status: 'running',
  shots: 0,
  submitTime: TIME,
  updateTime: TIME,
  result: null,
  metadata: '{}',
  errorMessage: null,
}

const isRecordError = (taskId: string | undefined, word: string) => (error: unknown) => {
  assert.ok(error instanceof RecordError, String(error))
  assert.equal(error.taskId, taskId)
  assert.ok(error.message.includes(word), error.message)
  return true
}

// What is refused

const NOT_OBJECTS: readonly (readonly [title: string, text: string])[] = [
  ['an empty line', ''],
  ['a torn line', '{"task_id": "task-1", "back'],
  ['two objects', '{} {}'],
  ['null', 'null'],
  ['a list', '[]'],
  ['a string', '"{}"'],
  ['a number', '5'],
  ['a line nested too deeply', `{"a":${'['.repeat(100_000)}NaN${']'.repeat(100_000)}}`],
]
for (const [title, text] of NOT_OBJECTS) {
  test(`${title} is not a record`, () => {
    assert.throws(() => parseLine(text), isRecordError(undefined, ''))
    assert.throws(() => parseCacheEntry(text), isRecordError(undefined, ''))
    assert.throws(() => parseCacheEntry(`{"task-1": ${text}}`), RecordError)
  })
}

const COMMON: readonly (readonly [title: string, fields: object, word: string])[] = [
  ['without a status', { status: undefined }, 'status'],
  ['with a status that is null', { status: null }, 'status'],
  ['with an empty status', { status: '' }, 'status'],
  ['with a status that is a number', { status: 5 }, 'status'],
  ['without a submit time', { submit_time: undefined }, 'submit_time'],
  ['with a submit time that is null', { submit_time: null }, 'submit_time'],
  ['with an update time that is a number', { update_time: 5 }, 'update_time'],
  ['with a lone surrogate', { status: 'a\ud800' }, 'status'],
]
const STRICT: readonly (readonly [title: string, fields: object, word: string])[] = [
  ...COMMON,
  ['without a backend', { backend: undefined }, 'backend'],
  ['with an empty backend', { backend: '' }, 'backend'],
  ['with shots below 0', { shots: -1 }, 'shots'],
  ['with a fraction of shots', { shots: 0.5 }, 'shots'],
  ['with shots beyond 2^53-1', { shots: MOST + 1 }, 'shots'],
  ['with shots that are null', { shots: null }, 'shots'],
  ['with shots that are a string', { shots: '5' }, 'shots'],
  ['with an error that is a list', { error_message: ['x'] }, 'error_message'],
]
const EXPORTED: readonly (readonly [title: string, fields: object, word: string])[] = [
  ...STRICT,
  ['with an unknown field', { tags: [] }, 'tags'],
  ['with a field __proto__', JSON.parse('{"__proto__": 1}'), '__proto__'],
  ['with a time of archiving that is a number', { archived_at: 5 }, 'archived_at'],
  ['with a form of JSON that is not known', { result: { $set: [] } }, 'result'],
  ['with metadata of such a form', { metadata: { a: { $set: [] } } }, 'metadata'],
  ['with an unreadable cell inside another one', { result: { a: { $unreadable: 'x' } } }, 'result'],
  ['with shards that are an object', { shards: {} }, 'shards'],
  ['with a shard that is null', { shards: [SHARD, null] }, 'shards[1]'],
  ['with a shard that is a list', { shards: [[]] }, 'shards[0]'],
  ['with an unknown field of a shard', { shards: [SHARD, { ...SHARD, tags: 1 }] }, 'shards[1].tags'],
  [
    'with a shard that names a task',
    { shards: [{ ...SHARD, uniqc_task_id: 'x' }] },
    'shards[0].uniqc_task_id',
  ],
  [
    'with a result of a shard that is not known',
    { shards: [{ ...SHARD, result: { $a: 1 } }] },
    'shards[0].result',
  ],
]
for (const field of Object.keys(SHARD)) {
  const path = `shards[1].${field}`
  test(`a line of an export whose shard has no ${field} is refused, and names it`, () => {
    const text = JSON.stringify({ ...LINE, shards: [SHARD, { ...SHARD, [field]: undefined }] })
    assert.throws(() => parseLine(text), isRecordError('task-1', path))
  })
}

for (const [form, base, parse, cases] of [
  ['a line of an export', LINE, (record: object) => parseLine(JSON.stringify(record)), EXPORTED],
  ['a flat line', FLAT, (record: object) => parseLine(JSON.stringify(record)), COMMON],
  [
    'an entry of tasks.json',
    LINE,
    (record: object) => parseCacheEntry(JSON.stringify({ x: record })),
    STRICT,
  ],
] as const) {
  for (const [title, fields, word] of cases) {
    test(`${form} ${title} is refused, and the error names the task and the field`, () => {
      const record = Object.fromEntries([...Object.entries(base), ...Object.entries(fields)])
      assert.throws(() => parse(record), isRecordError('task-1', word))
    })
  }
}

for (const id of [undefined, null, 5, '']) {
  test(`a line whose task_id is ${JSON.stringify(id)} is refused`, () => {
    for (const base of [LINE, FLAT]) {
      const text = JSON.stringify({ ...base, task_id: id })
      assert.throws(() => parseLine(text), isRecordError(id === '' ? '' : undefined, 'task_id'))
    }
  })
}

test('an entry of tasks.json is one entry, and its metadata are an object', () => {
  assert.throws(() => parseCacheEntry('{}'), isRecordError(undefined, ''))
  const two = JSON.stringify({ 'task-1': LINE, 'task-2': LINE })
  assert.throws(() => parseCacheEntry(two), isRecordError(undefined, ''))
  for (const metadata of [null, [], '{}', 5]) {
    const text = JSON.stringify({ 'task-1': { ...LINE, metadata } })
    assert.throws(() => parseCacheEntry(text), isRecordError('task-1', 'metadata'))
  }
})

// What is read

const LINES: readonly (readonly [title: string, text: string, task: Partial<RawTask>])[] = [
  ['the fields that it must have, of an export', JSON.stringify(LINE), {}],
  ['the fields that it must have, flat', JSON.stringify(FLAT), {}],
  ['an update time', JSON.stringify({ ...LINE, update_time: LATER }), { updateTime: LATER }],
  [
    'times that are empty',
    JSON.stringify({ ...LINE, submit_time: '', update_time: '' }),
    { submitTime: '', updateTime: '' },
  ],
  [
    'an empty submit time alone',
    JSON.stringify({ ...FLAT, submit_time: '' }),
    { submitTime: '', updateTime: '' },
  ],
  ['an update time that is null', JSON.stringify({ ...LINE, update_time: null }), {}],
  ['a result that is null', JSON.stringify({ ...LINE, result: null, error_message: null, shots: 0 }), {}],
  ['the most shots', JSON.stringify({ ...LINE, shots: MOST }), { shots: MOST }],
  [
    'texts of JSON, which stay as they are, of an export',
    `${JSON.stringify(LINE).slice(0, -1)}, "result" : [ 1.0,2e0 ] , "metadata": { "b":1.50,"a" : null } }`,
    { result: '[ 1.0,2e0 ]', metadata: '{ "b":1.50,"a" : null }' },
  ],
  [
    'texts of JSON, which stay as they are, flat',
    `${JSON.stringify(FLAT).slice(0, -1)}, "result" : [ 1.0,NaN ] , "b" : 1.50, "__proto__": {"x" :12345678901234567890}}`,
    { result: '[ 1.0,NaN ]', metadata: '{"b": 1.50, "__proto__": {"x" :12345678901234567890}}' },
  ],
  [
    'flat, a backend beside the platform, which is metadata',
    JSON.stringify({ ...FLAT, backend: 'x', metadata: { a: 1 }, shards: 2 }),
    { metadata: '{"backend": "x", "metadata": {"a":1}, "shards": 2}' },
  ],
  [
    'flat, shots and an error',
    JSON.stringify({ ...FLAT, shots: 5, error_message: 'x' }),
    { shots: 5, errorMessage: 'x' },
  ],
  [
    'flat, shots and an error of another type, which are metadata',
    JSON.stringify({ ...FLAT, shots: '5', error_message: { a: 1 } }),
    { metadata: '{"shots": "5", "error_message": {"a":1}}' },
  ],
  [
    'flat, shots below 0 and an error that is null, which are metadata',
    JSON.stringify({ ...FLAT, shots: -1, error_message: null }),
    { metadata: '{"shots": -1, "error_message": null}' },
  ],
  ['a field twice, of which the last counts', `{"status":"x",${JSON.stringify(FLAT).slice(1)}`, {}],
]
for (const [title, text, task] of LINES) {
  test(`a line with ${title} is read`, () => {
    assert.deepEqual(parseLine(text), { task: { ...TASK, ...task }, archivedAt: null, shards: [] })
  })
}

const ENTRIES: readonly (readonly [title: string, text: string, task: Partial<RawTask>])[] = [
  ['the fields that it must have', JSON.stringify({ x: LINE }), {}],
  ['no id but its key', JSON.stringify({ 'task-1': { ...LINE, task_id: undefined } }), {}],
  [
    'texts of JSON, which stay as they are',
    `{"x" :${JSON.stringify(LINE).slice(0, -1)}, "result": [ NaN ], "metadata" : {"b":1.0 , "a":2}}}`,
    { result: '[ NaN ]', metadata: '{"b": 1.0, "a": 2}' },
  ],
  [
    'unknown fields, which are metadata, before those there',
    JSON.stringify({ x: { ...LINE, later: [1], archived_at: 'y', metadata: { a: 1 } } }),
    { metadata: '{"later": [1], "archived_at": "y", "a": 1}' },
  ],
  [
    'an unknown field that is in the metadata too, which count',
    JSON.stringify({ x: { ...LINE, a: 1, metadata: { a: 2 } } }),
    { metadata: '{"a": 2}' },
  ],
]
for (const [title, text, task] of ENTRIES) {
  test(`an entry of tasks.json with ${title} is read`, () => {
    assert.deepEqual(parseCacheEntry(text), { task: { ...TASK, ...task }, archivedAt: null, shards: [] })
  })
}

test('the key __proto__ of an entry is an id', () => {
  const text = `{"__proto__": ${JSON.stringify({ ...LINE, task_id: undefined })}}`
  assert.equal(parseCacheEntry(text).task.taskId, '__proto__')
})

test('a shard of an export has defaults for its circuits', () => {
  const { shards } = parseLine(JSON.stringify({ ...LINE, shards: [SHARD] }))
  assert.deepEqual(shards, [
    {
      uniqcTaskId: 'task-1',
      shardIndex: 0,
      platformTaskId: 'p',
      backend: 'b',
      circuitCount: 1,
      subIndexOffset: 0,
      status: 'running',
      result: null,
      errorMessage: null,
      submitTime: TIME,
      updateTime: TIME,
    },
  ])
  assert.deepEqual(parseLine(JSON.stringify({ ...LINE, shards: null })).shards, [])
})

// What is written

test('a line has the names of the columns in their order, and what is not there is left out', () => {
  const record: StoredTask = { task: { ...TASK, result: '{"00": 5}' }, archivedAt: null, shards: [] }
  assert.equal(
    writeRecord(record),
    '{"task_id":"task-1","backend":"b","status":"running","shots":0,' +
      `"submit_time":"${TIME}","update_time":"${TIME}","result":{"00": 5},"metadata":{},"error_message":null}`,
  )
})

/** A cell of a file, what an export has of it, and what an import makes of that: the cell, unless it is named. */
const CELLS: readonly (readonly [cell: string | null, written: string, read?: string | null])[] = [
  [null, 'null'],
  ['', 'null', null],
  ['null', 'null', null],
  ['0', '0'],
  ['1.0', '1.0'],
  ['"a"', '"a"'],
  ['{"b":1.0, "a" : [2e0]}', '{"b":1.0, "a" : [2e0]}'],
  ['{\n  "a": 1\r\n}', '{   "a": 1 }', '{   "a": 1 }'],
  ['NaN', '{"$float":"NaN"}'],
  ['[-Infinity,12345678901234567890]', '[{"$float":"-Infinity"},{"$int":"12345678901234567890"}]'],
  ['{"$float":"NaN"}', '{"$object":{"$float":"NaN"}}'],
  ['{"$unreadable":"x"}', '{"$object":{"$unreadable":"x"}}'],
  ['{"torn', '{"$unreadable":"{\\"torn"}'],
  [' ', '{"$unreadable":" "}'],
]
for (const [cell, text, read = cell] of CELLS) {
  test(`the result ${JSON.stringify(cell)} is exported as ${text}, and comes back as ${JSON.stringify(read)}`, () => {
    const line = writeRecord({ task: { ...TASK, result: cell }, archivedAt: null, shards: [] })
    assert.ok(line.includes(`"result":${text},`), line)
    assert.equal(parseLine(line).task.result, read)
  })
}

const METADATA: readonly (readonly [cell: string, written: string, read?: string])[] = [
  ['{}', '{}'],
  ['', '{}', '{}'],
  [' {"a" : 1.0}', ' {"a" : 1.0}', '{"a" : 1.0}'],
  ['{"a":NaN}', '{"a":{"$float":"NaN"}}'],
  ['[1]', '{"$unreadable":"[1]"}'],
  ['null', '{"$unreadable":"null"}'],
  ['"{}"', '{"$unreadable":"\\"{}\\""}'],
  ['{"torn', '{"$unreadable":"{\\"torn"}'],
  [' ', '{"$unreadable":" "}'],
]
for (const [cell, text, read = cell] of METADATA) {
  test(`the metadata ${JSON.stringify(cell)} are exported as ${text}, and come back as ${JSON.stringify(read)}`, () => {
    const line = writeRecord({ task: { ...TASK, metadata: cell }, archivedAt: null, shards: [] })
    assert.ok(line.includes(`"metadata":${text},`), line)
    assert.equal(parseLine(line).task.metadata, read)
  })
}

// Both ways

const anyText = fc.string({ unit: 'binary', minLength: 1 })
const anyCell = fc.oneof(
  fc.constantFrom(null, 'NaN', '[1.0]', '{"$int":"5"}', '12345678901234567890', '{"torn', '{"__proto__":1}'),
  fc.json(),
  fc.string({ unit: 'binary' }),
)
const anyCount = fc.oneof(fc.nat(9), fc.constant(MOST))
const common = {
  backend: anyText,
  status: anyText,
  result: anyCell,
  errorMessage: fc.option(fc.string({ unit: 'binary' })),
  submitTime: anyText,
  updateTime: anyText,
}
const anyRecord: fc.Arbitrary<StoredTask> = fc
  .record({
    task: fc.record({
      ...common,
      taskId: anyText,
      shots: anyCount,
      metadata: anyCell.map((cell) => cell ?? ''),
    }),
    archivedAt: fc.option(anyText),
    shards: fc.array(
      fc.record({
        ...common,
        shardIndex: anyCount,
        platformTaskId: anyText,
        circuitCount: anyCount,
        subIndexOffset: anyCount,
      }),
      { maxLength: 3 },
    ),
  })
  .map(({ task, archivedAt, shards }) => ({
    task: { ...task },
    archivedAt,
    shards: shards.map((shard): RawShard => ({ ...shard, uniqcTaskId: task.taskId })),
  }))

/** A record with what its cells say in the place of their texts. */
const meaningOf = ({ task, archivedAt, shards }: StoredTask) => ({
  task: {
    ...task,
    result: parseJsonOrText(task.result || 'null'),
    metadata: parseJsonOrText(task.metadata || '{}'),
  },
  archivedAt,
  shards: shards.map((shard) => ({ ...shard, result: parseJsonOrText(shard.result || 'null') })),
})

test('whatever a file holds comes back from its line with the same meaning, and then to the same line', () => {
  fc.assert(
    fc.property(anyRecord, (record) => {
      const line = writeRecord(record)
      assert.doesNotMatch(line, /[\r\n]/)
      assert.doesNotThrow(() => JSON.parse(line))
      const read = parseLine(line)
      assert.deepEqual(meaningOf(read), meaningOf(record))
      assert.equal(writeRecord(read), line)
    }),
    { numRuns: 300 },
  )
})
