import { availableParallelism } from 'node:os'
import { elapsed } from '../rules/clock.ts'

/**
 * For how long it looks, in milliseconds: about what it takes to fall asleep and to be woken. On a single processor nothing
 * comes meanwhile.
 */
const LOOK = availableParallelism() > 1 ? 0.1 : 0

/** How many times at most it does not look, after looks in vain. */
const MOST_PASSED = 63

/**
 * Looks for what is about to come, since to wake a thread that sleeps takes longer than most calls. Looks in vain are
 * made ever more seldom, so that they cost next to nothing where calls come one by one or other programs need the
 * processors.
 */
export class Lookout {
  readonly #hasCome: () => boolean
  readonly #time: number
  /** How many times it does not look after a look in vain, and how many of these are left. */
  #passed = 0
  #left = 0

  /** @param time For how long it looks at most, in milliseconds. */
  constructor(hasCome: () => boolean, time = LOOK) {
    this.#hasCome = hasCome
    this.#time = time
  }

  /** Whether it has come already, or comes within a short time. */
  comes(): boolean {
    if (this.#hasCome()) return true
    if (this.#left > 0) {
      this.#left--
      return false
    }
    const end = elapsed() + this.#time
    do {
      if (this.#hasCome()) {
        this.#passed = 0
        return true
      }
    } while (elapsed() < end)
    this.#passed = Math.min(2 * this.#passed + 1, MOST_PASSED)
    this.#left = this.#passed
    return false
  }
}
