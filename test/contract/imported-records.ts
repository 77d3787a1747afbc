import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import test from 'node:test'
import type { AnyStore, OpenStore, ReadRows } from '../support/any-store.ts'
import { EARLY, exported, flat, idsOf, LATE, run, write } from '../support/import-records.ts'

const SHARD =
  '"shard_index":0,"platform_task_id":"p","backend":"b","status":"running","submit_time":"1","update_time":"2"'

const REFUSED: readonly (readonly [string, string, string | undefined, RegExp])[] = [
  ['that is torn', '{"task_id": "torn", "platform": "ori', undefined, /^is not JSON, perhaps cut short$/],
  ['that is an array', '[1]', undefined, /^must be an object, not an array$/],
  ['that is a string', '"a"', undefined, /^must be an object, not a string$/],
  ['without an id', '{"platform":"p"}', undefined, /^has no task_id$/],
  ['with an id that is a number', '{"task_id":7,"platform":"p"}', undefined, /^task_id must be a string/],
  ['with an empty id', flat(''), '', /^has an empty task_id$/],
  ['without platform and backend', '{"task_id":"x"}', 'x', /^has no backend$/],
  ['without a status', '{"task_id":"x","platform":"p"}', 'x', /^has no status$/],
  ['with a null status', flat('x', { status: null }), 'x', /^has no status$/],
  ['without a submit time', '{"task_id":"x","platform":"p","status":"s"}', 'x', /^has no submit_time$/],
  ['with a platform that is a list', flat('x', { platform: ['p'] }), 'x', /^platform must be a string/],
  ['with a lone surrogate', flat('x', { status: '\ud800' }), 'x', /^status holds a lone surrogate/],
  [
    'that is nested too deeply',
    `{"task_id":"x","n":NaN,"deep":${'['.repeat(1e5)}${']'.repeat(1e5)}}`,
    undefined,
    /too deeply/,
  ],
  ['of an export with a field of a later release', exported('x', ',"colour":1'), 'x', /has a field colour/],
  ['of an export with shots below 0', exported('x', ',"shots":-1'), 'x', /^shots must be a whole number/],
  ['of an export with half a shot', exported('x', ',"shots":0.5'), 'x', /^shots must be a whole number/],
  [
    'of an export with an error that is not a string',
    exported('x', ',"error_message":1'),
    'x',
    /^error_message must/,
  ],
  [
    'of an export with a number as archived_at',
    exported('x', ',"archived_at":1'),
    'x',
    /^archived_at must be/,
  ],
  [
    'of an export with a tag of a later release',
    exported('x', ',"result":{"$date":1}'),
    'x',
    /^result cannot/,
  ],
  ['of an export with an invalid tag', exported('x', ',"result":[{"$int":"x"}]'), 'x', /^result cannot be/],
  [
    'of an export with invalid metadata',
    exported('x', ',"metadata":{"a":{"$float":"1"}}'),
    'x',
    /^metadata cannot/,
  ],
  [
    'of an export whose shards are not a list',
    exported('x', ',"shards":{}'),
    'x',
    /^shards must be an array/,
  ],
  [
    'of an export with a shard that is not an object',
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
    'of an export with an invalid shard result',
    exported('x', `,"shards":[{${SHARD},"result":{"$int":1}}]`),
    'x',
    /^shards\[0\]\.result cannot be read/,
  ],
]

const FORMS: readonly (readonly [string, string, number])[] = [
  ['nothing', '', 0],
  ['only blank lines', '\n \r\n\t\n', 0],
  ['a byte order mark', `\ufeff${flat('a')}\n${flat('b')}\n`, 2],
  ['Windows line endings', `${flat('a')}\r\n${flat('b')}\r\n`, 2],
  ['blank lines', `\n\n${flat('a')}\n  \t\n${flat('b')}\n\n`, 2],
  ['no newline at the end', `${flat('a')}\n${flat('b')}`, 2],
]

const JSON_FORMS: readonly (readonly [string, (text: string) => string])[] = [
  ['as it is', (text) => text],
  ['with a byte order mark', (text) => `\ufeff${text}`],
  ['with Windows line endings', (text) => text.replaceAll('\n', '\r\n')],
  ['with blank lines around it', (text) => `\n\n${text}\n\n`],
  ['on one line', (text) => JSON.stringify(JSON.parse(text))],
]

const CHUNK = 1 << 20

const RESULT = '[1.0, -0.0, NaN, -Infinity, 12345678901234567890123, 1e5, {"b":1.50,"a":"\\u00e9"}]'

/** What a file of records is read as: which of them, with which fields, and the text of each value. */
export function importedRecordsContract(open: OpenStore, rows: ReadRows): void {
  const cells = async (store: AnyStore) => {
    const [task] = (await rows(store)).tasks
    return [task?.result_json, task?.metadata_json]
  }

  for (const [what, line, taskId, reason] of REFUSED) {
    test(`a line ${what} is skipped and reported, and the other lines are imported`, async (t) => {
      const store = await open(t)
      const file = write(t, [flat('a'), '', line, flat('b')].join('\n'))
      const report = await run(store, file)
      assert.deepEqual([report.read, report.imported], [3, 2])
      assert.equal(report.skipped.length, 1)
      const [skipped] = report.skipped
      assert.deepEqual({ ...skipped, reason: '' }, { file, line: 3, taskId, reason: '' })
      assert.match(skipped?.reason ?? '', reason)
      assert.deepEqual(await idsOf(store), ['a', 'b'])
    })
  }

  test('a line that is not UTF-8 is skipped and reported', async (t) => {
    const store = await open(t)
    const bad = Buffer.from(flat('bad', { note: '任' }))
    bad[bad.indexOf('任')] = 0xff
    const file = write(t, Buffer.concat([Buffer.from(`${flat('a')}\n`), bad, Buffer.from(`\n${flat('b')}`)]))
    const { skipped } = await run(store, file)
    assert.deepEqual(skipped, [{ file, line: 2, taskId: undefined, reason: 'is not UTF-8, or too long' }])
    assert.deepEqual(await idsOf(store), ['a', 'b'])
  })

  test('a bad entry of tasks.json is reported with its number and its id', async (t) => {
    const store = await open(t)
    const good = { backend: 'originq', status: 'running', submit_time: EARLY, update_time: EARLY }
    const entries = {
      a: good,
      b: { ...good, shots: 'many' },
      c: 7,
      d: { ...good, metadata: [] },
      e: { ...good, task_id: 'e' },
    }
    const file = write(t, JSON.stringify(entries, null, 2), 'tasks.json')
    const { skipped, imported } = await run(store, file)
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
    assert.deepEqual(await idsOf(store), ['a', 'e'])
  })

  test('of several lines with one id the last good one counts, even if a torn one follows', async (t) => {
    const store = await open(t)
    const lines = [
      flat('a', { n: 1 }),
      flat('b', { n: 1 }),
      flat('a', { n: 2 }),
      flat('b', { n: 2, status: null }),
      flat('a', { n: 3 }).slice(0, -1),
    ]
    const report = await run(store, write(t, lines.join('\n')))
    assert.deepEqual([report.imported, report.superseded], [2, 1])
    assert.deepEqual(
      report.skipped.map(({ line, taskId }) => [line, taskId]),
      [
        [4, 'b'],
        [5, undefined],
      ],
    )
    assert.deepEqual([(await store.get('a'))?.metadata.n, (await store.get('b'))?.metadata.n], [2, 1])
  })

  test('the last line of an id counts, not the newest', async (t) => {
    const store = await open(t)
    const lines = [flat('a', { update_time: LATE, n: 1 }), flat('a', { n: 2 })]
    await run(store, write(t, lines.join('\n')))
    assert.equal((await store.get('a'))?.metadata.n, 2)
  })

  test('a tasks.jsonl cut off at any byte is imported up to its last whole line', async (t) => {
    const lines = [flat('a', { note: '任务' }), flat('b'), flat('c')]
    const bytes = Buffer.from(lines.join('\n'))
    const ends = lines.map((_, i) => Buffer.byteLength(lines.slice(0, i + 1).join('\n')))
    const file = write(t, '')
    const store = await open(t)
    for (let end = 0; end <= bytes.length; end++) {
      writeFileSync(file, bytes.subarray(0, end))
      const { imported } = await run(store, file, { dryRun: true })
      assert.equal(imported, ends.filter((whole) => whole <= end).length, `cut at ${end}`)
    }
  })

  for (const indent of [0, 2]) {
    test(`a tasks.json with an indent of ${indent}, cut off at any byte, is imported up to its last whole entry`, async (t) => {
      const fields = { backend: 'originq', status: 'running', submit_time: EARLY, result: [{ '}': '"]' }] }
      const entries = { a: { ...fields, metadata: { note: '任务' } }, 'b,{': fields, c: fields }
      const bytes = Buffer.from(JSON.stringify(entries, null, indent))
      const closing = indent === 0 ? '}' : '\n}'
      const ends = [1, 2, 3].map((count) => {
        const whole = JSON.stringify(
          Object.fromEntries(Object.entries(entries).slice(0, count)),
          null,
          indent,
        )
        return Buffer.byteLength(whole) - closing.length
      })
      const file = write(t, '', 'tasks.json')
      const store = await open(t)
      for (let end = 0; end <= bytes.length; end++) {
        writeFileSync(file, bytes.subarray(0, end))
        const { imported } = await run(store, file, { dryRun: true })
        assert.equal(imported, ends.filter((whole) => whole <= end).length, `cut at ${end}`)
      }
    })
  }

  for (const [what, content, count] of FORMS) {
    test(`a tasks.jsonl with ${what} imports ${count} tasks and skips nothing`, async (t) => {
      const store = await open(t)
      const report = await run(store, write(t, content))
      assert.deepEqual([report.read, report.imported, report.skipped], [count, count, []])
      assert.deepEqual(await idsOf(store), ['a', 'b'].slice(0, count))
    })
  }

  for (const [what, form] of JSON_FORMS) {
    test(`a tasks.json ${what} imports every entry and skips nothing`, async (t) => {
      const store = await open(t)
      const entry = { backend: 'originq', status: 'running', submit_time: EARLY, metadata: { note: 'é' } }
      const text = JSON.stringify({ a: entry, b: entry }, null, 2)
      const report = await run(store, write(t, form(text), 'tasks.json'))
      assert.deepEqual([report.imported, report.skipped], [2, []])
      assert.deepEqual((await store.get('b'))?.metadata, { note: 'é' })
    })
  }

  test('an empty tasks.json, and one without an entry, import nothing', async (t) => {
    const store = await open(t)
    for (const text of ['', '{}', ' {\n}\n']) {
      assert.equal((await run(store, write(t, text, 'tasks.json'))).read, 0, JSON.stringify(text))
    }
  })

  for (const padding of [0, 1, 2]) {
    // Three bytes a sign, two a quote with its backslash: each border within one is met by some padding.
    const notes = { signs: '任'.repeat(CHUNK / 2), quotes: 'x'.repeat(padding) + '"\\'.repeat(CHUNK / 2) }
    const check = async (store: AnyStore) => {
      assert.deepEqual(await idsOf(store), ['a', 'b', 'c'.repeat(padding + 1)])
      assert.deepEqual((await store.get('b'))?.metadata, notes)
    }
    test(`a line longer than a chunk is imported whole, shifted by ${padding} bytes`, async (t) => {
      const store = await open(t)
      const lines = [flat('a', { pad: 'x'.repeat(padding) }), flat('b', notes), flat('c'.repeat(padding + 1))]
      assert.deepEqual((await run(store, write(t, lines.join('\n')))).skipped, [])
      await check(store)
    })
    test(`an entry longer than a chunk is imported whole, shifted by ${padding} bytes`, async (t) => {
      const store = await open(t)
      const entry = { backend: 'b', status: 'running', submit_time: EARLY }
      const a = { ...entry, metadata: { pad: 'x'.repeat(padding) } }
      const entries = { a, b: { ...entry, metadata: notes }, ['c'.repeat(padding + 1)]: entry }
      assert.deepEqual((await run(store, write(t, JSON.stringify(entries), 'tasks.json'))).skipped, [])
      await check(store)
    })
  }

  for (const off of [-2, -1, 0, 1]) {
    test(`a line that ends ${off} bytes from the end of a chunk is one line`, async (t) => {
      const store = await open(t)
      const length = CHUNK + off - flat('a', { pad: '' }).length - 1
      const text = `${flat('a', { pad: 'x'.repeat(length) })}\n${flat('b')}`
      assert.equal(text.indexOf('\n'), CHUNK + off - 1)
      const report = await run(store, write(t, text))
      assert.deepEqual([report.read, report.imported], [2, 2])
    })
  }

  test('the last record of an id counts in a file too large to be held in memory, too', async (t) => {
    const large = `,"result":"${'x'.repeat(17_000_000)}"`
    const store = await open(t)
    const records = [exported('a', large), exported('b', large), 'torn', exported('a', ',"result":1')]
    const path = write(t, records.join('\n'))
    const { imported, superseded, skipped } = await run(store, path)
    assert.deepEqual([imported, superseded, skipped.map(({ line }) => line)], [2, 1, [3]])
    assert.deepEqual(
      [(await store.get('a'))?.result, String((await store.get('b'))?.result).length],
      [1, 17_000_000],
    )
  })

  test('an old record without an update time gets its submit time as update time', async (t) => {
    const store = await open(t)
    await run(store, write(t, flat('a', { update_time: undefined })))
    assert.equal((await store.get('a'))?.updateTime, EARLY)
  })

  test('a status outside the five is imported', async (t) => {
    const store = await open(t)
    await run(store, write(t, flat('a', { status: 'queued' })))
    assert.equal((await store.get('a'))?.status, 'queued')
    assert.equal((await store.countByStatus()).queued, 1)
  })

  for (const [field, values] of Object.entries({
    shots: ['many', 1.5, -1, null, [10], 2 ** 60],
    error_message: [7, null, { code: 1 }, ['a']],
  })) {
    for (const value of values) {
      test(`${field} of ${JSON.stringify(value)} in an old line stays metadata`, async (t) => {
        const store = await open(t)
        await run(store, write(t, flat('a', { [field]: value, note: 'n' })))
        const { shots, errorMessage } = (await store.get('a')) ?? assert.fail()
        assert.deepEqual([shots, errorMessage], [0, null])
        assert.deepEqual(await cells(store), [null, `{"${field}": ${JSON.stringify(value)}, "note": "n"}`])
      })
    }
  }

  test('shots and error_message of the right type become fields', async (t) => {
    const store = await open(t)
    await run(store, write(t, flat('a', { shots: 100, error_message: 'chip offline' })))
    const { metadata, shots, errorMessage } = (await store.get('a')) ?? assert.fail()
    assert.deepEqual([metadata, shots, errorMessage], [{}, 100, 'chip offline'])
  })

  test('every value of an old line is kept byte for byte, and the order of the keys', async (t) => {
    const store = await open(t)
    const times = `"submit_time": "1", "update_time": "2"`
    const line = `{"z": 1.0, "task_id": "a", "10": ${RESULT}, "platform": "p", "2": -0.0, "status": "success", ${times}, "__proto__": {"x":1.0}, "result": ${RESULT}, "constructor": "c"}`
    await run(store, write(t, line))
    const metadata = `{"z": 1.0, "10": ${RESULT}, "2": -0.0, "__proto__": {"x":1.0}, "constructor": "c"}`
    assert.deepEqual(await cells(store), [RESULT, metadata])
    assert.deepEqual(Object.keys((await store.get('a'))?.metadata ?? {}).toSorted(), [
      ...['10', '2', '__proto__', 'constructor', 'z'],
    ])
  })

  test('every value of a tasks.json is kept byte for byte, also in keys that later releases added', async (t) => {
    const store = await open(t)
    const fields = `"backend": "p", "status": "success", "submit_time": "1", "update_time": "2"`
    const entry = `{${fields}, "later": 2.0, "result": ${RESULT}, "metadata": {"10": 1.0, "2": ${RESULT}, "__proto__": {}}}`
    await run(store, write(t, `{"__proto__": ${entry}}`, 'tasks.json'))
    assert.deepEqual(await idsOf(store), ['__proto__'])
    assert.deepEqual(await cells(store), [
      RESULT,
      `{"later": 2.0, "10": 1.0, "2": ${RESULT}, "__proto__": {}}`,
    ])
  })

  test('every value of an exported line is kept byte for byte', async (t) => {
    const store = await open(t)
    const result = '{"b": 1.0, "10": -0.0, "2": [ 1e5 ], "__proto__": {}}'
    await run(store, write(t, exported('a', `,"result":${result},"metadata":{"z": 1.50, "a": 1}`)))
    assert.deepEqual(await cells(store), [result, '{"z": 1.50, "a": 1}'])
  })

  test('unknown keys of a tasks.json entry are kept as metadata', async (t) => {
    const store = await open(t)
    const entry = {
      backend: 'b',
      status: 's',
      submit_time: EARLY,
      shards: [1],
      archived_at: 'then',
      metadata: { k: 1 },
    }
    await run(store, write(t, JSON.stringify({ x: entry }), 'tasks.json'))
    assert.deepEqual((await store.get('x'))?.metadata, { shards: [1], archived_at: 'then', k: 1 })
  })

  test('an exported line without metadata is a task with empty metadata', async (t) => {
    const store = await open(t)
    const line = exported('a')
    assert.ok(!line.includes('metadata'))
    assert.equal((await run(store, write(t, line))).imported, 1)
    assert.deepEqual((await store.get('a'))?.metadata, {})
  })

  test('the format of a file is told by its content, not its name, even if its first lines are torn', async (t) => {
    for (const name of ['export.txt', 'backup.json']) {
      const store = await open(t)
      const report = await run(
        store,
        write(t, `torn\n{"task_id"\n${exported('a')}\n${exported('b')}\n`, name),
      )
      assert.deepEqual([report.imported, report.skipped.length, await idsOf(store)], [2, 2, ['a', 'b']])
    }
  })
}
