import { runInNewContext } from 'node:vm'

/** What a getter or a trap of the caller's own throws: it may come out of a call as it is. */
export class CallersError extends Error {}

const fail = (): never => {
  throw new CallersError('thrown by the caller')
}

class Instance {
  x = 1
  get y() {
    return 2
  }
}

function revoked<T extends object>(target: T): T {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

function cycle(): object {
  const object: Record<string, unknown> = {}
  object.self = [object]
  return object
}

const getter = (get: () => unknown) => Object.defineProperty({}, 'a', { enumerable: true, get })

/** Values that no type allows, or that look like one that is allowed. Each is made afresh: some are used up. */
export const ANY_VALUES: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  false: () => false,
  zero: () => 0,
  'minus zero': () => -0,
  one: () => 1,
  'minus one': () => -1,
  'a half': () => 0.5,
  NaN: () => Number.NaN,
  Infinity: () => Infinity,
  'minus Infinity': () => -Infinity,
  '1e308': () => 1e308,
  '2^53': () => 2 ** 53,
  'a bigint': () => 1n,
  'a long bigint': () => -(2n ** 200n),
  'an empty string': () => '',
  'a space': () => ' ',
  'a string': () => 'text',
  'a long string': () => 'x'.repeat(1 << 18),
  'a lone surrogate': () => 'a\ud800',
  'a string with NUL': () => 'a\0b',
  'control characters': () => '\u0001\r\n\u2028\u007f',
  'an emoji': () => '😀',
  'the string __proto__': () => '__proto__',
  'a string that looks like SQL': () => "'; DROP TABLE tasks; --",
  'a string that looks like a pattern': () => '%_*?[a]',
  'a string that looks like JSON': () => '{"a": NaN}',
  'a path upwards': () => '../../x',
  'a symbol': () => Symbol('s'),
  'a function': () => () => 1,
  'a function that throws': () => fail,
  'an async function': () => async () => 1,
  'a class': () => Instance,
  'a revoked function': () => revoked(() => 1),
  'an object': () => ({}),
  'an array': () => [],
  'an array of strings': () => ['a', ''],
  // biome-ignore lint/suspicious/noSparseArray: the hole is the point
  'an array with a hole': () => [1, , 2],
  'an array with undefined': () => ['a', undefined],
  'an array with a name': () => Object.assign([1], { name: 1 }),
  'an array of all sorts': () => [1, 'a', null, [[]], {}, Number.NaN, 1n, -0],
  'an object of all sorts': () => ({
    a: [1.5, { b: null }],
    c: -0,
    d: 2n ** 70n,
    e: undefined,
    f: Number.NaN,
  }),
  'an object without a prototype': () => Object.assign(Object.create(null), { a: 1 }),
  'an object of another realm': () => runInNewContext('({ a: [1, { b: 2 }] })'),
  'an object with inherited fields': () => Object.create({ taskId: 'inherited', status: 'running' }),
  'an object with a hidden field': () => Object.defineProperty({}, 'a', { value: 1 }),
  'an object with a symbol': () => ({ [Symbol('k')]: 1 }),
  'an object with an own __proto__': () =>
    JSON.parse('{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}'),
  'a frozen object': () => Object.freeze({ a: Object.freeze([1]) }),
  'an object that stands twice': () => Array(2).fill({ a: 1 }),
  'a cycle': cycle,
  'a getter': () => getter(() => [1]),
  'a getter that throws': () => getter(fail),
  toJSON: () => ({ toJSON: () => ({ a: Number.NaN }) }),
  'a toJSON that throws': () => ({ toJSON: fail }),
  'a toJSON that returns undefined': () => ({ toJSON: () => undefined }),
  'a toJSON that is not a function': () => ({ toJSON: 1 }),
  'an instance': () => new Instance(),
  'a Date': () => new Date(0),
  'an invalid Date': () => new Date(Number.NaN),
  'a Map': () => new Map([['a', 1]]),
  'a Set': () => new Set(['a']),
  'a RegExp': () => /a/g,
  'an Error': () => new Error('e'),
  'a Promise': () => Promise.resolve(1),
  'a Buffer': () => Buffer.from('a'),
  'a Float64Array': () => new Float64Array(2),
  'a URL': () => new URL('file:///a'),
  'a wrapped string': () => Object('text'),
  'a wrapped number': () => Object(1),
  globalThis: () => globalThis,
  'a Proxy': () => new Proxy({ a: 1 }, {}),
  'a Proxy of an array': () => new Proxy(['a'], {}),
  'a revoked Proxy': () => revoked({}),
  'a Proxy that reads nothing': () => new Proxy({ a: 1 }, { get: fail }),
  'a Proxy that has nothing': () => new Proxy({ a: 1 }, { has: fail }),
  'a Proxy without keys': () => new Proxy({ a: 1 }, { ownKeys: fail }),
  'a Proxy without a prototype': () => new Proxy({ a: 1 }, { getPrototypeOf: fail }),
  'names that clash': () => ({ hasOwnProperty: 1, toString: 2, valueOf: 3, constructor: 4 }),
  'a then that is not a function': () => Object.fromEntries([['then', 1]]),
  'a generator that throws': () =>
    (function* () {
      yield 'a'
      fail()
    })(),
  'an iterable that is none': () => ({ [Symbol.iterator]: 5 }),
  'an iterable that throws': () => ({ [Symbol.iterator]: fail }),
  'fields of a task': () => ({ taskId: {}, backend: [], status: 1, shots: 'x' }),
  'names of options': () => ({ limit: {}, status: { a: 1 }, hours: 'x', onConflict: [] }),
  'deep nesting': () => {
    let value: unknown[] = []
    for (let depth = 0; depth < 50_000; depth++) value = [value]
    return value
  },
}
