import { TaskStoreError } from '../rules/task-store-error.ts'
import { translateDriverError } from '../sqlite/driver-error.ts'

const FULL: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO']

/**
 * What `work` returns, which reads or writes a file itself. Its errors come out in this package's terms: Node's as
 * `CANNOT_OPEN` or `DISK_FULL`, the driver's as {@link translateDriverError} has them.
 *
 * @throws TaskStoreError
 */
export function withFile<T>(file: string, done: 'read' | 'written', work: () => T): T {
  try {
    return work()
  } catch (error) {
    const translated = translateDriverError(error, file)
    throw translated instanceof TaskStoreError ? translated : fileError(error, file, done)
  }
}

/** The code that Node gives an error of its own. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function fileError(error: unknown, file: string, done: 'read' | 'written'): TaskStoreError {
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
