import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { TaskPersistence, TaskStore } from 'uniqc-task-store'
import { translateDriverError } from '../../src/sqlite/driver-error.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const TASK = { backend: 'originq', status: 'success' } as const

function open(t: TestContext, folder = temporaryFolder(t)): TaskStore {
  const store = new TaskStore(folder)
  t.after(() => store.close())
  return store
}

/** What is wrong with a clock, and what it returns. */
const CLOCKS: Readonly<Record<string, unknown>> = {
  'is not a number': Number.NaN,
  'returns nothing': undefined,
  'is beyond what a Date can be': 8.64e15 + 1,
  'is endless': Number.POSITIVE_INFINITY,
  'is after the year 9999': Date.UTC(10_000),
  'is before the year 0': Date.UTC(0) - 2000 * 366 * 86_400_000,
}

for (const [what, time] of Object.entries(CLOCKS)) {
  test(`with a clock that ${what}, what needs the time says so and changes nothing`, async (t) => {
    const folder = temporaryFolder(t)
    const store = open(t, folder)
    store.save({ ...TASK, taskId: 'a' })
    const backup = join(temporaryFolder(t), 'backup.sqlite')
    await store.backup(backup)
    const before = JSON.stringify([store.list(), readdirSync(folder)])
    store.db.$client.exec('DROP INDEX uniqc_tasks_status_time_idx')
    const { findings } = store.check()
    t.mock.method(Date, 'now', () => time)
    const calls: Readonly<Record<string, () => unknown>> = {
      save: () => store.save({ ...TASK, taskId: 'b' }),
      saveMany: () => store.saveMany([{ ...TASK, taskId: 'b' }]),
      update: () => store.update('a', { status: 'failed' }),
      addShard: () => store.addShard({ uniqcTaskId: 'a', platformTaskId: 'job' }),
      archive: () => store.archive.archive('a'),
      archiveOlderThan: () => store.archive.archiveOlderThan({ hours: 1 }),
      check: () => store.check(),
      repair: () => store.repair(findings),
      restoreBackup: () => TaskStore.restoreBackup(backup, folder),
      'TaskPersistence.save': () => new TaskPersistence(store).save('b', 'originq', 'running'),
    }
    for (const [name, call] of Object.entries(calls)) {
      assert.throws(call, { name: 'TaskStoreError', code: 'INVALID_TASK', message: /Date\.now\(\)/ }, name)
    }
    assert.equal(store.get('a')?.taskId, 'a')
    await store.backup(join(temporaryFolder(t), 'another.sqlite'))
    assert.equal(JSON.stringify([store.list(), readdirSync(folder)]), before)
  })
}

test('a clock and times before 1970 are times like others', (t) => {
  const store = open(t)
  t.mock.method(Date, 'now', () => -1)
  assert.equal(store.save({ ...TASK, taskId: 'a' }).updateTime, '1969-12-31T23:59:59.999000+00:00')
  const { submitTime } = store.save({ ...TASK, taskId: 'b', submitTime: new Date(-62_000_000_000_000) })
  assert.equal(submitTime, '0005-04-19T09:46:40.000000+00:00')
  assert.equal(store.count({ submittedBefore: new Date(-2) }), 1)
  assert.deepEqual(store.archive.archiveOlderThan({ hours: 1 }).archived, ['b'])
  assert.equal(store.check().isSound, true)
})

for (const when of ['at once', 'between two steps'] as const) {
  test(`a store in memory that is closed ${when} of its backup ends it as CLOSED, and nothing is left`, async (t) => {
    const folder = temporaryFolder(t)
    const store = new TaskStore({ file: ':memory:' })
    const metadata = { text: 'x'.repeat(1000) }
    store.saveMany(Array.from({ length: 5000 }, (_, i) => ({ ...TASK, taskId: `t${i}`, metadata })))
    let steps = 0
    const backup = store.backup(join(folder, 'backup.sqlite'), {
      onProgress: () => {
        if (++steps === 1 && when !== 'at once') setImmediate(() => store.close())
      },
    })
    if (when === 'at once') store.close()
    await assert.rejects(backup, { name: 'TaskStoreError', code: 'CLOSED' })
    assert.deepEqual(readdirSync(folder), [])
  })
}

test('a path that leads nowhere is CANNOT_OPEN for every call', async (t) => {
  const store = open(t)
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'plain'), '')
  symlinkSync(join(folder, 'loop'), join(folder, 'loop'))
  for (const path of ['plain/below', 'loop/below', 'n'.repeat(300)].map((name) => join(folder, name))) {
    const calls: readonly (() => unknown)[] = [
      () => store.backup(path),
      () => store.backup(path, { replace: true }),
      () => store.exportFile(path),
      () => store.exportFile(path, { replace: true }),
      () => store.importFile(path),
      () => store.mergeFile(path),
      () => new TaskStore({ file: path }),
      () => new TaskStore({ file: path, readonly: true }),
      () => new TaskStore(path),
      () => TaskStore.restoreBackup(path, folder),
      () => TaskStore.restoreBackup(store.file, { file: path }),
    ]
    for (const call of calls) {
      await assert.rejects(
        async () => call(),
        { name: 'TaskStoreError', code: 'CANNOT_OPEN' },
        `${path}: ${call}`,
      )
    }
  }
})

/** A store whose text is in UTF-16, as another program may have made it. */
function makeUtf16(t: TestContext): string {
  const file = temporaryFile(t)
  const database = new Database(file)
  database.pragma("encoding = 'UTF-16le'")
  database.exec('CREATE TABLE x (a); DROP TABLE x')
  database.close()
  using store = new TaskStore({ file })
  store.save({ ...TASK, taskId: 'a', metadata: { name: 'Qubit ↑' } })
  return file
}

test('a backup in UTF-16 is refused with what to do, into a store and to a new file, and is merged', (t) => {
  const backup = makeUtf16(t)
  const store = open(t)
  store.save({ ...TASK, taskId: 'b' })
  const folder = temporaryFolder(t)
  for (const target of [store.cacheDir, join(folder, 'new')]) {
    assert.throws(() => TaskStore.restoreBackup(backup, target), {
      name: 'TaskStoreError',
      code: 'FOREIGN_FILE',
      message: /UTF-8.*mergeFile\(\)/,
    })
  }
  assert.deepEqual(
    store.list().map(({ taskId }) => taskId),
    ['b'],
  )
  assert.deepEqual(readdirSync(join(folder, 'new')), [])
  assert.equal(store.mergeFile(backup).added, 1)
  assert.deepEqual(store.get('a')?.metadata, { name: 'Qubit ↑' })
})

test('a store in UTF-16 is restored from its own backup', async (t) => {
  const file = makeUtf16(t)
  const backup = join(temporaryFolder(t), 'backup.sqlite')
  using store = new TaskStore({ file })
  await store.backup(backup)
  store.clearAll()
  assert.equal(TaskStore.restoreBackup(backup, { file }).tasks, 1)
  assert.deepEqual(store.get('a')?.metadata, { name: 'Qubit ↑' })
})

/** What V8 throws where a text grows beyond what a string can be; so much memory is not to be had in each run. */
const tooLong = () => {
  throw new RangeError('Invalid string length')
}

const LONG: Readonly<Record<string, unknown>> = {
  result: [{ toJSON: tooLong }],
  metadata: Object.defineProperty({}, 'circuit', { enumerable: true, get: tooLong }),
  // A string, but of more bytes than one can be read back from.
  errorMessage: '\u20ac'.repeat(2 ** 29 / 3),
}

for (const [field, value] of Object.entries(LONG)) {
  test(`a ${field} that is longer than a string can be is INVALID_TASK, and names the field`, (t) => {
    const store = open(t)
    assert.throws(
      () => store.save({ ...TASK, taskId: 'a', [field]: value }),
      (error: { code: string; message: string; invalid: { field: string } }) => {
        assert.equal(error.code, 'INVALID_TASK')
        assert.equal(error.invalid.field, field)
        assert.match(error.message, /longer than 512 MB/)
        return true
      },
    )
    assert.equal(store.count(), 0)
  })
}

test('a row that SQLite or the driver finds too long is INVALID_TASK', () => {
  const errors = [
    Object.assign(new Error('string or blob too big'), { name: 'SqliteError', code: 'SQLITE_TOOBIG' }),
    new RangeError('The bound string, buffer, or bigint is too big'),
  ]
  for (const error of errors) {
    const translated = translateDriverError(error, 'tasks.sqlite') as { code: string; message: string }
    assert.equal(translated.code, 'INVALID_TASK')
    assert.match(translated.message, /longer than 512 MB.*tasks\.sqlite/)
  }
})

/** What no column of ours holds, and SQLite takes all the same. */
const CELLS = [Buffer.from([0xff, 0x00, 0x41]), 12.5, 9_007_199_254_740_993n, -1, 'a\0b']

for (const column of [
  'metadata_json',
  'result_json',
  'error_message',
  'status',
  'submit_time',
  'update_time',
]) {
  test(`whatever stands in ${column} of a task with a shard, no call throws an error of the driver`, (t) => {
    const store = open(t)
    for (const [i, cell] of CELLS.entries()) {
      const taskId = `t${i}`
      store.save({ ...TASK, taskId, metadata: { a: 1 } })
      store.saveShard({ uniqcTaskId: taskId, shardIndex: 0, platformTaskId: `job${i}` })
      store.db.$client.prepare(`UPDATE tasks SET ${column} = ? WHERE task_id = ?`).run(cell, taskId)
      const shard = { uniqcTaskId: taskId, platformTaskId: 'job', status: 'success' } as const
      const calls: readonly (() => unknown)[] = [
        () => store.get(taskId),
        () => store.list(),
        () => store.listSummaries(),
        () => store.countByStatus(),
        () => store.addShard(shard, { refreshTask: true }),
        () => store.saveShard({ ...shard, shardIndex: 0 }, { refreshTask: true }),
        () => store.update(taskId, { metadata: { b: 2 } }),
        () => store.update(taskId, { status: 'failed' }, { ifStatus: 'success' }),
        () => store.archive.archive(taskId),
        () => store.archive.restore(taskId),
        () => store.archive.archiveOlderThan({ hours: 1, dryRun: true }),
        () => store.repair(store.check().findings),
        () => store.exportFile(join(temporaryFolder(t), 'tasks.jsonl')),
        () => new TaskPersistence(store).load(taskId),
        () => store.save({ ...TASK, taskId }),
      ]
      for (const call of calls) {
        try {
          call()
        } catch (error) {
          assert.equal((error as Error).name, 'TaskStoreError', `${call}: ${error}`)
        }
      }
    }
  })
}

test('a store that waits for another one of this process says so, whatever it does', (t) => {
  const folder = temporaryFolder(t)
  const holder = open(t, folder)
  holder.save({ ...TASK, taskId: 'a' })
  const backup = join(temporaryFolder(t), 'copies')
  mkdirSync(backup)
  new TaskStore(backup).close()
  using other = new TaskStore({ cacheDir: folder, timeout: 0 })
  other.db.$client.exec('DROP INDEX uniqc_tasks_status_time_idx')
  const { findings } = other.check()
  holder.transaction(() => {
    holder.save({ ...TASK, taskId: 'b' })
    const calls: readonly (() => unknown)[] = [
      () => other.save({ ...TASK, taskId: 'c' }),
      () => other.saveMany([{ ...TASK, taskId: 'c' }]),
      () => other.update('a', { status: 'failed' }),
      () => other.delete('a'),
      () => other.clearAll(),
      () => other.archive.archive('a'),
      () => other.repair(findings),
      () => other.mergeFile(join(backup, 'tasks.sqlite')),
      () => TaskStore.restoreBackup(join(backup, 'tasks.sqlite'), { cacheDir: folder, timeout: 0 }),
    ]
    for (const call of calls.slice(0, -2)) {
      assert.throws(call, { code: 'LOCKED', message: /another store of this very process/ }, `${call}`)
    }
    assert.equal(other.mergeFile(join(backup, 'tasks.sqlite')).read, 0)
    assert.throws(calls.at(-1) as () => unknown, { code: 'LOCKED', message: /this very process/ })
  })
  assert.deepEqual(
    holder
      .list()
      .map(({ taskId }) => taskId)
      .toSorted(),
    ['a', 'b'],
  )
})
