import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { type MigrationMeta, readMigrationFiles } from 'drizzle-orm/migrator'

/** The schema version that UnifiedQuantum 0.0.12 to 0.0.16 writes. A file that says more is a newer one's. */
export const UPSTREAM_VERSION = 5

/**
 * The migration that rewrites ids, by its place in the list. Those before it only add tables, indexes and
 * columns.
 */
export const REWRITE = UPSTREAM_VERSION - 1

let migrations: readonly MigrationMeta[] | undefined

/**
 * The migrations of this release, oldest first. The first {@link UPSTREAM_VERSION} are UnifiedQuantum's
 * versions 1 to 5.
 */
export function readMigrations(): readonly MigrationMeta[] {
  migrations ??= readMigrationFiles({ migrationsFolder: migrationsFolder() })
  return migrations
}

/** Found by the package's own name for it, so that sources, build and tarball find the same folder. */
export function migrationsFolder(): string {
  return dirname(dirname(createRequire(import.meta.url).resolve('#migrations/meta/_journal.json')))
}

const CREATES_INDEX = /^\s*CREATE (?:UNIQUE )?INDEX `(\w+)`/

/** The statement that makes each index of an up-to-date file, by its name. */
export function readIndexes(): ReadonlyMap<string, string> {
  const statements = readMigrations().flatMap(({ sql }) => sql)
  return new Map(
    statements.flatMap((statement) => {
      const [, name] = CREATES_INDEX.exec(statement) ?? []
      return name === undefined ? [] : [[name, statement] as const]
    }),
  )
}
