import type { StoreLocation } from '../sqlite/store-location.ts'
import type { PackedError } from './errors.ts'

/** What the thread of a store is given when it starts. */
export interface ThreadData {
  readonly location: ThreadLocation
  readonly shared: Int32Array
}

/** Where the store is; all paths are absolute. */
export type ThreadLocation = Pick<StoreLocation, 'file' | 'timeout' | 'readonly' | 'create' | 'synchronous'>

/** The cells of the memory that both threads share. */
export const SHARED = {
  /** Counts the posts, so that a thread that is inside a transaction can wait for the next one. */
  posts: 0,
  /** The id of the last call that began, of those outside a transaction. */
  begun: 1,
  /** The id of the last transaction whose commit began. */
  committing: 2,
  /** 1 when the process ends, and 1 when the thread has stopped because of it. */
  ending: 3,
  stopped: 4,
  /** Counts how often the caller was told how far a call is. */
  told: 5,
  length: 6,
} as const

// Arrays are cloned in less time than objects, whose keys are texts.

/**
 * A call of a method of a store: `save`, `archive.list`, or one of those that only the thread has.
 *
 * - tx: the transaction in which it is called.
 * - tells: for a call that takes an `onProgress` and a `signal`, whether to tell how far it is.
 * - time: the time of the caller, if a test has set it.
 */
export type Call = readonly [
  id: number,
  method: string,
  args: readonly unknown[],
  tx: number | undefined,
  tells: boolean | undefined,
  time: number | undefined,
]

/**
 * What the caller posts.
 *
 * - aborted: the calls to end.
 * - read: the weight of the answers that were read since the last post.
 */
export type Post = readonly [calls: readonly Call[], aborted: readonly number[], read: number]

/** The next items of the lists of a value, by its property; of a list itself, an empty string. */
export type Lists = readonly (readonly [property: string, items: readonly unknown[]])[]

/** What the thread posts about a call: the first two before its end, and one of the others at its end. */
export type Answer = readonly [id: number, weight: number, ...Told]

type Told =
  /** How far it is; of a transaction, that it has begun. */
  | readonly [kind: 'progress', progress: unknown]
  | readonly [kind: 'part', lists: Lists]
  | readonly [kind: 'value', value: unknown, lists?: Lists]
  | readonly [kind: 'error', error: PackedError]
  /** It was ended by its signal. */
  | readonly [kind: 'aborted']
  /** A transaction whose callback failed. */
  | readonly [kind: 'undone']

/**
 * For how much the caller has not read yet the thread may go on posting, and how much it posts at once. What is read in one
 * turn of the event loop takes some milliseconds.
 */
export const MOST_UNREAD = 400_000
export const PART = 100_000

/** How long a call waits until its caller was told how far it is, and can have ended it, in milliseconds. */
export const TOLD_WITHIN = 50
