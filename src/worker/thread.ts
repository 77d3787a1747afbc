import { nextTick } from 'node:process'
import { setImmediate } from 'node:timers'
import type { Worker } from 'node:worker_threads'
import { invalidValue } from '../rules/argument-error.ts'
import { type CallOutcome, TaskStoreError } from '../rules/task-store-error.ts'
import type { Following } from './caller.ts'
import { unpackError } from './errors.ts'
import {
  type Answer,
  type Call,
  type Lists,
  MOST_UNREAD,
  type Post,
  SHARED,
  type ThreadData,
} from './messages.ts'
import { unpackValue } from './values.ts'

/** Starts a thread that runs `program.ts`. */
export type StartThread = (data: ThreadData) => Worker

/** What is asked of the thread. */
export interface Question {
  readonly method: string
  readonly args: readonly unknown[]
  readonly tx?: number
  /** Given for a call that takes it. */
  readonly following?: Following | undefined
  /** Whether it may have been done although its answer was lost: not of a call that reads, or is undone with its transaction. */
  readonly outcome: (thread: Thread, id: number) => CallOutcome
}

/** What is told to the thread, without an answer of its own. */
type Told = Pick<Question, 'method' | 'args' | 'tx'>

/** A call that is under way. */
interface Pending extends Pick<Question, 'method' | 'outcome' | 'following'> {
  resolve: (end: End) => void
  readonly abort: (() => void) | undefined
  lists: Map<string, unknown[]> | undefined
  /** What `onProgress` threw. */
  failure: { readonly error: unknown } | undefined
}

/** How a call ended. Its error is made by who waits for it, so that it names him in its stack. */
export type End = { readonly value: unknown } | { readonly fail: () => unknown }

/** How many calls are posted at once. */
const MOST_CALLS = 500

/** How long the thread takes at most to look at a lock, and more, in milliseconds. */
const STOPS_WITHIN = 100

/** The threads that have not ended. */
const startedThreads = new Set<Thread>()

process.on('exit', () => {
  for (const thread of startedThreads) thread.stop()
  for (const thread of startedThreads) thread.waitUntilStopped()
})

/** A thread with a store, as the thread that calls it sees it. */
export class Thread {
  readonly #worker: Worker
  readonly #shared: Int32Array
  readonly #store: string
  readonly #pending = new Map<number, Pending>()
  #calls: Call[] = []
  #aborted: number[] = []
  #read = 0
  #isPosting = false
  #lastId = 0
  #isOver = false
  /** What ended it, and with which code. */
  #error: unknown
  #code: number | undefined
  readonly #ended: Promise<void>

  constructor(start: StartThread, data: Omit<ThreadData, 'shared'>) {
    this.#shared = new Int32Array(new SharedArrayBuffer(SHARED.length * Int32Array.BYTES_PER_ELEMENT))
    this.#store = data.location.file
    try {
      this.#worker = start({ ...data, shared: this.#shared })
    } catch (error) {
      throw cannotStart(error)
    }
    this.#worker.on('message', (answers: readonly Answer[]) => {
      for (const answer of answers) this.#take(answer)
    })
    this.#worker.on('error', (error) => {
      this.#error = error
    })
    this.#ended = new Promise((resolve) => {
      this.#worker.on('exit', (code) => {
        this.#end(code)
        resolve()
      })
    })
    // Only a call that is under way keeps the process.
    this.#worker.unref()
    startedThreads.add(this)
  }

  /** Whether it has ended, by itself or not. */
  get isOver(): boolean {
    return this.#isOver
  }

  ask(question: Question): Promise<End> {
    if (this.#isOver) return Promise.resolve({ fail: () => this.#lost('not-done') })
    const id = this.#nextId()
    const { method, outcome, following } = question
    return new Promise((resolve) => {
      const abort = following && (() => this.#abort(id))
      this.#pending.set(id, {
        method,
        outcome,
        following,
        resolve,
        abort,
        lists: undefined,
        failure: undefined,
      })
      if (this.#pending.size === 1) this.#worker.ref()
      this.#send(id, question)
      if (abort !== undefined) following?.signal?.addEventListener('abort', abort)
    })
  }

  /** Sends what has no answer of its own. */
  tell(question: Told): void {
    if (!this.#isOver) this.#send(0, question)
  }

  /** Ends the thread when all that was asked before is done. */
  async close(): Promise<End> {
    const end = await this.ask({ method: 'close', args: [], outcome: () => 'not-done' })
    // Until it has ended, it keeps the process.
    this.#worker.ref()
    await this.#ended
    return end
  }

  /** Asks the thread to stop where it can be ended safely. */
  stop(): void {
    Atomics.store(this.#shared, SHARED.ending, 1)
    Atomics.add(this.#shared, SHARED.posts, 1)
    Atomics.notify(this.#shared, SHARED.posts)
  }

  /** Waits until it has stopped, but not for a call that goes on for long. */
  waitUntilStopped(): void {
    if (this.#pending.size > 0) Atomics.wait(this.#shared, SHARED.stopped, 0, STOPS_WITHIN)
  }

  /** Whether a call outside a transaction has begun: they begin in their order. */
  hasBegun(id: number): boolean {
    return ((id - Atomics.load(this.#shared, SHARED.begun)) | 0) <= 0
  }

  /** Whether the commit of a transaction has begun. */
  hasCommitted(id: number): boolean {
    return Atomics.load(this.#shared, SHARED.committing) === id
  }

  /** Ends a call between two of its batches. */
  #abort(id: number): void {
    this.#aborted.push(id)
    this.#postSoon()
  }

  #nextId(): number {
    this.#lastId = (this.#lastId + 1) | 0 || 1
    return this.#lastId
  }

  #send(
    id: number,
    { method, args, tx, following }: Told & { readonly following?: Following | undefined },
  ): void {
    const tells = following && following.onProgress !== undefined
    this.#calls.push([id, method, args, tx, tells, givenTime()])
    this.#postSoon()
  }

  /** Posts in one message what is asked in one go: also by those who go on because of one message. */
  #postSoon(): void {
    if (this.#isPosting) return
    this.#isPosting = true
    nextTick(() => this.#post())
  }

  #post(): void {
    this.#isPosting = false
    if (this.#isOver) return
    const calls = this.#calls.splice(0, MOST_CALLS)
    const [aborted, read] = [this.#aborted, this.#read]
    this.#aborted = []
    this.#read = 0
    if (!this.#tryPost([calls, aborted, read])) {
      this.#tryPost([[], aborted, read])
      for (const call of calls) this.#tryPost([[call], [], 0])
    }
    Atomics.add(this.#shared, SHARED.posts, 1)
    Atomics.notify(this.#shared, SHARED.posts)
    if (this.#calls.length > 0) this.#postInATurn()
  }

  /** Whether it could be posted. A single call that cannot is refused: an argument that a getter changes passes its check. */
  #tryPost(post: Post): boolean {
    try {
      this.#worker.postMessage(post)
      return true
    } catch (error) {
      const [[first, ...others]] = post
      if (first === undefined) throw error
      const message = 'an argument cannot be sent to the thread of the store'
      const fail = () => invalidValue('options', message, { cause: error })
      if (others.length === 0) this.#finish(first[0], { fail })
      return false
    }
  }

  /** Goes on after others had their turn. */
  #postInATurn(): void {
    if (this.#isPosting) return
    this.#isPosting = true
    setImmediate(() => this.#post())
  }

  #take(answer: Answer): void {
    const [id, weight, kind, told, lists] = answer
    this.#read += weight
    if (this.#read > MOST_UNREAD / 4) this.#postInATurn()
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    if (kind === 'progress') this.#report(told, pending)
    else if (kind === 'part') addItems(pending, told)
    else {
      if (lists !== undefined) addItems(pending, lists)
      this.#finish(id, endOf(answer, pending))
    }
  }

  #report(progress: unknown, pending: Pending): void {
    if (pending.failure !== undefined) return
    try {
      pending.following?.onProgress?.(progress as never)
    } catch (error) {
      pending.failure = { error }
      pending.abort?.()
    }
    // Before the thread goes on.
    if (this.#aborted.length > 0) this.#post()
    Atomics.add(this.#shared, SHARED.told, 1)
    Atomics.notify(this.#shared, SHARED.told)
  }

  #finish(id: number, end: End): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    if (pending.abort !== undefined) pending.following?.signal?.removeEventListener('abort', pending.abort)
    pending.resolve(end)
    this.#pending.delete(id)
    // Until all memory is collected, a Map holds what was deleted from it, and that would hold the answer.
    pending.resolve = () => undefined
    pending.lists = undefined
    if (this.#pending.size === 0) this.#worker.unref()
  }

  #end(code: number): void {
    startedThreads.delete(this)
    this.#isOver = true
    this.#code = code
    for (const [id, { resolve, outcome }] of this.#pending) {
      const became = outcome(this, id)
      resolve({ fail: () => this.#lost(became) })
    }
    this.#pending.clear()
  }

  #lost(outcome: CallOutcome): TaskStoreError {
    if (this.#error !== undefined && Atomics.load(this.#shared, SHARED.begun) === 0)
      return cannotStart(this.#error)
    const became =
      outcome === 'not-done'
        ? 'this call changed nothing'
        : 'this call may have been done or not: look before you repeat it'
    return new TaskStoreError('DISCONNECTED', `the thread of the store of ${this.#store} ended; ${became}`, {
      cause: this.#error ?? new Error(`the thread ended with the code ${this.#code}`),
      outcome,
    })
  }
}

function cannotStart(cause: unknown): TaskStoreError {
  const { message } = cause as Error
  return new TaskStoreError(
    'CANNOT_OPEN',
    `the thread of the store cannot be started (${message}); a program that was bundled needs uniqc-task-store/worker/program beside it: see the setups in the docs`,
    { cause },
  )
}

function addItems(pending: Pending, lists: Lists): void {
  pending.lists ??= new Map()
  for (const [property, items] of lists) {
    const list = pending.lists.get(property) ?? []
    pending.lists.set(property, list)
    for (const item of items) list.push(unpackValue(pending.method, item))
  }
}

function endOf([, , kind, told]: Answer, { method, lists, following, failure }: Pending): End {
  if (failure !== undefined) return { fail: () => failure.error }
  switch (kind) {
    case 'value': {
      if (lists === undefined) return { value: unpackValue(method, told) }
      const list = lists.get('')
      return { value: list ?? { ...(told as object), ...Object.fromEntries(lists) } }
    }
    case 'aborted':
      return { fail: () => following?.signal?.reason }
    case 'error':
      return { fail: () => unpackError(told) }
    default:
      return { fail: () => undefined }
  }
}

const ownNow = Date.now

/** The time of this thread, if a test has put another clock in its place. */
function givenTime(): number | undefined {
  return Date.now === ownNow ? undefined : Date.now()
}
