import { TaskStoreError } from '../../rules/task-store-error.ts'
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
export const RELEASED: readonly { readonly when: number; readonly hash: string }[] = released

/** One migration, as it is applied. */
export interface Migration {
  /** When it was created, in milliseconds since 1970: its name in the ledger. */
  readonly when: number
  readonly hash: string
  readonly statements: readonly string[]
}

let migrations: readonly Migration[] | undefined

/**
 * The migrations of this release, oldest first. The first {@link UPSTREAM_VERSION} are UnifiedQuantum's
 * versions 1 to 5.
 *
 * @throws TaskStoreError `MIGRATION_FAILED` if a text is not that of its release.
 */
export function readMigrations(): readonly Migration[] {
  migrations ??= RELEASED.map(readMigration)
  return migrations
}

function readMigration({ when, hash }: { when: number; hash: string }): Migration {
  // Loaded on demand: most files are up to date and never need it.
  const { createHash } = process.getBuiltinModule('node:crypto')
  const text = embedded.find((migration) => migration.when === when)?.text ?? ''
  if (createHash('sha256').update(text).digest('hex') !== hash) {
    throw new TaskStoreError(
      'MIGRATION_FAILED',
      `the package does not hold the migrations of this release (that of ${when} differs); reinstall the package`,
    )
  }
  return { when, hash, statements: text.split('--> statement-breakpoint') }
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
