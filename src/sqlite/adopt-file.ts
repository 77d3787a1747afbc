import { Connection } from './connection.ts'
import { locateStore } from './store-location.ts'

// drizzle.config.ts needs both; as one entry of the build they are one file fewer for a store to load.
export { locateFile } from './store-location.ts'

/**
 * Prepares a file for `drizzle-kit migrate`: creates it if it is missing, and records in the ledger the
 * migrations that it already has, whichever program applied them. drizzle-kit applies the rest. Refuses the
 * files that a store refuses.
 *
 * @throws TaskStoreError with the codes of opening a store.
 */
export function adoptFile(file: string): void {
  new Connection(locateStore({ file }), 'begun').close()
}
