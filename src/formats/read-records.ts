import { isAscii } from 'node:buffer'
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import {
  ARRAY,
  BACKSLASH,
  COMMA,
  END_ARRAY,
  END_OBJECT,
  isSpace,
  NEWLINE,
  OBJECT,
  QUOTE,
} from '../../drizzle/json/characters.ts'
import { withFile } from '../files/file-error.ts'

/** A record of a file before it is parsed. */
export interface RawRecord {
  /** Its line, from 1; in a file of one object, the number of its entry. */
  readonly number: number
  /** Undefined for bytes that are not UTF-8, or too many for a string. */
  readonly text: string | undefined
}

const CHUNK = 1 << 18

/**
 * The lines of the first `size` bytes of a file that are not blank, read in chunks.
 *
 * @throws TaskStoreError `CANNOT_OPEN`
 */
export function* readLines(file: string, size: number): Generator<RawRecord> {
  const pieces: Buffer[] = []
  let number = 0
  for (const chunk of readChunks(file, size)) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      number++
      pieces.push(chunk.subarray(start, end))
      const line = record(number, pieces)
      if (line !== undefined) yield line
      pieces.length = 0
      start = end + 1
    }
    pieces.push(Buffer.from(chunk.subarray(start)))
  }
  const line = record(number + 1, pieces)
  if (line !== undefined) yield line
}

/**
 * The entries of the first `size` bytes of a file that holds one JSON object, each as the text of an object
 * with that entry alone, read in chunks. If the file is cut short, the last entry is what there is of it.
 *
 * @throws TaskStoreError `CANNOT_OPEN`
 */
export function* readEntries(file: string, size: number): Generator<RawRecord> {
  const pieces: Buffer[] = []
  let number = 1
  let depth = 0
  let isString = false
  let isEscaped = false
  for (const chunk of readChunks(file, size)) {
    let start = 0
    const entry = (end: number) => {
      pieces.push(chunk.subarray(start, end))
      const entry = record(number, pieces, (text) => `{${text}}`)
      pieces.length = 0
      start = end + 1
      number++
      return entry === undefined ? [] : [entry]
    }
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]
      if (isString) {
        if (isEscaped) isEscaped = false
        else if (byte === BACKSLASH) isEscaped = true
        else if (byte === QUOTE) isString = false
        continue
      }
      if (byte === QUOTE) isString = true
      else if (byte === OBJECT || byte === ARRAY) {
        if (depth++ === 0) start = at + 1
      } else if (byte === END_OBJECT || byte === END_ARRAY) {
        if (--depth === 0) yield* entry(at)
      } else if (byte === COMMA && depth === 1) yield* entry(at)
    }
    if (depth > 0) pieces.push(Buffer.from(chunk.subarray(start)))
  }
  // The last brace is missing: the last entry may still be whole, since its value has braces of its own.
  const entry = record(number, pieces, (text) => `{${text}}`)
  if (entry !== undefined) yield entry
}

/** A record of some pieces; undefined if it is blank. */
function record(
  number: number,
  pieces: readonly Buffer[],
  wrap = (text: string) => text,
): RawRecord | undefined {
  const [first] = pieces
  const bytes = first !== undefined && pieces.length === 1 ? first : Buffer.concat(pieces)
  if (bytes.every(isSpace)) return undefined
  return { number, text: decode(bytes, wrap) }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

function decode(bytes: Buffer, wrap: (text: string) => string): string | undefined {
  try {
    return wrap(isAscii(bytes) ? bytes.toString('latin1') : UTF8.decode(bytes))
  } catch {
    return undefined
  }
}

/** Whether a file is an SQLite database. */
export function isDatabase(file: string): boolean {
  for (const head of readChunks(file, 16)) return head.toString('latin1') === 'SQLite format 3\0'
  return false
}

/** The current size of a file in bytes. @throws TaskStoreError `CANNOT_OPEN` */
export function sizeOf(file: string): number {
  return withFile(file, 'read', () => statSync(file).size)
}

/** The first `size` bytes of a file, in pieces. Each is overwritten by the next one. */
function* readChunks(file: string, size: number): Generator<Buffer> {
  const descriptor = withFile(file, 'read', () => openSync(file, 'r'))
  try {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK, size))
    for (let left = size; left > 0; ) {
      const read = withFile(file, 'read', () => readSync(descriptor, buffer, 0, Math.min(CHUNK, left), null))
      if (read === 0) return
      left -= read
      yield buffer.subarray(0, read)
    }
  } finally {
    closeSync(descriptor)
  }
}
