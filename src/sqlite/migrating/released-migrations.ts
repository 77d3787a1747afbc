import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import type { MigrationMeta } from 'drizzle-orm/migrator'
import { TaskStoreError } from '../../rules/task-store-error.ts'
import released from './released-migrations.json' with { type: 'json' }

const require = createRequire(import.meta.url)

/** The schema version that UnifiedQuantum 0.0.12 to 0.0.16 writes. A higher one is from a newer release. */
export const UPSTREAM_VERSION = 5

/** The position of the migration that rewrites ids. Those before it only add tables, indexes and columns. */
export const REWRITE = UPSTREAM_VERSION - 1

/**
 * What the ledger of an up-to-date file holds: when each migration of this release was created, and the
 * SHA-256 of its text.
 */
export const RELEASED: readonly { readonly when: number; readonly hash: string }[] = released

let migrations: readonly MigrationMeta[] | undefined

/**
 * The migrations of this release, oldest first. The first {@link UPSTREAM_VERSION} are UnifiedQuantum's
 * versions 1 to 5.
 */
export function readMigrations(): readonly MigrationMeta[] {
  migrations ??= readMigrationFiles()
  return migrations
}

/**
 * Drizzle's reader and the hashing that it needs are loaded on demand: most files are up to date and never
 * need it.
 */
function readMigrationFiles(): readonly MigrationMeta[] {
  const migrator: typeof import('drizzle-orm/migrator') = require('drizzle-orm/migrator')
  const migrationsFolder = findMigrations()
  const found = migrator.readMigrationFiles({ migrationsFolder })
  const isReleased = ({ folderMillis, hash }: MigrationMeta, index: number) =>
    folderMillis === RELEASED[index]?.when && hash === RELEASED[index]?.hash
  if (found.length !== RELEASED.length || !found.every(isReleased)) {
    throw new TaskStoreError(
      'MIGRATION_FAILED',
      `${migrationsFolder} does not hold the migrations of this release; reinstall the package`,
    )
  }
  return found
}

/** Resolved through the package's `imports`, so that sources, build and tarball find the same folder. */
function findMigrations(): string {
  return dirname(dirname(require.resolve('#migrations/sqlite/meta/_journal.json')))
}

const CREATES_INDEX = /^\s*CREATE (?:UNIQUE )?INDEX `(\w+)`/

/** The statement that creates each index of an up-to-date file, by the name of the index. */
export function readIndexes(): ReadonlyMap<string, string> {
  const statements = readMigrations().flatMap(({ sql }) => sql)
  return new Map(
    statements.flatMap((statement) => {
      const [, name] = CREATES_INDEX.exec(statement) ?? []
      return name === undefined ? [] : [[name, statement] as const]
    }),
  )
}
