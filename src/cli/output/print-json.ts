import { escapeJson } from './escape-text.ts'
import { print } from './print.ts'

/** How many characters are printed at a time. */
const CHUNK = 65_536

/** Prints a value as one line of JSON, in the form of toJson. */
export async function printJson(value: unknown): Promise<void> {
  const { toJson } = await import('../../index.ts')
  await print(`${escapeJson(toJson(value))}\n`)
}

/** Prints an array, one item a line, as the items come. */
export async function printJsonArray(items: Iterable<unknown> | AsyncIterable<unknown>): Promise<void> {
  const { toJson } = await import('../../index.ts')
  let text = '['
  let isFirst = true
  for await (const item of items) {
    text += `${isFirst ? '' : ',\n'}${escapeJson(toJson(item))}`
    isFirst = false
    if (text.length < CHUNK) continue
    await print(text)
    text = ''
  }
  await print(`${text}]\n`)
}
