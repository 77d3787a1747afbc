import { types } from 'node:util'
import { typeName } from '../../drizzle/json/value.ts'
import { invalidType } from '../rules/argument-error.ts'
import { checkObject } from '../rules/check-arguments.ts'
import { readLongCall } from '../rules/long-call.ts'
import type { Following } from './caller.ts'

/**
 * The options of a long call: those that cross to the thread, where they are checked, and those that follow the call from
 * here.
 *
 * @throws TypeError for what would not cross as it is; the reason of a signal that is already aborted.
 */
export function splitOptions(options: object | undefined): {
  readonly others: Readonly<Record<string, unknown>>
  readonly following: Following
} {
  if (options === undefined) return { others: {}, following: {} }
  checkObject('options', options)
  const { onProgress, signal, ...others } = options as Readonly<Record<string, unknown>>
  const following = readLongCall({ onProgress, signal }) as Following
  for (const [name, value] of Object.entries(others)) {
    if (!crosses(value)) throw invalidType(name, `${name} must not be ${typeName(value)}`)
  }
  following.signal?.throwIfAborted()
  return { others: copyOptions(others), following }
}

/** Options as they are now: a caller may change its arrays before they cross. */
export function copyOptions<Options extends object>(options: Options | undefined): Options {
  const entries = Object.entries(options ?? {}).map(([name, value]) => [
    name,
    Array.isArray(value) ? [...value] : value,
  ])
  return Object.fromEntries(entries) as Options
}

function crosses(value: unknown): boolean {
  return isPlain(value) || types.isDate(value) || (Array.isArray(value) && value.every(isPlain))
}

const isPlain = (value: unknown) => value === null || !['object', 'function', 'symbol'].includes(typeof value)
