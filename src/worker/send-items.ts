import type { Caller, Following } from './caller.ts'
import { PART } from './messages.ts'
import { weightOf } from './values.ts'

/** How many items are sent at once. */
const MOST_ITEMS = 250

let last = 0

/**
 * Makes a call with any number of items: sends them in parts, the next one when the thread has taken the one before, so
 * that neither side has to hold many.
 *
 * @param items Packed.
 * @param args The other arguments of the call.
 */
export async function callWithItems<T>(
  caller: Caller,
  method: string,
  items: Iterable<unknown> | AsyncIterable<unknown>,
  args: readonly unknown[],
  following?: Following,
): Promise<T> {
  let part: unknown[] = []
  let weight = 0
  let sent: { readonly to: Caller; readonly id: number } | undefined
  const send = async () => {
    sent ??= { to: caller.together(), id: ++last }
    const items = part
    part = []
    weight = 0
    await sent.to.call('stage', [method, sent.id, items, ...args])
  }
  const add = (item: unknown) => {
    following?.signal?.throwIfAborted()
    part.push(item)
    weight += weightOf(item)
    return part.length === MOST_ITEMS || weight > PART
  }
  try {
    if (isAsync(items)) {
      for await (const item of items) if (add(item)) await send()
    } else {
      for (const item of items) if (add(item)) await send()
    }
  } catch (error) {
    if (sent !== undefined) sent.to.call('unstage', [sent.id]).catch(() => undefined)
    throw error
  }
  if (sent === undefined) return caller.call(method, [part, ...args], following)
  return sent.to.call(method, [{ staged: sent.id, items: part }, ...args], following)
}

/** Whether items come over time. */
export function isAsync<T>(items: Iterable<T> | AsyncIterable<T>): items is AsyncIterable<T> {
  return Symbol.asyncIterator in items && typeof items[Symbol.asyncIterator] === 'function'
}
