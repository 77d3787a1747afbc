import assert from 'node:assert/strict'
import { mkdirSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type LongCallOptions, TaskStore } from 'uniqc-task-store'
import { insertShard } from '../support/insert-shard.ts'
import { readRows } from '../support/read-rows.ts'
import { wrong } from '../support/store.ts'
import { temporaryFile } from '../support/temporary.ts'

type Options = LongCallOptions<object>

interface LongCall {
  /** What it tells at last; undefined for a number that depends on the size of a page. */
  readonly last: object | undefined
  /** Whether what was done before it was aborted stays. */
  readonly inBatches?: boolean
  readonly run: (store: TaskStore, options?: Options) => unknown
}

const COUNT = 250
const besides = (store: TaskStore, name: string) => join(dirname(store.file), name)

const CALLS: Readonly<Record<string, LongCall>> = {
  mergeFile: {
    inBatches: true,
    last: { read: COUNT, added: COUNT, updated: 0, unchanged: 0, kept: 0, conflicts: 0 },
    run: (store, options) => store.mergeFile(besides(store, 'other/tasks.sqlite'), options),
  },
  repair: {
    last: { repaired: 3, unrepaired: 0 },
    run: (store, options) => store.repair(store.check().findings, options),
  },
  backup: { last: undefined, run: (store, options) => store.backup(besides(store, 'backup'), options) },
  restoreBackup: {
    last: { tasks: COUNT, shards: 1 },
    run: (store, options) => {
      store.close()
      return TaskStore.restoreBackup(besides(store, 'other/tasks.sqlite'), { file: store.file, ...options })
    },
  },
}

/** A store with three shards whose tasks are gone, beside one with tasks of its own. */
function prepare(t: TestContext): TaskStore {
  const store = new TaskStore({ file: temporaryFile(t) })
  t.after(() => store.close())
  store.save({ taskId: 'large', backend: 'b', status: 'running', metadata: { text: 'x'.repeat(4_000_000) } })
  store.db.$client.pragma('foreign_keys = OFF')
  for (const taskId of ['a', 'b', 'c']) insertShard(store, taskId, 'p')
  store.db.$client.pragma('foreign_keys = ON')
  mkdirSync(besides(store, 'other'))
  using other = new TaskStore(besides(store, 'other'))
  other.saveMany(
    Array.from({ length: COUNT }, (_, i) => ({ taskId: `t${i}`, backend: 'b', status: 'running' })),
  )
  other.addShard({ uniqcTaskId: 't0', platformTaskId: 'p' })
  return store
}

const rowsOf = (file: string) => {
  using store = new TaskStore({ file })
  return readRows(store)
}

const namesIn = (folder: string) => readdirSync(folder).filter((name) => !/-(?:wal|shm)$/.test(name))

for (const [name, { last, inBatches = false, run }] of Object.entries(CALLS)) {
  test(`${name} tells how far it is, at last what it did`, async (t) => {
    const store = prepare(t)
    const told: object[] = []
    await run(store, { onProgress: (progress) => told.push(progress) })
    assert.ok(told.length > 0, 'it was not told')
    if (last !== undefined) assert.deepEqual(told.at(-1), last)
  })

  test(`${name} that is aborted throws the reason, leaves nothing behind, and is done when called again`, async (t) => {
    const store = prepare(t)
    const before = rowsOf(store.file)
    const names = namesIn(dirname(store.file))
    const stop = new AbortController()
    const reason = new Error('enough')
    const options = { onProgress: () => stop.abort(reason), signal: stop.signal }
    await assert.rejects(
      async () => run(store, options),
      (error) => error === reason,
    )
    assert.deepEqual(namesIn(dirname(store.file)), names)
    if (!inBatches) assert.deepEqual(rowsOf(store.file), before)
    using again = new TaskStore({ file: store.file })
    let told: object | undefined
    await run(again, { onProgress: (progress) => (told = progress) })
    if (!inBatches && last !== undefined) assert.deepEqual(told, last)
  })

  test(`${name} with a signal that is aborted already throws its reason, and does nothing`, async (t) => {
    const store = prepare(t)
    const before = rowsOf(store.file)
    const names = namesIn(dirname(store.file))
    await assert.rejects(async () => run(store, { signal: AbortSignal.abort() }), { name: 'AbortError' })
    assert.deepEqual(rowsOf(store.file), before)
    assert.deepEqual(namesIn(dirname(store.file)), names)
  })

  test(`${name} refuses what is no AbortSignal, and what is no function`, async (t) => {
    const store = prepare(t)
    const refused = async (options: Options, argument: string) =>
      assert.rejects(async () => run(store, options), { code: 'ERR_INVALID_ARG_TYPE', argument })
    await refused({ signal: wrong({ aborted: true }) }, 'signal')
    await refused({ onProgress: wrong(1) }, 'onProgress')
  })
}

test('a backup is aborted while its copy is checked', async (t) => {
  const store = prepare(t)
  const names = namesIn(dirname(store.file))
  const stop = new AbortController()
  const onProgress = ({ remainingPages }: { readonly remainingPages: number }) => {
    if (remainingPages === 0) setImmediate(() => stop.abort())
  }
  const backup = store.backup(besides(store, 'backup'), { onProgress, signal: stop.signal })
  await assert.rejects(backup, { name: 'AbortError' })
  assert.deepEqual(namesIn(dirname(store.file)), names)
})

test('a restore to a file that is missing, aborted, leaves it missing', async (t) => {
  const store = prepare(t)
  const folder = dirname(store.file)
  const stop = new AbortController()
  const options = { onProgress: () => stop.abort(), signal: stop.signal }
  const restore = () =>
    TaskStore.restoreBackup(join(folder, 'other/tasks.sqlite'), { file: join(folder, 'new'), ...options })
  const names = namesIn(folder)
  assert.throws(restore, { name: 'AbortError' })
  assert.deepEqual(namesIn(folder), names)
})

test('a backup of many rows is restored row for row', (t) => {
  const store = prepare(t)
  using other = new TaskStore(besides(store, 'other'))
  other.saveMany(
    Array.from({ length: 12_345 }, (_, i) => ({ taskId: `m${i}`, backend: 'b', status: 'running' }) as const),
  )
  const told: object[] = []
  const onProgress = (progress: object) => told.push(progress)
  const { tasks } = TaskStore.restoreBackup(other.file, { file: store.file, onProgress })
  assert.equal(tasks, COUNT + 12_345)
  assert.deepEqual(told, [
    { tasks: COUNT + 12_345, shards: 0 },
    { tasks: COUNT + 12_345, shards: 1 },
    { tasks: COUNT + 12_345, shards: 1 },
    { tasks: COUNT + 12_345, shards: 1 },
  ])
  assert.deepEqual(rowsOf(store.file), readRows(other))
})
