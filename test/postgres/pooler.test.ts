import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { copyTasks, TaskStore } from 'uniqc-task-store'
import { PostgresTaskStore } from 'uniqc-task-store/postgres'
import { freshSchema, needsPostgres, sharedServer } from '../support/postgres.ts'
import { NOBODY } from '../support/postgres-server.ts'
import { rowsByKey } from '../support/read-rows.ts'
import { RUNNING } from '../support/store.ts'
import { temporaryFolder } from '../support/temporary.ts'

const program = [process.env.PGBOUNCER, '/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].find(
  (path) => path !== undefined && existsSync(path),
)
const needsPooler =
  program === undefined
    ? { skip: 'there is no PgBouncer here, in /usr/sbin or as $PGBOUNCER' }
    : needsPostgres

/** Starts PgBouncer in transaction mode with two connections to the server of the tests. */
async function startPooler(t: TestContext): Promise<string> {
  const { socket } = await sharedServer()
  const folder = temporaryFolder(t)
  const isRoot = process.getuid?.() === 0
  if (isRoot) chownSync(folder, NOBODY, NOBODY)
  const settings = join(folder, 'pgbouncer.ini')
  writeFileSync(
    settings,
    `[databases]
postgres = host=${socket} user=postgres
[pgbouncer]
unix_socket_dir = ${folder}
listen_addr =
auth_type = any
pool_mode = transaction
default_pool_size = 2
max_client_conn = 200
`,
  )
  const pooler = spawn(program as string, [settings], {
    ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exited = once(pooler, 'exit')
  t.after(async () => {
    pooler.kill('SIGTERM')
    await exited
  })
  let log = ''
  for await (const text of pooler.stderr) {
    log += text
    if (log.includes('process up')) break
  }
  assert.match(log, /process up/)
  return `postgres://postgres@localhost:6432/postgres?host=${encodeURIComponent(folder)}`
}

test('behind PgBouncer in transaction mode all works with prepare: false', needsPooler, async (t) => {
  const url = await startPooler(t)
  const schema = freshSchema()
  const open = () => PostgresTaskStore.open({ url, schema, prepare: false, connections: 4 })
  // More connections than the pooler has to the server.
  const stores = await Promise.all([open(), open(), open(), open()])
  const [store] = stores
  const ids = Array.from({ length: 40 }, (_, i) => `t${i}`)
  const atOnce = (call: (store: PostgresTaskStore, id: string) => Promise<unknown>) =>
    Promise.all(ids.map((id, i) => call(stores[i % stores.length] as PostgresTaskStore, id)))
  await atOnce((store, taskId) => store.save({ ...RUNNING, taskId }))
  await store.save(RUNNING)
  await atOnce((store, id) => store.update(RUNNING.taskId, { metadata: { [id]: 1 } }))
  assert.deepEqual(Object.keys((await store.get(RUNNING.taskId))?.metadata ?? {}).sort(), ids.toSorted())
  await atOnce((store, id) =>
    store.addShard({ uniqcTaskId: RUNNING.taskId, platformTaskId: id, status: 'running' }),
  )
  const shards = await store.getShards(RUNNING.taskId)
  assert.deepEqual(
    shards.map(({ shardIndex }) => shardIndex),
    ids.map((_, i) => i),
  )
  await atOnce((store, id) =>
    store.transaction(async (tx) => {
      await tx.update(id, { shots: 3 })
      await assert.rejects(
        tx.transaction(async (inner) => {
          await inner.delete(id)
          throw new Error('undone')
        }),
        /undone/,
      )
      await tx.archive.archive(id)
    }),
  )
  assert.equal(await store.archive.count(), ids.length)
  assert.deepEqual(new Set((await store.archive.list()).map(({ shots }) => shots)), new Set([3]))
  await Promise.all(stores.map((store) => store.archive.restoreMany(ids)))
  await Promise.all(stores.map((store) => store.saveMany(ids.map((taskId) => ({ ...RUNNING, taskId })))))
  const [file, back] = [new TaskStore({ file: ':memory:' }), new TaskStore({ file: ':memory:' })]
  t.after(() => file.close())
  t.after(() => back.close())
  await copyTasks(store, file)
  await store.clearAll()
  await copyTasks(file, store)
  await copyTasks(store, back)
  assert.deepEqual(rowsByKey(back), rowsByKey(file))
  const seen: string[] = []
  for await (const { taskId } of store.iterate({ archived: 'both' })) seen.push(taskId)
  assert.deepEqual(seen.sort(), [...ids, RUNNING.taskId].sort())
  for (const store of stores) await store.close()
})
