import type { Database } from 'better-sqlite3'
import { sleep } from '../files/sleep.ts'
import { elapsed } from '../rules/clock.ts'
import { isBusy } from './driver-error.ts'
import type { StoreLocation } from './store-location.ts'

/** Sets up a connection of our own that writes. */
export function setUpWriter(
  client: Database,
  { timeout, synchronous }: Pick<StoreLocation, 'timeout' | 'synchronous'>,
): void {
  switchToWal(client, timeout)
  client.pragma(`synchronous = ${synchronous}`)
  client.pragma('journal_size_limit = 16777216')
  client.pragma('foreign_keys = ON')
}

/** SQLite does not wait for the lock when it changes the journal mode, so this does. */
function switchToWal(client: Database, timeout: number): void {
  const deadline = elapsed() + timeout
  for (;;) {
    try {
      if (client.pragma('journal_mode', { simple: true }) === 'wal') return
      client.pragma('journal_mode = WAL')
      return
    } catch (error) {
      if (!isBusy(error) || elapsed() >= deadline) throw error
      sleep(5)
    }
  }
}
