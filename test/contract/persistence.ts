import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { type AnyPersistence, type OpenStore, persistenceOf } from '../support/any-store.ts'
import { saveReplacing } from '../support/replaced-id.ts'
import { wrong } from '../support/store.ts'
import { throws } from '../support/throws.ts'

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/

/** What every record has, in this order. */
const KEYS = ['task_id', 'platform', 'status', 'result', 'submit_time', 'update_time']

/** The record of the task `a` without its times. */
async function loadUndated(persistence: AnyPersistence) {
  const { submit_time, update_time, ...record } = (await persistence.load('a')) ?? {}
  return record
}

export function persistenceContract(open: OpenStore): void {
  test('a record has its fields, and its metadata next to them', async (t) => {
    const persistence = persistenceOf(await open(t))
    await persistence.save(
      'a',
      'originq:WK_C180',
      'success',
      { '00': 512 },
      { shots: 1000, note: 'x', calibration: { ok: true } },
    )
    const record = await persistence.load('a')
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
    assert.deepEqual(Object.keys(record ?? {}), [...KEYS, 'shots', 'note', 'calibration'])
    assert.equal(await persistence.load('missing'), undefined)
  })

  test('a record has no shots of 0 and no missing error_message', async (t) => {
    const persistence = persistenceOf(await open(t))
    await persistence.save('a', 'originq', 'failed', null, { shots: 0, error_message: null })
    assert.deepEqual(Object.keys((await persistence.load('a')) ?? {}), KEYS)
    await persistence.update('a', { error_message: 'no calibration' })
    assert.equal((await persistence.load('a'))?.error_message, 'no calibration')
  })

  test('both forms of save store the same record', async (t) => {
    const persistence = persistenceOf(await open(t))
    const fields = {
      shots: 5,
      submit_time: '2026-01-01',
      update_time: '2026-01-02',
      error_message: 'e',
      extra: [1n << 70n, Number.NaN],
    }
    await persistence.save('a', 'ibm', 'failed', [1], fields)
    await persistence.save({ task_id: 'b', platform: 'ibm', status: 'failed', result: [1], ...fields })
    assert.deepEqual({ ...(await persistence.load('b')), task_id: 'a' }, await persistence.load('a'))
    assert.equal((await persistence.load('a'))?.update_time, '2026-01-02', 'a given time is stored')
  })

  test('save replaces everything but the first submit time', async (t) => {
    const persistence = persistenceOf(await open(t))
    await persistence.save(
      'a',
      'originq',
      'running',
      { x: 1 },
      { shots: 7, submit_time: '2026-01-01', note: 'n', error_message: 'e' },
    )
    await persistence.save('a', 'ibm', 'pending')
    const { update_time, ...record } = (await persistence.load('a')) ?? {}
    assert.deepEqual(record, {
      task_id: 'a',
      platform: 'ibm',
      status: 'pending',
      result: null,
      submit_time: '2026-01-01',
    })
    await persistence.save('a', 'ibm', 'pending', null, { submit_time: '2025-05-05' })
    assert.equal((await persistence.load('a'))?.submit_time, '2025-05-05')
  })

  test('a record that is loaded and saved again stays the same', async (t) => {
    const persistence = persistenceOf(await open(t))
    await persistence.save(
      'a',
      'originq',
      'success',
      { '00': 1 },
      { shots: 10, error_message: 'e', __proto__x: 1, ['__proto__']: { y: 2 }, constructor: 3 },
    )
    const record = await persistence.load('a')
    assert.ok(record)
    assert.ok(Object.hasOwn(record, '__proto__'))
    await persistence.save(record)
    assert.deepEqual(await persistence.load('a'), record)
    assert.equal(await persistence.update('a', record), true)
    assert.deepEqual(await persistence.load('a'), record)
  })

  test('any saved record is loaded with every key', async (t) => {
    const persistence = persistenceOf(await open(t))
    const key = fc.oneof(
      fc.string(),
      fc.constantFrom('__proto__', 'constructor', 'backend', 'metadata', 'taskId', 'archived_at'),
    )
    const reserved = [...KEYS, 'shots', 'error_message']
    const extra = fc.dictionary(
      key.filter((name) => !reserved.includes(name)),
      fc.jsonValue(),
      { noNullPrototype: true },
    )
    await fc.assert(
      fc.asyncProperty(extra, fc.jsonValue(), async (metadata, result) => {
        await persistence.save({ task_id: 'a', platform: 'p', status: 'success', result, ...metadata })
        const expected = { task_id: 'a', platform: 'p', status: 'success', result, ...metadata }
        assert.deepStrictEqual(await loadUndated(persistence), expected)
        await persistence.delete('a')
      }),
      { numRuns: 400 },
    )
  })

  test('update merges metadata, stores the given fields, and leaves the rest', async (t) => {
    const persistence = persistenceOf(await open(t))
    await persistence.save('a', 'originq', 'running', { kept: 1 }, { shots: 3, one: 1, two: 2 })
    assert.equal(
      await persistence.update('a', {
        status: 'success',
        platform: 'originq:WK_C180',
        two: 22,
        three: 3,
        result: undefined,
      }),
      true,
    )
    assert.deepEqual(await loadUndated(persistence), {
      task_id: 'a',
      platform: 'originq:WK_C180',
      status: 'success',
      result: { kept: 1 },
      shots: 3,
      one: 1,
      two: 22,
      three: 3,
    })
    await persistence.update('a', {
      submit_time: '2020-01-01',
      update_time: '2021-01-01',
      shots: 0,
      result: null,
    })
    const {
      submit_time: submitted,
      update_time: updated,
      shots,
      result,
    } = (await persistence.load('a')) ?? {}
    assert.deepEqual([submitted, updated, shots, result], ['2020-01-01', '2021-01-01', undefined, null])
    assert.equal(await persistence.update('missing', { status: 'failed' }), false)
  })

  test('upsert saves a new record, and keeps the fields it is not given', async (t) => {
    const persistence = persistenceOf(await open(t))
    await persistence.upsert('a', 'originq', 'running', undefined, { shots: 9, note: 'n' })
    assert.equal((await persistence.load('a'))?.shots, 9)
    await persistence.update('a', { result: { kept: 1 } })
    await persistence.upsert('a', 'originq:WK_C180', 'success')
    assert.deepEqual(await loadUndated(persistence), {
      task_id: 'a',
      platform: 'originq:WK_C180',
      status: 'success',
      result: { kept: 1 },
      shots: 9,
      note: 'n',
    })
    await persistence.upsert({ task_id: 'a', result: null, other: 1 })
    assert.equal((await persistence.load('a'))?.result, null)
    assert.equal((await persistence.load('a'))?.note, 'n')
    await throws(() => persistence.upsert({ task_id: 'new', status: 'running' }), {
      code: 'INVALID_TASK',
      message: 'task "new": platform is missing',
    })
    assert.equal(await persistence.count(), 1)
  })

  test('a replaced id updates, upserts and saves its task, without a second row', async (t) => {
    const store = await open(t)
    const persistence = persistenceOf(store)
    const { taskId } = await saveReplacing(store, 'old')
    await persistence.upsert('old', 'originq', 'success', { '0': 1 })
    assert.equal(await persistence.update('old', { note: 1 }), true)
    assert.deepEqual(
      [(await persistence.load('old'))?.task_id, (await persistence.load('old'))?.note],
      [taskId, 1],
    )
    await persistence.save('old', 'originq', 'failed')
    assert.deepEqual(
      [await persistence.count(), (await persistence.load('old'))?.legacy_platform_id],
      [1, 'old'],
    )
    assert.equal(await persistence.delete('old'), true)
  })

  test('records are listed by platform with its chips, by status, newest first, pending before running', async (t) => {
    const persistence = persistenceOf(await open(t))
    const save = (id: string, platform: string, status: string, day: number) =>
      persistence.save(id, platform, status, null, { submit_time: `2026-01-0${day}` })
    await save('r1', 'originq', 'running', 1)
    await save('p2', 'originq:WK_C180', 'pending', 2)
    await save('s3', 'originq:WK_C180', 'success', 3)
    await save('r4', 'ibm:ibm_fez', 'running', 4)
    await save('p5', 'originqx', 'pending', 5)
    const ids = (records: readonly { task_id: string }[]) => records.map((record) => record.task_id)
    assert.deepEqual(ids(await persistence.listAll()), ['p5', 'r4', 's3', 'p2', 'r1'])
    assert.deepEqual(ids(await persistence.listAll({ platform: 'originq', status: 'success' })), ['s3'])
    assert.deepEqual(ids(await persistence.listAll({ limit: 2 })), ['p5', 'r4'])
    assert.deepEqual(ids(await persistence.listAll({ limit: 0 })), [])
    assert.equal((await persistence.listAll({ limit: -1 })).length, 5)
    assert.deepEqual(ids(await persistence.listByPlatform('originq')), ['s3', 'p2', 'r1'])
    assert.deepEqual(ids(await persistence.listPending()), ['p5', 'p2', 'r4', 'r1'])
    assert.deepEqual(
      [
        await persistence.count(),
        await persistence.count({ platform: 'originq' }),
        await persistence.count({ status: 'running' }),
      ],
      [5, 3, 2],
    )
    assert.equal(await persistence.clearCompleted(), 1)
    assert.deepEqual([await persistence.delete('p5'), await persistence.delete('p5')], [true, false])
  })

  test('an error names the field or the key of the record', async (t) => {
    const persistence = persistenceOf(await open(t))
    const cases: readonly (readonly [() => unknown, string])[] = [
      [() => persistence.save('a', wrong(undefined), 'running'), 'task "a": platform is missing'],
      [() => persistence.save('a', 'p', wrong(undefined)), 'task "a": status is missing'],
      [() => persistence.save('a', wrong(5), 'running'), 'task "a": platform must be a string, not a number'],
      [() => persistence.save('', 'p', 'running'), 'task "": task_id must not be empty'],
      [() => persistence.save(wrong({ platform: 'p', status: 'running' })), 'the task: task_id is missing'],
      [
        () => persistence.save('a', 'p', 'running', null, { submit_time: 5 }),
        'task "a": submit_time must be an ISO 8601 date or time, or a Date, not a number',
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
      await t.test(message, () => throws(call, { code: 'INVALID_TASK', message }))
    }
    assert.equal(await persistence.count(), 0)
  })

  test('misuse of a method is a TypeError that names the argument', async (t) => {
    const persistence = persistenceOf(await open(t))
    await persistence.save('a', 'p', 'running')
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
      [
        () => persistence.save('a', 'p', 'running', null, wrong(null)),
        /metadata must be an object, not null/,
      ],
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
      await t.test(message.source, async () => {
        await throws(call, (error) => error instanceof TypeError && message.test(error.message))
      })
    }
    assert.equal(await persistence.count(), 1)
  })
}
