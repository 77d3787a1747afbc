import { TaskStoreError } from './task-store-error.ts'

/** One migration, as it is applied. */
export interface Migration {
  /** When it was created, in milliseconds since 1970: its name in the ledger. */
  readonly when: number
  readonly hash: string
  readonly statements: readonly string[]
}

/** The name of a migration of a release, when it was created, and the SHA-256 of its text. */
export interface Released {
  readonly tag: string
  readonly when: number
  readonly hash: string
}

/** The migrations that a release has, by their texts. @throws TaskStoreError `MIGRATION_FAILED` if one differs. */
export function readReleased(
  released: readonly Released[],
  embedded: readonly { readonly when: number; readonly text: string }[],
): Migration[] {
  // Loaded on demand: most files are up to date and never need it.
  const { createHash } = process.getBuiltinModule('node:crypto')
  return released.map(({ when, hash }) => {
    const text = embedded.find((migration) => migration.when === when)?.text ?? ''
    if (createHash('sha256').update(text).digest('hex') !== hash) {
      throw new TaskStoreError(
        'MIGRATION_FAILED',
        `the package does not hold the migrations of this release (that of ${when} differs); reinstall the package`,
      )
    }
    return { when, hash, statements: text.split('--> statement-breakpoint') }
  })
}
