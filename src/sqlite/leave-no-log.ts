import { existsSync } from 'node:fs'
import { followLinks } from '../files/file-identity.ts'
import { openDriver } from './driver.ts'

/**
 * Runs `work`, which only reads a file. SQLite creates a log to read a file that is written with one, and a
 * reader is not allowed to remove it: so it is removed afterwards, if there was none before.
 */
export function leaveNoLog<T>(path: string, work: () => T): T {
  const removeNewLog = newLogRemover(path)
  try {
    return work()
  } finally {
    removeNewLog()
  }
}

/** Returns a function that does this after a file was closed that is read from now on. */
export function newLogRemover(path: string): () => void {
  const file = followLinks(path)
  const hasLog = () => existsSync(`${file}-wal`)
  const hadLog = hasLog()
  return () => {
    if (!hadLog && hasLog()) removeLog(file)
  }
}

/** As SQLite does it: only if no other connection has the file open. */
function removeLog(file: string): void {
  try {
    const writer = openDriver(file, { fileMustExist: true, timeout: 0 })
    try {
      writer.pragma('schema_version')
    } finally {
      writer.close()
    }
  } catch {
    // Without the right to write, or replaced meanwhile: an empty log does no harm.
  }
}
