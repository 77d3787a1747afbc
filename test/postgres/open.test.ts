import assert from 'node:assert/strict'
import test from 'node:test'
import { inspect } from 'node:util'
import { Pool } from 'pg'
import { TaskPersistence } from 'uniqc-task-store'
import { PostgresTaskStore } from 'uniqc-task-store/postgres'
import {
  freshSchema,
  needsPostgres,
  openPostgres,
  query,
  schemaOf,
  sharedServer,
} from '../support/postgres.ts'
import { finish, spawnModule } from '../support/processes.ts'
import { RUNNING, wrong } from '../support/store.ts'

const { open } = PostgresTaskStore

test('a wrong option is a TypeError that names it, and connects to nothing', async () => {
  const url = 'postgres://nobody@localhost:1/none'
  for (const [options, message] of [
    [undefined, /options must be an object/],
    [{}, /url or pool/],
    [{ url: 5 }, /url must be a string/],
    [{ url, pool: new Pool({ max: 1 }) }, /either url or pool/],
    [{ pool: {} }, /pool must be a pool/],
    [{ url, schema: '' }, /schema must be/],
    [{ url, prepare: 1 }, /prepare must be/],
    [{ url, lockTimeout: 0 }, /lockTimeout must be/],
    [{ url, prepare: false, statementTimeout: 5 }, /set it on the role/],
    [{ pool: new Pool({ max: 1 }), lockTimeout: 5 }, /set it on the pool/],
    [{ url, shcema: 'x' }, /no "shcema"/],
  ] as const) {
    await assert.rejects(open(wrong(options)), (error) => {
      assert.ok(error instanceof TypeError)
      assert.match(error.message, message)
      return true
    })
  }
})

test('no message, cause or inspection shows the password of a URL', needsPostgres, async (t) => {
  const { url, socket } = await sharedServer()
  const secret = 'hidden-word'
  for (const wrongUrl of [
    `postgres://u:${secret}@localhost:1/none`,
    `postgres://u:${secret}@no-such-host.invalid/none`,
    `postgres://u:${secret}@[broken`,
    `postgres://nobody:${secret}@localhost/postgres?host=${encodeURIComponent(socket)}`,
    `postgres://postgres:${secret}@localhost/missing?host=${encodeURIComponent(socket)}`,
  ]) {
    await assert.rejects(open({ url: wrongUrl }), (error) => {
      assert.ok(!inspect(error, { depth: 10, showHidden: true }).includes(secret), inspect(error))
      return true
    })
  }
  const store = await openPostgres(t, { url: url.replace('postgres@', `postgres:${secret}@`) })
  assert.ok(!inspect([store, store.db], { depth: 10 }).includes(secret))
})

test('a server that is not there is CANNOT_OPEN', needsPostgres, async () => {
  const { socket } = await sharedServer()
  for (const url of [
    'postgres://u@localhost:1/none',
    `postgres://postgres@localhost/missing?host=${encodeURIComponent(socket)}`,
  ]) {
    await assert.rejects(open({ url }), { code: 'CANNOT_OPEN' })
  }
})

test('eight processes open an empty database at once, twenty times', needsPostgres, async () => {
  const { url } = await sharedServer()
  const source = `
    import { PostgresTaskStore } from 'uniqc-task-store/postgres'
    const [url, ...schemas] = process.argv.slice(1)
    for (const schema of schemas) {
      const store = await PostgresTaskStore.open({ url, schema, connections: 1 })
      await store.save({ taskId: String(process.pid), backend: 'b', status: 'running' })
      await store.close()
    }`
  const schemas = Array.from({ length: 20 }, freshSchema)
  const processes = Array.from({ length: 8 }, () => finish(spawnModule(source, url, ...schemas)))
  await Promise.all(processes)
  for (const schema of schemas) {
    const store = await open({ url, schema })
    assert.equal(await store.count(), 8)
    await store.close()
    assert.equal((await query(url, `SELECT 1 FROM ${schema}.__drizzle_migrations`)).length, 1)
  }
})

test(
  'a role without the right to create opens a schema that is up to date, and no other',
  needsPostgres,
  async (t) => {
    const { url, socket } = await sharedServer()
    const schema = schemaOf(await openPostgres(t))
    const role = `role_${schema}`
    await query(url, `CREATE ROLE ${role} LOGIN`)
    await query(url, `GRANT USAGE ON SCHEMA ${schema} TO ${role}`)
    await query(url, `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role}`)
    const ofRole = `postgres://${role}@localhost/postgres?host=${encodeURIComponent(socket)}`
    const store = await openPostgres(t, { url: ofRole, schema })
    await store.save(RUNNING)
    await store.archive.archive('a')
    assert.equal(await store.archive.count(), 1)
    await assert.rejects(openPostgres(t, { url: ofRole, schema: freshSchema() }), {
      code: 'MIGRATION_FAILED',
    })
  },
)

test('migrate: false refuses a schema that is not up to date', needsPostgres, async (t) => {
  const schema = freshSchema()
  await assert.rejects(openPostgres(t, { schema, migrate: false }), { code: 'MIGRATION_FAILED' })
  await openPostgres(t, { schema })
  await openPostgres(t, { schema, migrate: false })
})

test(
  'a newer migration is SCHEMA_TOO_NEW only if it says that older releases may not go on',
  needsPostgres,
  async (t) => {
    const { url } = await sharedServer()
    const schema = schemaOf(await openPostgres(t))
    const insert = `INSERT INTO ${schema}.__drizzle_migrations (hash, created_at, compatible) VALUES`
    await query(url, `${insert} ('later', 1999999999000, true)`)
    await openPostgres(t, { schema })
    await query(url, `${insert} ('latest', 1999999999001, false)`)
    await assert.rejects(openPostgres(t, { schema }), { code: 'SCHEMA_TOO_NEW' })
  },
)

test("a schema with another program's table is FOREIGN_FILE, and unchanged", needsPostgres, async (t) => {
  const { url } = await sharedServer()
  const schema = freshSchema()
  await query(url, `CREATE SCHEMA ${schema}`)
  await query(url, `CREATE TABLE ${schema}.tasks (id int)`)
  await assert.rejects(openPostgres(t, { schema }), { code: 'FOREIGN_FILE' })
  const tables = await query(url, 'SELECT tablename FROM pg_tables WHERE schemaname = $1', [schema])
  assert.deepEqual(tables, [{ tablename: 'tasks' }])
})

test(
  'a pool that was handed in works without the driver option of ours, and stays open',
  needsPostgres,
  async (t) => {
    const { url } = await sharedServer()
    const pool = new Pool({ connectionString: url, max: 2 })
    pool.on('error', () => undefined)
    t.after(() => pool.end())
    const store = await openPostgres(t, { url: undefined, pool, connections: undefined, prepare: false })
    await store.save({ ...RUNNING, metadata: { a: 1 } })
    await store.update('a', { metadata: { b: 2 } })
    assert.deepEqual((await store.get('a'))?.metadata, { a: 1, b: 2 })
    await store.close()
    assert.equal((await pool.query('SELECT 1 AS one')).rows[0]?.one, 1)
  },
)

test('the migrations that a schema lacks are told, and nothing is created', needsPostgres, async () => {
  const { url } = await sharedServer()
  const schema = freshSchema()
  const pending = () => PostgresTaskStore.pendingMigrations({ url, schema })
  assert.deepEqual(await pending(), ['0000_create_tables'])
  assert.deepEqual(await query(url, 'SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]), [])
  await (await open({ url, schema })).close()
  assert.deepEqual(await pending(), [])
  await assert.rejects(PostgresTaskStore.pendingMigrations({ url: 'postgres://nobody@localhost:1/none' }), {
    code: 'CANNOT_OPEN',
  })
})

test('flat records on PostgreSQL are in no folder and no file', needsPostgres, async (t) => {
  const persistence = new TaskPersistence(await openPostgres(t))
  assert.deepEqual([persistence.cacheDir, persistence.tasksFile], [undefined, undefined])
})
