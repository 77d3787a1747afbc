import { closeSync, existsSync, linkSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { TaskStoreError } from '../rules/task-store-error.ts'
import { codeOf } from './file-error.ts'
import { identifyFile, isSameFile } from './file-identity.ts'
import { remove } from './temporary-file.ts'
import { freeTimedName } from './timed-name.ts'
import { linkExclusively, synchroniseFolder } from './whole-file.ts'

/** What SQLite keeps beside a database. It replays these into whatever file has the name of the database. */
export const LOG_ENDINGS = ['-wal', '-journal', '-shm'] as const

/** The logs that lie beside the name of a database, whether it is there or not. */
export function logsBeside(file: string): string[] {
  return LOG_ENDINGS.map((ending) => file + ending).filter((log) => existsSync(log))
}

/** A log that lay beside a name that no file had, and what it was then. */
export interface LeftLog {
  readonly path: string
  readonly mark: string
}

/** The logs of a database that is gone; none while there is a file. */
export function findLeftLogs(file: string): LeftLog[] {
  // The logs first: one that was there before the name was free is not that of a file which comes later.
  const logs = LOG_ENDINGS.flatMap((ending) => {
    const path = file + ending
    const mark = markOf(path)
    return mark === undefined ? [] : [{ path, mark }]
  })
  return existsSync(file) ? [] : logs
}

/**
 * Moves a log that was left out of the way of a new file, to a name of its own (`tasks.sqlite-wal.orphaned.<time>`),
 * and keeps it if it holds anything. Where another process has made the file at this very moment, and this log with it,
 * the log is given back.
 */
export function setLogAside(file: string, { path, mark }: LeftLog): void {
  const aside = moveAside(path)
  if (aside === undefined) return
  if (existsSync(file) && isOfNewFile(aside, mark)) giveBack(aside, path)
  else if (statSync(aside).size === 0) rmSync(aside)
}

function setLogsAside(file: string): void {
  for (const log of findLeftLogs(file)) {
    if (existsSync(file)) return
    setLogAside(file, log)
  }
}

/** Gives a database that nobody has open a name that no file has, and that no log of another one lies beside. */
export function placeDatabase(temporary: string, file: string): void {
  setLogsAside(file)
  linkExclusively(temporary, file)
}

/**
 * Gives a database that nobody has open the name of another one, which it replaces.
 *
 * @throws TaskStoreError `CONFLICT` where the other one has a log.
 */
export function replaceDatabase(temporary: string, file: string): void {
  setLogsAside(file)
  checkNoLog(file)
  renameSync(temporary, file)
}

/**
 * Gives a database that nobody has open the name of a damaged one, which is kept with its logs under a name of its own
 * (`tasks.sqlite.damaged.<time>`). It has its old name, too, until the new one has it.
 *
 * @returns The name under which it is kept.
 * @throws TaskStoreError `CONFLICT` where others use or replace the damaged one.
 */
export function replaceDamaged(temporary: string, file: string): string {
  const kept = freeTimedName(`${file}.damaged`)
  const endings = ['', ...LOG_ENDINGS].filter((ending) => existsSync(file + ending))
  try {
    giveSecondNames(file, kept, endings)
    // Else a power cut could take the log away, and leave nothing in its place.
    synchroniseFolder(dirname(file))
    for (const log of logsBeside(file)) rmSync(log, { force: true })
    if (!existsSync(file)) placeDatabase(temporary, file)
    else if (isSameFile(identifyFile(kept), identifyFile(file))) replaceDatabase(temporary, file)
    else throw new TaskStoreError('CONFLICT', `${file} was replaced at this very moment; call again`)
    return kept
  } catch (error) {
    for (const ending of endings) takeBack(kept + ending, file + ending)
    throw error
  }
}

function giveSecondNames(file: string, kept: string, endings: readonly string[]): void {
  try {
    for (const ending of endings) linkSync(file + ending, kept + ending)
  } catch {
    // A file system without links. The logs are moved first: none may lie beside a name that is free.
    for (const ending of endings.toReversed()) {
      rmSync(kept + ending, { force: true })
      renameSync(file + ending, kept + ending)
    }
  }
}

function takeBack(kept: string, path: string): void {
  try {
    if (isSameFile(identifyFile(kept), identifyFile(path))) remove(kept)
    else giveBack(kept, path)
  } catch {
    // It stays under its other name.
  }
}

/** @throws TaskStoreError `CONFLICT` where a log lies beside a database that is to be replaced. */
export function checkNoLog(file: string): void {
  const [log] = logsBeside(file)
  if (log === undefined) return
  throw new TaskStoreError(
    'CONFLICT',
    `${log} lies beside the file that is to be replaced, and SQLite would replay it into the new one: ${file} is in use, or a program that had it open was killed. Close it everywhere, open it once and close it, which removes the log; or name another file`,
  )
}

/** Undefined where another process was faster. */
function moveAside(path: string): string | undefined {
  const aside = takeTimedName(`${path}.orphaned`)
  try {
    renameSync(path, aside)
    return aside
  } catch (error) {
    rmSync(aside, { force: true })
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Makes an empty file of a free name, so that no other process moves its log over this one. */
function takeTimedName(name: string): string {
  for (;;) {
    const timed = freeTimedName(name)
    try {
      closeSync(openSync(timed, 'wx', 0o600))
      return timed
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
  }
}

/** SQLite deletes a left log beside a file that it makes and writes a new one, but it goes on with the `-shm`. */
function isOfNewFile(aside: string, mark: string): boolean {
  return aside.includes('-shm.orphaned.') || markOf(aside) !== mark
}

function giveBack(aside: string, path: string): void {
  try {
    linkSync(aside, path)
  } catch (error) {
    // Whoever opened the file meanwhile made another log: this one stays where it is.
    if (codeOf(error) === 'EEXIST') return
    if (existsSync(path)) return
    renameSync(aside, path)
    return
  }
  rmSync(aside, { force: true })
}

/** Tells one content of a file from another; undefined where there is no file. */
function markOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true })
  return found && [found.dev, found.ino, found.size, found.mtimeNs].join()
}
