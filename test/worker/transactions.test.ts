import assert from 'node:assert/strict'
import test from 'node:test'
import Database from 'better-sqlite3'
import { TaskPersistence } from 'uniqc-task-store'
import type { WorkerTaskStore, WorkerTransaction } from 'uniqc-task-store/worker'
import { RUNNING, wrong } from '../support/store.ts'
import { openWorker } from '../support/worker.ts'

/** A promise and the function that resolves it. */
function signal(): { readonly come: Promise<void>; readonly give: () => void } {
  let give = () => {}
  const come = new Promise<void>((resolve) => {
    give = resolve
  })
  return { come, give }
}

test('a call on the store inside its own transaction is a TypeError that says use tx', async (t) => {
  const store = await openWorker(t)
  await store.transaction(async (tx) => {
    await tx.save(RUNNING)
    for (const call of [
      () => store.get('a'),
      () => store.save(RUNNING),
      () => store.saveMany([RUNNING]),
      () => store.list(),
      () => store.archive.count(),
      () => store.transaction(() => 1),
      () => store.iterate().next(),
      () => store.close(),
    ]) {
      await assert.rejects(call, { name: 'TypeError', argument: 'tx', message: /use tx/ })
    }
    await tx.transaction(async () => {
      await assert.rejects(
        tx.transaction(() => 1),
        /use tx/,
      )
      await assert.rejects(store.get('a'), /use tx/)
    })
  })
  assert.equal(await store.count(), 1)
})

test('a call on a store inside a transaction of another one is noticed through it', async (t) => {
  const [store, other] = [await openWorker(t), await openWorker(t)]
  await store.transaction(() =>
    other.transaction(async (tx) => {
      await tx.save(RUNNING)
      await assert.rejects(store.get('a'), /use tx/)
    }),
  )
  assert.equal(await other.count(), 1)
})

test('a call from elsewhere waits for the end of a transaction', async (t) => {
  const store = await openWorker(t)
  const [saved, mayEnd] = [signal(), signal()]
  const transaction = store.transaction(async (tx) => {
    await tx.save(RUNNING)
    saved.give()
    await mayEnd.come
    await tx.save({ ...RUNNING, taskId: 'b' })
  })
  await saved.come
  const count = store.count()
  const second = store.transaction(async (tx) => tx.count())
  mayEnd.give()
  await transaction
  assert.deepEqual([await count, await second], [2, 2])
})

test('a tx is CLOSED after its transaction, whether that was kept or undone', async (t) => {
  const store = await openWorker(t)
  let kept: WorkerTransaction | undefined
  for (const end of [() => undefined, () => Promise.reject(new Error('stop'))]) {
    await store
      .transaction((tx) => {
        kept = tx
        return end()
      })
      .catch(() => undefined)
    for (const call of [
      () => kept?.get('a'),
      () => kept?.saveMany([RUNNING]),
      () => kept?.transaction(() => 1),
      () => kept?.archive.list(),
    ]) {
      await assert.rejects(async () => call(), { code: 'CLOSED', message: /use the store itself/ })
    }
  }
})

test('a tx has no call that needs the whole store', async (t) => {
  const store = await openWorker(t)
  await store.transaction(async (tx) => {
    const whole = wrong<WorkerTaskStore>(tx)
    for (const [name, call] of [
      ['backup', () => whole.backup('x')],
      ['check', () => whole.check()],
      ['close', () => whole.close()],
      ['repair', () => whole.repair([])],
      ['watch', async () => whole.watch()],
    ] as const) {
      await assert.rejects(call, { argument: name, message: new RegExp(`tx has no ${name}`) })
    }
    assert.equal('restoreBackup' in tx, false)
  })
})

test('a transaction that takes too long is undone, and its lock is free although the callback goes on', async (t) => {
  const store = await openWorker(t, { transactionTimeout: 100 })
  const mayEnd = signal()
  const late: Promise<unknown>[] = []
  const transaction = store.transaction(async (tx) => {
    await tx.save(RUNNING)
    await tx.transaction(async (inner) => {
      await inner.save({ ...RUNNING, taskId: 'b' })
      await mayEnd.come
      late.push(...[inner, tx].map((over) => over.save(RUNNING).catch((error) => error.code)))
    })
  })
  await assert.rejects(transaction, { code: 'TIMED_OUT', message: /100 ms/ })
  const other = new Database(store.file, { timeout: 0 })
  other.exec('BEGIN IMMEDIATE; COMMIT')
  other.close()
  assert.equal(await store.count(), 0)
  mayEnd.give()
  await new Promise(setImmediate)
  assert.deepEqual(await Promise.all(late), ['CLOSED', 'CLOSED'])
  await store.save(RUNNING)
})

test('a transaction that is too long for its own calls is undone', async (t) => {
  const store = await openWorker(t, { transactionTimeout: 1 })
  const tasks = Array.from({ length: 2000 }, (_, i) => ({ ...RUNNING, taskId: `t${i}` }))
  const saving = store.transaction(async (tx) => {
    await tx.saveMany(tasks)
    return tx.count()
  })
  await assert.rejects(saving, { code: 'TIMED_OUT' })
  assert.equal(await store.count(), 0)
})

test('calls at once on one tx do not fall into the savepoint of another', async (t) => {
  const store = await openWorker(t)
  await store.save(RUNNING)
  const failure = new Error('stop')
  await store.transaction(async (tx) => {
    const results = await Promise.allSettled([
      tx.transaction(async (inner) => {
        await inner.update('a', { metadata: { undone: true } })
        throw failure
      }),
      tx.save({ ...RUNNING, taskId: 'b' }),
      tx.update('a', { metadata: { kept: true } }),
      tx.addShard({ uniqcTaskId: 'a', platformTaskId: 'p' }),
      tx.transaction((inner) => inner.addShard({ uniqcTaskId: 'a', platformTaskId: 'q' })),
    ])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'fulfilled', 'fulfilled', 'fulfilled', 'fulfilled'],
    )
  })
  assert.deepEqual((await store.get('a'))?.metadata, { kept: true })
  assert.deepEqual(
    (await store.getShards('a')).map(({ platformTaskId }) => platformTaskId),
    ['p', 'q'],
  )
  assert.equal(await store.count(), 2)
})

test('what a callback does not wait for is still part of its transaction', async (t) => {
  const store = await openWorker(t)
  await store.transaction((tx) => {
    void tx.save(RUNNING)
    void tx.transaction((inner) => inner.save({ ...RUNNING, taskId: 'b' }))
  })
  assert.equal(await store.count(), 2)
})

test('a callback runs once, and again only if it may', async (t) => {
  const store = await openWorker(t, { timeout: 0 })
  const other = new Database(store.file)
  t.after(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  let runs = 0
  await assert.rejects(
    store.transaction(() => runs++),
    { code: 'LOCKED' },
  )
  assert.equal(runs, 0)
  const locked = Object.assign(new Error('others'), { code: 'LOCKED' })
  await assert.rejects(
    store.transaction(
      () => {
        runs++
        throw locked
      },
      { retries: 2 },
    ),
    { code: 'LOCKED' },
  )
  assert.equal(runs, 0)
  other.exec('COMMIT')
  await assert.rejects(
    store.transaction(() => {
      runs++
      throw locked
    }),
    locked,
  )
  assert.equal(runs, 1)
  await assert.rejects(
    store.transaction(() => 1, { retries: -1 }),
    { argument: 'retries' },
  )
  await assert.rejects(
    store.transaction(() => 1, wrong({ retry: 1 })),
    { argument: 'retry' },
  )
})

test('reads and bulk writes of a transaction see what it wrote, and none of it stays if it fails', async (t) => {
  const store = await openWorker(t)
  const stop = new Error('stop')
  const failing = store.transaction(async (tx) => {
    async function* tasks() {
      for (let i = 0; i < 2500; i++) yield { ...RUNNING, taskId: `t${i}` }
    }
    assert.equal(await tx.saveMany(tasks()), 2500)
    let count = 0
    for await (const { taskId } of tx.iterate()) if (taskId.startsWith('t')) count++
    assert.equal(count, 2500)
    assert.equal((await tx.list()).length, 2500)
    assert.equal((await tx.archive.archiveMany(['t1', 't2']))[1]?.outcome, 'archived')
    const records = new TaskPersistence(tx as unknown as WorkerTaskStore)
    await records.update('t3', { note: 1 })
    assert.equal((await records.load('t3'))?.note, 1)
    throw stop
  })
  await assert.rejects(failing, stop)
  assert.deepEqual([await store.count(), await store.archive.count()], [0, 0])
})
