import { escapeText } from './output/escape-text.ts'
import { isTerminal, print, tell } from './output/print.ts'
import { plainLine } from './output/print-records.ts'

/** How many of many remarks are shown. */
const SHOWN = 20

/** Prints the numbers of a report: in one sentence at a terminal, else one a line. */
export async function printNumbers(done: string, numbers: Readonly<Record<string, number>>): Promise<void> {
  const entries = Object.entries(numbers)
  const sentence = `${done}: ${entries.map(([name, number]) => `${number.toLocaleString('en')} ${name}`).join(', ')}\n`
  await print(isTerminal() ? sentence : entries.map(plainLine).join(''))
}

/** Tells what was left out, and why. */
export function tellReasons(reasons: readonly { readonly name: string; readonly reason: string }[]): void {
  for (const { name, reason } of reasons.slice(0, SHOWN)) tell(`${escapeText(name)}: ${escapeText(reason)}`)
  if (reasons.length > SHOWN) tell(`... and ${reasons.length - SHOWN} more, which --json shows`)
}
