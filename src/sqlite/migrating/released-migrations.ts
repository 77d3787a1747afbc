import { type Migration, type Released, readReleased } from '../../rules/released-migration.ts'
// Written by the build, from migrations/sqlite.
import embedded from './embedded-migrations.json' with { type: 'json' }
import released from './released-migrations.json' with { type: 'json' }

/** The schema version that UnifiedQuantum 0.0.12 to 0.0.16 writes. A higher one is from a newer release. */
export const UPSTREAM_VERSION = 5

/** The position of the migration that rewrites ids. Those before it only add tables, indexes and columns. */
export const REWRITE = UPSTREAM_VERSION - 1

/**
 * What the ledger of an up-to-date file holds: when each migration of this release was created, and the
 * SHA-256 of its text.
 */
export const RELEASED: readonly Released[] = released

let migrations: readonly Migration[] | undefined

/**
 * The migrations of this release, oldest first. The first {@link UPSTREAM_VERSION} are UnifiedQuantum's
 * versions 1 to 5.
 *
 * @throws TaskStoreError `MIGRATION_FAILED` if a text is not that of its release.
 */
export function readMigrations(): readonly Migration[] {
  migrations ??= readReleased(RELEASED, embedded)
  return migrations
}

const CREATES_INDEX = /^\s*CREATE (?:UNIQUE )?INDEX `(\w+)`/

/** The statement that creates each index of an up-to-date file, by the name of the index. */
export function readIndexes(): ReadonlyMap<string, string> {
  const statements = readMigrations().flatMap((migration) => migration.statements)
  return new Map(
    statements.flatMap((statement) => {
      const [, name] = CREATES_INDEX.exec(statement) ?? []
      return name === undefined ? [] : [[name, statement] as const]
    }),
  )
}
