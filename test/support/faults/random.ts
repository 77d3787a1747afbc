/** Numbers that follow from a seed. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0 to below 1. */
  next(): number {
    // mulberry32: also its lowest bits are random, which the picks out of few depend on.
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let bits = this.#state
    bits = Math.imul(bits ^ (bits >>> 15), bits | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  /** One of these, of which there is at least one. */
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }
}
