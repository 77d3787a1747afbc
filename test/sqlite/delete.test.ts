import assert from 'node:assert/strict'
import test from 'node:test'
import { runModule } from '../support/processes.ts'
import { temporaryFile } from '../support/temporary.ts'

test('clearAll keeps tasks that others save while it runs', async (t) => {
  const output = await runModule(
    `// A clock that runs makes it pause after each batch, and in the pause another one saves.
    let hours = 0
    process.hrtime = () => [3600 * ++hours, 0]
    const { TaskStore } = await import('uniqc-task-store')
    const file = process.argv[1]
    const task = (taskId) => ({ taskId, backend: 'b', status: 'running' })
    const store = new TaskStore({ file })
    store.saveMany(Array.from({ length: 5000 }, (_, i) => task('t' + i)))
    const other = new TaskStore({ file })
    let pauses = 0
    Atomics.wait = () => {
      other.save(task('between' + ++pauses))
      return 'timed-out'
    }
    console.log(store.clearAll(), pauses > 2, store.count() === pauses)`,
    temporaryFile(t),
  )
  assert.equal(output, '5000 true true\n')
})
