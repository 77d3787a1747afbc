import { endOfString } from './text.ts'
import { type JsonArray, type JsonObject, type JsonValue, setOwn } from './value.ts'

/** `JSON.parse` may round an integer with this many digits. */
const LONG = 16

/** What can stand before a number in JSON. A fraction does not count: its digits follow a dot. */
const BEFORE_NUMBER = ' \t\n\r[,:-'

/**
 * Whether a text may hold an integer that `JSON.parse` would round. Digits inside a string may count too: then the slow
 * way reads the same value.
 */
export function holdsLongInteger(text: string): boolean {
  // So many digits in a row cover every sixteenth position at least once.
  for (let at = LONG - 1; at < text.length; at += LONG) {
    if (!isDigit(text.charCodeAt(at))) continue
    // And the position eight before or eight after. A short number is over before both.
    if (!isDigit(text.charCodeAt(at - LONG / 2)) && !isDigit(text.charCodeAt(at + LONG / 2))) continue
    let start = at
    while (isDigit(text.charCodeAt(start - 1))) start--
    let end = at + 1
    while (isDigit(text.charCodeAt(end))) end++
    if (end - start >= LONG && (start === 0 || BEFORE_NUMBER.includes(text[start - 1] as string))) return true
    at = end
  }
  return false
}

const isDigit = (code: number) => code >= 0x30 && code <= 0x39

/**
 * Parses JSON as Python's `json.loads` does: `NaN` and the infinities are numbers, an integer beyond 2^53-1
 * is a bigint, and the last of two equal keys wins.
 *
 * @throws SyntaxError if the text is not JSON; RangeError if it is nested deeper than the stack allows.
 */
export function parseJson(text: string): JsonValue {
  if (!holdsLongInteger(text)) {
    try {
      return JSON.parse(text)
    } catch {
      // It may hold NaN: the parser below decides.
    }
  }
  return new PythonJsonParser(text).parse()
}

/** The value of a JSON text, or the text itself if it cannot be parsed. */
export function parseJsonOrText(text: string): JsonValue {
  try {
    return parseJson(text)
  } catch {
    return text
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const SPACE = /[ \t\n\r]*/y
const WORDS: ReadonlyMap<string, JsonValue> = new Map<string, JsonValue>([
  ['null', null],
  ['true', true],
  ['false', false],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
])

class PythonJsonParser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  parse(): JsonValue {
    const value = this.#value()
    this.#space()
    if (this.#at < this.#text.length) throw this.#unexpected()
    return value
  }

  #value(): JsonValue {
    this.#space()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object()
      case '[':
        return this.#array()
      case '"':
        return this.#string()
      default:
        return this.#wordOrNumber()
    }
  }

  #object(): JsonObject {
    const object: JsonObject = {}
    this.#at++
    this.#space()
    if (this.#skip('}')) return object
    do {
      this.#space()
      if (this.#text[this.#at] !== '"') throw this.#unexpected()
      const key = this.#string()
      this.#space()
      if (!this.#skip(':')) throw this.#unexpected()
      setOwn(object, key, this.#value())
      this.#space()
    } while (this.#skip(','))
    if (!this.#skip('}')) throw this.#unexpected()
    return object
  }

  #array(): JsonArray {
    const array: JsonArray = []
    this.#at++
    this.#space()
    if (this.#skip(']')) return array
    do {
      array.push(this.#value())
      this.#space()
    } while (this.#skip(','))
    if (!this.#skip(']')) throw this.#unexpected()
    return array
  }

  #string(): string {
    const end = endOfString(this.#text, this.#at)
    if (end < 0) throw this.#unexpected()
    const string = JSON.parse(this.#text.slice(this.#at, end))
    this.#at = end
    return string
  }

  #wordOrNumber(): JsonValue {
    for (const [word, value] of WORDS) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length
        return value
      }
    }
    return this.#number()
  }

  #number(): number | bigint {
    NUMBER.lastIndex = this.#at
    const match = NUMBER.exec(this.#text)
    if (match === null) throw this.#unexpected()
    const [digits, fraction, exponent] = match
    this.#at += digits.length
    const value = Number(digits)
    const isInteger = fraction === undefined && exponent === undefined
    return isInteger && !Number.isSafeInteger(value) ? BigInt(digits) : value
  }

  #space(): void {
    SPACE.lastIndex = this.#at
    SPACE.exec(this.#text)
    this.#at = SPACE.lastIndex
  }

  #skip(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #unexpected(): SyntaxError {
    const found = this.#at < this.#text.length ? 'character' : 'end'
    return new SyntaxError(`Unexpected ${found} of JSON at position ${this.#at}`)
  }
}
