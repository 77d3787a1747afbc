import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { Worker } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import { needsPython } from '../support/processes.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const TASK = { taskId: 'a', backend: 'originq:WK_C180', status: 'running' } as const

/** Writes with a timeout of 0, and prints whether it was locked out. */
const PYTHON = `
import sqlite3, sys
c = sqlite3.connect(sys.argv[1], timeout=0)
try:
    c.execute("UPDATE tasks SET shots = shots + 1")
    c.commit()
    print("written")
except sqlite3.OperationalError as error:
    print(error)
`
const python = (file: string) => execFileSync('python3', ['-c', PYTHON, file], { encoding: 'utf8' }).trim()

/** Ways to name the file of a store. */
const NAMES: Readonly<Record<string, (t: TestContext, file: string) => string>> = {
  'its path': (_, file) => file,
  'a link': (t, file) => {
    const link = join(temporaryFolder(t), 'link')
    symlinkSync(file, link)
    return link
  },
  'a second name': (_, file) => {
    linkSync(file, `${file}.second`)
    return `${file}.second`
  },
  'a folder in which it is called tasks.json': (t, file) => {
    const folder = join(temporaryFolder(t), 'folder')
    mkdirSync(folder)
    symlinkSync(file, join(folder, 'tasks.json'))
    return folder
  },
}

for (const [what, nameOf] of Object.entries(NAMES)) {
  test(`importing a database that is open here, by ${what}, leaves its locks`, needsPython, (t) => {
    using store = new TaskStore({ file: ':memory:' })
    using other = new TaskStore({ file: temporaryFile(t) })
    other.save(TASK)
    const path = nameOf(t, other.file)
    other.transaction(() => {
      other.save({ ...TASK, status: 'success' })
      assert.throws(() => store.importFile(path), { code: 'CONFLICT', message: /mergeFile\(\)/ })
      assert.equal(python(other.file), 'database is locked')
    })
    assert.equal(python(other.file), 'written')
  })
}

test('importing a database that was handed in, and has no log, leaves its locks', needsPython, (t) => {
  const file = temporaryFile(t)
  new TaskStore({ file }).close()
  const database = new Database(file)
  database.pragma('journal_mode = DELETE')
  const other = new TaskStore({ database })
  using store = new TaskStore({ file: ':memory:' })
  database.exec('BEGIN IMMEDIATE')
  assert.throws(() => store.importFile(file), {
    code: 'CONFLICT',
    message: /a store of this program has it open/,
  })
  assert.equal(python(file), 'database is locked')
  database.exec('COMMIT')
  other.close()
  database.close()
  assert.throws(() => store.importFile(file), { code: 'CANNOT_OPEN', message: /is a database/ })
})

test('importing a database that is open in another thread leaves its locks', needsPython, async (t) => {
  const file = temporaryFile(t)
  new TaskStore({ file }).close()
  const thread = new Worker(
    `(async () => {
      const { TaskStore } = await import('uniqc-task-store')
      const { parentPort, workerData } = require('node:worker_threads')
      const store = new TaskStore({ file: workerData })
      store.save({ taskId: 'a', backend: 'b', status: 'running' })
      store.db.$client.exec('BEGIN IMMEDIATE')
      parentPort.postMessage('locked')
      parentPort.once('message', () => {
        store.db.$client.exec('COMMIT')
        store.close()
      })
    })()`,
    { eval: true, workerData: file },
  )
  const exited = new Promise((fulfil, reject) => thread.once('exit', fulfil).once('error', reject))
  await new Promise((fulfil) => thread.once('message', fulfil))
  using store = new TaskStore({ file: ':memory:' })
  try {
    assert.throws(() => store.importFile(file), { code: 'CONFLICT', message: /lies beside it/ })
    assert.equal(python(file), 'database is locked')
  } finally {
    thread.postMessage('go on')
    await exited
  }
})

test('lines under the inode of a database that is closed are imported', (t) => {
  const file = join(dirname(temporaryFile(t)), 'tasks.jsonl')
  new TaskStore({ file }).close()
  writeFileSync(
    file,
    `${JSON.stringify({ task_id: 'a', platform: 'originq', status: 'running', submit_time: '2026-01-01', update_time: '2026-01-01' })}\n`,
  )
  using store = new TaskStore({ file: ':memory:' })
  assert.equal(store.importFile(file).imported, 1)
})
