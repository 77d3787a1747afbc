import BetterSqlite3 from 'better-sqlite3'
import { runAside } from './run-aside.ts'

const PROGRAM = `
  const { closeSync, fsyncSync, openSync } = require('node:fs')
  const { copy, flush } = data
  const database = new Database(copy)
  let isSound = false
  try {
    // In WAL mode it would need a log beside it.
    if (flush) database.pragma('journal_mode = DELETE')
    isSound = database.pragma('integrity_check(1)', { simple: true }) === 'ok'
  } finally {
    database.close()
  }
  // Under its final name, a store of this process may have it open: closing a descriptor would drop its locks.
  if (flush) {
    const descriptor = openSync(copy, 'r+')
    fsyncSync(descriptor)
    closeSync(descriptor)
  }
  return isSound
`

/**
 * Makes a copy a single file and finds it sound, in a thread of its own: to read a large one, and to write it to the
 * disk, takes seconds. False also if that cannot be told there.
 */
export function isSoundAside(copy: string, { flush }: { readonly flush: boolean }): Promise<boolean> {
  return runAside(BetterSqlite3, PROGRAM, { copy, flush })
}
