import { sleep } from '../files/sleep.ts'
import { isBusy } from './driver-error.ts'

/**
 * SQLite lets those who wait for its write lock ask for it again and again, and tells nobody that they wait: who
 * asks seldom is kept out by who takes it as soon as it is free. UnifiedQuantum comes to ask every 100
 * milliseconds, and fails after 5 seconds. So whoever was busy with the lock for a quarter of a period leaves it
 * alone at the start of the next one, all processes at the same moment. In milliseconds.
 */
const PERIOD = 2000
const LEFT_ALONE = 150

/**
 * For how long turns hold the lock before others are let in, and for how long these are, in milliseconds. Who
 * has waited for up to 128 asks again within 25, and then ever more seldom: turns are made to end before that.
 */
const HOLD = 70
const LET_OTHERS = 26

/**
 * For how long SQLite itself waits for a lock, in milliseconds, and for how long we do until we ask it again.
 * It asks the more seldom the longer it has waited, so that newcomers overtake it without end.
 */
const ASK = 10
const ASK_AGAIN = 2

/** How one connection waits for the lock, and how it leaves it to others. */
export class LockCourtesy {
  readonly #timeout: number
  #driverTimeout: number
  /** The number of the period of the last write. */
  #period = 0
  /** How much of that period went by with writing, or with waiting to, in milliseconds. */
  #busy = 0
  /** For how long turns have held the lock since they last paused, in milliseconds. */
  #held = 0

  /** @param timeout For how long the lock is waited for, in milliseconds. */
  constructor(timeout: number) {
    this.#timeout = timeout
    this.#driverTimeout = Math.min(timeout, ASK)
  }

  /** For how long the driver is to wait by itself, in milliseconds. */
  get driverTimeout(): number {
    return this.#driverTimeout
  }

  /** Leaves all the waiting to the driver: for statements of the caller's own, which nobody tries again. */
  waitInDriver(): void {
    this.#driverTimeout = this.#timeout
  }

  /**
   * Tries `work` again while the file is locked, until the timeout. Not any more once it says that it has
   * begun: from then on a lock is not what keeps it.
   */
  read<T>(work: (begun: () => void) => T): T {
    return this.#patiently(work)
  }

  /** Like {@link read}, for work that takes the write lock. */
  write<T>(work: (begun: () => void) => T): T {
    const start = Date.now()
    try {
      return this.#patiently(work, start)
    } finally {
      this.#busy += Date.now() - start
    }
  }

  /** Before each turn of a long call: after some of them, pauses for longer than others wait until they ask. */
  beforeTurn(): void {
    if (this.#held <= HOLD) return
    this.#held = 0
    sleep(LET_OTHERS)
  }

  /** After a turn: for how long it held the lock, in milliseconds. */
  afterTurn(held: number): void {
    this.#held += held
  }

  #patiently<T>(work: (begun: () => void) => T, writingSince?: number): T {
    let hasBegun = false
    const begun = () => {
      hasBegun = true
    }
    let deadline = Number.POSITIVE_INFINITY
    for (;;) {
      if (writingSince !== undefined) this.#leaveToOthers(writingSince)
      try {
        return work(begun)
      } catch (error) {
        const isOver = performance.now() >= deadline
        if (hasBegun || isOver || !isBusy(error)) throw error
        // Counted from here: who is not kept waiting need not look at the clock.
        if (deadline === Number.POSITIVE_INFINITY) {
          deadline = performance.now() + this.#timeout - this.driverTimeout
          if (deadline <= performance.now()) throw error
        }
        sleep(ASK_AGAIN)
      }
    }
  }

  #leaveToOthers(writingSince: number): void {
    const now = Date.now()
    const period = Math.floor(now / PERIOD)
    const periods = period - this.#period
    if (periods === 0) return
    const wasBusy = periods > 0 && this.#busy + now - writingSince > (periods * PERIOD) / 4
    this.#period = period
    this.#busy = 0
    if (!wasBusy) return
    const late = now % PERIOD
    // Who held the lock at that moment owes it.
    sleep(late < LEFT_ALONE ? LEFT_ALONE - late : LEFT_ALONE)
  }
}
