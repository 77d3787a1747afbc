import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** Whether a Python is there that can open the file. */
export function hasPython(): boolean {
  try {
    execFileSync('python3', ['-c', 'import sqlite3'])
    return true
  } catch {
    return false
  }
}

/** The path of one of the programs in Python. */
export const pythonScript = (name: string) => join(import.meta.dirname, name)
