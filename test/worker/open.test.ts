import assert from 'node:assert/strict'
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'node:test'
import Database from 'better-sqlite3'
import { copyTasks, TaskPersistence, TaskStore } from 'uniqc-task-store'
import { WorkerTaskStore } from 'uniqc-task-store/worker'
import { copyFixture, FIXTURE_NAMES } from '../support/fixtures.ts'
import { rowsByKey } from '../support/read-rows.ts'
import { RUNNING, wrong } from '../support/store.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { lastThread } from '../support/threads.ts'
import { openWorker } from '../support/worker.ts'

test('a store opens a folder, a file, a database in memory, and by default the one of UnifiedQuantum', async (t) => {
  const folder = temporaryFolder(t)
  const { UNIQC_CACHE_DIR } = process.env
  process.env.UNIQC_CACHE_DIR = join(folder, 'default')
  t.after(() => {
    if (UNIQC_CACHE_DIR === undefined) delete process.env.UNIQC_CACHE_DIR
    else process.env.UNIQC_CACHE_DIR = UNIQC_CACHE_DIR
  })
  for (const [options, file] of [
    [undefined, join(folder, 'default/tasks.sqlite')],
    [join(folder, 'a'), join(folder, 'a/tasks.sqlite')],
    [{ cacheDir: join(folder, 'b') }, join(folder, 'b/tasks.sqlite')],
    [{ file: join(folder, 'c.sqlite') }, join(folder, 'c.sqlite')],
    [{ file: ':memory:' }, ':memory:'],
  ] as const) {
    const store = await WorkerTaskStore.open(options)
    assert.deepEqual([store.file, store.kind], [file, 'async'])
    await store.save(RUNNING)
    await store.close()
    if (file !== ':memory:') assert.ok(existsSync(file), file)
  }
})

test('wrong options are a TypeError that names them, and a connection is refused', async (t) => {
  const database = new Database(':memory:')
  t.after(() => database.close())
  const refused: readonly (readonly [unknown, string, RegExp])[] = [
    [{ database }, 'database', /which another one cannot use; pass its file/],
    [{ flie: 'x' }, 'flie', /options has no "flie"/],
    [{ file: 5 }, 'file', /file must be a string/],
    [{ transactionTimeout: 0 }, 'transactionTimeout', /from 1/],
    [{ transactionTimeout: '5' }, 'transactionTimeout', /whole number/],
    [{ file: 'a', cacheDir: 'b' }, 'options', /more than one/],
    [5, 'options', /must be an object/],
  ]
  for (const [options, argument, message] of refused) {
    await assert.rejects(WorkerTaskStore.open(wrong(options)), { name: 'TypeError', argument, message })
  }
  await assert.rejects(WorkerTaskStore.restoreBackup('x', wrong({ database })), { argument: 'database' })
})

test('a file that cannot be opened rejects with its code, and no thread stays', async (t) => {
  const folder = temporaryFolder(t)
  const exits: Promise<unknown>[] = []
  const missing = join(folder, 'missing.sqlite')
  await assert.rejects(WorkerTaskStore.open({ file: missing, readonly: true }), { code: 'CANNOT_OPEN' })
  await assert.rejects(WorkerTaskStore.open({ file: missing, create: false }), { code: 'CANNOT_OPEN' })
  const foreign = join(folder, 'foreign.sqlite')
  const database = new Database(foreign)
  database.exec('CREATE TABLE other (a)')
  database.close()
  await assert.rejects(WorkerTaskStore.open({ file: foreign }), { code: 'FOREIGN_FILE' })
  assert.equal(lastThread().threadId, -1)
  assert.deepEqual(exits, [])
})

test('a readonly store reads, and refuses to write', async (t) => {
  const file = copyFixture(t, FIXTURE_NAMES[0] as string)
  const store = await WorkerTaskStore.open({ file, readonly: true })
  using here = new TaskStore({ file, readonly: true })
  assert.deepEqual(await store.list(), here.list())
  await assert.rejects(store.save(RUNNING), { code: 'READONLY' })
  await store.close()
})

test('restoreBackup and pendingMigrations work without a store', async (t) => {
  const store = await openWorker(t)
  await store.save(RUNNING)
  const copy = `${store.file}.copy`
  const { bytes } = await store.backup(copy)
  assert.ok(bytes > 0, 'it is empty')
  await store.delete('a')
  const told: object[] = []
  const onProgress = (progress: object) => told.push(progress)
  const { tasks } = await WorkerTaskStore.restoreBackup(copy, { file: store.file, onProgress })
  assert.deepEqual([tasks, told.at(-1)], [1, { tasks: 1, shards: 0 }])
  assert.equal((await store.get('a'))?.taskId, 'a')
  assert.deepEqual(await WorkerTaskStore.pendingMigrations({ file: store.file }), [])
  const other = `${dirname(store.file)}/other`
  assert.equal((await WorkerTaskStore.restoreBackup(copy, other)).tasks, 1)
  assert.deepEqual(await WorkerTaskStore.pendingMigrations(other), [])
  await assert.rejects(WorkerTaskStore.pendingMigrations(wrong({ file: store.file, onProgress })), {
    code: 'ERR_INVALID_ARG_VALUE',
  })
  await assert.rejects(WorkerTaskStore.pendingMigrations({ file: `${copy}.missing` }), {
    code: 'CANNOT_OPEN',
  })
  assert.equal(WorkerTaskStore.aggregateStatus([{ status: 'success' }]), 'success')
})

test('mergeFile, check and repair work as on a store of this thread', async (t) => {
  const store = await openWorker(t)
  const other = join(temporaryFolder(t), 'other')
  mkdirSync(other)
  using theirs = new TaskStore(other)
  theirs.saveMany(Array.from({ length: 250 }, (_, i) => ({ ...RUNNING, taskId: `t${i}` })))
  const told: object[] = []
  const report = await store.mergeFile(theirs.file, { onProgress: (progress) => told.push(progress) })
  assert.deepEqual([report.added, told.length > 1], [250, true])
  await assert.rejects(store.mergeFile(theirs.file, wrong({ dryRun: () => true })), { argument: 'dryRun' })
  await assert.rejects(store.mergeFile(theirs.file, wrong({ dry: true })), { argument: 'dry' })
  await assert.rejects(store.mergeFile(store.file), { argument: 'file' })
  const database = new Database(store.file)
  database.exec('DROP INDEX uniqc_tasks_status_time_idx')
  database.close()
  const { findings } = await store.check()
  const { repaired } = await store.repair(findings)
  assert.deepEqual(
    repaired.map(({ kind }) => kind),
    ['missing-index'],
  )
  await assert.rejects(store.repair(wrong(5)), { argument: 'findings' })
  await assert.rejects(store.repair(wrong([5])), { argument: 'findings' })
})

test('copyTasks copies into a store in a thread and out of it, cell for cell', async (t) => {
  for (const name of FIXTURE_NAMES) {
    const from = new TaskStore({ file: copyFixture(t, name) })
    t.after(() => from.close())
    const store = await openWorker(t)
    const total = from.count() + from.archive.count()
    const report = await copyTasks(from, store)
    assert.deepEqual([report.read, report.added, report.conflicts], [total, total, []], name)
    const again = await copyTasks(from, store)
    assert.deepEqual([again.read, again.unchanged], [total, total], name)
    using back = new TaskStore({ file: ':memory:' })
    await copyTasks(store, back)
    assert.deepEqual(rowsByKey(back), rowsByKey(from), name)
  }
})

test('TaskPersistence takes a store in a thread', async (t) => {
  const store = await openWorker(t)
  const persistence = new TaskPersistence(store)
  assert.deepEqual([persistence.tasksFile, persistence.cacheDir], [store.file, store.cacheDir])
  await persistence.upsert('a', 'originq', 'running', null, { note: 1 })
  await persistence.upsert({ task_id: 'a', note: 2 })
  assert.equal((await persistence.load('a'))?.note, 2)
  await persistence.close()
  assert.equal(await store.count(), 1)
})

test('two stores on one file see what the other one wrote', async (t) => {
  const store = await openWorker(t)
  const other = await openWorker(t, { file: store.file })
  const ids = Array.from({ length: 200 }, (_, i) => `t${i}`)
  await Promise.all(ids.map((taskId, i) => (i % 2 ? store : other).save({ ...RUNNING, taskId })))
  assert.deepEqual([await store.count(), await other.count()], [200, 200])
  await Promise.all(ids.map((_, i) => (i % 2 ? store : other).update('t0', { metadata: { [`k${i}`]: i } })))
  assert.equal(Object.keys((await store.get('t0'))?.metadata ?? {}).length, 200)
})

test('a clock that a test has set is the clock of the thread, too', async (t) => {
  const store = await openWorker(t)
  t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2020, 0, 2) })
  assert.match((await store.save(RUNNING)).updateTime, /^2020-01-02T00:00:00/)
  assert.match((await store.update('a', { status: 'success' }))?.updateTime ?? '', /^2020-01-02/)
  t.mock.timers.setTime(Date.UTC(2020, 0, 4))
  const { archived } = await store.archive.archiveOlderThan({ hours: 24 })
  assert.deepEqual(archived, ['a'])
  t.mock.timers.reset()
  assert.doesNotMatch((await store.save({ ...RUNNING, taskId: 'b' })).updateTime, /^2020/)
})
