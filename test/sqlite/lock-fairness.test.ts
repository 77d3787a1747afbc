import assert from 'node:assert/strict'
import test from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { temporaryFile } from '../support/temporary.ts'

test('what one connection did with the lock of a file counts for the next one', (t) => {
  const file = temporaryFile(t)
  const period = 1_800_000_000_000
  t.mock.timers.enable({ apis: ['Date'], now: period + 500 })
  using first = new TaskStore({ file })
  // Busy for half of a period of 2 seconds.
  first.transaction(() => t.mock.timers.setTime(period + 1500))
  first.close()
  using second = new TaskStore({ file })
  t.mock.timers.setTime(period + 2000)
  const start = performance.now()
  second.save({ taskId: 'a', backend: 'b', status: 'running' })
  assert.ok(performance.now() - start >= 140, 'it left the lock to others first')
})
