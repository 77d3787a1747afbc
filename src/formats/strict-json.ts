import { holdsLongInteger, parseJson } from '../../drizzle/json/read.ts'
import { UnreadableJson } from '../../drizzle/json/value.ts'
import { stringifyJson } from '../../drizzle/json/write.ts'
import { mayHoldTag, readTags, toJson } from './json.ts'

// An export is strict JSON. A cell with a value that JSON has no form for is rewritten in the forms of
// toJson; any other keeps its text, except for line breaks between its parts.

/** Without a `$`, with which a tag begins. */
const STRING = String.raw`"[^"$\\\x00-\x1f]*(?:\\["\\/bfnrt][^"$\\\x00-\x1f]*)*"`
const MEMBER = String.raw`${STRING}: ?(?:${STRING}|0|-?[1-9]\d{0,14}|true|false|null)`

/**
 * The pattern of most cells: a flat object of text and whole numbers, in which there is nothing to rewrite. To parse
 * them takes longer than all else of an export.
 */
export const PLAIN_OBJECT = String.raw`\{(?:${MEMBER}(?:, ?${MEMBER})*)?\}`

const IS_PLAIN = new RegExp(`^${PLAIN_OBJECT}$`)

/** Whether the stack of a regular expression is large enough for a text. */
export const isShort = (text: string) => text.length <= 100_000

/** The text of a JSON cell as strict JSON on one line. */
export function toStrictJson(text: string): string {
  if (isShort(text) && IS_PLAIN.test(text)) return text
  if (isStrict(text)) return text.replace(/[\r\n]+/g, ' ')
  try {
    return toJson(parseJson(text))
  } catch {
    return toJson(new UnreadableJson(text))
  }
}

/**
 * The text of a JSON cell that {@link toStrictJson} wrote.
 *
 * @throws SyntaxError for a form that this release does not know; JsonEncodeError for an unreadable cell
 * inside another value.
 */
export function fromStrictJson(text: string): string {
  if (!mayHoldTag(text)) return text
  const value: unknown = readTags(parseJson(text))
  return value instanceof UnreadableJson ? value.text : stringifyJson(value)
}

function isStrict(text: string): boolean {
  if (mayHoldTag(text) || holdsLongInteger(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
