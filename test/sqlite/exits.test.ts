import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { logsBeside } from '../../src/files/left-logs.ts'
import { firstOutput, spawnModule } from '../support/processes.ts'
import { temporaryFolder } from '../support/temporary.ts'

/** What a process that has saved a task ends by: what it does, or the signal that it gets. */
const ENDINGS = {
  'close() and an end': { code: 'store.close()', stays: false },
  'process.exit()': { code: 'process.exit(3)', stays: true },
  'an error': { code: "throw new Error('stop')", stays: true },
  SIGINT: { signal: 'SIGINT', stays: true },
  SIGTERM: { signal: 'SIGTERM', stays: true },
  SIGHUP: { signal: 'SIGHUP', stays: true },
  SIGKILL: { signal: 'SIGKILL', stays: true },
} as const

for (const [name, ending] of Object.entries(ENDINGS)) {
  const stays = ending.stays ? 'leaves its log, and' : 'leaves'
  test(`a process that ends by ${name} ${stays} what it has committed`, async (t) => {
    const folder = temporaryFolder(t)
    const source = `
      import { writeSync } from 'node:fs'
      import { TaskStore } from 'uniqc-task-store'
      const store = new TaskStore(process.argv[1])
      store.save({ taskId: 'a', backend: 'b', status: 'running' })
      writeSync(1, 'saved')
      ${'code' in ending ? ending.code : 'setInterval(() => store.count(), 1000)'}
    `
    const child = spawnModule(source, folder)
    const exited = once(child, 'exit')
    await firstOutput(child)
    if ('signal' in ending) child.kill(ending.signal)
    await exited
    const store = { file: `${folder}/tasks.sqlite` }
    const endings = logsBeside(store.file).map((log) => log.slice(store.file.length))
    assert.deepEqual(endings, ending.stays ? ['-wal', '-shm'] : [])
    using next = new TaskStore(store)
    assert.equal(next.get('a')?.status, 'running')
    next.close()
    assert.deepEqual(logsBeside(store.file), [])
  })
}
