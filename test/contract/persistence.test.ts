import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { generateTaskId, TaskPersistence } from 'uniqc-task-store'
import { insertShard } from '../support/insert-shard.ts'
import { memory, wrong } from '../support/store.ts'

const open = () => new TaskPersistence({ file: ':memory:' })
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/

test('a record has its fields, and its metadata beside them', () => {
  using persistence = open()
  persistence.save(
    'a',
    'originq:WK_C180',
    'success',
    { '00': 512 },
    { shots: 1000, note: 'x', calibration: { ok: true } },
  )
  const record = persistence.load('a')
  assert.match(record?.submit_time ?? '', TIME)
  assert.deepEqual(record, {
    task_id: 'a',
    platform: 'originq:WK_C180',
    status: 'success',
    result: { '00': 512 },
    submit_time: record?.submit_time,
    update_time: record?.update_time,
    shots: 1000,
    note: 'x',
    calibration: { ok: true },
  })
  assert.deepEqual(Object.keys(record ?? {}), [
    'task_id',
    'platform',
    'status',
    'result',
    'submit_time',
    'update_time',
    'shots',
    'note',
    'calibration',
  ])
  assert.equal(persistence.load('missing'), undefined)
})

test('shots that are 0 and an error that is not set are left out', () => {
  using persistence = open()
  persistence.save('a', 'originq', 'failed', null, { shots: 0, error_message: null })
  assert.deepEqual(Object.keys(persistence.load('a') ?? {}), [
    'task_id',
    'platform',
    'status',
    'result',
    'submit_time',
    'update_time',
  ])
  persistence.update('a', { error_message: 'no calibration' })
  assert.equal(persistence.load('a')?.error_message, 'no calibration')
})

test('the two forms of save store the same', () => {
  using persistence = open()
  const fields = {
    shots: 5,
    submit_time: '2026-01-01',
    update_time: '2026-01-02',
    error_message: 'e',
    extra: [1n << 70n, Number.NaN],
  }
  persistence.save('a', 'ibm', 'failed', [1], fields)
  persistence.save({ task_id: 'b', platform: 'ibm', status: 'failed', result: [1], ...fields })
  assert.deepEqual({ ...persistence.load('b'), task_id: 'a' }, persistence.load('a'))
  assert.equal(persistence.load('a')?.update_time, '2026-01-02', 'a given time is stored')
})

test('save replaces all but the first submit time', () => {
  using persistence = open()
  persistence.save(
    'a',
    'originq',
    'running',
    { x: 1 },
    { shots: 7, submit_time: '2026-01-01', note: 'n', error_message: 'e' },
  )
  persistence.save('a', 'ibm', 'pending')
  const { update_time, ...record } = persistence.load('a') ?? {}
  assert.deepEqual(record, {
    task_id: 'a',
    platform: 'ibm',
    status: 'pending',
    result: null,
    submit_time: '2026-01-01',
  })
  persistence.save('a', 'ibm', 'pending', null, { submit_time: '2025-05-05' })
  assert.equal(persistence.load('a')?.submit_time, '2025-05-05')
})

test('a record that was loaded and saved again is the same', () => {
  using persistence = open()
  persistence.save(
    'a',
    'originq',
    'success',
    { '00': 1 },
    { shots: 10, error_message: 'e', __proto__x: 1, ['__proto__']: { y: 2 }, constructor: 3 },
  )
  const record = persistence.load('a')
  assert.ok(record)
  assert.ok(Object.hasOwn(record, '__proto__'))
  persistence.save(record)
  assert.deepEqual(persistence.load('a'), record)
  assert.equal(persistence.update('a', record), true)
  assert.deepEqual(persistence.load('a'), record)
})

test('any record that is saved is loaded with every key', () => {
  using persistence = open()
  const key = fc.oneof(
    fc.string(),
    fc.constantFrom('__proto__', 'constructor', 'backend', 'metadata', 'taskId', 'archived_at'),
  )
  const reserved = [
    'task_id',
    'platform',
    'status',
    'result',
    'shots',
    'submit_time',
    'update_time',
    'error_message',
  ]
  const extra = fc.dictionary(
    key.filter((name) => !reserved.includes(name)),
    fc.jsonValue(),
    { noNullPrototype: true },
  )
  fc.assert(
    fc.property(extra, fc.jsonValue(), (metadata, result) => {
      persistence.save({ task_id: 'a', platform: 'p', status: 'success', result, ...metadata })
      const { submit_time, update_time, ...record } = persistence.load('a') ?? {}
      assert.deepStrictEqual(record, { task_id: 'a', platform: 'p', status: 'success', result, ...metadata })
      persistence.delete('a')
    }),
    { numRuns: 400 },
  )
})

test('update merges metadata, stores every field that is given, and leaves the rest', () => {
  using persistence = open()
  persistence.save('a', 'originq', 'running', { kept: 1 }, { shots: 3, one: 1, two: 2 })
  assert.equal(
    persistence.update('a', {
      status: 'success',
      platform: 'originq:WK_C180',
      two: 22,
      three: 3,
      result: undefined,
    }),
    true,
  )
  const { submit_time, update_time, ...record } = persistence.load('a') ?? {}
  assert.deepEqual(record, {
    task_id: 'a',
    platform: 'originq:WK_C180',
    status: 'success',
    result: { kept: 1 },
    shots: 3,
    one: 1,
    two: 22,
    three: 3,
  })
  persistence.update('a', { submit_time: '2020-01-01', update_time: '2021-01-01', shots: 0, result: null })
  const { submit_time: submitted, update_time: updated, shots, result } = persistence.load('a') ?? {}
  assert.deepEqual([submitted, updated, shots, result], ['2020-01-01', '2021-01-01', undefined, null])
  assert.equal(persistence.update('missing', { status: 'failed' }), false)
})

test('upsert saves what is new, and leaves alone what it is not given', () => {
  using persistence = open()
  persistence.upsert('a', 'originq', 'running', undefined, { shots: 9, note: 'n' })
  assert.equal(persistence.load('a')?.shots, 9)
  persistence.update('a', { result: { kept: 1 } })
  persistence.upsert('a', 'originq:WK_C180', 'success')
  const { submit_time, update_time, ...record } = persistence.load('a') ?? {}
  assert.deepEqual(record, {
    task_id: 'a',
    platform: 'originq:WK_C180',
    status: 'success',
    result: { kept: 1 },
    shots: 9,
    note: 'n',
  })
  persistence.upsert({ task_id: 'a', result: null, other: 1 })
  assert.equal(persistence.load('a')?.result, null)
  assert.equal(persistence.load('a')?.note, 'n')
  assert.throws(() => persistence.upsert({ task_id: 'new', status: 'running' }), {
    code: 'INVALID_TASK',
    message: 'task "new": platform is missing',
  })
  assert.equal(persistence.count(), 1)
})

test('a replaced id is updated, upserted and saved, not written a second time', () => {
  using store = memory()
  const persistence = new TaskPersistence(store)
  const taskId = generateTaskId()
  store.save({ taskId, backend: 'originq', status: 'running', metadata: { legacy_platform_id: 'old' } })
  insertShard(store, taskId, 'old')
  persistence.upsert('old', 'originq', 'success', { '0': 1 })
  assert.equal(persistence.update('old', { note: 1 }), true)
  assert.deepEqual([persistence.load('old')?.task_id, persistence.load('old')?.note], [taskId, 1])
  persistence.save('old', 'originq', 'failed')
  assert.deepEqual([persistence.count(), persistence.load('old')?.legacy_platform_id], [1, 'old'])
  assert.equal(persistence.delete('old'), true)
})

test('lists: by platform with its chips, by status, newest first, pending before running', () => {
  using persistence = open()
  const save = (id: string, platform: string, status: string, day: number) =>
    persistence.save(id, platform, status, null, { submit_time: `2026-01-0${day}` })
  save('r1', 'originq', 'running', 1)
  save('p2', 'originq:WK_C180', 'pending', 2)
  save('s3', 'originq:WK_C180', 'success', 3)
  save('r4', 'ibm:ibm_fez', 'running', 4)
  save('p5', 'originqx', 'pending', 5)
  const ids = (records: readonly { task_id: string }[]) => records.map((record) => record.task_id)
  assert.deepEqual(ids(persistence.listAll()), ['p5', 'r4', 's3', 'p2', 'r1'])
  assert.deepEqual(ids(persistence.listAll({ platform: 'originq', status: 'success' })), ['s3'])
  assert.deepEqual(ids(persistence.listAll({ limit: 2 })), ['p5', 'r4'])
  assert.deepEqual(ids(persistence.listAll({ limit: 0 })), [])
  assert.equal(persistence.listAll({ limit: -1 }).length, 5)
  assert.deepEqual(ids(persistence.listByPlatform('originq')), ['s3', 'p2', 'r1'])
  assert.deepEqual(ids(persistence.listPending()), ['p5', 'p2', 'r4', 'r1'])
  assert.deepEqual(
    [
      persistence.count(),
      persistence.count({ platform: 'originq' }),
      persistence.count({ status: 'running' }),
    ],
    [5, 3, 2],
  )
  assert.equal(persistence.clearCompleted(), 1)
  assert.deepEqual([persistence.delete('p5'), persistence.delete('p5')], [true, false])
})

test('errors speak of the record: its fields, and its keys', async (t) => {
  using persistence = open()
  const cases: readonly (readonly [() => unknown, string])[] = [
    [() => persistence.save('a', wrong(undefined), 'running'), 'task "a": platform is missing'],
    [() => persistence.save('a', 'p', wrong(undefined)), 'task "a": status is missing'],
    [() => persistence.save('a', wrong(5), 'running'), 'task "a": platform must be a string, not a number'],
    [() => persistence.save('', 'p', 'running'), 'task "": task_id must not be empty'],
    [() => persistence.save(wrong({ platform: 'p', status: 'running' })), 'the task: task_id is missing'],
    [
      () => persistence.save('a', 'p', 'running', null, { submit_time: 5 }),
      'task "a": submit_time must be a string, not a number',
    ],
    [
      () => persistence.save('a', 'p', 'running', null, { error_message: 5 }),
      'task "a": error_message must be a string, not a number',
    ],
    [
      () => persistence.save('a', 'p', 'running', { f: () => 1 }),
      'task "a": result.f is a function, which JSON cannot hold',
    ],
    [
      () => persistence.save('a', 'p', 'running', null, { when: new Date(0) }),
      'task "a": when is a Date, which JSON cannot hold',
    ],
    [
      () => persistence.save('a', 'p', 'running', null, { 'x y': [new Map()] }),
      'task "a": ["x y"][0] is a Map, which JSON cannot hold',
    ],
  ]
  for (const [call, message] of cases) {
    await t.test(message, () => assert.throws(call, { code: 'INVALID_TASK', message }))
  }
  assert.equal(persistence.count(), 0)
})

test('misuse is a TypeError that names it', async (t) => {
  using persistence = open()
  persistence.save('a', 'p', 'running')
  const cases: readonly (readonly [() => unknown, RegExp])[] = [
    [
      () => persistence.save(wrong(5), 'p', 'running'),
      /first argument of save\(\) must be a task id or a record/,
    ],
    [() => persistence.save(wrong(null)), /record must be an object, not null/],
    [() => persistence.save(wrong(new Map())), /record must be an object, not a Map/],
    [() => persistence.update('a', { [Symbol('s')]: 1 }), /changes has no Symbol\(s\)/],
    [() => persistence.save(wrong([])), /record must be an object, not an array/],
    [
      () => persistence.save('a', 'p', 'running', null, wrong('x')),
      /metadata must be an object, not a string/,
    ],
    [() => persistence.save('a', 'p', 'running', null, wrong(null)), /metadata must be an object, not null/],
    [() => persistence.save('a', 'p', 'running', null, { platform: 'q' }), /platform was given twice/],
    [() => persistence.update(wrong(5), {}), /task_id must be a string/],
    [() => persistence.update('a', wrong(undefined)), /changes must be an object/],
    [() => persistence.update('a', { task_id: 'b' }), /another id/],
    [() => persistence.load(wrong(undefined)), /task_id must be a string/],
    [() => persistence.listAll(wrong({ plaftorm: 'p' })), /options has no "plaftorm"/],
    [() => persistence.listAll(wrong({ limit: '5' })), /limit must be a whole number/],
    [() => persistence.listAll(wrong({ platform: 5 })), /platform must be a string/],
    [() => persistence.listByPlatform(wrong(undefined)), /platform must be a string/],
    [() => persistence.count(wrong({ limit: 5 })), /filter has no "limit"/],
    [() => persistence.delete(wrong(5)), /task_id must be a string/],
  ]
  for (const [call, message] of cases) {
    await t.test(message.source, () => {
      assert.throws(call, (error) => error instanceof TypeError && message.test(error.message))
    })
  }
  assert.equal(persistence.count(), 1)
})
