import assert from 'node:assert/strict'
import test from 'node:test'
import type { OpenStore } from '../support/any-store.ts'
import { RUNNING } from '../support/store.ts'

/** For an engine that takes the time from the clock of this thread, which is set here. */
export function clockContract(open: OpenStore): void {
  test('update times stamped within one millisecond differ and increase', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 4, 3, 1, 2, 3, 123) })
    const store = await open(t)
    const times: string[] = []
    for (let i = 0; i < 50; i++) times.push((await store.save(RUNNING)).updateTime)
    assert.equal(new Set(times).size, 50)
    assert.deepEqual(times, times.toSorted())
    for (const time of times) assert.match(time, /^2026-05-03T01:02:03\.123\d{3}\+00:00$/)
    const ahead = '2026-05-03T01:02:03.123900+00:00'
    await store.update('a', { updateTime: ahead }, { keepUpdateTime: true })
    assert.equal((await store.update('a', {}))?.updateTime, '2026-05-03T01:02:03.123901+00:00')
  })

  test('a stored time of this millisecond in another format is followed by one in our own', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 4, 3, 1, 2, 3, 123) })
    const store = await open(t)
    await store.save({ ...RUNNING, updateTime: '2026-05-03T01:02:03.123Z' }, { keepUpdateTime: true })
    assert.match(
      (await store.update('a', { shots: 1 }))?.updateTime ?? '',
      /^2026-05-03T01:02:03\.123\d{3}\+00:00$/,
    )
  })
}
