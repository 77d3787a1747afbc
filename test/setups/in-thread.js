// What the setups with a thread run: calls, a transaction and an error that come back from it.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { TaskStoreError } from 'uniqc-task-store'
import { WorkerTaskStore } from 'uniqc-task-store/worker'

async function main() {
  rmSync('cache-of-thread', { recursive: true, force: true })
  const store = await WorkerTaskStore.open('cache-of-thread')
  const result = { counts: { '00': 2n ** 70n } }
  await store.save({ taskId: 'a', backend: 'originq:WK_C180', status: 'running', result })
  await store.transaction((tx) => tx.update('a', { status: 'success' }))
  assert.deepEqual((await store.get('a'))?.result, result)
  await assert.rejects(
    store.exportFile('missing/export'),
    (error) => error instanceof TaskStoreError && error.code === 'CANNOT_OPEN',
  )
  await store.close()
  console.log('the thread ran')
}

export const done = main()
done.catch((error) => {
  console.error(error)
  process.exitCode = 1
})
