/**
 * Characters that a terminal obeys or that change how the text around them is shown: controls, marks of direction, ends
 * of lines and halves of characters.
 */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** A text on one line, in which a terminal finds nothing to obey. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, (character) => SHORT[character] ?? codeOf(character))
}

/** The same of JSON, whose values stay as they are. */
export function escapeJson(json: string): string {
  return json.replace(UNSAFE, (character) => `\\u${hex(character, 4)}`)
}

const codeOf = (character: string) =>
  character < '\x80' ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`

const hex = (character: string, digits: number) => character.charCodeAt(0).toString(16).padStart(digits, '0')
