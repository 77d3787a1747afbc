import { existsSync, lstatSync, readlinkSync, type Stats, statSync } from 'node:fs'
import { dirname, isAbsolute, sep } from 'node:path'
import { invalidValue } from '../rules/argument-error.ts'
import { elapsed } from '../rules/clock.ts'
import { TaskStoreError } from '../rules/task-store-error.ts'
import { sleep } from './sleep.ts'

/** Which file a path leads to. While a file is open, no other file has its identity. */
export interface FileIdentity {
  readonly dev: number
  readonly ino: number
}

/**
 * The identity of the file that a path leads to now; undefined if there is none.
 *
 * @throws TaskStoreError `CANNOT_OPEN` for a path that cannot be reached, and for a folder.
 */
export function identifyFile(file: string): FileIdentity | undefined {
  const found = look(file)
  if (found?.isDirectory()) {
    throw new TaskStoreError('CANNOT_OPEN', `${file} is a folder; check the path, and name a file`)
  }
  return found
}

/**
 * Refuses what is not a file, before it is opened: to open a pipe waits for whoever writes to it, and a device may never
 * end.
 *
 * @throws TaskStoreError `CANNOT_OPEN`, also where there is none.
 */
export function checkRegularFile(file: string): void {
  const found = look(file)
  if (found?.isFile()) return
  const what =
    found === undefined ? 'does not exist (ENOENT)' : found.isDirectory() ? 'is a folder' : 'is not a file'
  throw new TaskStoreError('CANNOT_OPEN', `${file} ${what}; check the path, and name a file`)
}

/** @throws TaskStoreError `CANNOT_OPEN` for a path that cannot be reached. */
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

/** The most that Linux follows. */
const MAX_LINKS = 40

/**
 * The path after all symbolic links, whether or not the file exists: SQLite creates its file and its log
 * there. Nothing is normalised: the system resolves a `..` after a link.
 *
 * @throws TaskStoreError `CANNOT_OPEN` for links that form a loop.
 */
export function followLinks(path: string): string {
  let file = path
  for (let links = 0; links <= MAX_LINKS; links++) {
    if (!lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink()) return file
    const target = readlinkSync(file)
    file = isAbsolute(target) ? target : `${dirname(file)}${sep}${target}`
  }
  throw new TaskStoreError(
    'CANNOT_OPEN',
    `${path} leads to a loop of symbolic links; fix them, or name another file`,
  )
}

export function isSameFile(a: FileIdentity | undefined, b: FileIdentity | undefined): boolean {
  return a?.ino === b?.ino && a?.dev === b?.dev
}

/**
 * Refuses a path that leads to the file of an open store, or to its log. Opening and closing it would drop
 * SQLite's locks on it, and writing it would destroy the store.
 *
 * @throws TypeError
 */
export function checkNotOwn(argument: string, path: string, own: string, advice: string): void {
  const found = look(path)
  const isOwn = [own, `${own}-wal`, `${own}-shm`].some((file) => found && isSameFile(found, look(file)))
  if (isOwn) throw invalidValue(argument, `${path} is the store's own file; ${advice}`)
}

/** How long another process may take to remove the log of a database after its file, in milliseconds. */
const REMOVAL_TIME = 1000

/**
 * Waits while a database is being removed. UnifiedQuantum unlinks the file, the `-wal` and the `-shm` one
 * after the other: a file that is recreated in between would lose its log to the next unlink.
 */
export function waitUntilRemoved(file: string): void {
  const deadline = elapsed() + REMOVAL_TIME
  const isHalfRemoved = () => !existsSync(file) && (existsSync(`${file}-wal`) || existsSync(`${file}-shm`))
  while (isHalfRemoved() && elapsed() < deadline) sleep(5)
}
