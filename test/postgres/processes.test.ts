import assert from 'node:assert/strict'
import test from 'node:test'
import { PostgresTaskStore } from 'uniqc-task-store/postgres'
import {
  freshSchema,
  needsPostgres,
  openPostgres,
  schemaOf,
  sharedServer,
  startServer,
} from '../support/postgres.ts'
import { finish, firstOutput, kill, spawnModule } from '../support/processes.ts'
import { RUNNING } from '../support/store.ts'

const PROCESSES = 8

/** Runs a text as the body of a function of (store, n) in 8 processes at once. */
async function everywhere(schema: string, body: string): Promise<unknown[]> {
  const { url } = await sharedServer()
  const source = `
    import { PostgresTaskStore } from 'uniqc-task-store/postgres'
    const [url, schema, n] = process.argv.slice(1)
    const store = await PostgresTaskStore.open({ url, schema, connections: 2 })
    const work = async (store, n) => {${body}}
    console.log(JSON.stringify((await work(store, Number(n))) ?? null))
    await store.close()`
  const outputs = Array.from({ length: PROCESSES }, (_, n) =>
    finish(spawnModule(source, url, schema, String(n))),
  )
  return (await Promise.all(outputs)).map((output) => JSON.parse(output))
}

test(
  'no update of one task by eight processes is lost, and ifStatus holds for one of them',
  needsPostgres,
  async (t) => {
    const store = await openPostgres(t)
    await store.save({ ...RUNNING, status: 'pending' })
    const won = await everywhere(
      schemaOf(store),
      `const won = await store.update('a', { status: 'running' }, { ifStatus: 'pending' })
     for (let i = 0; i < 30; i++) await store.update('a', { metadata: { [n + '-' + i]: i } })
     return won !== undefined`,
    )
    assert.equal(won.filter(Boolean).length, 1)
    assert.equal(Object.keys((await store.get('a'))?.metadata ?? {}).length, PROCESSES * 30)
  },
)

test('shards that eight processes add have indexes of their own without a gap', needsPostgres, async (t) => {
  const store = await openPostgres(t)
  await store.save(RUNNING)
  await everywhere(
    schemaOf(store),
    `for (let i = 0; i < 25; i++) await store.addShard({ uniqcTaskId: 'a', platformTaskId: n + '-' + i }, { refreshTask: true })`,
  )
  const shards = await store.getShards('a')
  assert.deepEqual(
    shards.map(({ shardIndex }) => shardIndex),
    Array.from({ length: PROCESSES * 25 }, (_, i) => i),
  )
  assert.deepEqual(
    shards.map(({ subIndexOffset }) => subIndexOffset),
    shards.map(({ shardIndex }) => shardIndex),
  )
})

test(
  'a shard that is added while its task moves to and from the archive is never lost',
  needsPostgres,
  async (t) => {
    const store = await openPostgres(t)
    await store.save({ ...RUNNING, status: 'success' })
    const added = (await everywhere(
      schemaOf(store),
      `let added = 0
     for (let i = 0; i < 40; i++) {
       if (n < 3) {
         await store.archive.archive('a')
         await store.archive.restore('a')
       } else {
         try {
           await store.addShard({ uniqcTaskId: 'a', platformTaskId: n + '-' + i })
           added++
         } catch (error) {
           if (error.code !== 'INVALID_TASK') throw error
         }
       }
     }
     return added`,
    )) as number[]
    const shards = [...(await store.getShards('a')), ...(await store.archive.getShards('a'))]
    assert.equal(
      shards.length,
      added.reduce((sum, count) => sum + count, 0),
    )
    assert.equal((await store.count()) + (await store.archive.count()), 1)
  },
)

test(
  'overlapping sets that eight processes save in any order cost no deadlock and no task',
  needsPostgres,
  async (t) => {
    const store = await openPostgres(t)
    await everywhere(
      schemaOf(store),
      `const ids = Array.from({ length: 60 }, (_, i) => 't' + i)
     for (let round = 0; round < 10; round++) {
       const order = ids.toSorted(() => Math.random() - 0.5)
       await store.saveMany(order.map((taskId) => ({ taskId, backend: 'b', status: 'success' })))
       if (n % 4 === 0) await store.archive.archiveMany(order)
       if (n % 4 === 1) await store.archive.restoreMany(order, { onConflict: 'live' })
       if (n % 4 === 2) await store.clearCompleted()
     }`,
    )
    await store.saveMany(Array.from({ length: 60 }, (_, i) => ({ ...RUNNING, taskId: `t${i}` })))
    assert.equal(await store.count(), 60)
  },
)

test('clients that are killed leave nothing half done', needsPostgres, async (t) => {
  const { url } = await sharedServer()
  const store = await openPostgres(t)
  const source = `
    import { PostgresTaskStore } from 'uniqc-task-store/postgres'
    const [url, schema, n] = process.argv.slice(1)
    const store = await PostgresTaskStore.open({ url, schema })
    console.log('ready')
    for (let i = 0; ; i++) {
      const ids = [0, 1, 2, 3].map((k) => n + '-' + i + '-' + k)
      await store.transaction(async (tx) => {
        for (const taskId of ids) await tx.save({ taskId, backend: 'b', status: 'success' })
        for (const taskId of ids) await tx.addShard({ uniqcTaskId: taskId, platformTaskId: taskId, status: 'success' })
      })
      await store.archive.archiveMany(ids)
    }`
  for (let round = 0; round < 6; round++) {
    const child = spawnModule(source, url, schemaOf(store), String(round))
    await firstOutput(child)
    const before = (await store.count()) + (await store.archive.count())
    while ((await store.count()) + (await store.archive.count()) < before + 20);
    await kill(child)
  }
  for (const id of (await store.list({ archived: 'both' })).map((task) => task.taskId)) {
    const shards = [...(await store.getShards(id)), ...(await store.archive.getShards(id))]
    assert.equal(shards.length, 1, id)
  }
  assert.equal(((await store.count()) + (await store.archive.count())) % 4, 0)
  assert.deepEqual((await store.check()).findings, [])
})

test(
  'a server that stops and starts: typed errors, then all works, and every acknowledged write is there',
  needsPostgres,
  async (t) => {
    const server = await startServer()
    const store = await PostgresTaskStore.open({ url: server.url, schema: freshSchema(), connections: 4 })
    t.after(() => store.close())
    const acknowledged: string[] = []
    const codes = new Set<string>()
    let isOver = false
    const writer = async (n: number) => {
      for (let i = 0; !isOver; i++) {
        const taskId = `${n}-${i}`
        try {
          await store.save({ ...RUNNING, taskId })
          acknowledged.push(taskId)
          await store.update(taskId, { metadata: { i } })
          await store.get(taskId)
          await store.list({ limit: 5 })
        } catch (error) {
          const { code, outcome } = error as { code: string; outcome: string }
          codes.add(`${code} ${outcome}`)
          await new Promise((resolve) => setImmediate(resolve))
        }
      }
    }
    const writers = [0, 1, 2, 3].map(writer)
    for (let round = 0; round < 3; round++) {
      const before = acknowledged.length
      while (acknowledged.length < before + 50) await new Promise((resolve) => setImmediate(resolve))
      await server.stop()
      while (codes.size === 0) await new Promise((resolve) => setImmediate(resolve))
      await server.start()
    }
    const before = acknowledged.length
    while (acknowledged.length < before + 50) await new Promise((resolve) => setImmediate(resolve))
    isOver = true
    await Promise.all(writers)
    const kinds = new Set(['DISCONNECTED not-done', 'DISCONNECTED unknown'])
    assert.deepEqual(
      [...codes].filter((code) => !kinds.has(code)),
      [],
    )
    const stored = new Set((await store.list()).map((task) => task.taskId))
    assert.deepEqual(
      acknowledged.filter((taskId) => !stored.has(taskId)),
      [],
    )
  },
)

test(
  'a connection that the server ended in silence costs no call that only reads or begins',
  needsPostgres,
  async (t) => {
    const { url } = await sharedServer()
    const store = await openPostgres(t, { connections: 1 })
    const { query } = await import('../support/postgres.ts')
    await store.save(RUNNING)
    const end = () =>
      query(url, 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()')
    for (const call of [() => store.get('a'), () => store.count(), () => store.list()]) {
      await end()
      await call()
    }
    await end()
    await store.transaction((tx) => tx.update('a', { shots: 7 }))
    await end()
    await store.update('a', { metadata: { m: 1 } })
    assert.equal((await store.get('a'))?.shots, 7)
  },
)
