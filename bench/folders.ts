import { existsSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'

const TMPFS = '/dev/shm'
/** What the largest trial writes there, and as much again. */
const NEEDED = 1e9

/** Where a disk is part of what is measured. */
export const DISK = tmpdir()

/** Where the code is measured and not the disk: in memory, if there is such a folder with room. */
export const MEMORY = hasTmpfs() ? TMPFS : DISK

export const showMemory = () => (MEMORY === DISK ? 'on disk: there is no tmpfs with room' : 'on tmpfs')

function hasTmpfs(): boolean {
  if (!existsSync(TMPFS)) return false
  const { bavail, bsize } = statfsSync(TMPFS)
  return bavail * bsize > NEEDED
}
