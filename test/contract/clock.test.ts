import assert from 'node:assert/strict'
import test from 'node:test'
import { memory, RUNNING } from '../support/store.ts'

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
