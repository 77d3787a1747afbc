/** What one key takes: three words of its hash, and its line. */
const WORDS = 4

/** The largest part of the slots that is taken. */
const FULLEST = 0.75

/** While they grow, both the old slots and the new ones take memory. */
const GROWTH = 1.5

/**
 * The last line of each key of a file. It keeps 96 bits of a cryptographic hash instead of the key, so that millions
 * take little memory: no two keys that have the same are to be found.
 */
export class LastLines {
  #slots = new Uint32Array(WORDS * 1024)
  #count = 0
  /** A bit for each line that a later one of its key has followed. */
  #followed = new Uint8Array(1024)
  // Only few processes need it, and it takes Node milliseconds to load.
  readonly #hash = process.getBuiltinModule('node:crypto').hash

  get(key: string): number | undefined {
    // Lines begin at 1: a slot without one is free.
    return this.#slots[find(this.#slots, this.#wordsOf(key)) + 3] || undefined
  }

  set(key: string, line: number): void {
    const words = this.#wordsOf(key)
    const at = find(this.#slots, words)
    const before = this.#slots[at + 3] as number
    this.#slots.set(words, at)
    this.#slots[at + 3] = line
    if (before > 0) this.#follow(before)
    else if (++this.#count * WORDS > this.#slots.length * FULLEST) this.#grow()
  }

  /** Whether a line that was set is the last one of its key: no key has to be hashed again to know it. */
  isLast(line: number): boolean {
    return ((this.#followed[line >>> 3] ?? 0) & (1 << (line & 7))) === 0
  }

  #follow(line: number): void {
    const at = line >>> 3
    if (at >= this.#followed.length) {
      const followed = this.#followed
      this.#followed = new Uint8Array(at * 2)
      this.#followed.set(followed)
    }
    this.#followed[at] = (this.#followed[at] as number) | (1 << (line & 7))
  }

  #grow(): void {
    const old = this.#slots
    const slots = new Uint32Array(WORDS * Math.ceil((old.length / WORDS) * GROWTH))
    for (let at = 0; at < old.length; at += WORDS) {
      if (old[at + 3] === 0) continue
      const slot = old.subarray(at, at + WORDS)
      slots.set(slot, find(slots, slot))
    }
    this.#slots = slots
  }

  #wordsOf(key: string): number[] {
    const bytes = this.#hash('sha256', key, 'binary')
    const word = (at: number) =>
      (bytes.charCodeAt(at) << 24) |
      (bytes.charCodeAt(at + 1) << 16) |
      (bytes.charCodeAt(at + 2) << 8) |
      bytes.charCodeAt(at + 3)
    return [word(0) >>> 0, word(4) >>> 0, word(8) >>> 0]
  }
}

/** Where a hash stands, or the free slot where it belongs. */
function find(slots: Uint32Array, words: ArrayLike<number>): number {
  const [a, b, c] = [words[0], words[1], words[2]]
  for (let at = ((a as number) * WORDS) % slots.length; ; at = (at + WORDS) % slots.length) {
    if (slots[at + 3] === 0) return at
    if (slots[at] === a && slots[at + 1] === b && slots[at + 2] === c) return at
  }
}
