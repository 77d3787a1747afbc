import { TaskStoreError } from '../rules/task-store-error.ts'
import { checkNotInside } from '../rules/user-transaction.ts'
import type { Caller, Following, TransactionRun } from './caller.ts'
import type { ThreadLocation } from './messages.ts'
import { type StartThread, Thread } from './thread.ts'
import { runTransaction } from './transaction.ts'

/** The methods that change nothing. */
const READS: ReadonlySet<string> = new Set([
  'open',
  'stage',
  'get',
  'getMany',
  'findIds',
  'list',
  'listSummaries',
  'page',
  'pageSummaries',
  'count',
  'countByStatus',
  'countByBackend',
  'getShards',
  'findShards',
  'check',
  'listChanged',
  'pendingMigrations',
  'archive.get',
  'archive.list',
  'archive.getShards',
  'archive.count',
  'archive.countByStatus',
  'transfer.read',
  'transfer.present',
  'transfer.known',
])

/** The thread of a store, and the next one if it ends by itself. */
export class Threads implements Caller {
  readonly isStore = true
  readonly location: ThreadLocation
  readonly #start: StartThread
  #thread: Thread | undefined
  #closing: Promise<void> | undefined

  constructor(start: StartThread, location: ThreadLocation) {
    this.#start = start
    const { file, timeout, readonly, create, synchronous } = location
    this.location = { file, timeout, readonly, create, synchronous }
  }

  call<T>(method: string, args: readonly unknown[], following?: Following): Promise<T> {
    return this.#call(() => this.thread(), method, args, following)
  }

  together(): Caller {
    const thread = this.thread()
    return {
      isStore: true,
      call: (method, args, following) => this.#call(() => thread, method, args, following),
      together: () => this.together(),
      transaction: (work, options) => this.transaction(work, options),
    }
  }

  async transaction<T>(work: (tx: Caller) => Promise<T>, { retries, timeout }: TransactionRun): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await runTransaction(this, this.thread(), work, { timeout })
      } catch (error) {
        if (attempt >= retries || !wasUndone(error)) throw error
      }
    }
  }

  /** Waits for what was asked before. */
  async close(): Promise<void> {
    checkNotInside(this)
    this.#closing ??= this.#close()
    await this.#closing
  }

  /** The thread for a call that is made now. */
  thread(): Thread {
    if (this.#closing !== undefined) {
      throw new TaskStoreError('CLOSED', `the store of ${this.location.file} is closed; open a new one`)
    }
    checkNotInside(this)
    if (this.#thread?.isOver && this.location.file === ':memory:') {
      throw new TaskStoreError(
        'CLOSED',
        'the thread of a store in memory ended, and its tasks with it; open a new store',
      )
    }
    if (this.#thread === undefined || this.#thread.isOver) {
      this.#thread = new Thread(this.#start, { location: this.location })
    }
    return this.#thread
  }

  async #call<T>(
    threadOf: () => Thread,
    method: string,
    args: readonly unknown[],
    following: Following | undefined,
  ): Promise<T> {
    const outcome = READS.has(method) ? outcomeOfRead : outcomeOfWrite
    const end = await threadOf().ask({ method, args, outcome, following })
    if ('fail' in end) throw end.fail()
    return end.value as T
  }

  async #close(): Promise<void> {
    const thread = this.#thread
    if (thread === undefined || thread.isOver) return
    const end = await thread.close()
    const error = 'fail' in end && end.fail()
    // It ended meanwhile, which closes the store as well.
    if (error instanceof TaskStoreError && error.code === 'DISCONNECTED') return
    if ('fail' in end) throw error
  }
}

const outcomeOfRead = () => 'not-done' as const

const outcomeOfWrite = (thread: Thread, id: number) => (thread.hasBegun(id) ? 'unknown' : 'not-done')

/** Whether nothing of a transaction was written, because others held the lock or its thread ended. */
function wasUndone(error: unknown): boolean {
  if (!(error instanceof TaskStoreError)) return false
  return error.code === 'LOCKED' || (error.code === 'DISCONNECTED' && error.outcome === 'not-done')
}
