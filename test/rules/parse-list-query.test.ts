import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { ArgumentError, parseListQuery, type TaskListOptions, TaskStore } from 'uniqc-task-store'

const parse = (query: string) => parseListQuery(new URLSearchParams(query))
const TIME = 'must be an ISO 8601 date or time'

const REFUSED: readonly (readonly [query: string, argument: string, message: string])[] = [
  [
    'limt=5',
    'limt',
    'the query has no "limt"; it has "status", "backend", "platform", "submittedAfter", "submittedBefore", "limit", "offset", "after", "archived"',
  ],
  ['limit=5&__proto__=1', '__proto__', 'the query has no "__proto__"; it has '],
  ['hasOwnProperty=1', 'hasOwnProperty', 'the query has no "hasOwnProperty"; it has '],
  ['Limit=5', 'Limit', 'the query has no "Limit"; it has '],
  ['=5', '', 'the query has no ""; it has '],
  ['status=', 'status', 'status must not be empty'],
  ['status=failed&status=', 'status', 'status must not be empty'],
  ['backend', 'backend', 'backend must not be empty'],
  ['backend=a&backend=b', 'backend', 'backend must be given once, not 2 times'],
  ['platform=', 'platform', 'platform must not be empty'],
  ['platform=a&status=b&platform=a&platform=a', 'platform', 'platform must be given once, not 3 times'],
  ['limit=5&limit=5', 'limit', 'limit must be given once, not 2 times'],
  ['limit=', 'limit', 'limit must be a whole number from 1 to 1000, not ""'],
  ['limit=0', 'limit', 'limit must be a whole number from 1 to 1000, not "0"'],
  ['limit=-1', 'limit', 'limit must be a whole number from 1 to 1000, not "-1"'],
  ['limit=1001', 'limit', 'limit must be a whole number from 1 to 1000, not "1001"'],
  ['limit=1.5', 'limit', 'limit must be a whole number from 1 to 1000, not "1.5"'],
  ['limit=1e2', 'limit', 'limit must be a whole number from 1 to 1000, not "1e2"'],
  ['limit=0x10', 'limit', 'limit must be a whole number from 1 to 1000, not "0x10"'],
  ['limit=010', 'limit', 'limit must be a whole number from 1 to 1000, not "010"'],
  ['limit=+5', 'limit', 'limit must be a whole number from 1 to 1000, not " 5"'],
  ['limit=many', 'limit', 'limit must be a whole number from 1 to 1000, not "many"'],
  [
    `limit=${'9'.repeat(60)}`,
    'limit',
    `limit must be a whole number from 1 to 1000, not "${'9'.repeat(40)}"`,
  ],
  ['offset=-1', 'offset', `offset must be a whole number from 0 to ${2 ** 53 - 1}, not "-1"`],
  ['offset=9007199254740992', 'offset', 'offset must be a whole number from 0 to '],
  ['offset=Infinity', 'offset', 'offset must be a whole number from 0 to '],
  ['after=', 'after', 'after is not a cursor'],
  ['after=WyJ4IiwxLHRydWUsMV0', 'after', 'after is not a cursor'],
  ['after=2026-01-01', 'after', 'after is not a cursor'],
  ['archived=', 'archived', 'archived must be true, false or both, not ""'],
  ['archived=1', 'archived', 'archived must be true, false or both, not "1"'],
  ['archived=True', 'archived', 'archived must be true, false or both, not "True"'],
  ['archived=true&archived=false', 'archived', 'archived must be given once, not 2 times'],
  ['submittedAfter=', 'submittedAfter', `submittedAfter ${TIME}, not ""`],
  ['submittedAfter=yesterday', 'submittedAfter', `submittedAfter ${TIME}, not "yesterday"`],
  ['submittedBefore=2026-02-31', 'submittedBefore', `submittedBefore ${TIME}, not "2026-02-31"`],
  ['submittedBefore=1767225600', 'submittedBefore', `submittedBefore ${TIME}, not "1767225600"`],
  ['submittedBefore=2026-05-03T25:00', 'submittedBefore', `submittedBefore ${TIME}, not "2026-05-03T25:00"`],
  [
    'submittedAfter=2026-05-03T01:02:03+08:00',
    'submittedAfter',
    `submittedAfter ${TIME}, not "2026-05-03T01:02:03 08:00"; in a URL, write the + of an offset as %2B`,
  ],
  ['submittedBefore=9999-12-31T23:00-08:00', 'submittedBefore', `submittedBefore ${TIME}, not `],
  ['submittedAfter=0000-01-01T00:00%2B08:00', 'submittedAfter', `submittedAfter ${TIME}, not `],
]
for (const [query, argument, message] of REFUSED) {
  test(`${query.slice(0, 60)} is refused by name`, () => {
    assert.throws(
      () => parse(query),
      (error) => {
        assert.ok(error instanceof ArgumentError && error instanceof TypeError)
        assert.equal(error.code, 'ERR_INVALID_ARG_VALUE')
        assert.equal(error.argument, argument)
        assert.ok(error.message.startsWith(message), error.message)
        return true
      },
    )
  })
}

for (const value of [
  undefined,
  null,
  'limit=5',
  { limit: '5' },
  new Map([['limit', '5']]),
  new URL('http://a/?limit=5'),
]) {
  test(`what is not URLSearchParams is refused (${String(value)})`, () => {
    assert.throws(() => parseListQuery(value as never), {
      constructor: ArgumentError,
      code: 'ERR_INVALID_ARG_TYPE',
      argument: 'searchParams',
      message: /^searchParams must be URLSearchParams, not /,
    })
  })
}

const READS: readonly (readonly [query: string, options: TaskListOptions])[] = [
  ['', { limit: 100 }],
  ['?', { limit: 100 }],
  ['limit=1', { limit: 1 }],
  ['limit=1000&offset=0', { limit: 1000, offset: 0 }],
  ['offset=9007199254740991', { limit: 100, offset: 2 ** 53 - 1 }],
  ['status=running', { limit: 100, status: ['running'] }],
  ['status=running&limit=5&status=queued', { limit: 5, status: ['running', 'queued'] }],
  [
    'backend=originq%3AWK_C180&platform=%E6%9C%AC%E6%BA%90',
    { limit: 100, backend: 'originq:WK_C180', platform: '本源' },
  ],
  ['archived=true', { limit: 100, archived: true }],
  ['archived=false', { limit: 100, archived: false }],
  ['archived=both', { limit: 100, archived: 'both' }],
  ['submittedAfter=2026-05-03', { limit: 100, submittedAfter: '2026-05-03T00:00:00.000000+00:00' }],
  ['submittedAfter=2026-05-03T01:02', { limit: 100, submittedAfter: '2026-05-03T01:02:00.000000+00:00' }],
  [
    'submittedBefore=2026-05-03+01:02:03.5',
    { limit: 100, submittedBefore: '2026-05-03T01:02:03.500000+00:00' },
  ],
  [
    'submittedBefore=2026-05-03T01:02:03Z',
    { limit: 100, submittedBefore: '2026-05-03T01:02:03.000000+00:00' },
  ],
  [
    'submittedAfter=2026-05-03T01:02:03.1234567%2B08:00&submittedBefore=1969-12-31T23:59:59.999999Z',
    {
      limit: 100,
      submittedAfter: '2026-05-02T17:02:03.123456+00:00',
      submittedBefore: '1969-12-31T23:59:59.999999+00:00',
    },
  ],
]
for (const [query, options] of READS) {
  test(`"${query}" is ${JSON.stringify(options)}`, () => assert.deepStrictEqual(parse(query), options))
}

test('a time without an offset is one of UTC, whatever the zone of this machine', () => {
  const { TZ } = process.env
  try {
    process.env.TZ = 'Asia/Shanghai'
    assert.equal(parse('submittedAfter=2026-05-03T01:02').submittedAfter, '2026-05-03T01:02:00.000000+00:00')
  } finally {
    if (TZ === undefined) delete process.env.TZ
    else process.env.TZ = TZ
  }
})

test('URLSearchParams of a subclass or of another realm will do', () => {
  class Own extends URLSearchParams {}
  const query = new Own('limit=5')
  assert.deepEqual(parseListQuery(query), { limit: 5 })
  const foreign = Object.create(
    { [Symbol.toStringTag]: 'URLSearchParams' },
    {
      keys: { value: () => query.keys() },
      getAll: { value: (name: string) => query.getAll(name) },
    },
  )
  assert.ok(!(foreign instanceof URLSearchParams))
  assert.deepEqual(parseListQuery(foreign), { limit: 5 })
})

test('any query is options that a store takes, or an ArgumentError', () => {
  using store = new TaskStore({ file: ':memory:' })
  const name = fc.oneof(
    fc.constantFrom(
      'status',
      'backend',
      'platform',
      'submittedAfter',
      'limit',
      'offset',
      'after',
      'archived',
    ),
    fc.string(),
  )
  const value = fc.oneof(
    fc.string(),
    fc.nat(2000).map(String),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    fc.constantFrom('true', 'both', 'WyJ4IiwxLHRydWVd'),
  )
  let accepted = 0
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 4 }), (entries) => {
      let options: TaskListOptions
      try {
        options = parseListQuery(new URLSearchParams(entries))
      } catch (error) {
        assert.ok(error instanceof ArgumentError)
        assert.ok(error.argument === '' || entries.some(([given]) => given === error.argument))
        return
      }
      accepted++
      assert.ok((options.limit ?? 0) >= 1 && (options.limit ?? 0) <= 1000)
      assert.deepEqual(store.page(options), { items: [] })
      assert.deepEqual(store.listSummaries(options), [])
    }),
    { numRuns: 1000 },
  )
  assert.ok(accepted > 50, `only ${accepted} queries were accepted`)
})

test('a list by its query holds what was submitted between two moments, at whatever offset these are written', () => {
  using store = new TaskStore({ file: ':memory:' })
  const moments = [
    '09:59:59.999999',
    '10:00:00.000001',
    '10:00:00.500000',
    '10:59:59.999999',
    '11:00:00.000001',
  ]
  store.saveMany(
    moments.map((moment) => ({
      taskId: moment,
      backend: 'originq:WK_C180',
      status: 'success',
      submitTime: `2026-05-03T${moment}+00:00`,
    })),
  )
  for (const [after, before] of [
    ['2026-05-03T10:00:00Z', '2026-05-03T11:00:00Z'],
    ['2026-05-03T18:00:00+08:00', '2026-05-03T07:00:00-04:00'],
    ['2026-05-03 10:00', '2026-05-03T11:00'],
  ] as const) {
    const query = new URLSearchParams({ platform: 'originq', submittedAfter: after, submittedBefore: before })
    const found = store.list(parseListQuery(query)).map(({ taskId }) => taskId)
    assert.deepEqual(found, moments.slice(1, 4).toReversed())
  }
})

test('the pages of a query follow each other to the end', () => {
  using store = new TaskStore({ file: ':memory:' })
  const ids = Array.from({ length: 7 }, (_, index) => `task-${index}`)
  store.saveMany(ids.map((taskId) => ({ taskId, backend: 'b', status: 'running' })))
  const found: string[] = []
  const query = new URLSearchParams({ limit: '3', status: 'running' })
  for (let pages = 1; ; pages++) {
    const { items, next } = store.page(parseListQuery(query))
    found.push(...items.map(({ taskId }) => taskId))
    if (next === undefined) {
      assert.equal(pages, 3)
      break
    }
    query.set('after', next)
  }
  assert.deepEqual(found, ids.toReversed())
})

const HINT = '; in a URL, write the + of an offset as %2B'
for (const [time, hint] of [
  ['2026-01-01T00:00:00 08:00', HINT],
  ['2026-01-01T00:00:00 0800', HINT],
  ['2026-01-01T00:00:00 08:00 CET', ''],
  ['2026-01-01T00:00:00 CET', ''],
  ['noon', ''],
] as const) {
  test(`a time ${time} ${hint === '' ? 'gets no hint' : 'gets a hint at the + of its offset'}`, () => {
    const message = `submittedAfter must be an ISO 8601 date or time, not "${time}"${hint}`
    assert.throws(() => parseListQuery(new URLSearchParams({ submittedAfter: time })), { message })
  })
}
