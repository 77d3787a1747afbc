import { parseJson } from '../../drizzle/json/read.ts'
import type { JsonValue } from '../../drizzle/json/value.ts'
import { pathText } from '../../drizzle/json/write.ts'

/** A value within another one. */
interface Member {
  readonly value: JsonValue
  readonly key: string | number
  readonly parent: Member | undefined
}

/**
 * The path of a key or string with a lone surrogate in a JSON text that `stringifyJson` wrote; undefined where there
 * is none. Python reads one, and fails when it writes it back.
 */
export function findLoneSurrogate(text: string): string | undefined {
  // A lone surrogate is always written as an escape.
  if (!text.includes('\\ud')) return undefined
  // A stack of our own: the value may be nested more deeply than calls can be.
  const rest: Member[] = [{ value: parseJson(text), key: '', parent: undefined }]
  for (let member = rest.pop(); member !== undefined; member = rest.pop()) {
    const { value, key } = member
    if ([value, key].some((part) => typeof part === 'string' && !part.isWellFormed())) return pathOf(member)
    if (typeof value !== 'object' || value === null) continue
    const isArray = Array.isArray(value)
    for (const [name, content] of Object.entries<JsonValue>(
      value as Record<string, JsonValue>,
    ).toReversed()) {
      rest.push({ value: content, key: isArray ? Number(name) : name, parent: member })
    }
  }
  return undefined
}

function pathOf(member: Member): string {
  const path: (string | number)[] = []
  for (let at = member; at.parent !== undefined; at = at.parent) path.unshift(at.key)
  return pathText(path)
}
