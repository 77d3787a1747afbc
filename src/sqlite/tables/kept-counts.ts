import type { Connection } from '../connection.ts'

/** So many tasks are counted as fast as it is found out whether the file has changed. */
const FEW = 1000

/** How many counts are kept: the filters of a program may each have another time. */
const MOST = 100

interface KeptCount {
  readonly value: unknown
  /** Undefined for a count that is not kept. */
  readonly version: string | undefined
  readonly isOfFew: boolean
}

/** Counts, which take the longer the more tasks there are, kept until the file changes. */
export class KeptCounts {
  readonly #connection: Connection
  readonly #kept = new Map<string, KeptCount>()

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /**
   * What `count` returns, or returned when the file was as it is now.
   *
   * @param name Tells it from other counts.
   * @param total How many tasks a count found.
   */
  get<T>(name: string, count: () => T, total: (value: T) => number): T {
    const kept = this.#kept.get(name)
    // Read first: what is committed after it makes a count out of date that may have seen it already.
    const version = kept?.isOfFew ? undefined : this.#connection.run(() => this.#connection.version)
    if (kept !== undefined && version !== undefined && version === kept.version) return kept.value as T
    const value = count()
    const isOfFew = total(value) <= FEW
    if (isOfFew && kept?.isOfFew) return value
    if (this.#kept.size >= MOST) this.#kept.clear()
    this.#kept.set(name, { value, version, isOfFew })
    return value
  }
}
