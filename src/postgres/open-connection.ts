import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core'
import { DEFAULT_SCHEMA } from '../../drizzle/postgres-schema.ts'
import { invalidType, invalidValue } from '../rules/argument-error.ts'
import { checkInteger, checkObject, checkString, flag, optionsReader } from '../rules/check-arguments.ts'
import { TaskStoreError } from '../rules/task-store-error.ts'
import { TRANSACTION_TIMEOUT } from '../rules/user-transaction.ts'
import { Connection } from './connection.ts'
import { migrate, pendingMigrations } from './migrating/migrate.ts'
import type { PgPool } from './statement.ts'

/** Where a store on PostgreSQL is, and how it is used. Exactly one of `url` and `pool` is given. */
export interface PostgresTaskStoreOptions {
  /** `postgres://user:password@host:5432/database`, with the parameters of `pg`. */
  readonly url?: string | undefined
  /** A pool of `pg`, which stays the caller's to close. */
  readonly pool?: PgPool | undefined
  /** The schema of the tables. Default `uniqc`. */
  readonly schema?: string | undefined
  /** Prepare statements by name. Pass `false` behind PgBouncer in transaction mode. Default true. */
  readonly prepare?: boolean | undefined
  /** Create the tables, and bring them up to date. With `false`, a schema that is not is refused. Default true. */
  readonly migrate?: boolean | undefined
  /** The most connections to open for a `url`. Default 10. */
  readonly connections?: number | undefined
  /** How long to wait for a connection to a `url`, in milliseconds. Default 5000. */
  readonly connectTimeout?: number | undefined
  /** How long a statement may take, in milliseconds; set when connecting to a `url`. Default: the server's. */
  readonly statementTimeout?: number | undefined
  /** How long to wait for a lock, in milliseconds; set when connecting to a `url`. Default: the server's. */
  readonly lockTimeout?: number | undefined
  /** How long a {@link PostgresTaskStore.transaction} may take, in milliseconds. Default 2000. */
  readonly transactionTimeout?: number | undefined
}

/** Drizzle on the pool of a store, for queries with the tables of `uniqc-task-store/postgres-schema`. */
export type PostgresDatabase = PgDatabase<PgQueryResultHKT>

const milliseconds = (name: string, value: unknown): number | undefined => {
  checkInteger(name, value, 1)
  return value as number | undefined
}

const readOptions = optionsReader<Required<PostgresTaskStoreOptions>>({
  url: (name, value) => {
    if (value !== undefined) checkString(name, value)
    return value
  },
  pool: (name, value) => {
    const isPool = typeof value === 'object' && value !== null && 'connect' in value && 'query' in value
    if (value !== undefined && !isPool) throw invalidType(name, `${name} must be a pool of pg`)
    return value as PgPool | undefined
  },
  schema: (name, value = DEFAULT_SCHEMA) => {
    checkString(name, value)
    if (value === '' || value.includes('\0') || Buffer.byteLength(value) > 63) {
      throw invalidValue(name, `${name} must be the name of a schema, of 1 to 63 bytes`)
    }
    return value
  },
  prepare: flag(true),
  migrate: flag(true),
  connections: (name, value = 10) => milliseconds(name, value),
  connectTimeout: (name, value = 5000) => milliseconds(name, value),
  statementTimeout: milliseconds,
  lockTimeout: milliseconds,
  transactionTimeout: (name, value = TRANSACTION_TIMEOUT) => milliseconds(name, value),
})

/** Connects to a server, and brings the schema up to date. */
export async function openConnection(given: PostgresTaskStoreOptions) {
  const { connection, pool, options } = await connect(given)
  try {
    await migrate(connection, options.migrate === true)
  } catch (error) {
    await connection.close()
    throw cannotOpen(error)
  }
  // Imported here, because it imports the driver.
  const { drizzle } = await import('drizzle-orm/node-postgres')
  const db = drizzle({ client: pool as never }) as unknown as PostgresDatabase
  return { connection, db, transactionTimeout: options.transactionTimeout }
}

/** Connects to a server, and looks which migrations the schema lacks. */
export async function findPendingMigrations(given: PostgresTaskStoreOptions): Promise<string[]> {
  const { connection } = await connect(given)
  try {
    return await pendingMigrations(connection)
  } catch (error) {
    throw cannotOpen(error)
  } finally {
    await connection.close()
  }
}

async function connect(given: PostgresTaskStoreOptions) {
  checkObject('options', given)
  const options = readOptions(given)
  checkTogether(given, options)
  const isOurs = options.pool === undefined
  const pool = options.pool ?? (await openPool(options))
  const { schema, prepare } = options as { schema: string; prepare: boolean }
  return { connection: new Connection(pool, { isOurs, schema, prepare }), pool, options }
}

function checkTogether(
  given: PostgresTaskStoreOptions,
  { url, pool, prepare }: PostgresTaskStoreOptions,
): void {
  if ((url === undefined) === (pool === undefined)) {
    throw invalidValue('url', 'pass either url or pool to PostgresTaskStore.open()')
  }
  for (const name of ['connections', 'connectTimeout', 'statementTimeout', 'lockTimeout'] as const) {
    if (given[name] === undefined) continue
    if (pool !== undefined) throw invalidValue(name, `${name} is for a url; set it on the pool itself`)
    if (!prepare && name.endsWith('Timeout') && name !== 'connectTimeout') {
      throw invalidValue(
        name,
        `${name} is a setting of a connection, which a pooler in transaction mode does not keep; set it on the role: ALTER ROLE ... SET`,
      )
    }
  }
}

/** The driver is loaded here, so that nobody else needs it. Its URL is never shown: it holds the password. */
async function openPool(options: PostgresTaskStoreOptions): Promise<PgPool> {
  const { Pool } = await loadDriver()
  let pool: PgPool & { readonly options: object }
  try {
    pool = new Pool({
      connectionString: options.url,
      max: options.connections,
      connectionTimeoutMillis: options.connectTimeout,
      statement_timeout: options.statementTimeout,
      lock_timeout: options.lockTimeout,
      // Statements go out without waiting for the answer to the one before.
      pipeline: true,
      allowExitOnIdle: true,
    })
    new URL(options.url as string)
  } catch {
    throw invalidValue('url', 'url must be postgres://user:password@host:port/database')
  }
  Object.defineProperty(pool.options, 'connectionString', { enumerable: false })
  return pool
}

interface Driver {
  readonly Pool: new (config: Readonly<Record<string, unknown>>) => PgPool & { readonly options: object }
}

async function loadDriver(): Promise<Driver> {
  try {
    const { default: driver } = (await import('pg')) as unknown as { default: Driver }
    return driver
  } catch (error) {
    throw new TaskStoreError('CANNOT_OPEN', 'the package pg cannot be loaded; run npm install pg', {
      cause: error,
    })
  }
}

/** A server that is not there when a store is opened is a wrong URL rather than a lost connection. */
function cannotOpen(error: unknown): unknown {
  if (!(error instanceof TaskStoreError) || error.code !== 'DISCONNECTED') return error
  const { message = '' } = error.cause as Error
  return new TaskStoreError(
    'CANNOT_OPEN',
    `PostgreSQL cannot be reached (${message || (error.cause as { code?: string }).code}); check the URL, and that the server runs and lets this host in`,
    { cause: error.cause },
  )
}
