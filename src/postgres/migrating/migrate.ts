import { DEFAULT_SCHEMA } from '../../../drizzle/postgres-schema.ts'
import { TaskStoreError } from '../../rules/task-store-error.ts'
import type { Connection } from '../connection.ts'
import { causeCode } from '../driver-error.ts'
import { quote } from '../tables/place.ts'
import type { Session } from '../transaction.ts'
import { RELEASED, readMigrations } from './released-migrations.ts'

/** Drizzle's name for the ledger, which stands in the schema of the store. */
const LEDGER = '__drizzle_migrations'

/**
 * Brings a schema up to date. Nothing is locked or written if it is; else all of it happens in one transaction
 * under a lock, and the ledger is read again under that lock, so that any number of hosts can call this at
 * once.
 *
 * @throws TaskStoreError `SCHEMA_TOO_NEW`, `FOREIGN_FILE`, `MIGRATION_FAILED`; the schema is unchanged.
 */
export async function migrate(connection: Connection, isAllowed: boolean): Promise<void> {
  if ((await pending(connection)).length === 0) return
  if (!isAllowed) {
    throw new TaskStoreError(
      'MIGRATION_FAILED',
      `${connection.name} is missing or not up to date, and the store was opened with migrate: false; run the migrations, or leave that option out`,
    )
  }
  try {
    await connection.transaction(async (tx) => {
      const { schema } = connection
      await tx.read('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`uniqc-task-store ${schema}`])
      const missing = await pending(tx)
      if (missing.length === 0) return
      const ledger = `${quote(schema)}.${LEDGER}`
      await tx.write(`CREATE SCHEMA IF NOT EXISTS ${quote(schema)}`)
      await tx.write(
        `CREATE TABLE IF NOT EXISTS ${ledger} (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint)`,
      )
      for (const { statements, hash, when } of missing) {
        for (const statement of statements) {
          await tx.write(statement.replaceAll(quote(DEFAULT_SCHEMA), quote(schema)))
        }
        await tx.write(`INSERT INTO ${ledger} (hash, created_at) VALUES ($1, $2)`, [hash, when])
      }
    })
  } catch (error) {
    throw asMigrationError(error, connection.name)
  }
}

/** The names of the migrations that a schema lacks, oldest first. @throws TaskStoreError if this release cannot use it. */
export async function pendingMigrations(session: Session): Promise<string[]> {
  return (await pending(session)).map(({ tag }) => tag)
}

/** The migrations that a schema lacks. @throws TaskStoreError if this release cannot use it. */
async function pending(session: Session) {
  const applied = await readLedger(session)
  const known = new Map(RELEASED.map(({ when, hash }) => [when, hash]))
  const newest = Math.max(...known.keys())
  for (const [when, hash, isCompatible] of applied) {
    const expected = known.get(when)
    if (expected === hash) continue
    if (expected !== undefined) {
      throw new TaskStoreError(
        'MIGRATION_FAILED',
        `${session.name} was migrated with a migration of ${when} that differs from the one of this release; reinstall the package`,
      )
    }
    if (when < newest) {
      throw new TaskStoreError(
        'FOREIGN_FILE',
        `${session.name} holds another program's Drizzle migrations (${when}); name another schema`,
      )
    }
    if (!isCompatible) {
      throw new TaskStoreError(
        'SCHEMA_TOO_NEW',
        `${session.name} was migrated by a newer release (migration ${when}); update this package to open it`,
      )
    }
  }
  const done = new Set(applied.map(([when]) => when))
  return RELEASED.every(({ when }) => done.has(when))
    ? []
    : readMigrations().filter(({ when }) => !done.has(when))
}

type Applied = readonly [when: number, hash: string, isCompatible: boolean]

async function readLedger(session: Session): Promise<readonly Applied[]> {
  const name = `${quote(session.schema)}.${LEDGER}`
  const [found] = await session.read(
    `SELECT count(*) FILTER (WHERE attname = 'compatible') FROM pg_attribute
     WHERE attrelid = to_regclass($1) AND attnum > 0 HAVING count(*) > 0`,
    [name],
  )
  if (found === undefined) return []
  // drizzle-kit creates the ledger, and the first migration adds what it lacks.
  const compatible = found[0] === 0 ? 'true' : 'compatible'
  const rows = await session.read(`SELECT created_at, hash, ${compatible} FROM ${name}`)
  return rows as unknown as readonly Applied[]
}

function asMigrationError(error: unknown, name: string): unknown {
  const code = causeCode(error)
  if (code === '42501') {
    return new TaskStoreError(
      'MIGRATION_FAILED',
      `${name} is not up to date, and this role may not change it; open it once with a role that may create tables`,
      { cause: error },
    )
  }
  if (code === '42P07') {
    return new TaskStoreError(
      'FOREIGN_FILE',
      `${name} has a table of a name of ours that the store did not create; name another schema`,
      { cause: error },
    )
  }
  if (error instanceof TaskStoreError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new TaskStoreError(
    'MIGRATION_FAILED',
    `${name} could not be migrated (${reason}); it is unchanged. Please report this with the cause`,
    { cause: error },
  )
}
