import assert from 'node:assert/strict'
import test from 'node:test'
import { runInNewContext } from 'node:vm'
import { isPlainObject } from '../../drizzle/json/value.ts'
import {
  amount,
  callback,
  checkBoolean,
  checkDatabasePath,
  checkInteger,
  checkIterable,
  checkKeys,
  checkObject,
  checkPath,
  checkString,
  flag,
  oneOf,
  optionalString,
  optionsReader,
  quote,
  startsAtHome,
  strings,
  stringsOf,
  wrongType,
  wrongValue,
} from '../../src/rules/check-arguments.ts'
import { isMisuseOf } from '../support/rule-errors.ts'

/** A value, by a name that a title can have. */
const VALUES: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  true: true,
  false: false,
  '0': 0,
  '-0': -0,
  '1': 1,
  '-1': -1,
  '0.5': 0.5,
  NaN: Number.NaN,
  Infinity: Infinity,
  '-Infinity': -Infinity,
  '2^53-1': Number.MAX_SAFE_INTEGER,
  '2^53': 2 ** 53,
  '-(2^53-1)': Number.MIN_SAFE_INTEGER,
  '-(2^53)': -(2 ** 53),
  '1n': 1n,
  '""': '',
  '"a"': 'a',
  '"1"': '1',
  '"true"': 'true',
  '"a/b "': 'a/b ',
  '"a\\n"': 'a\n',
  '"a\\0b"': 'a\0b',
  '" a"': ' a',
  'a symbol': Symbol('s'),
  'a function': () => 1,
  'a class': class {},
  '{}': {},
  'an object without a prototype': Object.create(null),
  'an object of another realm': runInNewContext('({})'),
  '{ limit: 1 }': { limit: 1 },
  'an object that inherits': Object.create({ limit: 1 }),
  'an object with a symbol': { [Symbol('s')]: 1 },
  'an object with a Symbol.iterator that is not a function': { [Symbol.iterator]: 5 },
  '[]': [],
  '["a"]': ['a'],
  '["a", "b"]': ['a', 'b'],
  '["a", 1]': ['a', 1],
  '["a", undefined]': ['a', undefined],
  // biome-ignore lint/suspicious/noSparseArray: the hole is the point
  'an array with a hole': ['a', , 'b'],
  '[["a"]]': [['a']],
  'a Set': new Set(['a']),
  'a Map': new Map(),
  'a Date': new Date(0),
  'a wrapped string': Object('a'),
  'a wrapped number': Object(1),
  'a generator': (function* () {})(),
  'a Proxy': new Proxy({}, {}),
}

/** Each check, the type that it is for, and the values that it lets pass. */
const CHECKS: readonly (readonly [
  title: string,
  type: string,
  check: (name: string, value: unknown) => unknown,
  passes: string[],
])[] = [
  ['true, false or undefined', 'boolean', checkBoolean, ['undefined', 'true', 'false']],
  ['a flag', 'boolean', flag(false), ['undefined', 'true', 'false']],
  ['a string', 'string', checkString, ['""', '"a"', '"1"', '"true"', '"a/b "', '"a\\n"', '"a\\0b"', '" a"']],
  [
    'a string or undefined',
    'string',
    optionalString,
    ['undefined', '""', '"a"', '"1"', '"true"', '"a/b "', '"a\\n"', '"a\\0b"', '" a"'],
  ],
  ['a path', 'string', checkPath, ['"a"', '"1"', '"true"', '"a/b "', '"a\\n"', '" a"']],
  ['a path for the driver', 'string', checkDatabasePath, ['"a"', '"1"', '"true"', '" a"']],
  ['a function or undefined', 'function', callback, ['undefined', 'a function', 'a class']],
  ['one of some words', 'string', oneOf('a', 'b'), ['undefined', '"a"']],
  ['a number from 0', 'number', amount, ['0', '-0', '1', '0.5', 'Infinity', '2^53-1', '2^53']],
  [
    'a whole number or undefined',
    'number',
    (name, value) => checkInteger(name, value),
    ['undefined', '0', '-0', '1', '-1', '2^53-1', '-(2^53-1)'],
  ],
  [
    'a whole number from 0 or undefined',
    'number',
    (name, value) => checkInteger(name, value, 0),
    ['undefined', '0', '-0', '1', '2^53-1'],
  ],
  [
    'a whole number from 1 or undefined',
    'number',
    (name, value) => checkInteger(name, value, 1),
    ['undefined', '1', '2^53-1'],
  ],
  [
    'one string, several or undefined',
    'string',
    strings,
    [
      'undefined',
      '""',
      '"a"',
      '"1"',
      '"true"',
      '"a/b "',
      '"a\\n"',
      '"a\\0b"',
      '" a"',
      '[]',
      '["a"]',
      '["a", "b"]',
    ],
  ],
  [
    'an object',
    'plain',
    checkObject,
    ['{}', 'an object without a prototype', 'an object of another realm', '{ limit: 1 }', 'a Proxy'],
  ],
  [
    'an object with some keys',
    'plain',
    (name, value) => checkKeys(name, value, ['offset', 'limit']),
    ['{}', 'an object without a prototype', 'an object of another realm', '{ limit: 1 }', 'a Proxy'],
  ],
  [
    'an object without keys',
    'plain',
    (name, value) => checkKeys(name, value, []),
    ['{}', 'an object without a prototype', 'an object of another realm', 'a Proxy'],
  ],
  [
    'an iterable',
    'iterable',
    (name, value) => checkIterable(name, value, 'an iterable'),
    [
      ...['[]', '["a"]', '["a", "b"]', '["a", 1]', '["a", undefined]', 'an array with a hole', '[["a"]]'],
      ...['a Set', 'a Map', 'a generator', 'a wrapped string'],
    ],
  ],
]
/** How a value is refused where a type is expected: by its type, by its value, or by a key that is not known. */
function refusal(given: unknown, type: string): (error: unknown) => boolean {
  if (type === 'plain' && isPlainObject(given)) {
    const [key] = Reflect.ownKeys(given)
    return isMisuseOf(String(key), 'ERR_INVALID_ARG_VALUE')
  }
  return isMisuseOf('theName', typeof given === type ? 'ERR_INVALID_ARG_VALUE' : 'ERR_INVALID_ARG_TYPE')
}

for (const [title, type, check, passes] of CHECKS) {
  test(`${title} is one of ${passes.length} values here, and any other is a misuse: of the type or of the value`, () => {
    assert.deepEqual(
      passes.filter((value) => !Object.hasOwn(VALUES, value)),
      [],
    )
    for (const [value, given] of Object.entries(VALUES)) {
      if (passes.includes(value)) assert.doesNotThrow(() => check('theName', given), value)
      else assert.throws(() => check('theName', given), refusal(given, type), value)
    }
  })
}

test('the error for a wrong type names the argument, what it must be and what it is, not its content', () => {
  const error = wrongType('limit', 'a whole number', 'secret')
  assert.equal(error instanceof TypeError, true)
  assert.equal(isMisuseOf('limit', 'ERR_INVALID_ARG_TYPE')(error), true)
  for (const words of [/a whole number/, /a string/]) assert.match(error.message, words)
  assert.doesNotMatch(error.message, /secret/)
})

test('the error for a wrong value shows the value, and of a long text its beginning', () => {
  const error = wrongValue('limit', 'a whole number', 0.5)
  assert.equal(isMisuseOf('limit', 'ERR_INVALID_ARG_VALUE')(error), true)
  assert.match(error.message, /a whole number.*0\.5$/)
  assert.match(wrongValue('mode', 'a or b', 'x"y').message, /"x\\"y"$/)
  assert.match(wrongValue('mode', 'a or b', 'x'.repeat(1e6)).message, /not "x{40}"$/)
  assert.equal(quote('x'.repeat(41)), `"${'x'.repeat(40)}"`)
})

test('an option of an option is called by its path, and is the option in `argument`', () => {
  for (const error of [wrongType('options.file', 'a string', 5), wrongValue('options.file', 'a path', '')]) {
    assert.equal(isMisuseOf('file')(error), true)
    assert.match(error.message, /^options\.file /)
  }
  assert.throws(() => checkString('a status', 5, 'shards'), { argument: 'shards', message: /^a status / })
  assert.throws(() => checkPath('options.file', ''), isMisuseOf('file', 'ERR_INVALID_ARG_VALUE'))
  assert.throws(() => checkDatabasePath('options.file', 'a '), isMisuseOf('file', 'ERR_INVALID_ARG_VALUE'))
})

test('an error for a number says the bound, if there is one', () => {
  const refuse = (value: number, least?: number) => {
    try {
      return checkInteger('limit', value, least)
    } catch (error) {
      return (error as Error).message
    }
  }
  assert.match(refuse(6, 7) ?? '', /\b7\b.*\b6$/)
  assert.match(refuse(-1, 0) ?? '', /\b0\b.*-1$/)
  assert.match(refuse(0.5) ?? '', /0\.5$/)
  assert.doesNotMatch(refuse(0.5) ?? '', new RegExp(String(Number.MAX_SAFE_INTEGER)))
})

const READS: readonly (readonly [title: string, read: unknown, expected: unknown])[] = [
  ['a flag that is not given is its default: false', flag(false)('x', undefined), false],
  ['a flag that is not given is its default: true', flag(true)('x', undefined), true],
  ['a flag that is given is itself: true', flag(false)('x', true), true],
  ['a flag that is given is itself: false', flag(true)('x', false), false],
  ['a word that is not given is the first one', oneOf('a', 'b', 'c')('x', undefined), 'a'],
  ['a word that is given is itself', oneOf('a', 'b', 'c')('x', 'c'), 'c'],
  ['an amount is itself', amount('x', 0.5), 0.5],
  ['a string is itself', optionalString('x', 'a'), 'a'],
  ['no string is none', optionalString('x', undefined), undefined],
  ['one string is a list of one', strings('x', 'a'), ['a']],
  ['an empty string is a list of one', strings('x', ''), ['']],
  ['several strings are themselves', strings('x', ['b', 'a', 'b']), ['b', 'a', 'b']],
  ['no strings are none', strings('x', undefined), undefined],
  ['an empty list is one', strings('x', []), []],
  ['no callback is none', callback('x', undefined), undefined],
  ['a callback is itself', callback('x', assert), assert],
]
for (const [title, read, expected] of READS) test(title, () => assert.deepEqual(read, expected))

test('a word that is not one of them is told all of them', () => {
  assert.throws(() => oneOf('throw', 'live', 'archived')('onConflict', 'never'), {
    argument: 'onConflict',
    message: /'throw'.*'live'.*'archived'.*never/,
  })
})

test('a key that is not known is named, with those that are', () => {
  for (const key of ['limt', 'Limit', '__proto__', 'constructor', 'toString', '', '0']) {
    const given = JSON.parse(`{${JSON.stringify(key)}: 1}`)
    assert.throws(
      () => checkKeys('options', given, ['limit', 'offset']),
      { code: 'ERR_INVALID_ARG_VALUE', argument: key, message: /^options .*limit.*offset/ },
      key,
    )
  }
})

test('a symbol for a key is named', () => {
  assert.throws(() => checkObject('options', { [Symbol('hidden')]: 1 }), isMisuseOf('Symbol(hidden)'))
})

const readOptions = optionsReader({
  isDeep: flag(false),
  name: optionalString,
  size: (_, value = 10) => value,
})

for (const [title, given, word] of [
  ['null', null, 'options'],
  ['a list', [], 'options'],
  ['a string', 'isDeep', 'options'],
  ['an unknown option', { deep: true }, 'deep'],
  ['an unknown option that is undefined', { deep: undefined }, 'deep'],
  ['an option of the wrong type', { isDeep: 1 }, 'isDeep'],
  ['an option that is null', { name: null }, 'name'],
] as const) {
  test(`${title} for options is a TypeError that names it`, () => {
    assert.throws(() => readOptions(given as unknown as object), isMisuseOf(word))
  })
}

test('a filter is called a filter', () => {
  const readFilter = optionsReader({ name: optionalString }, 'filter')
  assert.throws(() => readFilter(null as unknown as object), isMisuseOf('filter'))
  assert.throws(() => readFilter({ names: 1 }), { argument: 'names', message: /^filter / })
})

test('options that are left out or undefined have their defaults, and the others what is given', () => {
  const defaults = { isDeep: false, name: undefined, size: 10 }
  assert.deepEqual(readOptions(undefined), defaults)
  assert.deepEqual(readOptions({}), defaults)
  assert.deepEqual(readOptions({ isDeep: undefined, size: undefined }), defaults)
  assert.deepEqual(readOptions({ isDeep: true, name: '' }), { isDeep: true, name: '', size: 10 })
  assert.deepEqual(readOptions({ size: 0 }), { ...defaults, size: 0 })
  assert.deepEqual(readOptions(Object.assign(Object.create(null), { size: null })), {
    ...defaults,
    size: null,
  })
  // Once more, when the defaults were read before.
  assert.deepEqual(readOptions(undefined), defaults)
})

test('a required option is missed even if no options are given', () => {
  const readRequired = optionsReader({ hours: amount })
  for (const given of [undefined, {}, { hours: undefined }]) {
    assert.throws(() => readRequired(given), isMisuseOf('hours'))
  }
})

/** What a message says of a value, by the check that refuses it. */
const MESSAGES: readonly (readonly [check: string, call: () => unknown, message: string])[] = [
  ['callback', () => callback('onProgress', 5), 'onProgress must be a function, not a number'],
  ['oneOf', () => oneOf('a', 'b', 'c')('by', 'd'), "by must be 'a', 'b' or 'c', not \"d\""],
  ['oneOf', () => oneOf('a', 'b')('by', 5), "by must be 'a' or 'b', not a number"],
  ['amount', () => amount('hours', '5'), 'hours must be a number from 0, not a string'],
  ['amount', () => amount('hours', -5), 'hours must be a number from 0, not -5'],
  ['checkString', () => checkString('name', 5), 'name must be a string, not a number'],
  ['checkBoolean', () => checkBoolean('isDeep', 5), 'isDeep must be true or false, not a number'],
  ['checkInteger', () => checkInteger('limit', '5'), 'limit must be a whole number, not a string'],
  ['checkInteger', () => checkInteger('limit', 0.5), 'limit must be a whole number, not 0.5'],
  ['checkInteger', () => checkInteger('limit', 0, 1), 'limit must be a whole number from 1, not 0'],
  ['strings', () => strings('status', [5]), 'status must be a string or an array of strings, not a number'],
  [
    'stringsOf',
    () => stringsOf('ids', 'a', 'an iterable of ids'),
    'ids must be an iterable of ids, not a string',
  ],
  ['stringsOf', () => stringsOf('ids', [5], 'an iterable of ids'), 'ids must be a string, not a number'],
  [
    'checkPath',
    () => checkPath('file', ''),
    'file must be a path, not an empty string or one with a null character',
  ],
  [
    'checkPath',
    () => checkPath('file', '~/a'),
    'file begins with ~, which only a shell expands; use homedir() of node:os',
  ],
  [
    'checkDatabasePath',
    () => checkDatabasePath('file', 'a '),
    'file must not end in white space, which the driver would remove; rename the file',
  ],
  [
    'checkKeys',
    () => checkKeys('options', { by: 1 }, ['limit', 'after']),
    'options has no "by"; it has "limit", "after"',
  ],
]
for (const [check, call, message] of MESSAGES) {
  test(`${check} says: ${message}`, () => assert.throws(call, { message }))
}

for (const [key, known, meant] of [
  ['task_id', ['backend', 'taskId'], 'taskId'],
  ['TASKID', ['taskId'], 'taskId'],
  ['taskId', ['task_id'], 'task_id'],
  ['error_message', ['errorMessage'], 'errorMessage'],
  ['platform', ['taskId', 'backend'], 'backend'],
  ['backend', ['status', 'platform'], 'platform'],
  ['platform', ['shots', 'status'], undefined],
  ['constructor', ['shots', 'status'], undefined],
  ['task', ['taskId'], undefined],
] as const) {
  test(`${key} among ${known} ${meant === undefined ? 'is not known under another name' : `is told to be ${meant}`}`, () => {
    const hint = meant === undefined ? '' : `write "${meant}"; `
    const message = `task has no "${key}"; ${hint}it has ${known.map((name) => `"${name}"`).join(', ')}`
    assert.throws(() => checkKeys('task', { [key]: 1 }, known), { message })
  })
}

for (const [path, expected] of [
  ['~', true],
  ['~/a', true],
  ['~\\a', true],
  ['~a', false],
  ['a~', false],
  ['a/~', false],
  ['a~/b', false],
  ['', false],
] as const) {
  test(`a shell ${expected ? 'expands' : 'leaves'} ${path || 'an empty path'}`, () => {
    assert.equal(startsAtHome(path), expected)
    if (expected) assert.throws(() => checkPath('file', path), isMisuseOf('file'))
  })
}

test('the strings of an iterable are an array of their own', () => {
  const ids = ['a', 'b']
  assert.deepEqual(stringsOf('ids', new Set(ids), 'ids'), ids)
  assert.notEqual(stringsOf('ids', ids, 'ids'), ids)
})
