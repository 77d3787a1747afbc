import { Connection } from './connection.ts'
import { locateStore } from './store-location.ts'

/**
 * Prepares a file for `drizzle-kit migrate`: makes it if it is missing, and enters into the ledger what it
 * already has, whoever made it. What remains is for drizzle-kit to apply. Refuses what a store refuses.
 *
 * @throws TaskStoreError with the codes of opening a store.
 */
export function adoptFile(file: string): void {
  new Connection(locateStore({ file }), 'begun').close()
}
