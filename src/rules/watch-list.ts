import { setTimeout } from 'node:timers/promises'
import { checkInteger, optionsReader, wrongValue } from './check-arguments.ts'
import { signal } from './long-call.ts'

/** How a list is watched. */
export interface WatchOptions {
  /** How often it is looked for changes, in milliseconds. Default 500. */
  readonly interval?: number | undefined
  /** Ends the iteration, which throws its reason. */
  readonly signal?: AbortSignal | undefined
}

/** {@link WatchOptions} that were checked. */
export interface CheckedWatch {
  readonly interval: number
  readonly signal: AbortSignal | undefined
}

/** The longest that a timer waits, in milliseconds. */
const LONGEST = 2 ** 31 - 1

export const readWatchOptions = optionsReader<CheckedWatch>({
  interval: (name, value = 500) => {
    checkInteger(name, value, 1)
    const interval = value as number
    if (interval > LONGEST) throw wrongValue(name, `at most ${LONGEST}`, interval)
    return interval
  },
  signal,
})

/**
 * Reads a list again and again, and yields it whenever it is not the one before.
 *
 * @param read Returns undefined where nothing can have changed since the last call.
 */
export async function* watchList<T>(
  read: () => readonly T[] | undefined | Promise<readonly T[] | undefined>,
  { interval, signal }: CheckedWatch,
): AsyncGenerator<T[], void, undefined> {
  let last: string | undefined
  for (;;) {
    signal?.throwIfAborted()
    const list = await read()
    const text = list && JSON.stringify(list)
    if (list !== undefined && text !== last) {
      last = text
      yield [...list]
    }
    await pause(interval, signal)
  }
}

async function pause(interval: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await setTimeout(interval, undefined, signal && { signal })
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}
