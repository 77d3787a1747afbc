import assert from 'node:assert/strict'
import fs, { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { basename, dirname, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import { findLeftLogs, replaceDamaged, setLogAside } from '../../src/files/left-logs.ts'
import {
  finish,
  firstOutput,
  kill,
  needsPython,
  runPython,
  spawnModule,
  spawnPython,
} from '../support/processes.ts'
import { assertSound } from '../support/sound-file.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const TASK = { backend: 'originq:WK_C180', status: 'running' } as const

/** Saves tasks whose last versions are in the log alone, and waits to be killed. */
const WRITER = `
  import { writeSync } from 'node:fs'
  import { TaskStore } from 'uniqc-task-store'
  const store = new TaskStore({ file: process.argv[1] })
  const tasks = (status) => Array.from({ length: 300 }, (_, i) =>
    ({ taskId: 'old-' + i, backend: 'originq', status, metadata: { text: 'x'.repeat(500) } }))
  store.saveMany(tasks('running'))
  store.db.$client.pragma('wal_checkpoint(TRUNCATE)')
  store.saveMany(tasks('success'))
  writeSync(1, 'ready')
  setInterval(() => undefined, 1000)
`

/** Leaves a database with the log of a program that was killed. */
async function leaveLog(file: string): Promise<void> {
  const child = spawnModule(WRITER, file)
  await firstOutput(child)
  await kill(child)
  assert.ok(statSync(`${file}-wal`).size > 100_000)
}

/** Leaves the log alone. */
async function leaveOnlyLog(t: TestContext): Promise<string> {
  const file = temporaryFile(t)
  await leaveLog(file)
  rmSync(file)
  return file
}

const orphans = (file: string) =>
  readdirSync(dirname(file)).filter((name) => name.startsWith(basename(file)) && name.includes('.orphaned.'))

test('a new store beside the log of a file that is gone holds what is saved in it, and the log is kept', async (t) => {
  const file = await leaveOnlyLog(t)
  const log = readFileSync(`${file}-wal`)
  {
    using store = new TaskStore({ file })
    store.save({ ...TASK, taskId: 'new' })
    assert.deepEqual(
      store.list().map(({ taskId }) => taskId),
      ['new'],
    )
  }
  assertSound(file)
  const [kept = ''] = orphans(file).filter((name) => name.startsWith('tasks.sqlite-wal.'))
  assert.match(kept, /^tasks\.sqlite-wal\.orphaned\.\d{8}T\d{6}\.\d{3}Z$/)
  assert.deepEqual(readFileSync(join(dirname(file), kept)), log)
})

test('a rollback journal of a file that is gone does not get into a new one', (t) => {
  const file = temporaryFile(t)
  const other = join(temporaryFolder(t), 'other.sqlite')
  const database = new Database(other)
  database.exec("CREATE TABLE t (x); INSERT INTO t VALUES ('old')")
  database.pragma('cache_size = 1')
  database.exec(`BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
    INSERT INTO t SELECT 'new' || i FROM n`)
  writeFileSync(`${file}-journal`, readFileSync(`${other}-journal`))
  database.close()
  {
    using store = new TaskStore({ file })
    store.save({ ...TASK, taskId: 'new' })
  }
  assertSound(file)
  assert.equal(orphans(file).length, 1)
  using store = new TaskStore({ file })
  assert.equal(store.count(), 1)
})

test('a backup restored beside the log of a file that is gone is what the backup holds', async (t) => {
  const file = await leaveOnlyLog(t)
  const backup = join(temporaryFolder(t), 'backup.sqlite')
  using source = new TaskStore({ file: ':memory:' })
  source.save({ ...TASK, taskId: 'kept' })
  await source.backup(backup)
  assert.equal(TaskStore.restoreBackup(backup, { file }).tasks, 1)
  assertSound(file)
  using store = new TaskStore({ file })
  assert.deepEqual(
    store.list().map(({ taskId }) => taskId),
    ['kept'],
  )
})

test('a backup to a name that only a log has holds what the store holds', async (t) => {
  const file = await leaveOnlyLog(t)
  using source = new TaskStore({ file: ':memory:' })
  source.save({ ...TASK, taskId: 'kept' })
  await source.backup(file)
  assertSound(file)
  using copy = new TaskStore({ file })
  assert.deepEqual(
    copy.list().map(({ taskId }) => taskId),
    ['kept'],
  )
})

test('a backup does not replace a file that has a log, and says what to do', async (t) => {
  const file = temporaryFile(t)
  await leaveLog(file)
  const before = ['', '-wal'].map((ending) => readFileSync(file + ending))
  using source = new TaskStore({ file: ':memory:' })
  source.save({ ...TASK, taskId: 'kept' })
  await assert.rejects(source.backup(file, { replace: true }), {
    code: 'CONFLICT',
    message: /open it once and close it/,
  })
  assert.deepEqual(
    ['', '-wal'].map((ending) => readFileSync(file + ending)),
    before,
  )
  new TaskStore({ file }).close()
  await source.backup(file, { replace: true })
  using copy = new TaskStore({ file })
  assert.deepEqual(
    copy.list().map(({ taskId }) => taskId),
    ['kept'],
  )
})

/** Makes a file in WAL mode, writes a row whose only copy is in the log, and another one when it is told to go on. */
const PYTHON = `
import os, sqlite3, sys, time
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute("PRAGMA journal_mode=WAL")
c.execute("CREATE TABLE IF NOT EXISTS theirs (x)")
c.execute("INSERT INTO theirs VALUES (1)")
print("ready", flush=True)
while not os.path.exists(sys.argv[2]):
    time.sleep(0.01)
c.execute("INSERT INTO theirs VALUES (2)")
`

const COUNT = `
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
print(c.execute("PRAGMA integrity_check").fetchone()[0], c.execute("SELECT count(*) FROM theirs").fetchone()[0])
`

test(
  'a log that Python makes between the look at the name and the move is given back to it',
  needsPython,
  async (t) => {
    const file = await leaveOnlyLog(t)
    const go = join(temporaryFolder(t), 'go')
    const left = findLeftLogs(file)
    assert.ok(left.length >= 1)
    const python = spawnPython(PYTHON, file, go)
    const ended = finish(python)
    await firstOutput(python)
    const log = readFileSync(`${file}-wal`)
    assert.deepEqual(findLeftLogs(file), [])
    for (const found of left) setLogAside(file, found)
    assert.deepEqual(readFileSync(`${file}-wal`), log)
    assert.deepEqual(orphans(file), [])
    assert.equal(await runPython(COUNT, file), 'ok 1\n')
    writeFileSync(go, '')
    await ended
    assert.equal(await runPython(COUNT, file), 'ok 2\n')
  },
)

test('a log that was there before Python made the file is not given to it', needsPython, async (t) => {
  const file = await leaveOnlyLog(t)
  const old = readFileSync(`${file}-wal`)
  const left = findLeftLogs(file).filter(({ path }) => path.endsWith('-wal'))
  // Not yet opened by SQLite, which would delete the log.
  writeFileSync(file, '')
  for (const found of left) setLogAside(file, found)
  assert.equal(existsSync(`${file}-wal`), false)
  const [kept = ''] = orphans(file)
  assert.deepEqual(readFileSync(join(dirname(file), kept)), old)
})

test('a damaged file has its logs back where the new one cannot get its name', (t) => {
  const file = temporaryFile(t)
  const temporary = `${file}.new`
  const contents: Readonly<Record<string, string>> = { '': 'damaged', '-wal': 'a log', '-shm': 'its index' }
  for (const [ending, content] of Object.entries(contents)) writeFileSync(file + ending, content)
  writeFileSync(temporary, 'new')
  const { mock } = t.mock.method(fs, 'renameSync', () => {
    throw Object.assign(new Error('the disk is read-only'), { code: 'EROFS' })
  })
  syncBuiltinESMExports()
  t.after(() => {
    mock.restore()
    syncBuiltinESMExports()
  })
  assert.throws(() => replaceDamaged(temporary, file), { code: 'EROFS' })
  for (const [ending, content] of Object.entries(contents)) {
    assert.equal(readFileSync(file + ending, 'utf8'), content)
  }
  assert.deepEqual(
    readdirSync(dirname(file)).filter((name) => name.includes('.damaged.')),
    [],
  )
})

/** Opens a file at a moment that all share, and saves under its own name. */
const OPENER = `
  import { TaskStore } from 'uniqc-task-store'
  const [file, name, start] = process.argv.slice(1)
  while (Date.now() < Number(start));
  const store = new TaskStore({ file, timeout: 60000 })
  for (let i = 0; i < 20; i++) store.save({ taskId: name + '-' + i, backend: 'originq', status: 'running' })
  store.close()
`

test('stores that open at once beside a left log lose nothing of each other', async (t) => {
  await Promise.all(
    Array.from({ length: 3 }, async () => {
      const file = await leaveOnlyLog(t)
      const start = String(Date.now() + 1500)
      const names = ['a', 'b', 'c']
      await Promise.all(names.map((name) => finish(spawnModule(OPENER, file, name, start))))
      assertSound(file)
      using store = new TaskStore({ file })
      assert.equal(store.count(), 60)
    }),
  )
})
