import { styleText } from 'node:util'
import { isTerminal } from './print.ts'

export type Colour = Parameters<typeof styleText>[0]

/** A text in a colour, where the terminal has colours and NO_COLOR is not set. */
export function colour(format: Colour, text: string): string {
  const hasColours = isTerminal() && !process.env.NO_COLOR && process.stdout.hasColors()
  return hasColours ? styleText(format, text) : text
}

const OF_STATUS: Readonly<Record<string, Colour>> = {
  pending: 'yellow',
  running: 'cyan',
  success: 'green',
  failed: 'red',
  cancelled: 'dim',
}

/** A status in its colour. */
export function colourOfStatus(status: string): Colour {
  return Object.hasOwn(OF_STATUS, status) ? (OF_STATUS[status] as Colour) : 'magenta'
}
