import { execFileSync } from 'node:child_process'

/** Whether there is a `python3` with SQLite on this machine. */
export function hasPython(): boolean {
  try {
    execFileSync('python3', ['-c', 'import sqlite3, json'])
    return true
  } catch {
    return false
  }
}
