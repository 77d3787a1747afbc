import Database from 'better-sqlite3'
import type { OpenPeer } from '../peer.ts'
import { openByHand } from './by-hand.ts'

/** The limit that ours is compared with. */
export const open: OpenPeer = (file, synchronous) =>
  openByHand((path) => new Database(path, { timeout: 5000 }), file, synchronous)
