import { BACKSLASH, COLON, COMMA, END_OBJECT, OBJECT, QUOTE, SPACE } from './characters.ts'
import { isPlainNumber } from './plain-number.ts'

const LAST_ASCII = 0x7f

/** How many bytes are written before they become text. */
const SIZE = 2 ** 16
/** The most bytes of a number, and of what stands around it and its key. */
const AROUND = 32

/** Memory that nobody is using. */
let spare: Buffer | undefined

/** The beginning of an object, as JSON. */
export interface WrittenNumbers {
  /** With the closing brace if every member was written. */
  readonly text: string
  /** How many members were written. */
  readonly count: number
  /** The value of the next one, if there is one: a getter may return something else the second time. */
  readonly next: unknown
}

/**
 * Writes the members of an object up to the first that is not a plain number under a key that stands in JSON as it is. Of
 * counts, which hold thousands of them, that is all: byte by byte into memory they take three quarters of the time that it
 * takes to grow a string.
 *
 * @param keys Those of the object, at least one.
 */
export function writeNumbers(
  object: Readonly<Record<string, unknown>>,
  keys: readonly string[],
): WrittenNumbers {
  const bytes = spare ?? Buffer.allocUnsafeSlow(SIZE)
  // A getter of the object may call this function.
  spare = undefined
  let text = ''
  let written = 0
  let count = 0
  let next: unknown
  try {
    members: for (; count < keys.length; count++) {
      const key = keys[count] as string
      next = object[key]
      if (typeof next !== 'number' || !isPlainNumber(next)) break
      if (written + key.length + AROUND > SIZE) {
        if (key.length + AROUND > SIZE) break
        text += bytes.toString('latin1', 0, written)
        written = 0
      }
      let at = written
      bytes[at++] = count === 0 ? OBJECT : COMMA
      bytes[at++] = QUOTE
      for (let i = 0; i < key.length; i++) {
        const code = key.charCodeAt(i)
        if (code < SPACE || code === QUOTE || code === BACKSLASH || code > LAST_ASCII) break members
        bytes[at++] = code
      }
      bytes[at++] = QUOTE
      bytes[at++] = COLON
      const digits = `${next}`
      for (let i = 0; i < digits.length; i++) bytes[at++] = digits.charCodeAt(i)
      written = at
    }
    if (count === keys.length) bytes[written++] = END_OBJECT
    return { text: written === 0 ? text : text + bytes.toString('latin1', 0, written), count, next }
  } finally {
    spare = bytes
  }
}
