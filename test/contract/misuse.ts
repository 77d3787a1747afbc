import test from 'node:test'
import { inspect } from 'node:util'
import type { OpenStore } from '../support/any-store.ts'
import { RUNNING, wrong } from '../support/store.ts'
import { throws } from '../support/throws.ts'

export function misuseContract(open: OpenStore): void {
  test('a misspelt option or an argument of a wrong type is a TypeError that names it', async (t) => {
    const store = await open(t)
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
        /submittedAfter must be an ISO 8601 date or time, or a Date/,
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
      await t.test(`${index}: ${message.source}`, async () => {
        await throws(call, (error) => error instanceof TypeError && message.test(error.message))
      })
    }
  })

  for (const value of [null, 5, true, () => 1, new Map(), new Date(0), Symbol('s'), []]) {
    test(`page(${inspect(value)}) is a TypeError`, async (t) => {
      const store = await open(t)
      await throws(() => store.page(wrong(value)), TypeError)
    })
  }

  for (const value of [1n, [1n], Array.from({ length: 1e5 }).reduce<unknown[]>((inner) => [inner], [])]) {
    test(`a time zone that is ${Array.isArray(value) ? 'an array' : 'a bigint'} is a TypeError that names the option`, async (t) => {
      const store = await open(t)
      for (const call of [
        () => store.archive.archiveOlderThan({ hours: 1, timeZone: wrong(value) }),
        () => store.importFile('x', { timeZone: wrong(value) }),
      ]) {
        await throws(call, (error) => error instanceof TypeError && /timeZone must be/.test(error.message))
      }
    })
  }

  test('archived: null is a TypeError', async (t) => {
    const store = await open(t)
    await throws(() => store.list({ archived: wrong(null) }), TypeError)
  })
}
