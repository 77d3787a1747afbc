// Finds where the parts of a JSON text begin and end, without parsing them: numbers that JSON.parse would
// round, the order of keys and white space stay as they are. The text must be JSON, or what Python's json
// writes; it is not checked here.

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
  while (text[at] === '"') {
    const keyEnd = endOfString(text, at)
    const key: string = JSON.parse(text.slice(at, keyEnd))
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1)
    const end = endOfValue(text, start)
    members.set(key, text.slice(start, end))
    at = skipSpace(text, end)
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  return members
}

/** The text of each item in an array's text. */
export function splitArray(text: string): string[] {
  const items: string[] = []
  let at = skipSpace(text, text.indexOf('[') + 1)
  while (at < text.length && text[at] !== ']') {
    const end = endOfValue(text, at)
    items.push(text.slice(at, end))
    at = skipSpace(text, end)
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  return items
}

const SPACE = /[ \t\n\r]*/y
const STRUCTURE = /["[\]{}]/g
const SCALAR_END = /[\s,\]}]|$/g

function skipSpace(text: string, at: number): number {
  SPACE.lastIndex = at
  SPACE.exec(text)
  return SPACE.lastIndex
}

function endOfValue(text: string, at: number): number {
  const first = text[at]
  if (first === '"') return endOfString(text, at)
  if (first !== '{' && first !== '[') {
    SCALAR_END.lastIndex = at
    return SCALAR_END.exec(text)?.index ?? text.length
  }
  let depth = 0
  STRUCTURE.lastIndex = at
  for (let match = STRUCTURE.exec(text); match !== null; match = STRUCTURE.exec(text)) {
    const [character] = match
    if (character === '"') STRUCTURE.lastIndex = endOfString(text, match.index)
    else if (character === '{' || character === '[') depth++
    else if (--depth === 0) return match.index + 1
  }
  return text.length
}
