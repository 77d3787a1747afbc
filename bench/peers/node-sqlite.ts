import { createRequire } from 'node:module'
import type { OpenPeer } from '../peer.ts'
import { type Driver, openByHand } from './by-hand.ts'

/** Node's own driver, from Node 24 on. */
export const open: OpenPeer = (file, synchronous) => {
  // The types of Node 20 do not know it.
  const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as {
    DatabaseSync: new (file: string, options: { timeout: number }) => Driver
  }
  return openByHand((path) => new DatabaseSync(path, { timeout: 5000 }), file, synchronous)
}
