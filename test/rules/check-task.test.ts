import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { parseJson } from '../../drizzle/json/read.ts'
import { type JsonObject, type JsonValue, UnreadableJson } from '../../drizzle/json/value.ts'
import { TASK_STATUSES } from '../../drizzle/task-status.ts'
import { checkFields, checkNewShard, checkNewTask, encodeJson, missing } from '../../src/rules/check-task.ts'
import { isInvalid, isMisuseOf } from '../support/rule-errors.ts'
import { wrong } from '../support/store.ts'

const MOST = Number.MAX_SAFE_INTEGER

const TASK = { taskId: 'task-1', backend: 'b', status: 'running' } as const
const SHARD = { uniqcTaskId: 'task-1', platformTaskId: 'p' } as const
const newTask = (given: object = {}) => checkNewTask({ ...TASK, ...given })
const newShard = (given: object = {}) => checkNewShard({ ...SHARD, ...given })

for (const [title, given, word] of [
  ['undefined', undefined, ''],
  ['null', null, ''],
  ['a string', 'task-1', ''],
  ['a list', [TASK], ''],
  ['a Map', new Map([['taskId', 'task-1']]), ''],
  ['a field that does not exist', { state: 'x' }, 'state'],
  ['a field that does not exist and is undefined', { state: undefined }, 'state'],
  ['the time of archiving', { archivedAt: '2026-01-01' }, 'archivedAt'],
  ['a name of a column', { error_message: 'x' }, 'error_message'],
  ['a field of a prototype', { constructor: 1 }, 'constructor'],
] as const) {
  test(`${title} for a task or a shard is a TypeError that names it`, () => {
    for (const [name, check] of [
      ['task', () => checkNewTask(wrong(given))],
      ['shard', () => checkNewShard(wrong(given))],
      ['changes', () => checkFields('changes', given)],
    ] as const) {
      assert.throws(check, isMisuseOf(word || name))
    }
  })
}

for (const field of ['taskId', 'backend', 'status']) {
  test(`a task without ${field} is INVALID_TASK`, () => {
    const isField = isInvalid(field === 'taskId' ? undefined : 'task-1', field)
    assert.throws(() => newTask({ [field]: undefined }), isField)
    const { [field]: _, ...rest } = wrong<Record<string, string>>(TASK)
    assert.throws(() => checkNewTask(wrong(rest)), isField)
  })
}

for (const field of ['uniqcTaskId', 'platformTaskId']) {
  test(`a shard without ${field} is INVALID_TASK`, () => {
    assert.throws(
      () => newShard({ [field]: undefined }),
      isInvalid(field === 'uniqcTaskId' ? undefined : 'task-1', field),
    )
  })
}

test('a field that is missing is INVALID_TASK, of a task with or without an id', () => {
  assert.throws(() => missing('task-1', 'shardIndex'), isInvalid('task-1', 'shardIndex'))
  assert.throws(() => missing(undefined, 'taskId'), isInvalid(undefined, 'taskId'))
})

const TEXTS_REQUIRED = ['taskId', 'backend', 'status', 'submitTime', 'updateTime']
const SHARD_TEXTS_REQUIRED = [
  'uniqcTaskId',
  'platformTaskId',
  'backend',
  'status',
  'submitTime',
  'updateTime',
]
const NOT_TEXTS: readonly (readonly [title: string, value: unknown])[] = [
  ['a number', 5],
  ['true', true],
  ['a list', ['x']],
  ['an object', {}],
  ['a wrapped string', Object('x')],
  ['a function', () => 'x'],
  ['a lone surrogate', 'a\ud800'],
  ['a low surrogate alone', '\udc00'],
]
for (const [title, value] of [['null', null], ['an empty string', ''], ...NOT_TEXTS] as const) {
  for (const field of TEXTS_REQUIRED) {
    test(`${title} for ${field} of a task is INVALID_TASK`, () => {
      const id = field !== 'taskId' ? 'task-1' : typeof value === 'string' ? value : undefined
      assert.throws(() => newTask({ [field]: value }), isInvalid(id, field))
    })
  }
  for (const field of SHARD_TEXTS_REQUIRED) {
    test(`${title} for ${field} of a shard is INVALID_TASK`, () => {
      const id = field !== 'uniqcTaskId' ? 'task-1' : typeof value === 'string' ? value : undefined
      assert.throws(() => newShard({ [field]: value }), isInvalid(id, field))
    })
  }
}

for (const [title, value] of NOT_TEXTS) {
  test(`${title} for errorMessage is INVALID_TASK`, () => {
    assert.throws(() => newTask({ errorMessage: value }), isInvalid('task-1', 'errorMessage'))
    assert.throws(() => newShard({ errorMessage: value }), isInvalid('task-1', 'errorMessage'))
  })
}

test('an error can be null or empty', () => {
  for (const errorMessage of [null, '', 'x', '\0', '😀']) {
    assert.equal(newTask({ errorMessage }).task.errorMessage, errorMessage)
    assert.equal(newShard({ errorMessage }).shard.errorMessage, errorMessage)
  }
})

for (const status of ['done', 'SUCCESS', ' success', 'pend', 'constructor', 'x'.repeat(10_000)]) {
  test(`the status ${JSON.stringify(status.slice(0, 20))} is INVALID_TASK, and the message names the statuses`, () => {
    for (const check of [() => newTask({ status }), () => newShard({ status })]) {
      assert.throws(check, (error) => {
        isInvalid('task-1', 'status')(error)
        const { message } = error as Error
        for (const known of TASK_STATUSES) assert.ok(message.includes(known), message)
        assert.ok(message.length < 200, `${message.length} characters`)
        return true
      })
    }
  })
}

for (const status of TASK_STATUSES) {
  test(`${status} is a status`, () => {
    assert.equal(newTask({ status }).task.status, status)
    assert.equal(newShard({ status }).shard.status, status)
  })
}

const NOT_COUNTS: readonly unknown[] = [
  null,
  -1,
  0.5,
  MOST + 1,
  Number.NaN,
  Infinity,
  '5',
  5n,
  true,
  [],
  Object(5),
]
for (const value of NOT_COUNTS) {
  test(`${typeof value === 'string' ? `"${value}"` : String(value)} (${typeof value}) is not a count, which is INVALID_TASK`, () => {
    assert.throws(() => newTask({ shots: value }), isInvalid('task-1', 'shots'))
    for (const field of ['shardIndex', 'circuitCount', 'subIndexOffset']) {
      assert.throws(() => newShard({ [field]: value }), isInvalid('task-1', field))
    }
  })
}

for (const value of [0, 1, MOST]) {
  test(`${value} is a count`, () => {
    assert.equal(newTask({ shots: value }).task.shots, value)
    for (const field of ['shardIndex', 'circuitCount', 'subIndexOffset']) {
      assert.equal(newShard({ [field]: value }).shard[field as 'shardIndex'], value)
    }
  })
}

test('-0 is 0', () => {
  assert.equal(newTask({ shots: -0 }).task.shots, 0)
  assert.equal(newShard({ shardIndex: -0 }).shard.shardIndex, 0)
})

const NOT_TIMES: readonly (readonly [title: string, value: unknown])[] = [
  ['a text that is not a time', 'noon'],
  ['a year', '2026'],
  ['a day that does not exist', '2026-02-31'],
  ['a number of milliseconds', 1767225600000],
  ['an invalid Date', new Date(Number.NaN)],
  ['a Date after the year 9999', new Date(8.64e15)],
  ['a Date before the year 0', new Date(-8.64e15)],
]
for (const [title, value] of NOT_TIMES) {
  test(`${title} is not a time, which is INVALID_TASK`, () => {
    for (const field of ['submitTime', 'updateTime']) {
      assert.throws(() => newTask({ [field]: value }), isInvalid('task-1', field))
      assert.throws(() => newShard({ [field]: value }), isInvalid('task-1', field))
      assert.throws(() => checkFields('changes', { [field]: value }, 'task-1'), isInvalid('task-1', field))
    }
  })
}

const TIMES: readonly (readonly [given: string | Date, text: string])[] = [
  ['2026-05-03T01:02:03.123456+00:00', '2026-05-03T01:02:03.123456+00:00'],
  ['2026-05-03 01:02', '2026-05-03 01:02'],
  ['2026-05-03', '2026-05-03'],
  [new Date('2026-05-03T01:02:03.123Z'), '2026-05-03T01:02:03.123000+00:00'],
  [new Date('9999-12-31T23:59:59.999Z'), '9999-12-31T23:59:59.999000+00:00'],
  [new Date(-1), '1969-12-31T23:59:59.999000+00:00'],
]
for (const [given, text] of TIMES) {
  test(`the ${typeof given === 'string' ? 'text' : 'Date'} ${text} is a time, stored as that`, () => {
    for (const field of ['submitTime', 'updateTime'] as const) {
      assert.equal(newTask({ [field]: given }).task[field], text)
      assert.equal(newShard({ [field]: given }).shard[field], text)
    }
  })
}

const cycle: Record<string, unknown> = {}
cycle.self = [cycle]

const NOT_JSON: readonly (readonly [title: string, value: unknown, path: string])[] = [
  ['a function', () => 1, ''],
  ['a symbol', Symbol('s'), ''],
  ['a Date', new Date(0), ''],
  ['a Map', new Map(), ''],
  ['a toJSON that returns undefined', { toJSON: () => undefined }, ''],
  ['a list with undefined', [1, undefined], '[1]'],
  ['a function inside', { a: { 'b c': [1, () => 1] } }, '.a["b c"][1]'],
  ['a cell that cannot be read inside', { a: new UnreadableJson('x') }, '.a'],
  ['a cycle', cycle, '.self[0]'],
]
for (const [title, value, path] of NOT_JSON) {
  test(`${title} for a result or metadata is INVALID_TASK, with its path`, () => {
    for (const field of ['result', 'metadata']) {
      assert.throws(() => newTask({ [field]: value }), isInvalid('task-1', field + path))
    }
    assert.throws(() => newShard({ result: value }), isInvalid('task-1', `result${path}`))
    assert.throws(() => encodeJson('task-1', 'x', value), isInvalid('task-1', `x${path}`))
  })
}

// Python reads a lone surrogate, and fails when it writes it back.
const LONE_SURROGATES: readonly (readonly [title: string, value: unknown, path: string])[] = [
  ['a string with a lone surrogate', { a: ['x', 'b\ud800'] }, '.a[1]'],
  ['a key with a lone surrogate', { a: { '\udc00': 1 } }, '.a["\\udc00"]'],
  ['a toJSON with a lone surrogate', { a: { toJSON: () => '\ud800x' } }, '.a'],
  ['several strings with one, of which the first counts,', { a: 1, b: '\ud800', c: ['\ud800'] }, '.b'],
  ['an unreadable cell with a lone surrogate', new UnreadableJson('\ud800'), ''],
]
for (const [title, value, path] of LONE_SURROGATES) {
  test(`${title} in metadata or in the result of a shard is INVALID_TASK, with its path`, () => {
    assert.throws(() => newTask({ metadata: value }), isInvalid('task-1', `metadata${path}`))
    assert.throws(() => newShard({ result: value }), isInvalid('task-1', `result${path}`))
  })
}

test('a lone surrogate in the result of a task stays, because no update by UnifiedQuantum writes it back', () => {
  const result = { a: ['x', 'b\ud800'] }
  const { task, cells } = newTask({ result })
  assert.deepEqual([task.result, cells.result], [result, '{"a":["x","b\\ud800"]}'])
  const unreadableResult = new UnreadableJson('\ud800')
  assert.throws(() => newTask({ result: unreadableResult }), isInvalid('task-1', 'result'))
})

test('a pair of surrogates, and the text of an escape, are no lone surrogates', () => {
  const metadata = { '😀': 'x😀', escape: '\\ud800' }
  assert.deepEqual(newTask({ metadata }).task.metadata, metadata)
  assert.equal(newShard({ result: metadata }).cell, newTask({ metadata }).cells.metadata)
})

for (const [title, metadata] of [
  ['null', null],
  ['a list', []],
  ['a string', '{}'],
  ['a number', 5],
  ['true', true],
  ['a toJSON that returns a list', { toJSON: () => [] }],
  ['a toJSON that returns null', { toJSON: () => null }],
] as const) {
  test(`${title} for metadata is INVALID_TASK`, () => {
    assert.throws(() => newTask({ metadata }), isInvalid('task-1', 'metadata'))
  })
}

test('what the toJSON of a caller throws comes out as it is', () => {
  const thrown = new Error('mine')
  const toJSON = () => {
    throw thrown
  }
  assert.throws(
    () => newTask({ result: { toJSON } }),
    (error) => error === thrown,
  )
})

test('an error is about the id by which the task was asked for, else about the one that is given', () => {
  assert.throws(() => checkFields('changes', { shots: -1 }), isInvalid(undefined, 'shots'))
  assert.throws(() => checkFields('changes', { shots: -1, taskId: 5 }), isInvalid(undefined, 'taskId'))
  assert.throws(() => checkFields('changes', { shots: -1, taskId: 'given' }), isInvalid('given', 'shots'))
  assert.throws(
    () => checkFields('changes', { shots: -1, taskId: 'given' }, 'asked'),
    isInvalid('asked', 'shots'),
  )
})

const unreadable = (text: string) => new UnreadableJson(text) as unknown as JsonObject

/** What is given, the text that is written, and the value that it reads back as. */
const JSON_CELLS: readonly (readonly [
  title: string,
  given: unknown,
  text: string | null,
  value: JsonValue | null,
])[] = [
  ['null is no text at all', null, null, null],
  ['a toJSON that returns null is no text at all', { toJSON: () => null }, null, null],
  ['false is a result', false, 'false', false],
  ['an empty string is a result', '', '""', ''],
  ['NaN is written as Python writes it', { a: Number.NaN }, '{"a":NaN}', { a: Number.NaN }],
  ['a bigint is written digit by digit', [2n ** 70n], `[${2n ** 70n}]`, [2n ** 70n]],
  ['a bigint that is small reads back as a number', [5n], '[5]', [5]],
  ['a large number stays a float', 1e20, '100000000000000000000.0', 1e20],
  ['-0 stays', -0, '-0.0', -0],
  ['an undefined property is left out', { a: 1, b: undefined }, '{"a":1}', { a: 1 }],
  ['what a toJSON returns is written', { a: { toJSON: () => [1] } }, '{"a":[1]}', { a: [1] }],
  [
    'a key __proto__ is a key',
    JSON.parse('{"__proto__":1}'),
    '{"__proto__":1}',
    JSON.parse('{"__proto__":1}'),
  ],
  ['a cell that cannot be read keeps its text', unreadable('{"torn'), '{"torn', unreadable('{"torn')],
]
for (const [title, given, text, value] of JSON_CELLS) {
  test(`of results, ${title}`, () => {
    const { task, cells } = newTask({ result: given })
    assert.deepEqual([task.result, cells.result], [value, text])
    const { shard, cell } = newShard({ result: given })
    assert.deepEqual([shard.result, cell], [value, text])
    assert.deepEqual(checkFields('changes', { result: given }), {
      fields: { result: value },
      cells: { result: text },
    })
  })
}

for (const text of ['[1]', '{"torn', '', '{"torn \\ud800']) {
  test(`metadata that cannot be read keep their text: ${JSON.stringify(text)}`, () => {
    const { task, cells } = newTask({ metadata: unreadable(text) })
    assert.deepEqual([task.metadata, cells.metadata], [unreadable(text), text])
  })
}

test('JSON is written at once: what the caller does to it later changes no text', () => {
  const [result, metadata] = [[1], { a: [1] }]
  const { cells } = newTask({ result, metadata })
  result.push(2)
  metadata.a.push(2)
  assert.deepEqual(cells, { result: '[1]', metadata: '{"a":[1]}' })
})

test('a task has a default for what is not given, and its times are left open', () => {
  const expected = {
    task: {
      ...{ taskId: 'task-1', backend: 'b', status: 'running', shots: 0, submitTime: undefined },
      ...{ updateTime: undefined, result: null, metadata: {}, errorMessage: null },
    },
    cells: { result: null, metadata: '{}' },
  }
  assert.deepEqual(newTask(), expected)
  const open = { shots: undefined, submitTime: undefined, updateTime: undefined }
  assert.deepEqual(
    newTask({ ...open, result: undefined, metadata: undefined, errorMessage: undefined }),
    expected,
  )
})

test('a task has what is given', () => {
  const given = {
    ...{
      taskId: 'task-2',
      backend: 'c',
      status: 'failed',
      shots: 5,
      submitTime: '2026-01-01',
      updateTime: '2026-01-02',
    },
    ...{ result: [1], metadata: { a: 1 }, errorMessage: 'x' },
  }
  assert.deepEqual(newTask(given), { task: given, cells: { result: '[1]', metadata: '{"a":1}' } })
})

test('a shard has a default for what no stored one has, and is open in the rest', () => {
  const { shard, cell } = newShard({ backend: undefined, circuitCount: undefined })
  assert.deepEqual(shard, { ...SHARD, status: 'pending', result: null, errorMessage: null })
  assert.equal(cell, null)
})

test('a shard has what is given', () => {
  const given = {
    ...{
      uniqcTaskId: 'task-2',
      shardIndex: 3,
      platformTaskId: 'q',
      backend: 'c',
      circuitCount: 2,
      subIndexOffset: 4,
    },
    ...{ status: 'failed', errorMessage: 'x', submitTime: '2026-01-01', updateTime: '2026-01-02' },
  }
  assert.deepEqual(newShard({ ...given, result: [1] }), { shard: { ...given, result: [1] }, cell: '[1]' })
})

test('of changes there is only what is given', () => {
  assert.deepEqual(checkFields('changes', {}), { fields: {}, cells: {} })
  assert.deepEqual(checkFields('changes', { shots: undefined, result: undefined }), { fields: {}, cells: {} })
  assert.deepEqual(checkFields('changes', { errorMessage: null, metadata: {}, shots: 1 }), {
    fields: { errorMessage: null, metadata: {}, shots: 1 },
    cells: { metadata: '{}' },
  })
})

test('any JSON is stored, and is what the text reads back as', () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 1 }),
      fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 1 })),
      (result, metadata) => {
        const { task, cells } = newTask({ result, metadata: { ...metadata } })
        assert.deepEqual(task.result, result)
        assert.deepEqual(task.metadata, { ...metadata })
        assert.deepEqual(cells.result === null ? null : parseJson(cells.result), task.result)
        assert.deepEqual(parseJson(cells.metadata), task.metadata)
      },
    ),
  )
})

const TIME = 'an ISO 8601 date or time, or a Date'
const STORED = 'leave it out, and the stored one stays'

/** What a message says of a field. */
const MESSAGES: readonly (readonly [given: object, message: string])[] = [
  [{ taskId: undefined }, 'the task: taskId is missing'],
  [{ backend: undefined }, 'task "task-1": backend is missing'],
  [{ backend: null }, 'task "task-1": backend must not be null'],
  [{ backend: '' }, 'task "task-1": backend must not be empty'],
  [{ backend: 5 }, 'task "task-1": backend must be a string, not a number'],
  [{ shots: '5' }, 'task "task-1": shots must be a number, not a string'],
  [{ shots: 5n }, 'task "task-1": shots must be a number, not a bigint'],
  [{ shots: -5 }, 'task "task-1": shots must be a whole number from 0 to 2^53-1, not -5'],
  [{ submitTime: 5 }, `task "task-1": submitTime must be ${TIME}, not a number`],
  [{ submitTime: 'noon' }, `task "task-1": submitTime must be ${TIME}, not "noon"; ${STORED}`],
  [
    { updateTime: 'noon' },
    `task "task-1": updateTime must be ${TIME}, not "noon"; leave it out, and the store writes the time of the change`,
  ],
  [
    { status: 'done' },
    'task "task-1": status must be one of pending, running, success, failed, cancelled, not "done"',
  ],
  [
    { errorMessage: '\ud800' },
    'task "task-1": errorMessage holds a lone surrogate, which SQLite cannot store',
  ],
  [
    { result: new UnreadableJson('\ud800') },
    'task "task-1": result holds a lone surrogate, which SQLite cannot store',
  ],
  [
    { metadata: { a: '\ud800' } },
    'task "task-1": metadata.a holds a lone surrogate, with which UnifiedQuantum cannot save the task again',
  ],
  [{ metadata: null }, 'task "task-1": metadata must not be null'],
  [{ metadata: [] }, 'task "task-1": metadata must be an object, not an array'],
]
for (const [given, message] of MESSAGES) {
  test(`a message says: ${message}`, () => assert.throws(() => newTask(given), { message }))
}

/** The longest text that can be read back, in bytes. */
const MOST_BYTES = 2 ** 29 - 24

test('a text of as many bytes as can be read back is taken, and one of more is refused, in any letters', (t) => {
  // So much text is not made: it is told to be so long.
  const lengthOf = t.mock.method(Buffer, 'byteLength')
  const long = 'x'.repeat(Math.floor(MOST_BYTES / 3) + 1)
  for (const [bytes, isTaken] of [
    [MOST_BYTES, true],
    [MOST_BYTES + 1, false],
  ] as const) {
    lengthOf.mock.mockImplementation((() => bytes) as never)
    const save = () => newTask({ errorMessage: long })
    if (isTaken) save()
    else assert.throws(save, isInvalid('task-1', 'errorMessage'))
    const saveResult = () => newTask({ result: new UnreadableJson(long) })
    if (isTaken) saveResult()
    else assert.throws(saveResult, { message: /result .*longer than 512 MB/ })
  }
})

test('the bytes of a text that is short enough in any letters are not counted', (t) => {
  const lengthOf = t.mock.method(Buffer, 'byteLength', (() => MOST_BYTES + 1) as never)
  newTask({ errorMessage: 'x'.repeat(Math.floor(MOST_BYTES / 3)) })
  assert.equal(lengthOf.mock.callCount(), 0)
})
