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

/** A call of a method of a store: `save`, `archive.list`, or one of those that only the thread has. */
export interface Call {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
  /** The transaction in which it is called. */
  readonly tx: number | undefined
  /** For a call that takes an `onProgress` and a `signal`: whether to tell how far it is. */
  readonly tells: boolean | undefined
  /** The time of the caller, if a test has set it. */
  readonly time: number | undefined
}

/** What the caller posts. */
export interface Post {
  readonly calls: readonly Call[]
  /** The calls to end. */
  readonly aborted: readonly number[]
  /** The weight of the answers that were read since the last post. */
  readonly read: number
}

/** What the thread posts about a call. */
export interface Answer {
  readonly id: number
  readonly weight: number
  /** The next items of its lists, by the property of the value; of a list itself, an empty string. */
  readonly lists?: readonly (readonly [property: string, items: readonly unknown[]])[]
  /** Set at the end. `aborted` is for a call that its signal ended, `undone` for a transaction whose callback failed. */
  readonly outcome?: 'value' | 'error' | 'aborted' | 'undone'
  readonly value?: unknown
  readonly error?: PackedError
  /** How far it is; of a transaction, that it has begun. */
  readonly progress?: unknown
}

/**
 * For how much the caller has not read yet the thread may go on posting, and how much it posts at once. What is read in one
 * turn of the event loop takes some milliseconds.
 */
export const MOST_UNREAD = 400_000
export const PART = 100_000

/** How long a call waits until its caller was told how far it is, and can have ended it, in milliseconds. */
export const TOLD_WITHIN = 50
