import { sleep } from '../files/sleep.ts'
import { elapsed } from '../rules/clock.ts'
import { isBusy } from './driver-error.ts'

/**
 * SQLite has no queue for its write lock: waiters poll, and one that polls rarely is starved by one that takes the lock
 * again at once. UnifiedQuantum polls every 100 milliseconds and fails after 5 seconds. So a process that was busy with the
 * lock for a quarter of a period keeps off it for the first part of the next one; periods follow the clock, so that all
 * processes pause together. In milliseconds.
 */
const PERIOD = 2000
const PAUSE = 150

/**
 * For how long batches hold the lock before they pause, and for how long they pause, in milliseconds. Waiters
 * poll every 25 milliseconds at first, and rarely after 128.
 */
const HOLD = 70
const BATCH_PAUSE = 26

/**
 * For how long SQLite itself waits for a lock, and for how long we wait before we ask it again, in
 * milliseconds. The longer it has waited, the more rarely it polls, so that newcomers would keep overtaking
 * it.
 */
const DRIVER_WAIT = 10
const RETRY_AFTER = 2

/** What this process did with the lock of one file, whichever of its connections it was. */
interface LockUse {
  /** The number of the period of the last write. */
  period: number
  /** For how long the process wrote, or waited to, in that period, in milliseconds. */
  busy: number
  /** How many connections of this thread hold the lock, in a transaction. */
  holders: number
}

/** By file. A program may open a store for each request, so this outlives its connections. */
const uses = new Map<string, LockUse>()

/** How many files are remembered: a program that opens more forgets the one whose use began first. */
const MOST_USES = 100

function useOf(file: string): LockUse {
  let use = uses.get(file)
  if (use === undefined) {
    use = { period: 0, busy: 0, holders: 0 }
    uses.set(file, use)
    const [first = ''] = uses.keys()
    if (uses.size > MOST_USES) uses.delete(first)
  }
  return use
}

/** How one connection waits for the lock, and how it leaves the lock to others. */
export class LockFairness {
  readonly #timeout: number
  readonly #use: LockUse
  #driverTimeout: number
  /** When the write that is under way began; undefined for none. */
  #writingSince: number | undefined
  /** For how long batches have held the lock since they last paused, in milliseconds. */
  #held = 0

  /** @param timeout For how long the lock is waited for, in milliseconds. */
  constructor(file: string, timeout: number) {
    this.#timeout = timeout
    this.#use = useOf(file)
    this.#driverTimeout = Math.min(timeout, DRIVER_WAIT)
  }

  /** For how long the driver is to wait by itself, in milliseconds. */
  get driverTimeout(): number {
    return this.#driverTimeout
  }

  /** Leaves all waiting to the driver: for statements of the caller's own, which nothing retries. */
  waitInDriver(): void {
    this.#driverTimeout = this.#timeout
  }

  /**
   * Runs a step that takes a lock, and retries it while another connection holds the lock, until the timeout.
   */
  patiently<T>(attempt: () => T): T {
    for (let deadline: number | undefined; ; ) {
      try {
        return attempt()
      } catch (error) {
        if (!isBusy(error)) throw error
        // Start the clock after the first failure, so the common case never reads it.
        const now = elapsed()
        deadline ??= now + this.#timeout - this.#driverTimeout
        if (now >= deadline) throw error
        sleep(RETRY_AFTER)
        this.#pause(Date.now())
      }
    }
  }

  /** Whether a connection of this very thread holds the lock, which cannot end while another one waits here. */
  get isHeldHere(): boolean {
    return this.#use.holders > 0
  }

  /** Runs `work` in a transaction that holds the lock. */
  holding<T>(work: () => T): T {
    this.#use.holders++
    try {
      return work()
    } finally {
      this.#use.holders--
    }
  }

  /** Before a write: pauses if a pause is due. */
  beforeWrite(): void {
    const now = Date.now()
    this.#writingSince = now
    this.#pause(now)
  }

  /** After a write, done or failed. */
  afterWrite(): void {
    this.#use.busy += Date.now() - (this.#writingSince ?? 0)
    this.#writingSince = undefined
  }

  /**
   * Before a batch of a long call: pauses for longer than waiters take to poll, if the last ones held the
   * lock long.
   */
  beforeBatch(): void {
    if (this.#held <= HOLD) return
    this.#held = 0
    sleep(BATCH_PAUSE)
  }

  /** After a batch that held the lock for this long, in milliseconds. */
  afterBatch(held: number): void {
    this.#held += held
  }

  /** Leaves the lock to others at the start of a period, after one in which this process was busy with it. */
  #pause(now: number): void {
    if (this.#writingSince === undefined) return
    const period = Math.floor(now / PERIOD)
    const periods = period - this.#use.period
    if (periods === 0) return
    const wasBusy = periods > 0 && this.#use.busy + now - this.#writingSince > (periods * PERIOD) / 4
    this.#use.period = period
    this.#use.busy = 0
    if (!wasBusy) return
    const late = now % PERIOD
    // If we held the lock when the pause was due, take all of it now.
    sleep(late < PAUSE ? PAUSE - late : PAUSE)
  }
}
