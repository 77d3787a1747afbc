import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type ImportOptions, type ImportReport, TaskPersistence, TaskStore } from 'uniqc-task-store'
import { fixturePath, needsFixtures, readLatestById } from '../support/fixtures.ts'
import { readRows } from '../support/read-rows.ts'
import { memory, wrong } from '../support/store.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const EARLY = '2026-01-01T00:00:00+00:00'
const LATE = '2026-01-02T00:00:00+00:00'

/** A line of UnifiedQuantum's `tasks.jsonl`. */
const flat = (task_id: string, fields: object = {}) =>
  JSON.stringify({
    ...{ task_id, platform: 'originq', status: 'running', submit_time: EARLY, update_time: EARLY },
    ...fields,
  })

/** A line of an export, with members that are JSON text already. */
const exported = (task_id: string, members = '') =>
  `{"task_id":"${task_id}","backend":"originq","status":"running","submit_time":"1","update_time":"2"${members}}`

const SHARD =
  '"shard_index":0,"platform_task_id":"p","backend":"b","status":"running","submit_time":"1","update_time":"2"'

function write(t: TestContext, content: string | Uint8Array, name = 'tasks.jsonl'): string {
  const file = join(temporaryFolder(t), name)
  writeFileSync(file, content)
  return file
}

/** Imports, and checks what every report must hold. */
function run(store: TaskStore, path: string, options?: ImportOptions): ImportReport {
  const report = store.importFile(path, options)
  const { read, imported, unchanged, superseded, skipped } = report
  assert.equal(read, imported + unchanged + superseded + skipped.length)
  return report
}

const ids = (store: TaskStore) =>
  store
    .list()
    .map((task) => task.taskId)
    .toSorted()
const reasons = (report: ImportReport) => report.skipped.map(({ reason }) => reason)

const MISUSES: readonly (readonly [string, unknown[], RegExp])[] = [
  ['no path', [], /^path must be a string/],
  ['an empty path', [''], /^path must be a path/],
  ['a path with a NUL', ['a\0b'], /^path must be a path/],
  ['options that are null', ['x', null], /^options must be an object/],
  ['an option that does not exist', ['x', { replace: true }], /^options has no "replace"/],
  ['overwrite that is a number', ['x', { overwrite: 1 }], /^overwrite must be true or false/],
  ['dryRun that is a text', ['x', { dryRun: 'yes' }], /^dryRun must be true or false/],
  ['a zone that does not exist', ['x', { timeZone: 'Mars/Olympus' }], /^timeZone must be/],
  ['a zone that is a number', ['x', { timeZone: 8 }], /^timeZone must be/],
  ['onProgress that is no function', ['x', { onProgress: {} }], /^onProgress must be a function/],
]
for (const [what, args, message] of MISUSES) {
  test(`${what} is a TypeError`, () => {
    using store = memory()
    assert.throws(() => store.importFile(...wrong<[string]>(args)), { name: 'TypeError', message })
  })
}

test('a file that is missing is CANNOT_OPEN', (t) => {
  using store = memory()
  const file = join(temporaryFolder(t), 'tasks.jsonl')
  assert.throws(() => store.importFile(file), { code: 'CANNOT_OPEN', message: /tasks\.jsonl.*ENOENT/ })
})

test('a folder without such a file is CANNOT_OPEN', (t) => {
  using store = memory()
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'other.jsonl'), flat('a'))
  assert.throws(() => store.importFile(folder), {
    code: 'CANNOT_OPEN',
    message: /neither a tasks\.jsonl nor/,
  })
})

const REFUSED: readonly (readonly [string, string, string | undefined, RegExp])[] = [
  ['torn', '{"task_id": "torn", "platform": "ori', undefined, /^is not JSON, perhaps cut short$/],
  ['an array', '[1]', undefined, /^must be an object, not an array$/],
  ['a text', '"a"', undefined, /^must be an object, not a string$/],
  ['without an id', '{"platform":"p"}', undefined, /^has no task_id$/],
  ['with an id that is a number', '{"task_id":7,"platform":"p"}', undefined, /^task_id must be a string/],
  ['with an empty id', flat(''), '', /^has an empty task_id$/],
  ['without platform and backend', '{"task_id":"x"}', 'x', /^has no backend$/],
  ['without a status', '{"task_id":"x","platform":"p"}', 'x', /^has no status$/],
  ['with a status that is null', flat('x', { status: null }), 'x', /^has no status$/],
  ['without a submit time', '{"task_id":"x","platform":"p","status":"s"}', 'x', /^has no submit_time$/],
  ['with a platform that is a list', flat('x', { platform: ['p'] }), 'x', /^platform must be a string/],
  ['with a lone surrogate', flat('x', { status: '\ud800' }), 'x', /^status holds a lone surrogate/],
  [
    'nested too deeply',
    `{"task_id":"x","n":NaN,"deep":${'['.repeat(1e5)}${']'.repeat(1e5)}}`,
    undefined,
    /too deeply/,
  ],
  ['of an export with a field of a later release', exported('x', ',"colour":1'), 'x', /has a field colour/],
  ['of an export with shots below 0', exported('x', ',"shots":-1'), 'x', /^shots must be a whole number/],
  ['of an export with half a shot', exported('x', ',"shots":0.5'), 'x', /^shots must be a whole number/],
  [
    'of an export with an error that is no text',
    exported('x', ',"error_message":1'),
    'x',
    /^error_message must/,
  ],
  ['of an export, archived at a number', exported('x', ',"archived_at":1'), 'x', /^archived_at must be/],
  [
    'of an export with a tag of a later release',
    exported('x', ',"result":{"$date":1}'),
    'x',
    /^result cannot/,
  ],
  [
    'of an export with a tag that is wrong',
    exported('x', ',"result":[{"$int":"x"}]'),
    'x',
    /^result cannot be/,
  ],
  [
    'of an export with wrong metadata',
    exported('x', ',"metadata":{"a":{"$float":"1"}}'),
    'x',
    /^metadata cannot/,
  ],
  ['of an export whose shards are no list', exported('x', ',"shards":{}'), 'x', /^shards must be an array/],
  [
    'of an export with a shard that is none',
    exported('x', ',"shards":[7]'),
    'x',
    /^shards\[0\] must be an object/,
  ],
  ['of an export with an empty shard', exported('x', ',"shards":[{}]'), 'x', /^has no shards\[0\]\./],
  [
    'of an export with a shard that has a field of a later release',
    exported('x', `,"shards":[{${SHARD}},{${SHARD},"colour":1}]`),
    'x',
    /has a field shards\[1\]\.colour/,
  ],
  [
    'of an export with a wrong shard result',
    exported('x', `,"shards":[{${SHARD},"result":{"$int":1}}]`),
    'x',
    /^shards\[0\]\.result cannot be read/,
  ],
]
for (const [what, line, taskId, reason] of REFUSED) {
  test(`a line ${what} is reported and skipped, and those beside it come over`, (t) => {
    using store = memory()
    const file = write(t, [flat('a'), '', line, flat('b')].join('\n'))
    const report = run(store, file)
    assert.deepEqual([report.read, report.imported], [3, 2])
    assert.equal(report.skipped.length, 1)
    const [skipped] = report.skipped
    assert.deepEqual({ ...skipped, reason: '' }, { file, line: 3, taskId, reason: '' })
    assert.match(skipped?.reason ?? '', reason)
    assert.deepEqual(ids(store), ['a', 'b'])
  })
}

test('a line that is not UTF-8 is reported and skipped', (t) => {
  using store = memory()
  const bad = Buffer.from(flat('bad', { note: '任' }))
  bad[bad.indexOf('任')] = 0xff
  const file = write(t, Buffer.concat([Buffer.from(`${flat('a')}\n`), bad, Buffer.from(`\n${flat('b')}`)]))
  const { skipped } = run(store, file)
  assert.deepEqual(skipped, [{ file, line: 2, taskId: undefined, reason: 'is not UTF-8, or too long' }])
  assert.deepEqual(ids(store), ['a', 'b'])
})

test('of an entry of tasks.json that is bad, its number is reported, and its id', (t) => {
  using store = memory()
  const good = { backend: 'originq', status: 'running', submit_time: EARLY, update_time: EARLY }
  const entries = {
    a: good,
    b: { ...good, shots: 'many' },
    c: 7,
    d: { ...good, metadata: [] },
    e: { ...good, task_id: 'e' },
  }
  const file = write(t, JSON.stringify(entries, null, 2), 'tasks.json')
  const { skipped, imported } = run(store, file)
  assert.equal(imported, 2)
  assert.deepEqual(
    skipped.map(({ line, taskId }) => [line, taskId]),
    [
      [2, 'b'],
      [3, undefined],
      [4, 'd'],
    ],
  )
  assert.match(skipped[2]?.reason ?? '', /^metadata must be an object, not an array$/)
  assert.deepEqual(ids(store), ['a', 'e'])
})

test('of several lines of one id the last good one counts, also where the very last one is torn', (t) => {
  using store = memory()
  const lines = [
    flat('a', { n: 1 }),
    flat('b', { n: 1 }),
    flat('a', { n: 2 }),
    flat('b', { n: 2, status: null }),
    flat('a', { n: 3 }).slice(0, -1),
  ]
  const report = run(store, write(t, lines.join('\n')))
  assert.deepEqual([report.imported, report.superseded], [2, 1])
  assert.deepEqual(
    report.skipped.map(({ line, taskId }) => [line, taskId]),
    [
      [4, 'b'],
      [5, undefined],
    ],
  )
  assert.deepEqual([store.get('a')?.metadata.n, store.get('b')?.metadata.n], [2, 1])
})

test('the last line of an id counts, not the newest one', (t) => {
  using store = memory()
  const lines = [flat('a', { update_time: LATE, n: 1 }), flat('a', { n: 2 })]
  run(store, write(t, lines.join('\n')))
  assert.equal(store.get('a')?.metadata.n, 2)
})

test('a tasks.jsonl that ends at any byte gives its whole lines', (t) => {
  const lines = [flat('a', { note: '任务' }), flat('b'), flat('c')]
  const bytes = Buffer.from(lines.join('\n'))
  const ends = lines.map((_, i) => Buffer.byteLength(lines.slice(0, i + 1).join('\n')))
  const file = write(t, '')
  using store = memory()
  for (let end = 0; end <= bytes.length; end++) {
    writeFileSync(file, bytes.subarray(0, end))
    const { imported } = run(store, file, { dryRun: true })
    assert.equal(imported, ends.filter((whole) => whole <= end).length, `cut at ${end}`)
  }
})

for (const indent of [0, 2]) {
  test(`a tasks.json with an indent of ${indent} that ends at any byte gives its whole entries`, (t) => {
    const fields = { backend: 'originq', status: 'running', submit_time: EARLY, result: [{ '}': '"]' }] }
    const entries = { a: { ...fields, metadata: { note: '任务' } }, 'b,{': fields, c: fields }
    const bytes = Buffer.from(JSON.stringify(entries, null, indent))
    const closing = indent === 0 ? '}' : '\n}'
    const ends = [1, 2, 3].map((count) => {
      const whole = JSON.stringify(Object.fromEntries(Object.entries(entries).slice(0, count)), null, indent)
      return Buffer.byteLength(whole) - closing.length
    })
    const file = write(t, '', 'tasks.json')
    using store = memory()
    for (let end = 0; end <= bytes.length; end++) {
      writeFileSync(file, bytes.subarray(0, end))
      const { imported } = run(store, file, { dryRun: true })
      assert.equal(imported, ends.filter((whole) => whole <= end).length, `cut at ${end}`)
    }
  })
}

const FORMS: readonly (readonly [string, string, number])[] = [
  ['nothing', '', 0],
  ['blank lines alone', '\n \r\n\t\n', 0],
  ['a byte order mark', `\ufeff${flat('a')}\n${flat('b')}\n`, 2],
  ['lines that end as on Windows', `${flat('a')}\r\n${flat('b')}\r\n`, 2],
  ['blank lines', `\n\n${flat('a')}\n  \t\n${flat('b')}\n\n`, 2],
  ['no newline at its end', `${flat('a')}\n${flat('b')}`, 2],
]
for (const [what, content, count] of FORMS) {
  test(`a tasks.jsonl with ${what} gives ${count} tasks and nothing to report`, (t) => {
    using store = memory()
    const report = run(store, write(t, content))
    assert.deepEqual([report.read, report.imported, report.skipped], [count, count, []])
    assert.deepEqual(ids(store), ['a', 'b'].slice(0, count))
  })
}

const JSON_FORMS: readonly (readonly [string, (text: string) => string])[] = [
  ['as it is', (text) => text],
  ['with a byte order mark', (text) => `\ufeff${text}`],
  ['with lines that end as on Windows', (text) => text.replaceAll('\n', '\r\n')],
  ['with blank lines around it', (text) => `\n\n${text}\n\n`],
  ['on one line', (text) => JSON.stringify(JSON.parse(text))],
]
for (const [what, form] of JSON_FORMS) {
  test(`a tasks.json ${what} gives every entry and nothing to report`, (t) => {
    using store = memory()
    const entry = { backend: 'originq', status: 'running', submit_time: EARLY, metadata: { note: 'é' } }
    const text = JSON.stringify({ a: entry, b: entry }, null, 2)
    const report = run(store, write(t, form(text), 'tasks.json'))
    assert.deepEqual([report.imported, report.skipped], [2, []])
    assert.deepEqual(store.get('b')?.metadata, { note: 'é' })
  })
}

test('an empty tasks.json, and one without an entry, give nothing', (t) => {
  using store = memory()
  for (const text of ['', '{}', ' {\n}\n']) {
    assert.equal(run(store, write(t, text, 'tasks.json')).read, 0, JSON.stringify(text))
  }
})

const CHUNK = 1 << 20

for (const padding of [0, 1, 2]) {
  // Three bytes a sign, two a quote with its backslash: each border within one is met by some padding.
  const notes = { signs: '任'.repeat(CHUNK / 2), quotes: 'x'.repeat(padding) + '"\\'.repeat(CHUNK / 2) }
  const check = (store: TaskStore) => {
    assert.deepEqual(ids(store), ['a', 'b', 'c'.repeat(padding + 1)])
    assert.deepEqual(store.get('b')?.metadata, notes)
  }
  test(`a line longer than a chunk comes over whole, shifted by ${padding} bytes`, (t) => {
    using store = memory()
    const lines = [flat('a', { pad: 'x'.repeat(padding) }), flat('b', notes), flat('c'.repeat(padding + 1))]
    assert.deepEqual(run(store, write(t, lines.join('\n'))).skipped, [])
    check(store)
  })
  test(`an entry longer than a chunk comes over whole, shifted by ${padding} bytes`, (t) => {
    using store = memory()
    const entry = { backend: 'b', status: 'running', submit_time: EARLY }
    const a = { ...entry, metadata: { pad: 'x'.repeat(padding) } }
    const entries = { a, b: { ...entry, metadata: notes }, ['c'.repeat(padding + 1)]: entry }
    assert.deepEqual(run(store, write(t, JSON.stringify(entries), 'tasks.json')).skipped, [])
    check(store)
  })
}

for (const off of [-2, -1, 0, 1]) {
  test(`a line that ends ${off} bytes from the end of a chunk is one line`, (t) => {
    using store = memory()
    const length = CHUNK + off - flat('a', { pad: '' }).length - 1
    const text = `${flat('a', { pad: 'x'.repeat(length) })}\n${flat('b')}`
    assert.equal(text.indexOf('\n'), CHUNK + off - 1)
    const report = run(store, write(t, text))
    assert.deepEqual([report.read, report.imported], [2, 2])
  })
}

test('the JSON Lines of UniQ 0.0.3 come over, the latest line of each id', needsFixtures, (t) => {
  const latest = readLatestById()
  using store = new TaskStore({ file: temporaryFile(t) })
  const file = fixturePath('uniq-0.0.3-jsonl', 'tasks.jsonl')
  const report = run(store, file)
  assert.deepEqual(
    report.skipped.map(({ line, taskId }) => [line, taskId]),
    [[62, undefined]],
  )
  assert.equal(report.imported, Object.keys(latest).length)
  assert.equal(report.read, 62)
  const persistence = new TaskPersistence(store)
  assert.equal(persistence.count(), Object.keys(latest).length)
  for (const [id, { shots, ...record }] of Object.entries(latest)) {
    const expected = shots === 0 || shots === undefined ? record : { ...record, shots }
    assert.deepEqual(persistence.load(id), expected)
  }
})

test('the JSON cache of UniQ 0.0.3 comes over, every entry with every value', needsFixtures, (t) => {
  using store = new TaskStore({ file: temporaryFile(t) })
  const file = fixturePath('uniq-0.0.3-json-cache', 'tasks.json')
  const entries = Object.values(JSON.parse(readFileSync(file, 'utf8'))) as { task_id: string }[]
  assert.deepEqual(run(store, file), {
    ...{ files: [file], read: entries.length, imported: entries.length },
    ...{ unchanged: 0, superseded: 0, skipped: [] },
  })
  for (const entry of entries) {
    const { taskId, submitTime, updateTime, errorMessage, ...same } =
      store.get(entry.task_id) ?? assert.fail()
    const expected = { task_id: taskId, submit_time: submitTime, update_time: updateTime, ...same }
    assert.deepEqual(entry, expected)
    assert.equal(errorMessage, null)
  }
})

for (const [folder, name] of [
  ['uniq-0.0.3-jsonl', 'tasks.jsonl'],
  ['uniq-0.0.3-json-cache', 'tasks.json'],
] as const) {
  test(`${folder}, imported again, changes nothing`, needsFixtures, (t) => {
    using store = new TaskStore({ file: temporaryFile(t) })
    const { imported, superseded, skipped } = run(store, fixturePath(folder, name))
    const rows = readRows(store)
    for (const options of [{}, { overwrite: true }]) {
      const again = run(store, fixturePath(folder, name), options)
      assert.deepEqual(
        [again.imported, again.unchanged, again.superseded, again.skipped],
        [0, imported, superseded, skipped],
      )
      assert.deepEqual(readRows(store), rows)
    }
  })
}

test('of a folder, the files are read in which UniQ kept tasks', (t) => {
  using store = memory()
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'tasks'))
  mkdirSync(join(folder, 'cache'))
  const lines = join(folder, 'tasks', 'tasks.jsonl')
  const cache = join(folder, 'cache', 'tasks.json')
  writeFileSync(lines, flat('from-lines'))
  writeFileSync(cache, `{"from-cache": {"backend": "b", "status": "success", "submit_time": "1"}}`)
  writeFileSync(join(folder, 'tasks', 'other.jsonl'), flat('other'))
  const report = run(store, folder)
  assert.deepEqual(report.files, [lines, cache])
  assert.deepEqual(ids(store), ['from-cache', 'from-lines'])
  assert.deepEqual(run(store, join(folder, 'cache')).files, [cache])
})

test('an old record without an update time was updated when it was submitted', (t) => {
  using store = memory()
  run(store, write(t, flat('a', { update_time: undefined })))
  assert.equal(store.get('a')?.updateTime, EARLY)
})

test('a status outside the five comes over', (t) => {
  using store = memory()
  run(store, write(t, flat('a', { status: 'queued' })))
  assert.equal(store.get('a')?.status, 'queued')
  assert.equal(store.countByStatus().queued, 1)
})

const RESULT = '[1.0, -0.0, NaN, -Infinity, 12345678901234567890123, 1e5, {"b":1.50,"a":"\\u00e9"}]'
const cells = (store: TaskStore) =>
  store.db.$client.prepare('SELECT result_json, metadata_json FROM tasks').raw().get()

for (const [field, values] of Object.entries({
  shots: ['many', 1.5, -1, null, [10], 2 ** 60],
  error_message: [7, null, { code: 1 }, ['a']],
})) {
  for (const value of values) {
    test(`${field} of ${JSON.stringify(value)} stays metadata of an old line`, (t) => {
      using store = memory()
      run(store, write(t, flat('a', { [field]: value, note: 'n' })))
      const { shots, errorMessage } = store.get('a') ?? assert.fail()
      assert.deepEqual([shots, errorMessage], [0, null])
      assert.deepEqual(cells(store), [null, `{"${field}": ${JSON.stringify(value)}, "note": "n"}`])
    })
  }
}

test('shots and an error of the right type are fields', (t) => {
  using store = memory()
  run(store, write(t, flat('a', { shots: 100, error_message: 'chip offline' })))
  const { metadata, shots, errorMessage } = store.get('a') ?? assert.fail()
  assert.deepEqual([metadata, shots, errorMessage], [{}, 100, 'chip offline'])
})

test('the text of every value of an old line is kept to the byte, and the order of the keys', (t) => {
  using store = memory()
  const times = `"submit_time": "1", "update_time": "2"`
  const line = `{"z": 1.0, "task_id": "a", "10": ${RESULT}, "platform": "p", "2": -0.0, "status": "success", ${times}, "__proto__": {"x":1.0}, "result": ${RESULT}, "constructor": "c"}`
  run(store, write(t, line))
  const metadata = `{"z": 1.0, "10": ${RESULT}, "2": -0.0, "__proto__": {"x":1.0}, "constructor": "c"}`
  assert.deepEqual(cells(store), [RESULT, metadata])
  assert.deepEqual(Object.keys(store.get('a')?.metadata ?? {}).toSorted(), [
    ...['10', '2', '__proto__', 'constructor', 'z'],
  ])
})

test('the text of every value of a tasks.json is kept to the byte, and what later releases added', (t) => {
  using store = memory()
  const fields = `"backend": "p", "status": "success", "submit_time": "1", "update_time": "2"`
  const entry = `{${fields}, "later": 2.0, "result": ${RESULT}, "metadata": {"10": 1.0, "2": ${RESULT}, "__proto__": {}}}`
  run(store, write(t, `{"__proto__": ${entry}}`, 'tasks.json'))
  assert.deepEqual(ids(store), ['__proto__'])
  assert.deepEqual(cells(store), [RESULT, `{"later": 2.0, "10": 1.0, "2": ${RESULT}, "__proto__": {}}`])
})

test('the text of a line of an export is kept to the byte', (t) => {
  using store = memory()
  const result = '{"b": 1.0, "10": -0.0, "2": [ 1e5 ], "__proto__": {}}'
  run(store, write(t, exported('a', `,"result":${result},"metadata":{"z": 1.50, "a": 1}`)))
  assert.deepEqual(cells(store), [result, '{"z": 1.50, "a": 1}'])
})

/** A store with one task, updated at noon of the 1st. */
function storeWithOne(): TaskStore {
  const store = memory()
  const times = { submitTime: EARLY, updateTime: '2026-01-01T12:00:00+00:00' }
  store.save(
    { taskId: 'a', backend: 'originq:WK_C180', status: 'running', metadata: { n: 1 }, ...times },
    { keepUpdateTime: true },
  )
  return store
}

const RIVAL = { platform: 'originq:WK_C180', n: 2 }

const RIVALS: readonly (readonly [string, object, ImportOptions, RegExp | undefined])[] = [
  ['newer', { update_time: LATE }, {}, undefined],
  ['older', { update_time: EARLY }, {}, /^the store has a newer record/],
  ['older, with overwrite', { update_time: EARLY }, { overwrite: true }, undefined],
  [
    'as new and otherwise equal but for its metadata',
    { update_time: '2026-01-01T20:00:00+08:00' },
    {},
    /^differs \(metadata\), and neither is newer/,
  ],
  ['as new, with overwrite', { update_time: '2026-01-01T12:00:00Z' }, { overwrite: true }, undefined],
  ['of no time that can be read', { update_time: 'noon' }, {}, /^differs \(metadata\), and neither is newer/],
  [
    'newer, of another provider',
    { update_time: LATE, platform: 'ibm' },
    {},
    /^is of ibm there and of originq:/,
  ],
  [
    'newer, of another provider, with overwrite',
    { update_time: LATE, platform: 'ibm' },
    { overwrite: true },
    undefined,
  ],
  ['newer, of the provider without a chip', { update_time: LATE, platform: 'originq' }, {}, undefined],
  ['newer in UTC', { update_time: '2026-01-01T13:00:00' }, { timeZone: 'UTC' }, undefined],
  [
    'older in Shanghai',
    { update_time: '2026-01-01T13:00:00' },
    { timeZone: 'Asia/Shanghai' },
    /newer record/,
  ],
  ['newer at -08:00', { update_time: '2026-01-01T11:00:00' }, { timeZone: '-08:00' }, undefined],
]
for (const [what, fields, options, reason] of RIVALS) {
  test(`a record that is ${what} ${reason ? 'is skipped' : 'is taken'}`, (t) => {
    using store = storeWithOne()
    const rows = readRows(store)
    const file = write(t, flat('a', { ...RIVAL, ...fields }))
    const report = run(store, file, options)
    if (reason === undefined) {
      assert.deepEqual([report.imported, report.skipped], [1, []])
      assert.deepEqual(store.get('a')?.metadata, { n: 2 })
      assert.equal(run(store, file, options).unchanged, 1)
    } else {
      assert.equal(report.skipped.length, 1)
      assert.match(report.skipped[0]?.reason ?? '', reason)
      assert.equal(report.skipped[0]?.taskId, 'a')
      assert.deepEqual(readRows(store), rows)
    }
    assert.equal(store.count(), 1)
  })
}

test('a record that is archived stays archived, and is updated there', (t) => {
  using store = storeWithOne()
  store.archive.archive('a')
  const archivedAt = store.archive.get('a')?.archivedAt
  const file = write(t, flat('a', { ...RIVAL, update_time: LATE }))
  assert.equal(run(store, file).imported, 1)
  assert.equal(store.count(), 0)
  const archived = store.archive.get('a')
  assert.deepEqual([archived?.metadata, archived?.archivedAt], [{ n: 2 }, archivedAt])
  assert.equal(run(store, file).unchanged, 1)
})

const NEW_ID = `uqt_${'0'.repeat(32)}`
const OTHER_ID = `uqt_${'1'.repeat(32)}`

/** Saves a task as version 5 leaves one whose id was `old`. */
function saveReplaced(store: TaskStore, taskId: string): void {
  const fields = { backend: 'originq', submitTime: EARLY, updateTime: EARLY }
  const metadata = { legacy_platform_id: 'old' }
  store.save({ taskId, status: 'running', ...fields, metadata }, { keepUpdateTime: true })
  store.addShard({ uniqcTaskId: taskId, platformTaskId: 'old' })
}

test('an id that version 5 replaced updates its task, and no second row is written', (t) => {
  using store = memory()
  saveReplaced(store, NEW_ID)
  const file = write(t, flat('old', { status: 'success', update_time: LATE, result: { '00': 1.0 }, n: 2 }))
  assert.equal(run(store, file).imported, 1)
  assert.equal(store.count(), 1)
  const task = store.get('old')
  assert.deepEqual([task?.taskId, task?.status, task?.result], [NEW_ID, 'success', { '00': 1 }])
  assert.deepEqual(task?.metadata, { n: 2, legacy_platform_id: 'old' })
  assert.equal(store.getShards(NEW_ID).length, 1)
  const rows = readRows(store)
  assert.equal(run(store, file).unchanged, 1)
  assert.deepEqual(readRows(store), rows)
})

test('an id that version 5 replaced in the archive updates the archived task', (t) => {
  using store = memory()
  saveReplaced(store, NEW_ID)
  store.archive.archive(NEW_ID)
  assert.equal(run(store, write(t, flat('old', { status: 'success', update_time: LATE }))).imported, 1)
  assert.equal(store.count(), 0)
  assert.equal(store.archive.get('old')?.status, 'success')
})

test('an id that several tasks replaced is skipped, and they are named', (t) => {
  using store = memory()
  saveReplaced(store, NEW_ID)
  saveReplaced(store, OTHER_ID)
  const rows = readRows(store)
  const [reason] = reasons(run(store, write(t, flat('old', { update_time: LATE }))))
  assert.match(reason ?? '', /is the old id of several tasks/)
  assert.ok(reason?.includes(NEW_ID) && reason.includes(OTHER_ID))
  assert.deepEqual(readRows(store), rows)
})

const lines = (count: number, fields?: object) =>
  Array.from({ length: count }, (_, i) => flat(`t${i}`, { i, ...fields })).join('\n')

test('what onProgress throws ends the import, and the same call completes it', (t) => {
  using store = memory()
  const path = write(t, lines(250))
  const stop = new Error('enough')
  const onProgress = ({ read }: { read: number }) => {
    if (read === 200) throw stop
  }
  assert.throws(() => store.importFile(path, { onProgress }), stop)
  assert.equal(store.count(), 200)
  const report = run(store, path)
  assert.deepEqual([report.imported, report.unchanged, store.count()], [50, 200, 250])
})

test('a dry run reports what the real one does, and writes nothing', (t) => {
  using store = storeWithOne()
  saveReplaced(store, NEW_ID)
  const text = [
    flat('old', { update_time: LATE }),
    flat('a', { ...RIVAL, update_time: EARLY }),
    flat('new'),
    flat('new', { n: 2 }),
    'torn',
  ]
  const path = write(t, text.join('\n'))
  const rows = readRows(store)
  const dry = run(store, path, { dryRun: true })
  assert.deepEqual(readRows(store), rows)
  assert.deepEqual(run(store, path), dry)
  assert.deepEqual([dry.imported, dry.superseded, dry.skipped.length], [2, 1, 2])
  assert.notDeepEqual(readRows(store), rows)
})

test('of two files of a folder the newer record stays, though older ones of the store are overwritten', (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'cache'))
  writeFileSync(
    join(folder, 'tasks.jsonl'),
    flat('x', { update_time: LATE, status: 'success', result: { a: 1 } }),
  )
  const entry = { backend: 'originq', status: 'running', submit_time: EARLY, update_time: EARLY }
  writeFileSync(join(folder, 'cache/tasks.json'), JSON.stringify({ x: entry }))
  using store = memory()
  store.save({ taskId: 'x', backend: 'originq', status: 'pending' })
  const report = run(store, folder, { overwrite: true })
  assert.deepEqual([report.imported, report.skipped.length], [1, 1])
  assert.deepEqual([store.get('x')?.status, store.get('x')?.result], ['success', { a: 1 }])
})

test('a file of any name is read by what it holds, its first lines torn or not', (t) => {
  for (const name of ['export.txt', 'backup.json']) {
    using store = memory()
    const report = run(store, write(t, `torn\n{"task_id"\n${exported('a')}\n${exported('b')}\n`, name))
    assert.deepEqual([report.imported, report.skipped.length, ids(store)], [2, 2, ['a', 'b']])
  }
})

test('what an entry of a tasks.json has beyond its fields is kept as metadata', (t) => {
  using store = memory()
  const entry = {
    backend: 'b',
    status: 's',
    submit_time: EARLY,
    shards: [1],
    archived_at: 'then',
    metadata: { k: 1 },
  }
  run(store, write(t, JSON.stringify({ x: entry }), 'tasks.json'))
  assert.deepEqual(store.get('x')?.metadata, { shards: [1], archived_at: 'then', k: 1 })
})

test('an old id goes on finding its task when newer metadata cannot be read', (t) => {
  using store = memory()
  const taskId = `uqt_${'a'.repeat(32)}`
  store.save(
    {
      taskId,
      backend: 'originq',
      status: 'running',
      submitTime: EARLY,
      metadata: { legacy_platform_id: 'old' },
    },
    {},
  )
  store.addShard({ uniqcTaskId: taskId, platformTaskId: 'old' })
  const line = exported('old', ',"metadata":{"$unreadable":"to\\"rn"}').replace('"2"', '"2099-01-01"')
  run(store, write(t, line))
  assert.equal(store.get('old')?.taskId, taskId)
  assert.deepEqual(store.get('old')?.metadata, { legacy_metadata_raw: 'to"rn', legacy_platform_id: 'old' })
})

test('metadata keeps its spelling when the old id is added to it', (t) => {
  using store = memory()
  const taskId = `uqt_${'a'.repeat(32)}`
  store.save({
    taskId,
    backend: 'originq',
    status: 'running',
    submitTime: EARLY,
    metadata: { legacy_platform_id: 'old' },
  })
  store.addShard({ uniqcTaskId: taskId, platformTaskId: 'old' })
  run(store, write(t, exported('old', ',"metadata":{ "b": 1.0, "10": 1e3 }').replace('"2"', '"2099-01-01"')))
  const text = store.db.$client.prepare('SELECT metadata_json FROM tasks').pluck().get()
  assert.equal(text, '{"b": 1.0, "10": 1e3, "legacy_platform_id": "old"}')
})

test('values that are nested too deeply to be compared count as different', (t) => {
  using store = memory()
  const deep = (inner: string) => `${'['.repeat(20_000)}${inner}${']'.repeat(20_000)}`
  run(store, write(t, exported('a', `,"result":${deep('1')}`)))
  const [reason] = reasons(run(store, write(t, exported('a', `,"result":${deep(' 1')}`))))
  assert.match(reason ?? '', /differs \(result\)/)
})

test('an exported line without metadata is a task without any', (t) => {
  using store = memory()
  const line = exported('a')
  assert.ok(!line.includes('metadata'))
  assert.equal(run(store, write(t, line)).imported, 1)
  assert.deepEqual(store.get('a')?.metadata, {})
})

test('in a file that is too large to be held, too, the last record of an id counts', (t) => {
  const large = `,"result":"${'x'.repeat(17_000_000)}"`
  using store = memory()
  const records = [exported('a', large), exported('b', large), 'torn', exported('a', ',"result":1')]
  const path = write(t, records.join('\n'))
  const { imported, superseded, skipped } = run(store, path)
  assert.deepEqual([imported, superseded, skipped.map(({ line }) => line)], [2, 1, [3]])
  assert.deepEqual([store.get('a')?.result, String(store.get('b')?.result).length], [1, 17_000_000])
})
