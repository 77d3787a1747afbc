import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { copyTasks, type LongCallOptions, type Transferable } from 'uniqc-task-store'
import type { AnyStore, OpenStore, ReadRows } from '../support/any-store.ts'
import { memory, wrong } from '../support/store.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { throws } from '../support/throws.ts'

type Options = LongCallOptions<object>

/** A call that takes long, on a store with tasks `t0` to `t1199`, all successful, and the same in `folder`/export. */
interface LongCall {
  /** Archives the tasks before. */
  readonly isOfArchive?: boolean
  /** Whether it works in batches; any other call does all or nothing. */
  readonly inBatches?: boolean
  /** What it tells at last. */
  readonly last: (file: string) => object
  readonly run: (store: AnyStore, folder: string, options?: Options) => unknown
}

const COUNT = 1200
const IDS = Array.from({ length: COUNT }, (_, i) => `t${i}`)
const TASKS = IDS.map(
  (taskId) => ({ taskId, backend: 'b', status: 'success', submitTime: '2026-01-01' }) as const,
)
const MERGED = { read: COUNT, added: 0, unchanged: 0, kept: 0, conflicts: 0 }

const CALLS: Readonly<Record<string, LongCall>> = {
  saveMany: {
    last: () => ({ done: COUNT, total: COUNT }),
    run: (store, _, options) =>
      store.saveMany(
        TASKS.map((task) => ({ ...task, shots: 7 })),
        options,
      ),
  },
  exportFile: {
    last: () => ({ tasks: COUNT, shards: 1 }),
    run: (store, folder, options) => store.exportFile(join(folder, 'made'), options),
  },
  importFile: {
    inBatches: true,
    last: (file) => ({ file, read: COUNT, imported: COUNT, unchanged: 0, superseded: 0, skipped: 0 }),
    run: (store, folder, options) =>
      store.importFile(join(folder, 'export'), { ...options, overwrite: true }),
  },
  copyTasks: {
    inBatches: true,
    last: () => ({ ...MERGED, updated: COUNT }),
    run: async (store, folder, options) => {
      using from = memory()
      from.importFile(join(folder, 'export'))
      const into = store as unknown as Transferable
      await copyTasks(from, into, { ...options, overwrite: true })
    },
  },
  check: {
    last: () => ({ tasks: COUNT, shards: 1 }),
    run: (store, _, options) => store.check(options),
  },
  clearCompleted: {
    inBatches: true,
    last: () => ({ done: COUNT }),
    run: (store, _, options) => store.clearCompleted('success', options),
  },
  clearAll: {
    inBatches: true,
    last: () => ({ done: COUNT }),
    run: (store, _, options) => store.clearAll(options),
  },
  archiveMany: {
    inBatches: true,
    last: () => ({ done: COUNT, total: COUNT }),
    run: (store, _, options) => store.archive.archiveMany(IDS, options),
  },
  restoreMany: {
    isOfArchive: true,
    inBatches: true,
    last: () => ({ done: COUNT, total: COUNT }),
    run: (store, _, options) => store.archive.restoreMany(IDS, options),
  },
  deleteMany: {
    isOfArchive: true,
    inBatches: true,
    last: () => ({ done: COUNT, total: COUNT }),
    run: (store, _, options) => store.archive.deleteMany(IDS, options),
  },
  archiveOlderThan: {
    inBatches: true,
    last: () => ({ archived: COUNT, conflicts: 0, unreadable: 0 }),
    run: (store, _, options) => store.archive.archiveOlderThan({ ...options, hours: 1 }),
  },
}

export function longCallsContract(open: OpenStore, rows: ReadRows): void {
  for (const [name, { isOfArchive = false, inBatches = false, last, run }] of Object.entries(CALLS)) {
    const prepare = async (t: Parameters<OpenStore>[0]) => {
      const folder = temporaryFolder(t)
      const store = await open(t)
      await store.saveMany(TASKS)
      await store.saveShard({
        uniqcTaskId: 't1',
        platformTaskId: 'p',
        shardIndex: 0,
        status: 'success',
        submitTime: '2026-01-01',
      })
      using other = memory()
      other.saveMany(TASKS.map((task) => ({ ...task, shots: 7 })))
      other.exportFile(join(folder, 'export'))
      if (isOfArchive) await store.archive.archiveMany(IDS)
      return { store, folder }
    }

    test(`${name} tells how far it is, at last what it did`, async (t) => {
      const { store, folder } = await prepare(t)
      const told: object[] = []
      await run(store, folder, { onProgress: (progress) => told.push(progress) })
      assert.ok(told.length > 1, `it was told ${told.length} times`)
      assert.deepEqual(told.at(-1), last(join(folder, 'export')))
    })

    test(`${name} that is aborted throws the reason, and leaves nothing half done`, async (t) => {
      const { store, folder } = await prepare(t)
      const before = await rows(store)
      const stop = new AbortController()
      const reason = new Error('enough')
      let told = 0
      const onProgress = () => {
        told++
        if (told === 2) stop.abort(reason)
      }
      await throws(
        () => run(store, folder, { onProgress, signal: stop.signal }),
        (error) => error === reason,
      )
      assert.equal(told, 2)
      assert.deepEqual(readdirSync(folder), ['export'])
      const after = await rows(store)
      if (!inBatches) assert.deepEqual(after, before)
      const { findings } = await store.check()
      assert.deepEqual(findings, [])
      await run(store, folder)
      const completed = withoutTimes(await rows(store))
      const { store: undisturbed, folder: other } = await prepare(t)
      await run(undisturbed, other)
      assert.deepEqual(completed, withoutTimes(await rows(undisturbed)))
      assert.equal(existsSync(join(folder, 'made')), existsSync(join(other, 'made')))
    })

    test(`${name} with a signal that is aborted already throws its reason, and does nothing`, async (t) => {
      const { store, folder } = await prepare(t)
      const before = await rows(store)
      await throws(() => run(store, folder, { signal: AbortSignal.abort() }), { name: 'AbortError' })
      assert.deepEqual(await rows(store), before)
      assert.deepEqual(readdirSync(folder), ['export'])
    })

    test(`${name} refuses what is no AbortSignal, and what is no function`, async (t) => {
      const { store, folder } = await prepare(t)
      const before = await rows(store)
      for (const signal of [null, 5, {}, { aborted: true }, new AbortController()]) {
        await throws(() => run(store, folder, { signal: wrong(signal) }), {
          code: 'ERR_INVALID_ARG_TYPE',
          argument: 'signal',
        })
      }
      await throws(() => run(store, folder, { onProgress: wrong(1) }), { argument: 'onProgress' })
      assert.deepEqual(await rows(store), before)
    })
  }

  test('an iterable of saveMany that aborts ends it before anything is written', async (t) => {
    const store = await open(t)
    const stop = new AbortController()
    const reason = { why: 'enough' }
    function* tasks() {
      yield TASKS[0] as (typeof TASKS)[number]
      stop.abort(reason)
      yield TASKS[1] as (typeof TASKS)[number]
      throw new Error('it was asked for more')
    }
    await throws(
      () => store.saveMany(tasks(), { signal: stop.signal }),
      (error) => (error as unknown) === reason,
    )
    assert.equal(await store.count(), 0)
  })

  test('a call in batches that is aborted inside a transaction is undone with it', async (t) => {
    const store = await open(t)
    await store.saveMany(TASKS)
    const stop = new AbortController()
    const options = { onProgress: () => stop.abort(), signal: stop.signal }
    const clear = (tx: AnyStore = store) => tx.clearAll(options)
    await throws(() => store.transaction(clear), { name: 'AbortError' })
    assert.equal(await store.count(), COUNT)
  })
}

/** The rows of a store as they are wherever and whenever it was made. */
const withoutTimes = (rows: Awaited<ReturnType<ReadRows>>) =>
  Object.values(rows).map((table) =>
    table
      .map(({ rowid: _, update_time: __, archived_at: ___, ...row }) => row)
      .toSorted((a, b) => (String(a.task_id) < String(b.task_id) ? -1 : 1)),
  )
