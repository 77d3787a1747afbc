import { readFileSync } from 'node:fs'

/** Something that happened to the files of a folder, or that the process said of itself. */
export type LogEntry =
  | {
      readonly what: 'open'
      readonly descriptor: number
      readonly path: string
      readonly isNew: boolean
      readonly isTruncated: boolean
      /** The permissions that a new file is given. */
      readonly mode: number
    }
  | { readonly what: 'close'; readonly descriptor: number }
  | { readonly what: 'write'; readonly descriptor: number; readonly offset: number; readonly data: Buffer }
  | { readonly what: 'truncate'; readonly descriptor: number; readonly size: number }
  | { readonly what: 'sync'; readonly descriptor: number }
  | { readonly what: 'rename' | 'link'; readonly from: string; readonly to: string }
  | { readonly what: 'unlink'; readonly path: string }
  | { readonly what: 'mkdir' | 'chmod'; readonly path: string; readonly mode: number }
  | { readonly what: 'mark'; readonly text: string }

/** Of `struct record` in interpose.c. */
const HEADER = 24

/** Reads the log that interpose.c wrote. */
export function readIoLog(file: string): LogEntry[] {
  const bytes = readFileSync(file)
  const entries: LogEntry[] = []
  for (let at = 0; at < bytes.length; ) {
    const what = String.fromCharCode(bytes.readUInt8(at))
    const descriptor = bytes.readInt32LE(at + 4)
    const offset = Number(bytes.readBigInt64LE(at + 8))
    const middle = at + HEADER + bytes.readUInt32LE(at + 16)
    const end = middle + bytes.readUInt32LE(at + 20)
    const data = bytes.subarray(at + HEADER, middle)
    entries.push(toEntry(what, descriptor, offset, data, bytes.toString('utf8', middle, end)))
    at = end
  }
  return entries
}

function toEntry(what: string, descriptor: number, offset: number, data: Buffer, second: string): LogEntry {
  switch (what) {
    case 'O':
      return {
        what: 'open',
        descriptor,
        path: data.toString(),
        isNew: (offset & 1) !== 0,
        isTruncated: (offset & 2) !== 0,
        mode: offset >> 2,
      }
    case 'C':
      return { what: 'close', descriptor }
    case 'W':
      return { what: 'write', descriptor, offset, data }
    case 'T':
      return { what: 'truncate', descriptor, size: offset }
    case 'S':
      return { what: 'sync', descriptor }
    case 'R':
      return { what: 'rename', from: data.toString(), to: second }
    case 'L':
      return { what: 'link', from: data.toString(), to: second }
    case 'U':
      return { what: 'unlink', path: data.toString() }
    case 'D':
      return { what: 'mkdir', path: data.toString(), mode: offset >> 2 }
    case 'P':
      return { what: 'chmod', path: data.toString(), mode: offset >> 2 }
    case 'M':
      return { what: 'mark', text: data.toString() }
    default:
      throw new Error(`an entry of the log that is not known: ${what}`)
  }
}
