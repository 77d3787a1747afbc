/** What one key takes: three words of its hash. A slot in which all are 0 is free. */
const WORDS = 3

/** The largest part of the slots that is taken. */
const FULLEST = 0.75

/** By how much the slots grow at least, and at most: the old ones take memory for a while longer. */
const GROWTH = { least: 1.5, most: 8 }

/**
 * Which lines of a file are the last ones of their keys. It keeps 96 bits of a cryptographic hash instead of the key, so
 * that millions take little memory: no two keys that have the same are to be found.
 */
export class LastLines {
  #slots = new Uint32Array(WORDS * 1024)
  /** The last line of the key in each slot, until all lines are set. */
  #lines = new Uint32Array(1024)
  #count = 0
  /** A bit for each line that a later one of its key has followed. */
  #followed = new Uint8Array(1024)
  // Only few processes need it, and it takes Node milliseconds to load.
  readonly #hash = process.getBuiltinModule('node:crypto').hash

  has(key: string): boolean {
    return !isFree(this.#slots, find(this.#slots, this.#wordsOf(key)))
  }

  /** @param share Which part of the file ends with the line, at most 1: it tells how many keys are to come. */
  set(key: string, line: number, share = 1): void {
    const words = this.#wordsOf(key)
    const slot = find(this.#slots, words)
    const before = this.#lines[slot]
    this.#slots.set(words, slot * WORDS)
    this.#lines[slot] = line
    // Lines begin at 1.
    if (before) this.#follow(before)
    else if (++this.#count > this.#lines.length * FULLEST) this.#grow(share)
  }

  /** Sets no more lines: a quarter of the memory is no longer needed. */
  end(): void {
    this.#lines = new Uint32Array(0)
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

  #grow(share: number): void {
    const [oldSlots, oldLines] = [this.#slots, this.#lines]
    // With a little room, or the last of them would make it grow once more.
    const expected = ((this.#count / share) * 1.05) / FULLEST
    const [least, most] = [oldLines.length * GROWTH.least, oldLines.length * GROWTH.most]
    const size = Math.ceil(Math.min(Math.max(expected, least), most))
    this.#slots = new Uint32Array(WORDS * size)
    this.#lines = new Uint32Array(size)
    for (let old = 0; old < oldLines.length; old++) {
      const line = oldLines[old] as number
      if (line === 0) continue
      const words = oldSlots.subarray(old * WORDS, (old + 1) * WORDS)
      const slot = find(this.#slots, words)
      this.#slots.set(words, slot * WORDS)
      this.#lines[slot] = line
    }
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
  const size = slots.length / WORDS
  for (let slot = (a as number) % size; ; slot = (slot + 1) % size) {
    const at = slot * WORDS
    if (slots[at] === a && slots[at + 1] === b && slots[at + 2] === c) return slot
    if (isFree(slots, slot)) return slot
  }
}

function isFree(slots: Uint32Array, slot: number): boolean {
  const at = slot * WORDS
  return slots[at] === 0 && slots[at + 1] === 0 && slots[at + 2] === 0
}
