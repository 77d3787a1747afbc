import { isError } from '../rules/is-error.ts'
import { TaskStoreError } from '../rules/task-store-error.ts'

const FULL: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO']

/**
 * Runs `work`, which reads or writes a file, and translates Node's errors.
 *
 * @throws TaskStoreError `CANNOT_OPEN`, `DISK_FULL`.
 */
export function withFile<T>(file: string, done: 'read' | 'written', work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw fileError(error, file, done)
  }
}

/** The code of a Node error. */
export function codeOf(error: unknown): unknown {
  return isError(error) && 'code' in error ? error.code : undefined
}

/** A Node error in this package's terms. A {@link TaskStoreError} stays as it is. */
export function fileError(error: unknown, file: string, done: 'read' | 'written'): TaskStoreError {
  if (error instanceof TaskStoreError) return error
  const code = codeOf(error)
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
