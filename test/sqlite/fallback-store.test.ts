import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const TASK = { taskId: 'a', backend: 'originq:WK_C180', status: 'success' } as const

/** A store, and the folder of the fallback store in a temporary folder of the test's own. */
function open(t: TestContext) {
  const temporary = temporaryFolder(t)
  const before = process.env.TMPDIR
  process.env.TMPDIR = temporary
  t.after(() => {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
  })
  const store = new TaskStore({ file: temporaryFile(t) })
  t.after(() => store.close())
  const folder = join(temporary, 'uniqc', 'cache')
  return { store, temporary, folder, file: join(folder, 'tasks.sqlite') }
}

function fill(folder: string, ...ids: readonly string[]): void {
  using fallback = new TaskStore(folder)
  for (const taskId of ids) fallback.save({ ...TASK, taskId })
}

const kinds = (store: TaskStore) => store.check().findings.map(({ kind }) => kind)
const ids = (store: TaskStore) =>
  store
    .list()
    .map(({ taskId }) => taskId)
    .toSorted()

test('a task that was deleted after a repair does not come back, and one that was updated later does', (t) => {
  const { store, folder, file } = open(t)
  fill(folder, 'a', 'b')
  assert.deepEqual(store.repair(store.check().findings).repaired, [{ kind: 'fallback-store', rows: [file] }])
  assert.deepEqual(ids(store), ['a', 'b'])
  store.delete('a')
  assert.deepEqual(kinds(store), [])
  assert.deepEqual(store.repair([{ kind: 'fallback-store', rows: [] } as never]).repaired, [])
  assert.deepEqual(ids(store), ['b'])
  fill(folder, 'c')
  assert.deepEqual(kinds(store), ['fallback-store'])
  store.repair(store.check().findings)
  assert.deepEqual(ids(store), ['b', 'c'])
  assert.deepEqual(kinds(store), [])
  using elsewhere = new TaskStore({ file: store.file })
  assert.deepEqual(kinds(elsewhere), [])
  fill(folder, 'a')
  store.repair(store.check().findings)
  assert.deepEqual(ids(store), ['a', 'b', 'c'])
})

test('a task of which a shard was updated later is merged', (t) => {
  const { store, folder } = open(t)
  fill(folder, 'a')
  store.repair(store.check().findings)
  store.delete('a')
  {
    using fallback = new TaskStore(folder)
    fallback.saveShard({ uniqcTaskId: 'a', shardIndex: 0, platformTaskId: 'p' })
  }
  store.repair(store.check().findings)
  assert.equal(store.getShards('a').length, 1)
})

test('the memory of merged files leaves the version of the file, and may be dropped', (t) => {
  const { store, folder } = open(t)
  fill(folder, 'a')
  store.repair(store.check().findings)
  const { $client } = store.db
  assert.equal($client.pragma('user_version', { simple: true }), 5)
  $client.exec('DROP TABLE uniqc_merged_files')
  assert.deepEqual(kinds(store), ['fallback-store'])
  assert.equal(store.repair(store.check().findings).repaired.length, 1)
})

const unix = process.platform === 'win32' ? { skip: 'there are no owners and modes on Windows' } : {}
const fifo = (path: string) => execFileSync('mkfifo', [path])

/** What stands in the place of the fallback store, and is not this user's alone. */
const UNTRUSTED: Readonly<Record<string, (at: ReturnType<typeof open>) => void>> = {
  'a file that others may write': ({ folder, file }) => {
    fill(folder, 'a')
    chmodSync(file, 0o666)
  },
  'a folder that others may write': ({ folder }) => {
    fill(folder, 'a')
    chmodSync(folder, 0o777)
  },
  'a folder above it that others may write': ({ folder, temporary }) => {
    fill(folder, 'a')
    chmodSync(join(temporary, 'uniqc'), 0o770)
  },
  'a link to a folder': ({ temporary }) => {
    fill(join(temporary, 'elsewhere'), 'a')
    mkdirSync(join(temporary, 'uniqc'))
    symlinkSync(join(temporary, 'elsewhere'), join(temporary, 'uniqc', 'cache'))
  },
  'a link to a file': ({ temporary, folder, file }) => {
    fill(join(temporary, 'elsewhere'), 'a')
    mkdirSync(folder, { recursive: true })
    symlinkSync(join(temporary, 'elsewhere', 'tasks.sqlite'), file)
  },
  'a folder': ({ file }) => {
    mkdirSync(file, { recursive: true })
  },
  'a pipe': ({ folder, file }) => {
    mkdirSync(folder, { recursive: true })
    fifo(file)
  },
  'a log that is a pipe': ({ folder, file }) => {
    fill(folder, 'a')
    fifo(`${file}-journal`)
  },
}

for (const [what, plant] of Object.entries(UNTRUSTED)) {
  test(`${what} is a finding and is not merged`, unix, (t) => {
    const at = open(t)
    plant(at)
    const { findings } = at.store.check()
    assert.deepEqual(
      findings.map(({ kind, rows }) => [kind, rows]),
      [['foreign-fallback', [at.file]]],
    )
    at.store.repair([...findings, { kind: 'fallback-store', rows: [] } as never])
    assert.equal(at.store.count(), 0)
  })
}

test('a fallback store of another user is a finding and is not merged', (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can give a file away')
  const { store, folder, file } = open(t)
  fill(folder, 'a')
  execFileSync('chown', ['12345', file])
  assert.deepEqual(kinds(store), ['foreign-fallback'])
})

test('a fallback store that cannot be read is a line of the report, and the rest is repaired', (t) => {
  const { store, folder, file } = open(t)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(file, 'junk '.repeat(1000), { mode: 0o600 })
  store.db.$client.exec('DROP INDEX tasks_backend_idx')
  const { repaired, unrepaired, backup } = store.repair(store.check().findings)
  assert.deepEqual(repaired, [{ kind: 'missing-index', rows: ['tasks_backend_idx'] }])
  assert.deepEqual(
    unrepaired.map(({ kind, rows }) => [kind, rows]),
    [['fallback-store', [file]]],
  )
  assert.match(unrepaired[0]?.reason ?? '', /is not a database/)
  assert.ok(existsSync(backup ?? ''))
})

const NO_FILES: Readonly<Record<string, (folder: string) => string>> = {
  'a pipe': (folder) => {
    fifo(join(folder, 'pipe'))
    return join(folder, 'pipe')
  },
  'a device without an end': () => '/dev/zero',
}

for (const [what, make] of Object.entries(NO_FILES)) {
  test(`${what} is not imported, merged or restored, and nothing waits for it`, unix, (t) => {
    const { store } = open(t)
    store.save(TASK)
    const path = make(temporaryFolder(t))
    const refused = { code: 'CANNOT_OPEN', message: /is not a file/ }
    assert.throws(() => store.mergeFile(path), refused)
    assert.throws(() => store.importFile(path), refused)
    assert.throws(() => TaskStore.restoreBackup(path, { file: store.file }), refused)
    assert.equal(store.count(), 1)
  })
}

test('a restore of a backup that is missing makes no folder', (t) => {
  const folder = join(temporaryFolder(t), 'new')
  assert.throws(() => TaskStore.restoreBackup(join(folder, 'missing'), folder), { code: 'CANNOT_OPEN' })
  assert.equal(existsSync(folder), false)
})
