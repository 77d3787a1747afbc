import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { TaskStoreError } from '../rules/task-store-error.ts'
import { codeOf, withFile } from './file-error.ts'

/** Text is collected to so many characters before it is written. */
const CHUNK = 1 << 18

/**
 * Writes a file that is there whole or not at all, for this user alone: under another name in the same
 * folder, and renamed when it is on the disk.
 *
 * @throws TaskStoreError `CONFLICT` where there is a file that is not to be replaced, `DISK_FULL`,
 * `CANNOT_OPEN`.
 */
export function writeWholeFile(
  path: string,
  replace: boolean,
  write: (append: (text: string) => void) => void,
): void {
  const file = resolve(path)
  const temporary = temporaryName(file)
  if (!replace && existsSync(file)) throw existsAlready(file)
  const descriptor = withFile(file, 'written', () => openSync(temporary, 'w', 0o600))
  try {
    let pending = ''
    const flush = () => {
      writeFully(file, descriptor, pending)
      pending = ''
    }
    write((text) => {
      pending += text
      if (pending.length >= CHUNK) flush()
    })
    flush()
    finishFile(temporary, file, replace)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  } finally {
    closeSync(descriptor)
  }
}

function writeFully(file: string, descriptor: number, text: string): void {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; ) {
    const from = at
    at += withFile(file, 'written', () => writeSync(descriptor, bytes, from))
  }
}

/** Gives a file that is written its name, when it is on the disk. */
export function finishFile(temporary: string, file: string, replace: boolean): void {
  withFile(file, 'written', () => {
    synchronise(temporary, 'r+')
    if (replace) renameSync(temporary, file)
    else linkExclusively(temporary, file)
  })
  try {
    // The name, too: at a power cut it may else be the old one still.
    synchronise(dirname(file), 'r')
  } catch {
    // A system, or rights, that do not let a folder be opened. The file is there.
  }
}

/** What a file is called while it is written: another process or thread may be writing it as well. */
export function temporaryName(file: string): string {
  return `${file}.${crypto.randomUUID().slice(0, 8)}.unfinished`
}

/**
 * Gives a file a name that no other has: a rename would replace one that somebody has made meanwhile.
 *
 * @throws TaskStoreError `CONFLICT` where there is one.
 */
export function linkExclusively(temporary: string, file: string): void {
  try {
    linkSync(temporary, file)
  } catch (error) {
    const code = codeOf(error)
    // Also where it is gone again: whoever made it may make it anew.
    if (code === 'EEXIST' || existsSync(file)) throw existsAlready(file)
    if (code === 'ENOENT') throw error
    // A file system without links.
    renameSync(temporary, file)
    return
  }
  rmSync(temporary)
}

export function existsAlready(file: string): TaskStoreError {
  return new TaskStoreError(
    'CONFLICT',
    `${file} exists already; name another file, or give { replace: true } to replace it`,
  )
}

function synchronise(path: string, flags: 'r' | 'r+'): void {
  const descriptor = openSync(path, flags)
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
