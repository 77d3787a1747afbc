import assert from 'node:assert/strict'
import test from 'node:test'
import { Pool } from 'pg'
import type { PostgresTaskStore, PostgresTransaction } from 'uniqc-task-store/postgres'
import { needsPostgres, openPostgres, query, schemaOf, sharedServer } from '../support/postgres.ts'
import { RUNNING, wrong } from '../support/store.ts'

test(
  'a call on the store inside its own transaction is a TypeError that says use tx',
  needsPostgres,
  async (t) => {
    const store = await openPostgres(t)
    await store.transaction(async (tx) => {
      await tx.save(RUNNING)
      await assert.rejects(store.get('a'), /use tx/)
      await assert.rejects(store.save(RUNNING), /use tx/)
      await assert.rejects(
        store.transaction(() => 1),
        /use tx/,
      )
      await assert.rejects(store.list(), /use tx/)
      await assert.rejects(store.iterate().next(), /use tx/)
      await assert.rejects(store.archive.count(), /use tx/)
      await assert.rejects(store.check(), /use tx/)
      await assert.rejects(store.close(), /use tx/)
      await tx.transaction(async () => {
        await assert.rejects(
          tx.transaction(() => 1),
          /use tx/,
        )
      })
      const whole = wrong<PostgresTaskStore>(tx)
      assert.throws(() => whole.db, /tx has no db/)
      await assert.rejects(whole.close(), /tx has no close/)
      await assert.rejects(whole[Symbol.asyncDispose](), /tx has no close/)
      await assert.rejects(whole.check(), /tx has no check/)
      for (const name of ['backup', 'restoreBackup', 'repair', 'mergeFile'])
        assert.equal(name in tx, false, name)
    })
    assert.equal(await store.count(), 1)
  },
)

test('other callers go their own way while a transaction is open', needsPostgres, async (t) => {
  const store = await openPostgres(t)
  let saved = () => {}
  const isSaved = new Promise<void>((resolve) => {
    saved = resolve
  })
  let go = () => {}
  const mayEnd = new Promise<void>((resolve) => {
    go = resolve
  })
  const transaction = store.transaction(async (tx) => {
    await tx.save(RUNNING)
    saved()
    await mayEnd
  })
  await isSaved
  assert.equal(await store.get('a'), undefined)
  await store.save({ ...RUNNING, taskId: 'b' })
  go()
  await transaction
  assert.equal(await store.count(), 2)
})

test('a tx is CLOSED after its transaction', needsPostgres, async (t) => {
  const store = await openPostgres(t)
  let kept: PostgresTransaction | undefined
  await store.transaction((tx) => {
    kept = tx
  })
  await assert.rejects(async () => kept?.get('a'), { code: 'CLOSED' })
  await assert.rejects(async () => kept?.update('a', { metadata: {} }), { code: 'CLOSED' })
})

test(
  'a transaction that takes too long is undone and TIMED_OUT, also one that waits for a lock',
  needsPostgres,
  async (t) => {
    const store = await openPostgres(t, { transactionTimeout: 100 })
    const forever = new Promise<never>(() => {})
    let late: PostgresTransaction | undefined
    const idle = store.transaction(async (tx) => {
      late = tx
      await tx.save(RUNNING)
      await forever
    })
    await assert.rejects(idle, { code: 'TIMED_OUT' })
    await assert.rejects(async () => late?.save(RUNNING), { code: 'CLOSED' })
    assert.equal(await store.count(), 0)
    await store.save(RUNNING)
    const patient = await openPostgres(t, { schema: schemaOf(store) })
    await patient.transaction(async (tx) => {
      await tx.update('a', { shots: 1 })
      await assert.rejects(
        store.transaction((other) => other.update('a', { shots: 2 })),
        { code: 'TIMED_OUT' },
      )
    })
    assert.equal((await store.get('a'))?.shots, 1)
  },
)

test('calls at once on one tx do not fall into the savepoint of another', needsPostgres, async (t) => {
  const store = await openPostgres(t)
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
    (await store.getShards('a')).map((shard) => shard.shardIndex),
    [0, 1],
  )
  assert.equal(await store.count(), 2)
})

test(
  'an error that the server answers undoes the transaction although the callback catches it',
  needsPostgres,
  async (t) => {
    const { url } = await sharedServer()
    const store = await openPostgres(t, { lockTimeout: 50 })
    await store.save(RUNNING)
    const other = await openPostgres(t, { schema: schemaOf(store) })
    await other.transaction(async (theirs) => {
      await theirs.update('a', { shots: 1 })
      const swallowing = store.transaction(async (tx) => {
        await tx.save({ ...RUNNING, taskId: 'b' })
        await tx.save(RUNNING).catch(() => undefined)
      })
      await assert.rejects(swallowing, { code: 'LOCKED' })
    })
    assert.deepEqual(await query(url, `SELECT task_id, shots::int FROM ${schemaOf(store)}.tasks`), [
      { task_id: 'a', shots: 1 },
    ])
  },
)

test(
  'a deadlock of two callbacks is LOCKED for the one that is undone, which runs again if it may',
  needsPostgres,
  async (t) => {
    const store = await openPostgres(t)
    await store.saveMany([RUNNING, { ...RUNNING, taskId: 'b' }])
    let meeting: Promise<void>[] = []
    const both =
      (first: string, second: string, at: number, runs: { count: number }) =>
      async (tx: PostgresTransaction) => {
        runs.count++
        await tx.update(first, { shots: at + 1 })
        if (runs.count === 1) {
          arrive[at]?.()
          await Promise.all(meeting)
        }
        await tx.update(second, { shots: at + 1 })
      }
    const arrive: (() => void)[] = []
    meeting = [0, 1].map((at) => new Promise<void>((resolve) => (arrive[at] = resolve)))
    const [x, y] = [{ count: 0 }, { count: 0 }]
    await Promise.all([
      store.transaction(both('a', 'b', 0, x), { retries: 3 }),
      store.transaction(both('b', 'a', 1, y), { retries: 3 }),
    ])
    assert.ok(x.count + y.count >= 3)
    meeting = [0, 1].map((at) => new Promise<void>((resolve) => (arrive[at] = resolve)))
    const results = await Promise.allSettled([
      store.transaction(both('a', 'b', 0, { count: 0 })),
      store.transaction(both('b', 'a', 1, { count: 0 })),
    ])
    const failed = results.flatMap((result) => (result.status === 'rejected' ? result.reason.code : []))
    assert.deepEqual(new Set(failed), new Set(['LOCKED']))
  },
)

test('a callback runs once, and again only as often as it may', needsPostgres, async (t) => {
  const store = await openPostgres(t)
  for (const [code, retries, runs] of [
    ['40001', undefined, 1],
    ['40001', 2, 3],
    ['40P01', 1, 2],
    ['23505', undefined, 1],
    ['23505', 2, 3],
    ['22012', 5, 1],
  ] as const) {
    let count = 0
    const failing = store.transaction(
      async (tx) => {
        count++
        await tx.save({ ...RUNNING, taskId: `${code}-${count}` })
        throw Object.assign(new Error('as the server says it'), { code })
      },
      retries === undefined ? undefined : { retries },
    )
    await assert.rejects(failing, { code })
    assert.equal(count, runs, `${code} with ${retries} retries`)
  }
  assert.equal(await store.count(), 0)
  await assert.rejects(
    store.transaction(() => 1, { retries: -1 }),
    { argument: 'retries' },
  )
})

test('by default a transaction may take two seconds', needsPostgres, async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { url } = await sharedServer()
  const pool = new Pool({ connectionString: url })
  t.after(() => pool.end())
  const store = await openPostgres(t, {
    url: undefined,
    pool,
    connections: undefined,
    transactionTimeout: undefined,
  })
  let began = () => {}
  const begun = new Promise<void>((resolve) => (began = resolve))
  const outcome = store
    .transaction(() => {
      began()
      return new Promise<never>(() => {})
    })
    .catch((error) => error.code)
  await begun
  t.mock.timers.tick(1999)
  assert.equal(await Promise.race([outcome, store.count()]), 0)
  t.mock.timers.tick(1)
  assert.equal(await outcome, 'TIMED_OUT')
})
