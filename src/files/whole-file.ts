import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, writeSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { TaskStoreError } from '../rules/task-store-error.ts'
import { codeOf, withFile } from './file-error.ts'
import { remove, removeTemporary, temporaryName } from './temporary-file.ts'

/** How many characters of text are collected before they are written. */
const CHUNK = 1 << 16

/** How many bytes a character takes at most. */
const BYTES = 3

/**
 * Writes a file whole or not at all, readable by this user alone: under a temporary name in the same folder,
 * and renamed once it is on the disk.
 *
 * @throws TaskStoreError `CONFLICT` if the file exists and is not to be replaced, `DISK_FULL`, `CANNOT_OPEN`.
 */
export function writeWholeFile(
  path: string,
  replace: boolean,
  write: (append: (text: string) => void) => void,
): void {
  const file = openWholeFile(path, replace)
  try {
    write(file.append)
    file.finish()
  } catch (error) {
    file.discard()
    throw error
  }
}

/** A file that is written whole or not at all: {@link WholeFile.finish} gives it its name. */
export interface WholeFile {
  append(text: string): void
  finish(): void
  discard(): void
}

/** {@link writeWholeFile} in steps. One of `finish` and `discard` has to follow; after `finish` throws, too. */
export function openWholeFile(path: string, replace: boolean): WholeFile {
  const file = resolve(path)
  const temporary = temporaryName(file)
  if (!replace && existsSync(file)) throw existsAlready(file)
  const descriptor = withFile(file, 'written', () => openSync(temporary, 'wx', 0o600))
  const buffer = Buffer.allocUnsafeSlow(2 * CHUNK * BYTES)
  let pending = ''
  const flush = () => {
    writeFully(file, descriptor, bytesOf(pending, buffer))
    pending = ''
  }
  return {
    append: (text) => {
      pending += text
      if (pending.length >= CHUNK) flush()
    },
    finish: () => {
      flush()
      finishFile(temporary, file, replace ? renameSync : linkExclusively)
      close(descriptor)
    },
    discard: () => {
      removeTemporary(temporary)
      close(descriptor)
    },
  }
}

/** What was written is on the disk by now, or is not wanted. */
function close(descriptor: number): void {
  try {
    closeSync(descriptor)
  } catch {
    // It is closed all the same.
  }
}

/** The bytes of a text, in a buffer if they fit there: the memory of a new one takes longer to get than to fill. */
function bytesOf(text: string, buffer: Buffer): Buffer {
  const fits = text.length * BYTES <= buffer.length
  return fits ? buffer.subarray(0, buffer.write(text)) : Buffer.from(text)
}

function writeFully(file: string, descriptor: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) {
    const from = at
    at += withFile(file, 'written', () => writeSync(descriptor, bytes, from))
  }
}

/** Flushes a temporary file to the disk, and then gives it its final name. */
export function finishFile(
  temporary: string,
  file: string,
  giveName: (temporary: string, file: string) => void,
): void {
  withFile(file, 'written', () => {
    synchronise(temporary, 'r+')
    giveName(temporary, file)
  })
  // Sync the name, too: after a power cut it could still be the old one.
  synchroniseFolder(dirname(file))
}

/** Puts the names in a folder on the disk. */
export function synchroniseFolder(folder: string): void {
  try {
    synchronise(folder, 'r')
  } catch {
    // The system or the permissions do not allow opening the folder. What is in it is there.
  }
}

/**
 * Gives a file a name that no other file has: a rename would replace one that another process just created.
 *
 * @throws TaskStoreError `CONFLICT` if another file has it.
 */
export function linkExclusively(temporary: string, file: string): void {
  try {
    linkSync(temporary, file)
  } catch (error) {
    const code = codeOf(error)
    // Also if the file is gone again: its owner may recreate it.
    if (code === 'EEXIST' || existsSync(file)) throw existsAlready(file)
    if (code === 'ENOENT') throw error
    // A file system without links.
    renameSync(temporary, file)
    return
  }
  // It has its name: a temporary one that stays does no harm.
  remove(temporary)
}

export function existsAlready(file: string): TaskStoreError {
  return new TaskStoreError(
    'CONFLICT',
    `${file} already exists; name another file, or pass { replace: true } to replace it`,
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
