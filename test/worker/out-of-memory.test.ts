import assert from 'node:assert/strict'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import test from 'node:test'
import threads from 'node:worker_threads'
import { TaskStore } from 'uniqc-task-store'
import { temporaryFolder } from '../support/temporary.ts'

const { Worker } = threads

test('a call for which the memory of the thread is too small is DISCONNECTED, and the next one works', async (t) => {
  const file = join(temporaryFolder(t), 'tasks.sqlite')
  const filled = new TaskStore({ file, synchronous: 'NORMAL' })
  const result = 'x'.repeat(60_000)
  filled.saveMany(
    Array.from({ length: 1000 }, (_, i) => ({ taskId: `t${i}`, backend: 'b', status: 'failed', result })),
  )
  filled.close()
  // Before the store is imported, which starts its threads with this class.
  threads.Worker = class extends Worker {
    constructor(path: string | URL, options?: threads.WorkerOptions) {
      super(path, { ...options, resourceLimits: { maxOldGenerationSizeMb: 40 } })
    }
  }
  syncBuiltinESMExports()
  const { WorkerTaskStore } = await import('uniqc-task-store/worker')
  const store = await WorkerTaskStore.open({ file })
  await assert.rejects(store.list(), (error: Error & { readonly outcome?: string }) => {
    const { code } = error.cause as { readonly code?: string }
    assert.deepEqual([error.outcome, code], ['not-done', 'ERR_WORKER_OUT_OF_MEMORY'])
    return true
  })
  let count = 0
  for await (const task of store.iterate()) count += task.status === 'failed' ? 1 : 0
  assert.equal(count, 1000)
  await store.close()
})
