import { TaskStoreError } from './task-store-error.ts'

const FULL: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO']

/** What `work` returns on a file that is no database. @throws TaskStoreError `CANNOT_OPEN`, `DISK_FULL` */
export function withFile<T>(file: string, done: 'read' | 'written', work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof TaskStoreError ? error : fileError(error, file, done)
  }
}

/** Node's error about a file that is no database, in this package's terms. */
export function fileError(error: unknown, file: string, done: 'read' | 'written'): TaskStoreError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (FULL.includes(code)) {
    const advice = 'the disk is full, over a limit, or failing; make room and call again'
    return new TaskStoreError('DISK_FULL', `${file} could not be ${done} (${code}): ${advice}`, {
      cause: error,
    })
  }
  const advice = 'check the path and its permissions'
  return new TaskStoreError('CANNOT_OPEN', `${file} cannot be ${done} (${code ?? error}); ${advice}`, {
    cause: error,
  })
}
