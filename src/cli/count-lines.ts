import { createReadStream, statSync } from 'node:fs'
import { showsProgress } from './output/print.ts'

const NEWLINE = 10

/** How many lines a file has, for a progress bar: not counted where none is drawn, and for what is not a file of lines. */
export async function countLines(path: string): Promise<number | undefined> {
  if (!showsProgress() || path.endsWith('.json')) return undefined
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return undefined
  let lines = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) lines++
  }
  return lines
}
