// Finds where the parts of a JSON text begin and end, without parsing them: numbers that JSON.parse would
// round, the order of keys and white space stay as they are. The text must be JSON, or what Python's json
// writes; it is not checked here.

import { ARRAY, COMMA, END_ARRAY, END_OBJECT, isSpace, OBJECT, QUOTE } from './characters.ts'

/** The position after the string that begins with a quote at `at`; -1 if the string does not end. */
export function endOfString(text: string, at: number): number {
  for (let end = at; ; ) {
    end = text.indexOf('"', end + 1)
    if (end < 0) return -1
    let backslashes = 0
    while (text[end - 1 - backslashes] === '\\') backslashes++
    if (backslashes % 2 === 0) return end + 1
  }
}

/** The text of each value in an object's text, by key. The last of two equal keys wins. */
export function splitObject(text: string): Map<string, string> {
  const members = new Map<string, string>()
  let at = skipSpace(text, text.indexOf('{') + 1)
  while (text.charCodeAt(at) === QUOTE) {
    const keyEnd = endOfString(text, at)
    const written = text.slice(at + 1, keyEnd - 1)
    const key = written.includes('\\') ? JSON.parse(text.slice(at, keyEnd)) : written
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1)
    const end = endOfValue(text, start)
    members.set(key, text.slice(start, end))
    at = skipSpace(text, end)
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1)
  }
  return members
}

/** The text of each item in an array's text. */
export function splitArray(text: string): string[] {
  const items: string[] = []
  let at = skipSpace(text, text.indexOf('[') + 1)
  while (at < text.length && text.charCodeAt(at) !== END_ARRAY) {
    const end = endOfValue(text, at)
    items.push(text.slice(at, end))
    at = skipSpace(text, end)
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1)
  }
  return items
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (isSpace(text.charCodeAt(at))) at++
  return at
}

function endOfValue(text: string, from: number): number {
  const first = text.charCodeAt(from)
  if (first === QUOTE) return endOfString(text, from)
  let depth = 0
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfString(text, at) - 1
    else if (code === OBJECT || code === ARRAY) depth++
    else if (code === END_OBJECT || code === END_ARRAY) {
      // The bracket of what the value stands in.
      if (depth === 0) return at
      if (--depth === 0) return at + 1
    } else if (depth === 0 && (code === COMMA || isSpace(code))) return at
  }
  return text.length
}
