import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import test from 'node:test'
import { TaskStore, TaskStoreError } from 'uniqc-task-store'
import { memory } from '../support/store.ts'
import { temporaryFile } from '../support/temporary.ts'

test('a path that the driver would open under another name is a TypeError, and no file is created', async (t) => {
  const file = `${temporaryFile(t)} `
  using store = memory()
  assert.throws(() => new TaskStore({ file }), /options\.file must not end in white space/)
  assert.throws(() => store.mergeFile(`${file}\n`), TypeError)
  await assert.rejects(async () => store.backup(file), TypeError)
  assert.throws(() => TaskStore.restoreBackup(file, { file: temporaryFile(t) }), TypeError)
  assert.deepEqual(readdirSync(dirname(file)), [])
})

for (const path of ['x'.repeat(5000), '/etc/passwd/x']) {
  test(`a path that the system refuses is CANNOT_OPEN (${path.slice(0, 20)})`, () => {
    using store = memory()
    for (const call of [
      () => store.importFile(path),
      () => store.mergeFile(path),
      () => store.exportFile(path, { replace: true }),
    ]) {
      assert.throws(call, (error) => error instanceof TaskStoreError && error.code === 'CANNOT_OPEN')
    }
  })
}
