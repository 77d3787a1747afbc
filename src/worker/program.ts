import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { onSleep } from '../files/sleep.ts'
import { elapsed } from '../rules/clock.ts'
import { tookTooLong, txIsOver } from '../rules/user-transaction.ts'
import { TaskStore } from '../task-store.ts'
import { packError } from './errors.ts'
import { Lookout } from './lookout.ts'
import {
  type Answer,
  MOST_UNREAD,
  PART,
  type Post,
  SHARED,
  type ThreadData,
  TOLD_WITHIN,
} from './messages.ts'
import { Methods, Whole } from './methods.ts'
import { packValue, weightOf } from './values.ts'

// The program of the thread of a store. It takes one call after the other. While a transaction is open it does not return
// to its event loop, but waits for the next post itself: so a transaction is one call of the synchronous store.

const port = parentPort as MessagePort
const { location, shared } = workerData as ThreadData
const ownNow = Date.now

let opened: TaskStore | undefined
const methods = new Methods(() => {
  opened ??= new TaskStore(location)
  return opened
})

/** Calls that have not begun: outside a transaction, and in each one that is open. */
const waiting: Asked[] = []
const waitingIn = new Map<number, Asked[]>()
const aborted = new Set<number>()
/** Calls that go on while others are taken. */
const underWay = new Set<Promise<unknown>>()
/** The weight of the answers that the caller has not read yet. */
let unread = 0
/** Answers that are not posted yet, their weight, and when the call of the first one began. */
let answers: Answer[] = []
let gathered = 0
let firstBegan = 0
/** When the call that runs began. */
let began = 0
/** When the transaction that is open has to end. */
let limit: { readonly at: number; readonly timeout: number } | undefined

/** A {@link Call}. */
interface Asked {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
  readonly tx: number | undefined
  readonly tells: boolean | undefined
  readonly time: number | undefined
}

/** For how long answers are gathered, in milliseconds, and at most how long a call takes for which one may wait. */
const TOGETHER = 0.3

/** How long the last call of each method took, in milliseconds. */
const lasted = new Map<string, number>()

/** Ends a transaction whose callback failed. */
const UNDONE = new Error('undone')

/** For how long the thread stays in one turn of its event loop while calls follow each other, in milliseconds. */
const TURN = 20

const lookout = new Lookout(takeArrived)

/** Whether calls are run one after the other, also those that arrive meanwhile. */
let isRunning = false

port.on('message', (post: Post) => {
  take(post)
  runWaiting()
})

function runWaiting(): void {
  isRunning = true
  const end = elapsed() + TURN
  do {
    for (let call = waiting.shift(); call !== undefined; call = waiting.shift()) run(call)
    // Calls that are under way go on in other turns.
  } while (flush() && underWay.size === 0 && elapsed() < end && lookout.comes())
  isRunning = false
}

function take([calls, ids, read]: Post): void {
  unread -= read
  for (const id of ids) aborted.add(id)
  for (const [id, method, args, tx, tells, time] of calls) {
    const call = { id, method, args, tx, tells, time }
    const queue = call.tx === undefined ? waiting : waitingIn.get(call.tx)
    if (queue !== undefined) queue.push(call)
    else if (call.id !== 0) fail(call, txIsOver())
  }
}

/** Takes what has arrived, and returns whether anything had. */
function takeArrived(): boolean {
  let hasTaken = false
  for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
    take(next.message as Post)
    hasTaken = true
  }
  // A call that goes on beside others has taken them.
  if (hasTaken && !isRunning) setImmediate(runWaiting)
  return hasTaken
}

/** Waits for a post. @throws TaskStoreError `TIMED_OUT` when the transaction has to end. */
function waitForPost(): void {
  flush()
  const posts = Atomics.load(shared, SHARED.posts)
  stopIfEnding()
  if (lookout.comes()) return
  checkLimit()
  Atomics.wait(shared, SHARED.posts, posts, limit && limit.at - elapsed())
}

/**
 * Stops for good if the process ends. The driver aborts it if the thread is ended while it makes an error, as it does at
 * each look at a lock that is held.
 */
function stopIfEnding(): void {
  if (Atomics.load(shared, SHARED.ending) === 0) return
  Atomics.store(shared, SHARED.stopped, 1)
  Atomics.notify(shared, SHARED.stopped)
  Atomics.wait(shared, SHARED.ending, 1)
}

onSleep(() => {
  flush()
  stopIfEnding()
})

function checkLimit(): void {
  if (limit !== undefined && elapsed() >= limit.at) throw tookTooLong(location.file, limit.timeout)
}

/** Goes by the clock of the caller, if that one has been set. */
function setTime(time: number | undefined): void {
  if (time !== undefined) Date.now = () => time
  else if (Date.now !== ownNow) Date.now = ownNow
}

function run(call: Asked): void {
  if ((lasted.get(call.method) ?? TOGETHER) >= TOGETHER) flush()
  stopIfEnding()
  setTime(call.time)
  if (call.tx === undefined) Atomics.store(shared, SHARED.begun, call.id)
  if (call.method === 'transaction') transact(call)
  else if (call.method === 'close') void close(call)
  else {
    began = elapsed()
    runMethod(call)
    lasted.set(call.method, elapsed() - began)
  }
}

function runMethod(call: Asked): void {
  // Few calls can be ended, and a controller takes longer to make than many of them take.
  const controller = call.tells === undefined ? undefined : new AbortController()
  const failed = (error: unknown) => {
    const wasAborted = controller?.signal.aborted && error === controller.signal.reason
    if (wasAborted) add([call.id, 0, 'aborted'])
    else fail(call, error)
  }
  try {
    const args = controller === undefined ? call.args : followed(call, controller)
    const value = methods.call(call.method, args)
    if (!(value instanceof Promise)) {
      answer(call, value)
      return
    }
    const ended = value
      .then((value) => answer(call, value))
      .catch(failed)
      .then(flush)
    underWay.add(ended)
    ended.then(() => underWay.delete(ended))
  } catch (error) {
    failed(error)
  } finally {
    aborted.delete(call.id)
  }
}

/** The arguments of a call, whose last one is its options, with those that tell how far it is and may end it. */
function followed({ id, args, tells }: Asked, controller: AbortController): readonly unknown[] {
  const look = () => {
    if (aborted.has(id)) controller.abort()
    checkLimit()
  }
  look()
  const onProgress = (progress: unknown) => {
    const told = Atomics.load(shared, SHARED.told)
    if (tells) {
      add([id, 0, 'progress', progress])
      flush()
      Atomics.wait(shared, SHARED.told, told, TOLD_WITHIN)
    }
    stopIfEnding()
    takeArrived()
    look()
  }
  const options = { ...(args.at(-1) as object | undefined), onProgress, signal: controller.signal }
  return [...args.slice(0, -1), options]
}

/** Runs a transaction, or a savepoint in one, whose calls come one by one. */
function transact(call: Asked): void {
  const isOutermost = waitingIn.size === 0
  const calls: Asked[] = []
  try {
    methods.call('transaction', [
      () => {
        const [timeout] = call.args as readonly number[]
        if (timeout !== undefined) limit = { at: elapsed() + timeout, timeout }
        waitingIn.set(call.id, calls)
        add([call.id, 0, 'progress', call.id])
        runAll(calls)
        waitingIn.delete(call.id)
        if (isOutermost) Atomics.store(shared, SHARED.committing, call.id)
      },
    ])
    // It is committed: it cannot be late any more.
    if (isOutermost) limit = undefined
    answer(call, undefined)
  } catch (error) {
    if (error === UNDONE) add([call.id, 0, 'undone'])
    else fail(call, error)
  } finally {
    waitingIn.delete(call.id)
    if (isOutermost) limit = undefined
    for (const late of calls) if (late.id !== 0) fail(late, txIsOver())
  }
}

/** Runs the calls of a transaction until its callback has ended. */
function runAll(calls: Asked[]): void {
  for (;;) {
    checkLimit()
    const call = calls.shift()
    if (call === undefined) waitForPost()
    else if (call.method === 'commit') return
    else if (call.method === 'rollback') throw UNDONE
    else run(call)
  }
}

/** Closes the store after what goes on, and ends the thread. */
async function close(call: Asked): Promise<void> {
  await Promise.all(underWay)
  try {
    opened?.close()
    answer(call, undefined)
  } catch (error) {
    fail(call, error)
  }
  flush()
  port.close()
}

function fail({ id }: Asked, error: unknown): void {
  add([id, 0, 'error', packError(error)])
}

/** Posts the value of a call; its lists in parts, so that the caller never reads for long at a time. */
function answer({ id, method }: Asked, value: unknown): void {
  if (value instanceof Whole) {
    post([id, weightOf(value.value), 'value', value.value])
    return
  }
  const { head, lists } = withoutLists(value)
  if (lists.length === 0) {
    const packed = packValue(method, head)
    post([id, weightOf(packed), 'value', packed])
    return
  }
  let parts: [property: string, items: unknown[]][] = []
  let weight = 0
  for (const [property, items] of lists) {
    let part: unknown[] = []
    parts.push([property, part])
    for (const item of items) {
      const packed = packValue(method, item)
      part.push(packed)
      weight += weightOf(packed)
      if (weight < PART) continue
      post([id, weight, 'part', parts])
      part = []
      parts = [[property, part]]
      weight = 0
    }
  }
  post([id, weight + weightOf(head), 'value', head, parts])
}

/** Adds an answer, when the caller has read most of what was posted before. */
function post(answer: Answer): void {
  while (unread > MOST_UNREAD) waitForPost()
  unread += answer[1]
  add(answer)
}

/** Answers of short calls that follow each other are posted together: to post one may take longer than a call. */
function add(answer: Answer): void {
  if (answers.length === 0) firstBegan = began
  answers.push(answer)
  gathered += answer[1]
  if (gathered > PART || elapsed() - firstBegan > TOGETHER) flush()
}

/** Returns whether there was an answer. */
function flush(): boolean {
  if (answers.length === 0) return false
  port.postMessage(answers)
  answers = []
  gathered = 0
  return true
}

/** How many items a list of a report has if it is sent in parts. */
const MANY = 100

/** What a value holds that has no list. */
const NO_LISTS: readonly [property: string, items: readonly unknown[]][] = []

/** A value, and its lists: itself, the items of a page, or long ones of a report. */
function withoutLists(value: unknown) {
  if (Array.isArray(value)) return { head: undefined, lists: [['', value]] as typeof NO_LISTS }
  if (typeof value !== 'object' || value === null || 'taskId' in value)
    return { head: value, lists: NO_LISTS }
  const head: Record<string, unknown> = { ...value }
  const lists: [property: string, items: readonly unknown[]][] = []
  for (const [property, items] of Object.entries(value)) {
    if (!Array.isArray(items) || (property !== 'items' && items.length <= MANY)) continue
    lists.push([property, items])
    delete head[property]
  }
  return lists.length === 0 ? { head: value, lists: NO_LISTS } : { head, lists }
}
