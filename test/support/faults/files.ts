import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { maskTimes } from './states.ts'

/** All files of a folder and of the folders in it, by their paths. */
export function readFiles(folder: string): Map<string, Buffer> {
  return new Map(listFiles(folder).map((path) => [path, readFileSync(join(folder, path))]))
}

export function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
}

/** The sha256 of each file but the store's own and the logs of databases. */
export function hashFiles(files: ReadonlyMap<string, Buffer>, store: string): Map<string, string> {
  const hashed = new Map<string, string>()
  for (const [path, content] of files) {
    if (path === store || isCompanion(path, files)) continue
    const bytes = path.endsWith('.jsonl') ? maskTimes(content.toString()) : content
    hashed.set(path, createHash('sha256').update(bytes).digest('hex'))
  }
  return hashed
}

/** Whether a file is the log, or the index of the log, of a database that is there. */
export function isCompanion(path: string, files: { readonly has: (path: string) => boolean }): boolean {
  const [, database] = /^(.*)-(?:wal|shm)$/.exec(path) ?? []
  return database !== undefined && files.has(database)
}

/** Everything that happened is in the log: replayed, it leads to the very files. */
export function assertSameFiles(
  replayed: ReadonlyMap<string, Buffer>,
  found: ReadonlyMap<string, Buffer>,
): void {
  const names = new Set([...found.keys(), ...replayed.keys()])
  const differing = [...names].filter((name) => {
    const [a, b] = [found.get(name), replayed.get(name)]
    return !name.endsWith('-shm') && (a === undefined || b === undefined || !a.equals(b))
  })
  if (differing.length > 0) {
    throw new Error(`the log does not have all that happened to ${differing.join(', ')}`)
  }
}
