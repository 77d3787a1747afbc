import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { synchroniseFolder } from './whole-file.ts'

/** Makes a folder that is missing, with those above it, for this user alone, so that a power cut does not undo it. */
export function makeFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  // Each stands in the one above it, up to that of the first that was made.
  for (let made = folder; made.length >= first.length; made = dirname(made)) synchroniseFolder(dirname(made))
}
