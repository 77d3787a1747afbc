import assert from 'node:assert/strict'
import test from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { RUNNING } from '../support/store.ts'
import { temporaryFile } from '../support/temporary.ts'

test('clearAll keeps tasks that others save while it runs', (t) => {
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
