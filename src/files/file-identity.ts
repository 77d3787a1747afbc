import { existsSync, lstatSync, readlinkSync, type Stats, statSync } from 'node:fs'
import { dirname, isAbsolute, sep } from 'node:path'
import { TaskStoreError } from '../rules/task-store-error.ts'
import { sleep } from './sleep.ts'

/** Which file a path leads to. While a file is open, no other one has its identity. */
export interface FileIdentity {
  readonly dev: number
  readonly ino: number
}

/**
 * The identity of the file that a path leads to at this moment; undefined where there is none.
 *
 * @throws TaskStoreError `CANNOT_OPEN` where that cannot be told, or for a folder.
 */
export function identifyFile(file: string): FileIdentity | undefined {
  const found = look(file)
  if (found?.isDirectory()) {
    throw new TaskStoreError('CANNOT_OPEN', `${file} is a folder; check the path, and name a file`)
  }
  return found
}

/** @throws TaskStoreError `CANNOT_OPEN` where that cannot be told. */
export function isFolder(path: string): boolean {
  return look(path)?.isDirectory() ?? false
}

function look(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false })
  } catch (error) {
    throw new TaskStoreError(
      'CANNOT_OPEN',
      `${file} cannot be reached; check the permissions of its folders`,
      {
        cause: error,
      },
    )
  }
}

/** As many as Linux follows. */
const MAX_LINKS = 40

/**
 * Where a path leads to in the end, whether or not there is a file: SQLite makes its file, and the log, there.
 * Nothing is normalised: `..` behind a link is the system's to resolve.
 *
 * @throws TaskStoreError `CANNOT_OPEN` where links lead to each other.
 */
export function followLinks(path: string): string {
  let file = path
  for (let links = 0; links <= MAX_LINKS; links++) {
    if (!lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink()) return file
    const target = readlinkSync(file)
    file = isAbsolute(target) ? target : `${dirname(file)}${sep}${target}`
  }
  throw new TaskStoreError('CANNOT_OPEN', `${path} leads to itself by links; mend them, or name another file`)
}

export function isSameFile(a: FileIdentity | undefined, b: FileIdentity | undefined): boolean {
  return a?.ino === b?.ino && a?.dev === b?.dev
}

/**
 * Refuses a path that leads to the file of an open store, or to its log. To open and close it would drop the
 * locks that SQLite has on it, and to write it would end the store.
 *
 * @throws TypeError
 */
export function checkNotOwn(path: string, own: string, advice: string): void {
  const found = look(path)
  const isOwn = [own, `${own}-wal`, `${own}-shm`].some((file) => found && isSameFile(found, look(file)))
  if (isOwn) throw new TypeError(`${path} is the store's own file; ${advice}`)
}

/** How long somebody who removes a database may take from its file to its log, in milliseconds. */
const REMOVAL_TIME = 1000

/**
 * Waits while a database is being removed. UnifiedQuantum unlinks the file, the `-wal` and the `-shm` one
 * after the other: a file that is made anew between them would lose its log to the next unlink.
 */
export function waitUntilRemoved(file: string): void {
  const deadline = performance.now() + REMOVAL_TIME
  const isHalfRemoved = () => !existsSync(file) && (existsSync(`${file}-wal`) || existsSync(`${file}-shm`))
  while (isHalfRemoved() && performance.now() < deadline) sleep(5)
}
