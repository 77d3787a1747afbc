import type { Database } from 'better-sqlite3'
import { sleep } from '../../files/sleep.ts'
import { TaskStoreError } from '../../rules/task-store-error.ts'
import { translateDriverError } from '../driver-error.ts'
import { openByName } from '../open-by-name.ts'
import { setUpWriter } from '../set-up-writer.ts'
import type { StoreLocation } from '../store-location.ts'
import { type MigrateGoal, migrate } from './migrate.ts'

/** What came of {@link upgradeAlone}. */
export type Upgrade = 'done' | 'in-use' | 'failed'

/** How long to stay away from a file that is in use, in milliseconds. */
const SHORTEST = 5
const LONGEST = 30

/**
 * Migrates an old file while no other connection has it open. UnifiedQuantum reads every task before it takes the lock
 * to replace their ids: beside one that has read them, an upgrade would leave each task twice. One that comes meanwhile
 * waits, and finds the new version.
 *
 * @returns `in-use` after a while in which others can try, where another connection has the file open; `failed` where
 * something else is in the way, of which the usual way tells.
 */
export function upgradeAlone(location: StoreLocation, goal: MigrateGoal): Upgrade {
  const { file } = location
  const impatient = { ...location, timeout: 0 }
  let client: Database | undefined
  try {
    client = openByName(impatient, goal, 'EXCLUSIVE').client
    setUpWriter(client, impatient)
    migrate(client, file, goal, 'by-name')
    return 'done'
  } catch (error) {
    const translated = translateDriverError(error, file)
    if (!(translated instanceof TaskStoreError && translated.code === 'LOCKED')) return 'failed'
  } finally {
    client?.close()
  }
  // Closed while it waits, and for a random time, so that those who wait do not keep each other out.
  sleep(SHORTEST + Math.random() * (LONGEST - SHORTEST))
  return 'in-use'
}
