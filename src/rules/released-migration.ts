import { TaskStoreError } from './task-store-error.ts'

/** A migration of a release. */
export interface Released {
  /** Its name. */
  readonly tag: string
  /** When it was created, in milliseconds since 1970: its name in the ledger. */
  readonly when: number
  /** The SHA-256 of its text. */
  readonly hash: string
}

/** One migration, as it is applied. */
export interface Migration extends Released {
  readonly statements: readonly string[]
}

/** The migrations that a release has, by their texts. @throws TaskStoreError `MIGRATION_FAILED` if one differs. */
export function readReleased(
  released: readonly Released[],
  embedded: readonly { readonly when: number; readonly text: string }[],
): Migration[] {
  // Loaded on demand: most files are up to date and never need it.
  const { createHash } = process.getBuiltinModule('node:crypto')
  return released.map(({ tag, when, hash }) => {
    const text = embedded.find((migration) => migration.when === when)?.text ?? ''
    if (createHash('sha256').update(text).digest('hex') !== hash) {
      throw new TaskStoreError(
        'MIGRATION_FAILED',
        `the package does not hold the migrations of this release (that of ${when} differs); reinstall the package`,
      )
    }
    return { tag, when, hash, statements: text.split('--> statement-breakpoint') }
  })
}
