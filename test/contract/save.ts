import assert from 'node:assert/strict'
import test from 'node:test'
import { inspect } from 'node:util'
import { runInNewContext } from 'node:vm'
import type { OpenStore } from '../support/any-store.ts'
import { RUNNING, wrong } from '../support/store.ts'
import { throws } from '../support/throws.ts'

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/

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
  ['submitTime', new Date(Number.NaN)],
  ['submitTime', 0],
  ['submitTime', ''],
  ['submitTime', null],
  ['updateTime', 'yesterday'],
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

export function saveContract(open: OpenStore): void {
  test('save returns the task as it is stored', async (t) => {
    const store = await open(t)
    const saved = await store.save(RUNNING)
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
    assert.deepEqual(await store.get('a'), saved)
    const whole = await store.save({
      ...RUNNING,
      shots: 1000,
      result: { '00': 1 },
      metadata: { k: [1n << 70n, Number.NaN] },
      errorMessage: 'e',
      submitTime: '2026-01-01',
      updateTime: '2020-01-01',
    })
    assert.deepEqual(await store.get('a'), whole)
    assert.notEqual(whole.updateTime, '2020-01-01')
  })

  test('save replaces everything of a task but its first submit time', async (t) => {
    const store = await open(t)
    await store.save({
      ...RUNNING,
      submitTime: '2026-01-01',
      shots: 5,
      result: [1],
      metadata: { a: 1 },
      errorMessage: 'x',
    })
    const saved = await store.save({ ...RUNNING, status: 'success' })
    assert.deepEqual(
      [saved.submitTime, saved.shots, saved.result, saved.metadata, saved.errorMessage],
      ['2026-01-01', 0, null, {}, null],
    )
    assert.deepEqual(await store.get('a'), saved)
    assert.equal((await store.save({ ...RUNNING, submitTime: '2025-01-01' })).submitTime, '2025-01-01')
    assert.equal(await store.count(), 1)
  })

  test('a given update time is kept with keepUpdateTime', async (t) => {
    const store = await open(t)
    const options = { keepUpdateTime: true }
    assert.equal(
      (await store.save({ ...RUNNING, updateTime: '2020-01-01' }, options)).updateTime,
      '2020-01-01',
    )
    assert.match((await store.save(RUNNING, options)).updateTime, TIME)
    assert.equal((await store.update('a', { updateTime: '2021-01-01' }, options))?.updateTime, '2021-01-01')
    assert.equal((await store.update('a', { shots: 2 }, options))?.updateTime, '2021-01-01')
    assert.match((await store.update('a', { updateTime: '2022-01-01' }))?.updateTime ?? '', TIME)
  })

  for (const [field, value] of INVALID) {
    test(`a task with ${field} ${inspect(value)} is refused, and nothing is written`, async (t) => {
      const store = await open(t)
      const task = { ...RUNNING, [field]: value }
      const refused = (error: { code?: string; message?: string; invalid?: { field: string } }) =>
        error.code === 'INVALID_TASK' &&
        error.invalid?.field === field &&
        new RegExp(`: ${field} `).test(error.message ?? '')
      await throws(() => store.save(wrong(task)), refused)
      await throws(() => store.saveMany(wrong([{ ...RUNNING, taskId: 'first' }, task])), refused)
      assert.equal(await store.count(), 0)
      if (value === undefined || field === 'taskId') return
      const saved = await store.save(RUNNING)
      await throws(() => store.update('a', wrong({ shots: 9, [field]: value })), refused)
      assert.deepEqual(await store.get('a'), saved)
    })
  }

  test('the error for a value that JSON cannot hold names its path', async (t) => {
    const store = await open(t)
    const circuits = [{}, { run: () => 1 }]
    await throws(() => store.save(wrong({ ...RUNNING, metadata: { circuits } })), {
      code: 'INVALID_TASK',
      message: 'task "a": metadata.circuits[1].run is a function, which JSON cannot hold',
    })
    await store.save(RUNNING)
    await throws(
      () => store.update('a', wrong({ metadata: { 'x y': [new Date(0)] } })),
      /metadata\["x y"\]\[0\] is a Date/,
    )
  })

  test('saveMany saves each task as it was when it was yielded', async (t) => {
    const store = await open(t)
    const reused = { ...RUNNING, taskId: '', result: { i: -1 } }
    const many = function* () {
      for (let i = 0; i < 3; i++) {
        reused.taskId = `t${i}`
        reused.result.i = i
        yield reused
      }
    }
    await store.saveMany(many())
    for (let i = 0; i < 3; i++) assert.deepEqual((await store.get(`t${i}`))?.result, { i })
  })

  test('saveMany saves all tasks or none', async (t) => {
    const store = await open(t)
    assert.equal(await store.saveMany([]), 0)
    assert.equal(await store.saveMany(new Set([RUNNING, { ...RUNNING, taskId: 'b' }])), 2)
    const failing = function* () {
      yield { ...RUNNING, taskId: 'c' }
      throw new Error('the source failed')
    }
    await throws(() => store.saveMany(failing()), /the source failed/)
    assert.equal(await store.count(), 2)
  })
}
