import { BACKSLASH, COLON, COMMA, END_OBJECT, OBJECT, QUOTE, SPACE } from './characters.ts'
import { isPlainNumber } from './plain-number.ts'

const LAST_ASCII = 0x7f

/** How many bytes are written before they become text. */
const SIZE = 2 ** 16
/** The most bytes of a number, and of what stands around it and its key. */
const AROUND = 32

/** Memory that nobody is using. */
let spare: Buffer | undefined

/**
 * The JSON of an object whose values are plain numbers, as counts are, and whose keys stand in JSON as they are; undefined
 * for any other. Byte by byte into memory it takes three quarters of the time that it takes to grow a string by pieces.
 *
 * @param keys Those of the object. Each value is read once.
 */
export function writeNumbers(
  object: Readonly<Record<string, unknown>>,
  keys: readonly string[],
): string | undefined {
  const bytes = spare ?? Buffer.allocUnsafeSlow(SIZE)
  // A getter may get here as well.
  spare = undefined
  let text = ''
  let at = 0
  try {
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string
      const value = object[key]
      if (typeof value !== 'number' || !isPlainNumber(value)) return undefined
      if (at + key.length + AROUND > SIZE) {
        if (key.length + AROUND > SIZE) return undefined
        text += bytes.toString('latin1', 0, at)
        at = 0
      }
      bytes[at++] = i === 0 ? OBJECT : COMMA
      bytes[at++] = QUOTE
      for (let c = 0; c < key.length; c++) {
        const code = key.charCodeAt(c)
        if (code < SPACE || code === QUOTE || code === BACKSLASH || code > LAST_ASCII) return undefined
        bytes[at++] = code
      }
      bytes[at++] = QUOTE
      bytes[at++] = COLON
      const digits = `${value}`
      for (let c = 0; c < digits.length; c++) bytes[at++] = digits.charCodeAt(c)
    }
    bytes[at++] = END_OBJECT
    return text + bytes.toString('latin1', 0, at)
  } finally {
    spare = bytes
  }
}
