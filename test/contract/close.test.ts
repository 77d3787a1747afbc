import assert from 'node:assert/strict'
import test from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { RUNNING } from '../support/store.ts'
import { temporaryFile } from '../support/temporary.ts'

test('a store that is closed says so, and closes twice', (t) => {
  const store = new TaskStore({ file: temporaryFile(t) })
  store.close()
  store.close()
  for (const call of [
    () => store.get('a'),
    () => store.save(RUNNING),
    () => store.list(),
    () => store.transaction(() => 1),
  ]) {
    assert.throws(call, { code: 'CLOSED' })
  }
})
