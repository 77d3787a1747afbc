import { type Migration, type Released, readReleased } from '../../rules/released-migration.ts'
// Written by the build, from migrations/postgres.
import embedded from './embedded-migrations.json' with { type: 'json' }
import released from './released-migrations.json' with { type: 'json' }

/** What the ledger of an up-to-date schema holds. */
export const RELEASED: readonly Released[] = released

/** The migrations of this release, oldest first. */
export const readMigrations = (): readonly Migration[] => readReleased(RELEASED, embedded)
