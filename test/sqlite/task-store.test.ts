import assert from 'node:assert/strict'
import { existsSync, lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { runInNewContext } from 'node:vm'
import Database from 'better-sqlite3'
import { and, desc, eq, sql } from 'drizzle-orm'
import fc from 'fast-check'
import {
  generateTaskId,
  isUniqcTaskId,
  type JsonValue,
  type NewTaskInfo,
  TaskStore,
  UnreadableJson,
} from 'uniqc-task-store'
import { taskShards, tasks } from 'uniqc-task-store/schema'
import { insertShard } from '../support/insert-shard.ts'
import { memory, RUNNING, wrong } from '../support/store.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/

test('where the file is', async (t) => {
  const folder = temporaryFolder(t)
  await t.test('in the folder that is named, made if missing, for this user alone', () => {
    using store = new TaskStore(join(folder, 'deep', 'er'))
    assert.equal(store.file, join(folder, 'deep', 'er', 'tasks.sqlite'))
    assert.equal(store.cacheDir, join(folder, 'deep', 'er'))
    assert.equal(statSync(store.file).mode & 0o777, 0o600)
    assert.equal(statSync(join(folder, 'deep')).mode & 0o777, 0o700)
  })
  await t.test('the file that is named', () => {
    using store = new TaskStore({ file: join(folder, 'other.db') })
    assert.equal(store.file, join(folder, 'other.db'))
  })
  await t.test('where a link leads to, also if there is no file yet; the link stays one', () => {
    const [first, second, target] = ['first', 'second', 'target.sqlite'].map((name) => join(folder, name))
    symlinkSync('second', first as string)
    symlinkSync(target as string, second as string)
    for (let round = 0; round < 2; round++) {
      using store = new TaskStore({ file: first as string })
      store.save(RUNNING)
    }
    assert.ok(lstatSync(first as string).isSymbolicLink())
    assert.ok(lstatSync(second as string).isSymbolicLink())
    using store = new TaskStore({ file: target as string, readonly: true })
    assert.equal(store.count(), 1)
  })
  await t.test('where a link leads to that stands behind another one', () => {
    const deep = join(folder, 'data', 'x', 'y')
    mkdirSync(deep, { recursive: true })
    symlinkSync(deep, join(folder, 'linked'))
    symlinkSync('../real.sqlite', join(deep, 'tasks.sqlite'))
    for (let round = 0; round < 2; round++) {
      using store = new TaskStore(join(folder, 'linked'))
      store.save(RUNNING)
    }
    assert.ok(existsSync(join(folder, 'data', 'x', 'real.sqlite')))
    assert.equal(existsSync(join(folder, 'real.sqlite')), false)
  })
  await t.test('not where links lead to each other: CANNOT_OPEN', () => {
    const [a, b] = [join(folder, 'a'), join(folder, 'b')]
    symlinkSync(a, b)
    symlinkSync(b, a)
    assert.throws(() => new TaskStore({ file: a }), { code: 'CANNOT_OPEN' })
    assert.ok(lstatSync(a).isSymbolicLink())
  })
  await t.test('in $UNIQC_CACHE_DIR, else in ~/.uniqc/cache', () => {
    const { UNIQC_CACHE_DIR, HOME } = process.env
    try {
      process.env.UNIQC_CACHE_DIR = join(folder, 'from-environment')
      using store = new TaskStore()
      assert.equal(store.cacheDir, join(folder, 'from-environment'))
      delete process.env.UNIQC_CACHE_DIR
      process.env.HOME = folder
      using byDefault = new TaskStore()
      assert.equal(byDefault.file, join(folder, '.uniqc', 'cache', 'tasks.sqlite'))
    } finally {
      Object.assign(process.env, { HOME, ...(UNIQC_CACHE_DIR && { UNIQC_CACHE_DIR }) })
    }
  })
  await t.test('in memory', () => {
    using store = memory()
    assert.deepEqual([store.file, store.cacheDir, store.count()], [':memory:', undefined, 0])
  })
  await t.test('in a database that is handed in, which stays open', (t) => {
    const database = new Database(temporaryFile(t))
    const store = new TaskStore({ database })
    store.save(RUNNING)
    store.close()
    assert.equal(database.prepare('SELECT count(*) FROM tasks').pluck().get(), 1)
    database.close()
    assert.throws(() => store.count(), { code: 'CLOSED' })
  })
})

const WRONG_OPTIONS: readonly (readonly [options: unknown, message: RegExp])[] = [
  [5, /options must be an object, not a number/],
  [null, /options must be an object, not null/],
  ['', /cacheDir must be a path/],
  [{ path: 'x' }, /options has no "path"/],
  [{ readOnly: true }, /options has no "readOnly"/],
  [{ file: 5 }, /options.file must be a string, not a number/],
  [{ file: '' }, /options.file must be a path/],
  [{ cacheDir: 'a', file: 'b' }, /more than one of/],
  [{ database: {} }, /options.database must be a better-sqlite3 Database/],
  [{ timeout: -1 }, /options.timeout must be a whole number from 0, not -1/],
  [{ timeout: '5' }, /options.timeout must be a whole number, not a string/],
  [{ timeout: 2 ** 31 }, /options.timeout must be at most 2147483647/],
  [{ readonly: 1 }, /options.readonly must be true or false/],
  [{ synchronous: 'OFF' }, /options.synchronous must be 'FULL' or 'NORMAL'/],
]

for (const [options, message] of WRONG_OPTIONS) {
  test(`new TaskStore(${JSON.stringify(options)}) is a TypeError`, () => {
    assert.throws(
      () => new TaskStore(wrong(options)),
      (error) => error instanceof TypeError && message.test(error.message),
    )
  })
}

test('a database that is handed in with big integers on, or readonly and old, is refused by name', (t) => {
  const file = temporaryFile(t)
  const database = new Database(file)
  database.defaultSafeIntegers(true)
  assert.throws(() => new TaskStore({ database }), /defaultSafeIntegers/)
  database.defaultSafeIntegers(false)
  assert.throws(() => new TaskStore({ database, readonly: true }), { code: 'READONLY' })
  assert.equal(database.prepare('SELECT count(*) FROM temp.sqlite_master').pluck().get(), 0)
  database.close()
})

test('a database that is closed or in a transaction is refused by name, and stays as it is', (t) => {
  const file = temporaryFile(t)
  const database = new Database(file)
  database.exec('BEGIN')
  const message = /options.database must be open and not in a transaction/
  assert.throws(() => new TaskStore({ database }), { name: 'TypeError', message })
  assert.equal(database.inTransaction, true)
  database.exec('COMMIT')
  database.close()
  assert.throws(() => new TaskStore({ database }), { name: 'TypeError', message })
  assert.equal(statSync(file).size, 0)
})

test('a database in memory that is handed in has no folder, and is the store', () => {
  const database = new Database(':memory:')
  const store = new TaskStore({ database })
  store.save(RUNNING)
  assert.deepEqual(
    [store.file, store.cacheDir, store.get('a')?.backend],
    [':memory:', undefined, 'originq:WK_C180'],
  )
  store.close()
  assert.equal(database.prepare('SELECT count(*) FROM tasks').pluck().get(), 1)
  database.close()
})

const UNOPENABLE: readonly (readonly [what: string, code: string, prepare: (file: string) => void])[] = [
  ['a folder', 'CANNOT_OPEN', (file) => mkdirSync(file)],
  [
    'no database',
    'CORRUPT_FILE',
    (file) =>
      writeFileSync(file, 'this is not a database, but it is long enough to be read as one'.repeat(40)),
  ],
  [
    'a database cut short',
    'CORRUPT_FILE',
    (file) => {
      new TaskStore({ file }).close()
      writeFileSync(file, readFileSync(file).subarray(0, 5000))
    },
  ],
]

for (const [what, code, prepare] of UNOPENABLE) {
  test(`a path that is ${what} gives ${code} and stays as it is`, (t) => {
    const file = temporaryFile(t)
    prepare(file)
    const before = statSync(file).isFile() ? readFileSync(file) : undefined
    assert.throws(
      () => new TaskStore({ file }).list(),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, code)
        assert.ok(error.message.includes(file))
        return true
      },
    )
    if (before) assert.deepEqual(readFileSync(file), before)
  })
}

test('a file that is missing cannot be opened readonly, and is not made', (t) => {
  const file = temporaryFile(t)
  assert.throws(() => new TaskStore({ file, readonly: true }), { code: 'CANNOT_OPEN' })
  assert.equal(existsSync(file), false)
})

test('a store that is readonly reads, and refuses to write by name', (t) => {
  const file = temporaryFile(t)
  using writer = new TaskStore({ file })
  writer.save(RUNNING)
  using store = new TaskStore({ file, readonly: true })
  assert.equal(store.get('a')?.status, 'running')
  for (const write of [
    () => store.save(RUNNING),
    () => store.saveMany([RUNNING]),
    () => store.update('a', { shots: 1 }),
    () => store.delete('a'),
    () => store.clearCompleted(),
    () => store.clearAll(),
    () => store.transaction(() => 1),
  ]) {
    assert.throws(write, { code: 'READONLY' })
  }
  assert.equal(writer.count(), 1)
})

test('synchronous is FULL unless NORMAL is asked for', (t) => {
  const mode = (store: TaskStore) => store.db.$client.pragma('synchronous', { simple: true })
  using full = new TaskStore({ file: temporaryFile(t) })
  using normal = new TaskStore({ file: temporaryFile(t), synchronous: 'NORMAL' })
  assert.deepEqual([mode(full), mode(normal)], [2, 1])
})

test('save gives the task as it is stored', () => {
  using store = memory()
  const saved = store.save(RUNNING)
  assert.match(saved.updateTime, TIME)
  assert.deepEqual(saved, {
    ...RUNNING,
    shots: 0,
    submitTime: saved.updateTime,
    updateTime: saved.updateTime,
    result: null,
    metadata: {},
    errorMessage: null,
  })
  assert.deepEqual(store.get('a'), saved)
  const whole = store.save({
    ...RUNNING,
    shots: 1000,
    result: { '00': 1 },
    metadata: { k: [1n << 70n, Number.NaN] },
    errorMessage: 'e',
    submitTime: '2026-01-01',
    updateTime: '2020-01-01',
  })
  assert.deepEqual(store.get('a'), whole)
  assert.notEqual(whole.updateTime, '2020-01-01')
})

test('save replaces all of a task but its first submit time', () => {
  using store = memory()
  store.save({
    ...RUNNING,
    submitTime: '2026-01-01',
    shots: 5,
    result: [1],
    metadata: { a: 1 },
    errorMessage: 'x',
  })
  const saved = store.save({ ...RUNNING, status: 'success' })
  assert.deepEqual(
    [saved.submitTime, saved.shots, saved.result, saved.metadata, saved.errorMessage],
    ['2026-01-01', 0, null, {}, null],
  )
  assert.deepEqual(store.get('a'), saved)
  assert.equal(store.save({ ...RUNNING, submitTime: '2025-01-01' }).submitTime, '2025-01-01')
  assert.equal(store.count(), 1)
})

test('a given update time is kept when that is asked for', () => {
  using store = memory()
  const options = { keepUpdateTime: true }
  assert.equal(store.save({ ...RUNNING, updateTime: '2020-01-01' }, options).updateTime, '2020-01-01')
  assert.match(store.save(RUNNING, options).updateTime, TIME)
  assert.equal(store.update('a', { updateTime: '2021-01-01' }, options)?.updateTime, '2021-01-01')
  assert.equal(store.update('a', { shots: 2 }, options)?.updateTime, '2021-01-01')
  assert.match(store.update('a', { updateTime: '2022-01-01' })?.updateTime ?? '', TIME)
})

test('times of one moment differ and go up', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 4, 3, 1, 2, 3, 123) })
  using store = memory()
  const times = Array.from({ length: 50 }, () => store.save(RUNNING).updateTime)
  assert.equal(new Set(times).size, 50)
  assert.deepEqual(times, times.toSorted())
  for (const time of times) assert.match(time, /^2026-05-03T01:02:03\.123\d{3}\+00:00$/)
  const ahead = '2026-05-03T01:02:03.123900+00:00'
  store.update('a', { updateTime: ahead }, { keepUpdateTime: true })
  assert.equal(store.update('a', {})?.updateTime, '2026-05-03T01:02:03.123901+00:00')
})

test('a stored time of this moment that is spelt otherwise is followed by one of ours', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 4, 3, 1, 2, 3, 123) })
  using store = memory()
  store.save({ ...RUNNING, updateTime: '2026-05-03T01:02:03.123Z' }, { keepUpdateTime: true })
  assert.match(store.update('a', { shots: 1 })?.updateTime ?? '', /^2026-05-03T01:02:03\.123\d{3}\+00:00$/)
})

test('saving keeps the shards of a task', () => {
  using store = memory()
  store.save(RUNNING)
  insertShard(store, 'a', 'p')
  store.save({ ...RUNNING, status: 'success' })
  assert.equal(store.db.select().from(taskShards).all().length, 1)
  store.delete('a')
  assert.equal(store.db.select().from(taskShards).all().length, 0, 'deleting does not')
})

class Instance {
  x = 1
}
const toJSON = (value: unknown) => ({ toJSON: () => value })

const INVALID: readonly (readonly [field: string, value: unknown])[] = [
  ['taskId', undefined],
  ['taskId', null],
  ['taskId', ''],
  ['taskId', 5],
  ['taskId', 'a\ud800'],
  ['backend', undefined],
  ['backend', null],
  ['backend', ''],
  ['backend', {}],
  ['backend', '\udc00'],
  ['status', undefined],
  ['status', 'done'],
  ['status', 'SUCCESS'],
  ['status', ''],
  ['status', 1],
  ['shots', '5'],
  ['shots', 1.5],
  ['shots', -1],
  ['shots', Number.NaN],
  ['shots', 2 ** 53],
  ['shots', 5n],
  ['shots', null],
  ['submitTime', new Date(0)],
  ['submitTime', 0],
  ['submitTime', ''],
  ['submitTime', null],
  ['updateTime', new Date(0)],
  ['updateTime', '\ud83d'],
  ['errorMessage', new Error('x')],
  ['errorMessage', 'lone \ud83d'],
  ['metadata', null],
  ['metadata', []],
  ['metadata', 'x'],
  ['metadata', new Map()],
  ['metadata', new Instance()],
  ['metadata', toJSON([1])],
  ['metadata', toJSON(null)],
  ['result', runInNewContext('new Date(0)')],
  ['result', () => 1],
  ['result', new Date(0)],
  ['result', new Map()],
  ['result', Symbol('s')],
]

for (const [field, value] of INVALID) {
  test(`a task with ${field} ${String(Array.isArray(value) ? 'an array' : value)} is refused, and nothing is written`, () => {
    using store = memory()
    const task = { ...RUNNING, [field]: value }
    const refused = (error: { code?: string; message?: string; invalid?: { field: string } }) =>
      error.code === 'INVALID_TASK' &&
      error.invalid?.field === field &&
      new RegExp(`: ${field} `).test(error.message ?? '')
    assert.throws(() => store.save(wrong(task)), refused)
    assert.throws(() => store.saveMany(wrong([{ ...RUNNING, taskId: 'first' }, task])), refused)
    assert.equal(store.count(), 0)
    if (value === undefined || field === 'taskId') return
    const saved = store.save(RUNNING)
    assert.throws(() => store.update('a', wrong({ shots: 9, [field]: value })), refused)
    assert.deepEqual(store.get('a'), saved)
  })
}

test('the path of a value that JSON cannot hold is named', () => {
  using store = memory()
  const circuits = [{}, { run: () => 1 }]
  assert.throws(() => store.save(wrong({ ...RUNNING, metadata: { circuits } })), {
    code: 'INVALID_TASK',
    message: 'task "a": metadata.circuits[1].run is a function, which JSON cannot hold',
  })
  store.save(RUNNING)
  assert.throws(
    () => store.update('a', wrong({ metadata: { 'x y': [new Date(0)] } })),
    /metadata\["x y"\]\[0\] is a Date/,
  )
})

test('what is misspelt or of a wrong type is a TypeError that names it', async (t) => {
  using store = memory()
  const calls: readonly (readonly [() => unknown, RegExp])[] = [
    [() => store.save(wrong(null)), /task must be an object, not null/],
    [() => store.save(wrong('a')), /task must be an object, not a string/],
    [() => store.save(wrong({ ...RUNNING, platform: 'x' })), /task has no "platform"/],
    [() => store.save({ ...RUNNING, [Symbol('s')]: 1 }), /task has no Symbol\(s\)/],
    [() => store.save(RUNNING, wrong({ keepUpdatetime: true })), /options has no "keepUpdatetime"/],
    [() => store.save(RUNNING, wrong({ keepUpdateTime: 'yes' })), /keepUpdateTime must be true or false/],
    [() => store.saveMany(wrong(5)), /tasks must be an iterable/],
    [() => store.saveMany(wrong('ab')), /tasks must be an iterable/],
    [() => store.saveMany(wrong(RUNNING)), /tasks must be an iterable/],
    [() => store.get(wrong(5)), /taskId must be a string, not a number/],
    [() => store.get(wrong(undefined)), /taskId must be a string, not undefined/],
    [() => store.update('a', wrong({ stauts: 'failed' })), /changes has no "stauts"/],
    [() => store.update('a', wrong(undefined)), /changes must be an object/],
    [() => store.update('a', {}, wrong({ ifstatus: 'x' })), /options has no "ifstatus"/],
    [() => store.update('a', {}, wrong({ ifStatus: 5 })), /ifStatus must be a string or an array/],
    [() => store.update('a', {}, wrong({ ifUpdateTime: 5 })), /ifUpdateTime must be a string/],
    [() => store.list(wrong({ limt: 5 })), /options has no "limt"/],
    [() => store.list(wrong({ limit: '5' })), /limit must be a whole number, not a string/],
    [() => store.list({ limit: 1.5 }), /limit must be a whole number, not 1.5/],
    [() => store.list({ offset: -1 }), /offset must be a whole number from 0/],
    [() => store.list(wrong({ status: 5 })), /status must be a string or an array/],
    [() => store.list(wrong({ status: ['a', null] })), /status must be a string or an array/],
    [() => store.list(wrong({ backend: ['a'] })), /backend must be a string, not an array/],
    [
      () => store.list({ submittedAfter: new Date(Number.NaN) }),
      /submittedAfter must be a string or a valid Date/,
    ],
    [() => store.count(wrong({ limit: 5 })), /filter has no "limit"/],
    [() => store.count(wrong(5)), /filter must be an object/],
    [() => store.countByStatus(wrong({ x: 1 })), /filter has no "x"/],
    [() => store.delete(wrong(null)), /taskId must be a string, not null/],
    [() => store.clearCompleted(wrong(5)), /status/],
    [() => store.clearCompleted(wrong(null)), /status/],
    [() => store.transaction(wrong(5)), /work must be a function/],
  ]
  for (const [index, [call, message]] of calls.entries()) {
    await t.test(`${index}: ${message.source}`, () => {
      assert.throws(call, (error) => error instanceof TypeError && message.test(error.message))
    })
  }
})

const jsonObject = fc.dictionary(
  fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'task_id', 'legacy_platform_id')),
  fc.jsonValue() as fc.Arbitrary<JsonValue>,
  { noNullPrototype: true },
)
const text = fc.string({ unit: 'binary', minLength: 1 }).filter((value) => value.isWellFormed())
const anyTask: fc.Arbitrary<NewTaskInfo> = fc.record({
  taskId: text,
  backend: text,
  status: fc.constantFrom('pending', 'running', 'success', 'failed', 'cancelled'),
  shots: fc.nat(),
  submitTime: text,
  updateTime: text,
  result: fc.oneof(fc.jsonValue() as fc.Arbitrary<JsonValue>, fc.constantFrom(Number.NaN, 1n << 80n, null)),
  metadata: jsonObject,
  errorMessage: fc.option(text),
})

test('any task that is saved is loaded as it was', () => {
  using store = memory()
  fc.assert(
    fc.property(anyTask, (task) => {
      const saved = store.save(task, { keepUpdateTime: true })
      assert.deepStrictEqual({ ...saved, metadata: saved.metadata }, { ...task, metadata: saved.metadata })
      assert.deepStrictEqual(store.get(task.taskId), saved)
      assert.equal(store.delete(task.taskId), true)
    }),
    { numRuns: 500 },
  )
})

test('updates merge metadata key by key, in the order they come', () => {
  using store = memory()
  fc.assert(
    fc.property(fc.array(jsonObject, { maxLength: 6 }), (updates) => {
      store.save(RUNNING)
      let expected: Record<string, unknown> = {}
      for (const metadata of updates) {
        expected = { ...expected, ...metadata }
        assert.deepStrictEqual(store.update('a', { metadata })?.metadata, expected)
      }
      assert.deepStrictEqual(store.get('a')?.metadata, expected)
    }),
    { numRuns: 300 },
  )
})

test('update changes what is given and leaves the rest', () => {
  using store = memory()
  const saved = store.save({
    ...RUNNING,
    result: { a: 1 },
    metadata: { x: 1, y: 2 },
    errorMessage: 'e',
    shots: 3,
  })
  const updated = store.update('a', {
    status: 'success',
    metadata: { y: null, z: 3 },
    errorMessage: null,
    shots: undefined,
  })
  assert.deepEqual(updated, {
    ...saved,
    status: 'success',
    metadata: { x: 1, y: null, z: 3 },
    errorMessage: null,
    updateTime: updated?.updateTime,
  })
  assert.deepEqual(store.get('a'), updated)
  assert.equal(store.update('a', { result: null })?.result, null)
  assert.equal(store.get('a')?.result, null)
  assert.equal(store.update('missing', { shots: 1 }), undefined)
})

test('update does not change an id', () => {
  using store = memory()
  const saved = store.save(RUNNING)
  assert.throws(() => store.update('a', wrong({ taskId: 'b', shots: 1 })), /taskId is another id/)
  assert.deepEqual(store.get('a'), saved)
  assert.equal(store.update('a', wrong({ ...saved, shots: 7 }))?.shots, 7)
})

test('an update whose condition does not hold changes nothing', () => {
  using store = memory()
  const saved = store.save(RUNNING)
  assert.equal(store.update('a', { shots: 1 }, { ifStatus: 'pending' }), undefined)
  assert.equal(store.update('a', { shots: 1 }, { ifStatus: [] }), undefined)
  assert.equal(store.update('a', { shots: 1 }, { ifUpdateTime: 'x' }), undefined)
  assert.deepEqual(store.get('a'), saved)
  assert.equal(store.update('a', { shots: 1 }, { ifStatus: ['pending', 'running'] })?.shots, 1)
  assert.equal(store.update('a', { shots: 2 }, { ifUpdateTime: saved.updateTime }), undefined)
  const { updateTime } = store.get('a') ?? {}
  assert.equal(store.update('a', { shots: 2 }, { ifUpdateTime: updateTime, ifStatus: 'running' })?.shots, 2)
})

test('what is not updated keeps its text to the byte', () => {
  using store = memory()
  store.save(RUNNING)
  const client = store.db.$client
  client.exec(
    `UPDATE tasks SET result_json = '{ "p": 1.0, "n": NaN }', metadata_json = '{"b": 1.50,  "a": 2}'`,
  )
  store.update('a', { status: 'success' })
  assert.deepEqual(client.prepare('SELECT result_json, metadata_json FROM tasks').raw().get(), [
    '{ "p": 1.0, "n": NaN }',
    '{"b": 1.50,  "a": 2}',
  ])
})

const UNREADABLE: readonly (readonly [column: string, text: string])[] = [
  ['result_json', '{"torn": '],
  ['result_json', 'nothing'],
  ['metadata_json', '{"torn": '],
  ['metadata_json', '[1]'],
  ['metadata_json', 'null'],
]

for (const [column, text] of UNREADABLE) {
  test(`${column} ${text} is shown as unreadable, listed with the rest, and kept`, () => {
    using store = memory()
    store.saveMany([RUNNING, { ...RUNNING, taskId: 'b', metadata: { fine: true } }])
    const client = store.db.$client
    client.prepare(`UPDATE tasks SET ${column} = ? WHERE task_id = 'a'`).run(text)
    const read = () => client.prepare(`SELECT ${column} FROM tasks WHERE task_id = 'a'`).pluck().get()
    assert.equal(store.list().length, 2)
    const task = store.get('a')
    const shown = column === 'result_json' ? task?.result : task?.metadata
    assert.ok((shown as unknown) instanceof UnreadableJson)
    assert.equal((shown as unknown as UnreadableJson).text, text)
    store.update('a', { status: 'failed' })
    assert.equal(read(), text)
    store.save(wrong(task))
    assert.equal(read(), text, 'also when the task is saved as it was read')
    const merged = store.update('a', { metadata: { added: 1 } })
    if (column === 'result_json') assert.equal(read(), text)
    else {
      const raw = text.startsWith('{') ? text : JSON.parse(text)
      assert.deepEqual(merged?.metadata, { legacy_metadata_raw: raw, added: 1 })
      assert.deepEqual(store.get('a'), merged)
    }
  })
}

test('empty cells are null and {}, as in UnifiedQuantum', () => {
  using store = memory()
  store.save({ ...RUNNING, result: 1, metadata: { a: 1 } })
  store.db.$client.exec("UPDATE tasks SET result_json = '', metadata_json = ''")
  assert.deepEqual([store.get('a')?.result, store.get('a')?.metadata], [null, {}])
})

test('a status that upstream does not know is shown, found and counted, and another field can be updated', () => {
  using store = memory()
  store.save(RUNNING)
  store.db.$client.exec("UPDATE tasks SET status = 'paused'")
  assert.equal(store.get('a')?.status, 'paused')
  assert.equal(store.list({ status: 'paused' }).length, 1)
  assert.equal(store.countByStatus().paused, 1)
  assert.equal(store.update('a', { shots: 5 }, { ifStatus: 'paused' })?.status, 'paused')
})

function fill(t: TestContext) {
  const store = memory()
  t.after(() => store.close())
  const backends = [
    'originq',
    'originq:WK_C180',
    'originq:PQPUMESH8',
    'originq2',
    'originqx:y',
    'dummy:originq:WK',
    'ibm:ibm_fez',
  ]
  const statuses = ['pending', 'running', 'success', 'failed', 'cancelled'] as const
  const all = Array.from({ length: 70 }, (_, i) => ({
    taskId: `t${i}`,
    backend: backends[i % 7] as string,
    status: statuses[i % 5] as (typeof statuses)[number],
    submitTime: `2026-01-${String(1 + (i % 10)).padStart(2, '0')}T00:00:00.000000+00:00`,
  }))
  assert.equal(store.saveMany(all), 70)
  const newestFirst = all
    .map((task, i) => ({ task, i }))
    .sort((a, b) =>
      a.task.submitTime === b.task.submitTime ? b.i - a.i : a.task.submitTime < b.task.submitTime ? 1 : -1,
    )
    .map(({ task }) => task)
  return { store, newestFirst }
}

type Row = { taskId: string; backend: string; status: string; submitTime: string }
const FILTERS: readonly (readonly [filter: object, matches: (task: Row) => boolean])[] = [
  [{}, () => true],
  [{ status: 'running' }, (task) => task.status === 'running'],
  [{ status: ['running', 'failed'] }, (task) => ['running', 'failed'].includes(task.status)],
  [{ status: [] }, () => false],
  [{ status: "x' OR 1=1 --" }, () => false],
  [{ backend: 'originq' }, (task) => task.backend === 'originq'],
  [{ platform: 'originq' }, (task) => /^originq(:|$)/.test(task.backend)],
  [
    { platform: 'originq', status: ['pending'] },
    (task) => /^originq(:|$)/.test(task.backend) && task.status === 'pending',
  ],
  [{ platform: 'dummy', backend: 'dummy:originq:WK' }, (task) => task.backend === 'dummy:originq:WK'],
  [
    { submittedAfter: '2026-01-03T00:00:00.000000+00:00' },
    (task) => task.submitTime > '2026-01-03T00:00:00.000000+00:00',
  ],
  [
    { submittedBefore: new Date('2026-01-03T00:00:00Z') },
    (task) => task.submitTime < '2026-01-03T00:00:00.000000+00:00',
  ],
  [
    { submittedAfter: '2026-01-03', submittedBefore: '2026-01-05', status: 'success' },
    (task) => task.status === 'success' && task.submitTime > '2026-01-03' && task.submitTime < '2026-01-05',
  ],
  [{ status: undefined, platform: undefined }, () => true],
]

for (const [filter, matches] of FILTERS) {
  test(`list and counts with ${JSON.stringify(filter)}`, (t) => {
    const { store, newestFirst } = fill(t)
    const expected = newestFirst.filter(matches).map((task) => task.taskId)
    const ids = (options: object) => store.list(options).map((task) => task.taskId)
    assert.deepEqual(ids(filter), expected)
    assert.deepEqual(ids({ ...filter, limit: 3 }), expected.slice(0, 3))
    assert.deepEqual(ids({ ...filter, limit: 3, offset: 2 }), expected.slice(2, 5))
    assert.deepEqual(ids({ ...filter, offset: 2 }), expected.slice(2))
    assert.deepEqual(ids({ ...filter, limit: 0 }), [])
    assert.deepEqual(ids({ ...filter, limit: -1 }), expected)
    assert.equal(store.count(filter), expected.length)
    const counts = store.countByStatus(filter)
    assert.equal(
      Object.values(counts).reduce((a, b) => a + b),
      expected.length,
    )
    assert.equal(
      counts.running,
      newestFirst.filter((task) => matches(task) && task.status === 'running').length,
    )
  })
}

test('clearing removes the terminal tasks, those of some statuses, or all', (t) => {
  const { store } = fill(t)
  assert.equal(store.clearCompleted([]), 0)
  assert.equal(store.clearCompleted('failed'), 14)
  assert.equal(store.clearCompleted(), 28)
  assert.deepEqual(store.countByStatus(), { pending: 14, running: 14, success: 0, failed: 0, cancelled: 0 })
  assert.equal(store.clearAll(), 28)
  assert.equal(store.clearAll(), 0)
})

test('clearing more than one batch clears all', () => {
  using store = memory()
  const many = function* (): Generator<NewTaskInfo> {
    for (let i = 0; i < 12_000; i++)
      yield { ...RUNNING, taskId: `t${i}`, status: i % 6 === 0 ? 'running' : 'success' }
  }
  assert.equal(store.saveMany(many()), 12_000)
  assert.equal(store.clearCompleted(), 10_000)
  assert.equal(store.count(), 2000)
})

test('deleting gives whether there was something', () => {
  using store = memory()
  store.save(RUNNING)
  assert.deepEqual([store.delete('a'), store.delete('a'), store.delete("' OR 1=1")], [true, false, false])
})

/** A store with one task whose id `old` version 5 replaced. */
function withReplacedId(metadata: Record<string, JsonValue> = {}) {
  const store = memory()
  const taskId = generateTaskId()
  const task = store.save({
    taskId,
    backend: 'originq',
    status: 'running',
    submitTime: '2026-01-01',
    metadata: { ...metadata, legacy_platform_id: 'old' },
  })
  insertShard(store, taskId, 'old')
  return { store, taskId, task }
}

test('a replaced id finds its task in every call', () => {
  const { store, taskId, task } = withReplacedId({ note: 1 })
  assert.deepEqual(store.get('old'), task)
  assert.equal(store.update('old', { status: 'success' })?.taskId, taskId)
  assert.equal(store.update('old', wrong({ taskId: 'old', shots: 1 }))?.taskId, taskId)
  const saved = store.save({ taskId: 'old', backend: 'originq', status: 'failed', metadata: { other: 2 } })
  assert.deepEqual(saved.metadata, { other: 2, legacy_platform_id: 'old' })
  assert.deepEqual([saved.taskId, saved.submitTime], [taskId, '2026-01-01'])
  assert.deepEqual(store.get('old'), saved)
  assert.deepEqual(store.get(taskId), saved)
  store.save({ taskId, backend: 'originq', status: 'running', metadata: {} })
  assert.deepEqual(
    store.get('old')?.metadata,
    { legacy_platform_id: 'old' },
    'nor does saving under the new id lose it',
  )
  store.save({ taskId, backend: 'originq', status: 'running', metadata: { note: 'legacy_platform_id' } })
  assert.equal(store.get('old')?.taskId, taskId, 'nor does metadata that only mentions the key')
  assert.equal(store.saveMany([{ taskId: 'old', backend: 'b', status: 'success' }]), 1)
  assert.equal(store.count(), 1)
  assert.equal(store.delete('old'), true)
  assert.equal(store.count(), 0)
})

test('saving a task with another replaced id in its metadata keeps that one', () => {
  const { store, taskId } = withReplacedId()
  const { metadata } = store.save({ ...RUNNING, taskId, metadata: { legacy_platform_id: 'another' } })
  assert.deepEqual(metadata, { legacy_platform_id: 'another' })
  store.close()
})

test('a platform id that replaced nothing is no id of its task', () => {
  using store = memory()
  store.save(RUNNING)
  insertShard(store, 'a', 'job')
  assert.equal(store.get('job'), undefined)
  assert.equal(store.save({ ...RUNNING, taskId: 'job' }).taskId, 'job')
  assert.equal(store.count(), 2)
})

test('an id that several tasks replaced is ambiguous', () => {
  const { store, taskId } = withReplacedId()
  const second = generateTaskId()
  store.save({ taskId: second, backend: 'b', status: 'running', metadata: { legacy_platform_id: 'old' } })
  insertShard(store, second, 'old')
  for (const call of [
    () => store.get('old'),
    () => store.update('old', {}),
    () => store.delete('old'),
    () => store.save({ taskId: 'old', backend: 'b', status: 'running' }),
  ]) {
    assert.throws(call, (error: { code?: string; message?: string }) => {
      assert.equal(error.code, 'AMBIGUOUS_ID')
      assert.ok(error.message?.includes(taskId) && error.message.includes(second))
      return true
    })
  }
  assert.equal(store.count(), 2)
})

test('a transaction is all or nothing, and one inside another can be undone alone', () => {
  using store = memory()
  assert.equal(
    store.transaction(() => store.save(RUNNING).taskId),
    'a',
  )
  const failure = new Error('stop')
  assert.throws(
    () =>
      store.transaction(() => {
        store.delete('a')
        throw failure
      }),
    failure,
  )
  assert.equal(store.count(), 1)
  store.transaction(() => {
    store.save({ ...RUNNING, taskId: 'outer' })
    assert.throws(
      () =>
        store.transaction(() => {
          store.save({ ...RUNNING, taskId: 'inner' })
          store.clearAll()
          throw failure
        }),
      failure,
    )
    store.update('outer', { shots: 4 })
  })
  assert.deepEqual(
    store
      .list()
      .map((task) => task.taskId)
      .sort(),
    ['a', 'outer'],
  )
})

test('a transaction that a full disk ended does not go on', (t) => {
  using store = new TaskStore({ file: temporaryFile(t) })
  const client = store.db.$client
  client.pragma('cache_size = 5')
  client.pragma('max_page_count = 40')
  assert.throws(
    () =>
      store.transaction(() => {
        store.save({ ...RUNNING, taskId: 'first' })
        try {
          store.update('first', { metadata: { much: 'x'.repeat(1_000_000) } })
        } catch {}
        store.save({ ...RUNNING, taskId: 'after' })
      }),
    { code: 'DISK_FULL' },
  )
  assert.equal(store.count(), 0)
  assert.equal(store.save(RUNNING).taskId, 'a')
})

test('an error of the callback comes out as it is', () => {
  using store = memory()
  const cause = Object.assign(new Error('elsewhere'), { code: 'SQLITE_BUSY' })
  const error = new Error('mine', { cause })
  assert.throws(
    () =>
      store.transaction(() => {
        throw error
      }),
    error,
  )
})

for (const thrown of ['a text', undefined, null, 5]) {
  test(`${String(thrown)} that the callback throws comes out as it is, and what it did is undone`, () => {
    using store = memory()
    const work = () =>
      store.transaction(() => {
        store.save(RUNNING)
        throw thrown
      })
    assert.throws(work, (error) => error === thrown)
    assert.equal(store.count(), 0)
  })
}

test('a callback that ends its transaction by itself is told so, and nothing more is written', () => {
  using store = memory()
  const work = () =>
    store.transaction(() => {
      store.save(RUNNING)
      store.db.$client.exec('ROLLBACK')
      store.save({ ...RUNNING, taskId: 'b' })
    })
  assert.throws(work, { name: 'TypeError', message: /ended its transaction by itself/ })
  assert.equal(store.count(), 0)
  assert.equal(store.save(RUNNING).taskId, 'a')
})

test('a transaction refuses a promise, and writes nothing', async () => {
  using store = memory()
  let ran = false
  assert.throws(
    () =>
      store.transaction(async () => {
        ran = true
      }),
    TypeError,
  )
  assert.equal(ran, false)
  assert.throws(
    () =>
      store.transaction(() => {
        store.save(RUNNING)
        return Promise.resolve()
      }),
    TypeError,
  )
  assert.equal(store.count(), 0)
  assert.throws(() => store.transaction(() => store.close()), /inside transaction/)
  assert.equal(store.count(), 0)
})

test('saveMany saves each task as it was when it was yielded', () => {
  using store = memory()
  const reused = { ...RUNNING, taskId: '', result: { i: -1 } }
  const many = function* () {
    for (let i = 0; i < 3; i++) {
      reused.taskId = `t${i}`
      reused.result.i = i
      yield reused
    }
  }
  store.saveMany(many())
  for (let i = 0; i < 3; i++) assert.deepEqual(store.get(`t${i}`)?.result, { i })
})

test('saveMany saves all or none', () => {
  using store = memory()
  assert.equal(store.saveMany([]), 0)
  assert.equal(store.saveMany(new Set([RUNNING, { ...RUNNING, taskId: 'b' }])), 2)
  const failing = function* () {
    yield { ...RUNNING, taskId: 'c' }
    throw new Error('the source failed')
  }
  assert.throws(() => store.saveMany(failing()), /the source failed/)
  assert.equal(store.count(), 2)
})

test('a store that is closed says so, and closes twice', (t) => {
  const store = new TaskStore({ file: temporaryFile(t) })
  store.close()
  store.close()
  for (const call of [
    () => store.get('a'),
    () => store.save(RUNNING),
    () => store.list(),
    () => store.db,
    () => store.transaction(() => 1),
  ]) {
    assert.throws(call, { code: 'CLOSED' })
  }
})

test("the caller's own queries use the same tables and codec", () => {
  using store = memory()
  store.save({ ...RUNNING, result: { p: Number.NaN } })
  store.db
    .insert(tasks)
    .values({
      taskId: 'own',
      backend: 'b',
      status: 'running',
      submitTime: '9',
      updateTime: '9',
      result: [1n << 70n],
      metadata: { x: -0 },
    })
    .run()
  assert.deepEqual(store.get('own')?.result, [1n << 70n])
  const found = store.db
    .select({ result: tasks.result })
    .from(tasks)
    .where(and(eq(tasks.status, 'running'), eq(tasks.taskId, 'a')))
    .orderBy(desc(tasks.submitTime))
    .all()
  assert.deepEqual(found, [{ result: { p: Number.NaN } }])
  store.db
    .insert(tasks)
    .values({
      taskId: 'null',
      backend: 'b',
      status: 'running',
      submitTime: '9',
      updateTime: '9',
      result: null,
    })
    .run()
  assert.equal(
    store.db.$client
      .prepare("SELECT result_json IS NULL AND metadata_json = '{}' FROM tasks WHERE task_id = 'null'")
      .pluck()
      .get(),
    1,
  )
})

test("an unreadable cell that is written elsewhere, by update() or the caller's own query, keeps its text", () => {
  using store = memory()
  for (const taskId of ['a', 'b', 'c']) store.save({ ...RUNNING, taskId })
  const { $client } = store.db
  $client.exec(`UPDATE tasks SET result_json = '{"torn', metadata_json = '[1' WHERE task_id = 'a'`)
  const { result = null, metadata = {} } = store.get('a') ?? {}
  assert.ok(result instanceof UnreadableJson && metadata instanceof UnreadableJson)
  store.update('b', { result, metadata })
  store.db.update(tasks).set({ result, metadata }).where(eq(tasks.taskId, 'c')).run()
  const cells = $client.prepare('SELECT result_json, metadata_json FROM tasks ORDER BY task_id').raw().all()
  assert.deepEqual(
    cells,
    Array.from({ length: 3 }, () => ['{"torn', '[1']),
  )
})

test('a result that is null, by its toJSON or a placeholder of the caller, is no text in the file', () => {
  using store = memory()
  store.save({ ...RUNNING, result: wrong(toJSON(null)) })
  for (const taskId of ['b', 'c']) store.save({ ...RUNNING, taskId, result: 1 })
  store.db.update(tasks).set({ result: null }).where(eq(tasks.taskId, 'b')).run()
  const set = { result: wrong<null>(sql.placeholder('result')) }
  store.db.update(tasks).set(set).where(eq(tasks.taskId, 'c')).prepare().run({ result: null })
  const cells = store.db.$client.prepare('SELECT result_json FROM tasks').pluck().all()
  assert.deepEqual(cells, [null, null, null])
  assert.deepEqual(
    store.list().map(({ result }) => result),
    [null, null, null],
  )
})

test('ids of UnifiedQuantum', () => {
  const ids = Array.from({ length: 100 }, generateTaskId)
  assert.equal(new Set(ids).size, 100)
  for (const id of ids) assert.ok(isUniqcTaskId(id))
  for (const id of ['uqt_', 'uqt_XYZ', `uqt_${'A'.repeat(32)}`, `x${ids[0]}`, `${ids[0]}0`, 'task-1'])
    assert.equal(isUniqcTaskId(id), false)
})

test('clearAll leaves what others save while it is at work', (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  const some = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, i) => ({ ...RUNNING, taskId: `${prefix}${i}` }))
  store.saveMany(some('t', 5000))
  using other = new TaskStore({ file })
  // A clock that runs makes it pause after each batch, and in the pause another one saves.
  let hours = 0
  t.mock.method(performance, 'now', () => 3_600_000 * ++hours)
  const pause = t.mock.method(Atomics, 'wait', (() => {
    other.save({ ...RUNNING, taskId: `between${hours}` })
    return 'timed-out'
  }) as typeof Atomics.wait)
  assert.equal(store.clearAll(), 5000)
  const pauses = pause.mock.callCount()
  t.mock.restoreAll()
  assert.ok(pauses > 2)
  assert.equal(store.count(), pauses)
})

test('more than fits in memory waits in a temporary file, and is saved in its order', (t) => {
  using store = new TaskStore({ file: temporaryFile(t), synchronous: 'NORMAL' })
  const result = 'x'.repeat(1_500_000)
  function* tasks() {
    for (let i = 0; i < 50; i++)
      yield { ...RUNNING, taskId: `t${i}`, result: `${i} ${result}`, submitTime: '2026' }
  }
  assert.equal(store.saveMany(tasks()), 50)
  assert.deepEqual(
    store.listSummaries().map(({ taskId }) => taskId),
    Array.from({ length: 50 }, (_, i) => `t${49 - i}`),
  )
  for (const i of [0, 21, 22, 43, 49]) assert.equal(store.get(`t${i}`)?.result, `${i} ${result}`)
})
