import assert from 'node:assert/strict'
import test from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { TaskStore } from 'uniqc-task-store'
import { temporaryFile } from '../support/temporary.ts'

test('while a copy is checked, others on this thread get their turns', async (t) => {
  using store = new TaskStore({ file: temporaryFile(t) })
  store.saveMany(
    Array.from({ length: 2000 }, (_, i) => ({ taskId: `t${i}`, backend: 'b', status: 'running' })),
  )
  let isCopied = false
  let isDone = false
  const onProgress = ({ remainingPages }: { readonly remainingPages: number }) => {
    isCopied = remainingPages === 0
  }
  const backup = store.backup(`${store.file}.backup`, { onProgress }).finally(() => {
    isDone = true
  })
  let turns = 0
  while (!isDone) {
    if (isCopied) turns++
    await setImmediate()
  }
  const { file } = await backup
  // To start a thread alone takes far more of them.
  assert.ok(turns > 5, `${turns} turns`)
  using copy = new TaskStore({ file, readonly: true })
  assert.equal(copy.count(), 2000)
})
