/** How a call is followed, and ended early. */
export interface Following {
  readonly onProgress?: ((progress: never) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** How a callback of the user's is run in a transaction. */
export interface TransactionRun {
  /** How often again, if it was undone because of others. */
  readonly retries: number
  /** For how long it may be open, in milliseconds. */
  readonly timeout: number
}

/** Where calls run: in the thread of a store, each for itself or in a transaction. */
export interface Caller {
  /** Whether it is a store itself, and not a transaction. */
  readonly isStore: boolean
  /** @param method A method of the store, `archive.list` for one of its archive. */
  call<T>(method: string, args: readonly unknown[], following?: Following): Promise<T>
  /** A caller for calls that belong together: they run in one thread, or fail. */
  together(): Caller
  transaction<T>(work: (tx: Caller) => Promise<T>, options: TransactionRun): Promise<T>
}
