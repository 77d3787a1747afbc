import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'node:test'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import { flat, lines, run, write } from '../support/import-records.ts'
import { runModule, spawnModule } from '../support/processes.ts'
import { readRows } from '../support/read-rows.ts'
import { memory } from '../support/store.ts'
import { temporaryFile } from '../support/temporary.ts'

test('a readonly store imports nothing, but a dry run reports what it would import', async (t) => {
  const file = temporaryFile(t)
  new TaskStore({ file }).close()
  using store = new TaskStore({ file, readonly: true })
  const path = write(t, flat('a'))
  assert.throws(() => store.importFile(path), { code: 'READONLY' })
  assert.equal((await run(store, path, { dryRun: true })).imported, 1)
  assert.equal(store.count(), 0)
})

test('progress is reported after each batch, while another connection can write', async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  using other = new TaskStore({ file, timeout: 0 })
  const path = write(t, `${lines(250)}\ntorn`)
  const seen: unknown[] = []
  await run(store, path, {
    onProgress: (progress) => {
      seen.push(progress)
      other.save({ taskId: `other-${progress.read}`, backend: 'b', status: 'running' })
    },
  })
  const counts = { file: path, files: [path], unchanged: 0, superseded: 0 }
  assert.deepEqual(
    seen.map((progress) => ({ ...counts, ...(progress as object) })),
    [
      { ...counts, read: 100, imported: 100, skipped: 0 },
      { ...counts, read: 200, imported: 200, skipped: 0 },
      { ...counts, read: 251, imported: 250, skipped: 1 },
    ],
  )
  assert.equal(store.count(), 253)
})

const KILLED_LINES = 1000

/** Dies at a row, in the middle of the transaction that writes it. */
const DIE_AT_ROW = `
  import { TaskStore } from 'uniqc-task-store'
  const [file, path, taskId] = process.argv.slice(1)
  const store = new TaskStore({ file })
  store.db.$client.function('die', () => process.kill(process.pid, 'SIGKILL'))
  store.db.$client.exec(
    "CREATE TEMP TRIGGER dying AFTER INSERT ON main.tasks WHEN NEW.task_id = '" + taskId + "' BEGIN SELECT die(); END")
  store.importFile(path)
`

/** Whole batches are there, and the same call completes them to what an undisturbed one makes. */
async function assertCompletes(file: string, path: string, expected: unknown): Promise<number> {
  const database = new Database(file)
  assert.equal(database.pragma('integrity_check', { simple: true }), 'ok')
  const before = database.prepare('SELECT count(*) FROM tasks').pluck().get() as number
  database.close()
  assert.equal(before % 100, 0)
  using store = new TaskStore({ file })
  const { unchanged, imported, skipped } = await run(store, path)
  assert.deepEqual([unchanged, imported, skipped], [before, KILLED_LINES - before, []])
  assert.deepEqual(readRows(store), expected)
  return before
}

test('an import killed at a row has written whole batches, and the same call completes it', async (t) => {
  const path = write(t, lines(KILLED_LINES))
  using undisturbed = memory()
  await run(undisturbed, path)
  const expected = readRows(undisturbed)
  for (const row of [0, 299, 300]) {
    const file = temporaryFile(t)
    await assert.rejects(runModule(DIE_AT_ROW, file, path, `t${row}`), /ended with null/)
    assert.equal(await assertCompletes(file, path, expected), row - (row % 100))
  }
})

test('an import killed at any moment is completed by the same call', async (t) => {
  const path = write(t, lines(KILLED_LINES))
  using undisturbed = memory()
  await run(undisturbed, path)
  const expected = readRows(undisturbed)
  const source = `
    import { writeSync } from 'node:fs'
    import { TaskStore } from 'uniqc-task-store'
    const [file, path] = process.argv.slice(1)
    const store = new TaskStore({ file })
    store.importFile(path, { onProgress: () => writeSync(1, '.') })
  `
  for (let round = 1; round <= 3; round++) {
    const file = temporaryFile(t)
    const child = spawnModule(source, file, path)
    const closed = once(child, 'close')
    let dots = 0
    child.stdout.on('data', (data) => {
      dots += data.length
      if (dots >= round * 2) child.kill('SIGKILL')
    })
    await closed
    assert.ok((await assertCompletes(file, path, expected)) >= round * 200)
  }
})

test("the store's own file and its log are refused unopened, and another database by its content", (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.save({ taskId: 'a', backend: 'b', status: 'running' })
  for (const own of [file, `${file}-wal`, `${file}-shm`]) {
    assert.throws(() => store.importFile(own), { name: 'TypeError', message: /own file/ })
  }
  const other = temporaryFile(t)
  new TaskStore({ file: other }).close()
  assert.throws(() => store.importFile(other), { code: 'CANNOT_OPEN', message: /mergeFile/ })
  assert.equal(store.count(), 1)
})
