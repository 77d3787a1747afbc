import assert from 'node:assert/strict'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import { copyFixture, FIXTURE_NAMES, needsFixtures } from '../support/fixtures.ts'
import { firstOutput, kill, runModuleWithFileLimit, spawnModule } from '../support/processes.ts'
import { memory } from '../support/store.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const everything = (store: TaskStore) => ({
  tasks: store.list(),
  shards: store.list().map(({ taskId }) => store.getShards(taskId)),
  archived: store.archive.list(),
  archivedShards: store.archive.list().map(({ taskId }) => store.archive.getShards(taskId)),
})

/** A store with some of everything. */
function open(t: TestContext, count = 20): TaskStore {
  const store = new TaskStore({ file: temporaryFile(t), synchronous: 'NORMAL' })
  t.after(() => store.close())
  store.saveMany(
    Array.from({ length: count }, (_, i) => ({
      taskId: `t${i}`,
      backend: 'originq',
      status: 'success' as const,
      result: { text: 'x'.repeat(1000) },
    })),
  )
  store.addShard({ uniqcTaskId: 't0', platformTaskId: 'p' })
  store.addShard({ uniqcTaskId: 't1', platformTaskId: 'q' })
  store.archive.archiveMany(['t1', 't2'])
  return store
}

const leftovers = (folder: string) => readdirSync(folder).filter((name) => name.includes('unfinished'))

test('a backup holds everything, as one file that only its owner may read', async (t) => {
  const store = open(t)
  const target = join(temporaryFolder(t), 'backup.sqlite')
  const progress: number[] = []
  const report = await store.backup(target, {
    onProgress: ({ remainingPages }) => progress.push(remainingPages),
  })
  assert.deepEqual(report, { file: target, bytes: statSync(target).size })
  assert.equal(progress.at(-1), 0)
  assert.equal(statSync(target).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(dirname(target)), ['backup.sqlite'])
  using copy = new TaskStore({ file: target, readonly: true })
  assert.deepEqual(everything(copy), everything(store))
})

test('a store in memory can be backed up', async (t) => {
  using store = memory()
  store.save({ taskId: 'a', backend: 'b', status: 'running' })
  const target = temporaryFile(t)
  await store.backup(target)
  using copy = new TaskStore({ file: target })
  assert.deepEqual(everything(copy), everything(store))
})

test('a backup is of one moment, even if another process writes without a pause', async (t) => {
  const store = open(t, 3000)
  const child = spawnModule(
    `import { TaskStore } from 'uniqc-task-store'
     const store = new TaskStore({ file: process.argv[1], synchronous: 'NORMAL' })
     console.log('ready')
     for (let i = 0; ; i++) {
       store.transaction(() => {
         store.save({ taskId: 'pair-a', backend: 'b', status: 'running', result: i })
         store.save({ taskId: 'pair-b', backend: 'b', status: 'running', result: i })
       })
     }`,
    store.file,
  )
  const target = join(temporaryFolder(t), 'backup.sqlite')
  try {
    await firstOutput(child)
    for (let round = 0; round < 5; round++) {
      await store.backup(target, { replace: true })
      using copy = new TaskStore({ file: target, readonly: true })
      assert.equal(copy.get('pair-a')?.result, copy.get('pair-b')?.result)
      assert.ok(copy.count() >= 2998)
    }
  } finally {
    await kill(child)
  }
})

test('a backup is restored to the target of a link, and the link stays', async (t) => {
  const folder = temporaryFolder(t)
  const [backup, target, link] = ['backup', 'target', 'tasks.sqlite'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  using store = memory()
  store.save({ taskId: 'a', backend: 'b', status: 'running' })
  await store.backup(backup)
  symlinkSync('target', link)
  for (let round = 0; round < 2; round++) {
    assert.equal(TaskStore.restoreBackup(backup, { file: link }).tasks, 1)
    assert.ok(lstatSync(link).isSymbolicLink())
    using restored = new TaskStore({ file: target, readonly: true })
    assert.equal(restored.count(), 1)
  }
})

test("an existing file is replaced only on request, and a link or the store's own file never", async (t) => {
  const store = open(t)
  const folder = temporaryFolder(t)
  const [file, link] = [join(folder, 'there'), join(folder, 'link')]
  writeFileSync(file, 'mine')
  symlinkSync(file, link)
  await assert.rejects(store.backup(file), { code: 'CONFLICT' })
  await assert.rejects(store.backup(link, { replace: true }), { code: 'CANNOT_OPEN' })
  await assert.rejects(store.backup(folder, { replace: true }), { code: 'CANNOT_OPEN' })
  await assert.rejects(store.backup(join(folder, 'no', 'folder')), { code: 'CANNOT_OPEN' })
  await assert.rejects(store.backup(store.file, { replace: true }), TypeError)
  assert.equal(readFileSync(file, 'utf8'), 'mine')
  for (const options of [{ overwrite: true }, { replace: 1 }, { onProgress: 1 }]) {
    await assert.rejects(store.backup(join(folder, 'new'), options as object), TypeError)
  }
  await store.backup(file, { replace: true })
  assert.equal(readFileSync(file).subarray(0, 15).toString(), 'SQLite format 3')
  assert.deepEqual(leftovers(folder), [])
})

test('a file that another process creates during a backup is a CONFLICT, and stays', async (t) => {
  const store = open(t)
  const target = join(temporaryFolder(t), 'backup.sqlite')
  const onProgress = () => writeFileSync(target, 'theirs')
  await assert.rejects(store.backup(target, { onProgress }), { code: 'CONFLICT', message: /replace: true/ })
  assert.equal(readFileSync(target, 'utf8'), 'theirs')
  assert.deepEqual(readdirSync(dirname(target)), ['backup.sqlite'])
})

test('an error thrown by onProgress ends the backup, and nothing is left', async (t) => {
  const store = open(t, 2000)
  const target = join(temporaryFolder(t), 'backup.sqlite')
  const stop = new Error('stop')
  await assert.rejects(
    store.backup(target, {
      onProgress: () => {
        throw stop
      },
    }),
    (error) => error === stop,
  )
  assert.deepEqual(readdirSync(dirname(target)), [])
})

test('a damaged file is not backed up', async (t) => {
  const store = open(t, 500)
  const { file } = store
  store.close()
  const bytes = readFileSync(file)
  bytes.fill(0xa5, 20 * 4096, 21 * 4096)
  writeFileSync(file, bytes)
  using damaged = new TaskStore({ file, readonly: true })
  const target = join(temporaryFolder(t), 'backup.sqlite')
  await assert.rejects(damaged.backup(target), { code: 'CORRUPT_FILE' })
  assert.deepEqual(readdirSync(dirname(target)), [])
})

const needsLimits = process.platform === 'win32' ? { skip: 'there are no file-size limits here' } : {}

test('on a full disk, a backup is DISK_FULL and leaves nothing', needsLimits, async (t) => {
  const store = open(t, 1000)
  const target = join(temporaryFolder(t), 'backup.sqlite')
  const output = await runModuleWithFileLimit(
    600,
    `import { TaskStore } from 'uniqc-task-store'
     const store = new TaskStore({ file: process.argv[1], readonly: true })
     await store.backup(process.argv[2]).catch((error) => console.log(error.code))`,
    store.file,
    target,
  )
  assert.equal(output, 'DISK_FULL\n')
  assert.deepEqual(readdirSync(dirname(target)), [])
})

test('restoring a backup brings back its tasks and keeps the replaced file, while a store is open', async (t) => {
  const store = open(t)
  const target = join(temporaryFolder(t), 'backup.sqlite')
  await store.backup(target)
  const before = everything(store)
  store.clearAll()
  store.save({ taskId: 'later', backend: 'b', status: 'running' })
  const report = TaskStore.restoreBackup(target, { file: store.file })
  assert.deepEqual([report.file, report.tasks], [store.file, 20])
  assert.deepEqual(everything(store), before)
  using kept = new TaskStore({ file: report.kept ?? '', readonly: true })
  assert.deepEqual(
    kept.list().map(({ taskId }) => taskId),
    ['later'],
  )
  assert.deepEqual(leftovers(dirname(store.file)), [])
  assert.equal(store.db.$client.pragma('integrity_check', { simple: true }), 'ok')
})

test('a damaged file is set aside with its log, and the backup takes its place', async (t) => {
  const store = open(t)
  const target = join(temporaryFolder(t), 'backup.sqlite')
  await store.backup(target)
  const before = everything(store)
  store.close()
  const garbage = 'no database '.repeat(1000)
  writeFileSync(store.file, garbage)
  writeFileSync(`${store.file}-wal`, garbage)
  const { kept } = TaskStore.restoreBackup(target, dirname(store.file))
  assert.equal(readFileSync(kept ?? '', 'utf8'), garbage)
  assert.equal(readFileSync(`${kept}-wal`, 'utf8'), garbage)
  using restored = new TaskStore({ file: store.file })
  assert.deepEqual(everything(restored), before)
})

test('a backup, even of an older version, becomes the file if there is none', needsFixtures, (t) => {
  for (const name of FIXTURE_NAMES) {
    const backup = copyFixture(t, name)
    const bytes = readFileSync(backup)
    const file = join(temporaryFolder(t), 'new', 'tasks.sqlite')
    const { kept, tasks } = TaskStore.restoreBackup(backup, { file })
    assert.equal(kept, undefined)
    using store = new TaskStore({ file })
    assert.equal(store.list({ archived: 'both' }).length, tasks)
    assert.ok(tasks > 40)
    assert.deepEqual(readFileSync(backup), bytes, 'the backup stays as it is')
    assert.deepEqual(
      readdirSync(dirname(file)).filter((entry) => !entry.startsWith('tasks.sqlite')),
      [],
    )
    assert.deepEqual(leftovers(dirname(file)), [])
  }
})

test('a file that is not a backup is refused, and the store stays as it is', (t) => {
  const store = open(t)
  const before = everything(store)
  const folder = temporaryFolder(t)
  const [garbage, foreign] = [join(folder, 'garbage'), join(folder, 'foreign.sqlite')]
  writeFileSync(garbage, 'no database '.repeat(100))
  const other = new Database(foreign)
  other.exec('CREATE TABLE notes (text)')
  other.close()
  mkdirSync(join(folder, 'folder'))
  const options = { file: store.file }
  assert.throws(() => TaskStore.restoreBackup(garbage, options), { code: 'CORRUPT_FILE' })
  assert.throws(() => TaskStore.restoreBackup(foreign, options), { code: 'FOREIGN_FILE' })
  assert.throws(() => TaskStore.restoreBackup(join(folder, 'folder'), options), { code: 'CANNOT_OPEN' })
  for (const missing of [join(folder, 'missing'), join(folder, 'no', 'folder')]) {
    assert.throws(() => TaskStore.restoreBackup(missing, options), {
      code: 'CANNOT_OPEN',
      message: /missing|no.folder/,
    })
  }
  assert.throws(() => TaskStore.restoreBackup(store.file, options), TypeError)
  assert.throws(() => TaskStore.restoreBackup(garbage, { file: ':memory:' }), TypeError)
  assert.deepEqual(everything(store), before)
  assert.deepEqual(leftovers(dirname(store.file)), [])
  assert.equal(existsSync(`${foreign}-wal`), false)
})

test('a backup never replaces a file of another program', async (t) => {
  const store = open(t)
  const target = join(temporaryFolder(t), 'backup.sqlite')
  await store.backup(target)
  const file = temporaryFile(t)
  const other = new Database(file)
  other.exec("CREATE TABLE notes (text); INSERT INTO notes VALUES ('theirs')")
  other.close()
  const bytes = readFileSync(file)
  assert.throws(() => TaskStore.restoreBackup(target, { file }), { code: 'FOREIGN_FILE' })
  assert.deepEqual(readFileSync(file), bytes)
  assert.deepEqual(readdirSync(dirname(file)), ['tasks.sqlite'])
})

test('a process killed while it restores leaves the old file or the backup', async (t) => {
  const store = open(t, 2000)
  const target = join(temporaryFolder(t), 'backup.sqlite')
  await store.backup(target)
  store.archive.archiveMany(store.list().map(({ taskId }) => taskId))
  const counts = new Set<number>()
  for (let round = 0; round < 12; round++) {
    const child = spawnModule(
      `import { writeSync } from 'node:fs'
       import { TaskStore } from 'uniqc-task-store'
       writeSync(1, 'ready')
       TaskStore.restoreBackup(process.argv[1], { file: process.argv[2] })
       setInterval(() => undefined, 1000)`,
      target,
      store.file,
    )
    await firstOutput(child)
    await setTimeout(round * 12)
    await kill(child)
    counts.add(store.count())
    assert.equal(store.list({ archived: 'both' }).length, 2000)
    assert.equal(store.db.$client.pragma('integrity_check', { simple: true }), 'ok')
  }
  for (const count of counts) assert.ok(count === 0 || count === 1998)
  TaskStore.restoreBackup(target, { file: store.file })
  assert.equal(store.count(), 1998)
})
