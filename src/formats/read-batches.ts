import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { checkNotOwn, isFolder } from '../files/file-identity.ts'
import { callback, flag, optionsReader } from '../rules/check-arguments.ts'
import { timeZone } from '../rules/instant.ts'
import type { PlaceName } from '../rules/place-name.ts'
import type { StoredTask } from '../rules/raw-task.ts'
import { TaskStoreError } from '../rules/task-store-error.ts'
import { parseCacheEntry, parseLine, RecordError } from './parse-record.ts'
import { isDatabase, type RawRecord, readEntries, readLines, sizeOf } from './read-records.ts'

/** How a file is imported. */
export interface ImportOptions {
  /** Replace a record of the store even if it is newer than the file's. Default false. */
  readonly overwrite?: boolean | undefined
  /**
   * The zone of times without an offset, to tell which of two records is newer: `UTC`, `+08:00`, `Asia/Shanghai`.
   * Default: the zone of this machine.
   */
  readonly timeZone?: string | undefined
  /**
   * Report what would happen, and write nothing. Of a folder with two files, each is looked at alone. Default
   * false.
   */
  readonly dryRun?: boolean | undefined
  /** Called after each batch, while nothing is locked. What it throws ends the import. */
  readonly onProgress?: ((progress: ImportProgress) => void) | undefined
}

/** How far an import is. */
export interface ImportProgress {
  readonly file: string
  readonly read: number
  readonly imported: number
  readonly unchanged: number
  readonly superseded: number
  readonly skipped: number
}

/** A record that was not imported. */
export interface SkippedRecord {
  readonly file: string
  /** The line that it stands on, from 1; in a `tasks.json`, the number of its entry. */
  readonly line: number
  /** Undefined where the record does not say. */
  readonly taskId: string | undefined
  readonly reason: string
}

/** What an import did: `read` is the sum of the four others. */
export interface ImportReport {
  /** The files that were read. */
  readonly files: readonly string[]
  /** How many records the files hold. Blank lines do not count. */
  readonly read: number
  /** Added, or taken in place of an older record of the store. */
  readonly imported: number
  /** The store has the same. */
  readonly unchanged: number
  /** A later line of the same file has the same id. */
  readonly superseded: number
  readonly skipped: readonly SkippedRecord[]
}

export const readImportOptions = optionsReader({
  overwrite: flag(false),
  timeZone,
  dryRun: flag(false),
  onProgress: callback<(progress: ImportProgress) => void>,
})

/** UnifiedQuantum's own names, in the folders in which it kept them. */
const NAMES = ['tasks.jsonl', 'tasks/tasks.jsonl', 'tasks.json', 'cache/tasks.json'] as const

/** The files of a path: itself, or those of a folder that have names of UnifiedQuantum's. @throws TaskStoreError `CANNOT_OPEN` */
export function findFiles(path: string): string[] {
  if (!isFolder(path)) return [path]
  const files = NAMES.map((name) => join(path, name)).filter((file) => existsSync(file))
  if (files.length > 0) return files
  throw new TaskStoreError('CANNOT_OPEN', `${path} has neither a tasks.jsonl nor a tasks.json; name the file`)
}

/** Refuses a file that cannot be imported. @throws TypeError; TaskStoreError `CANNOT_OPEN` */
export function checkSource(file: string, own: string): void {
  checkNotOwn(file, own, 'there is nothing to import')
  if (!isDatabase(file)) return
  throw new TaskStoreError('CANNOT_OPEN', `${file} is a database; give it to mergeFile()`)
}

/** A task that was read, with its place in the file. */
export interface ReadTask {
  readonly file: string
  readonly line: number
  readonly task: StoredTask
  /** Whether the file has a record of a place with this id. */
  readonly isInFile: (taskId: string, place: PlaceName) => boolean
}

/** A record that a later one of its file supersedes. */
export type Superseded = Pick<ReadTask, 'file' | 'line'>

/** Up to this many characters the records of a file are held in memory; a larger file is read twice. */
const HELD = 32_000_000

type Read = { readonly line: number; readonly task: StoredTask } | SkippedRecord

/**
 * The records of a file, in batches. The last good one of an id counts, and only the end of the file tells which that
 * is.
 */
export function* readBatches(
  file: string,
  size: number,
): Generator<(ReadTask | SkippedRecord | Superseded)[]> {
  const last = new Map<string, number>()
  const isInFile: ReadTask['isInFile'] = (taskId, place) => last.has(recordKey(taskId, place))
  let held: Read[] | undefined = []
  let characters = 0
  // What is appended meanwhile is for the next call.
  const bytes = sizeOf(file)
  const format = findFormat(file)
  for (const read of parseAll(file, bytes, format)) {
    if ('task' in read) {
      last.set(keyOf(read.task), read.line)
      const { metadata, result } = read.task.task
      characters += metadata.length + (result?.length ?? 0)
    }
    held?.push(read)
    if (characters > HELD) held = undefined
  }
  let batch: (ReadTask | SkippedRecord | Superseded)[] = []
  for (const read of held ?? parseAll(file, bytes, format)) {
    if (!('task' in read)) batch.push(read)
    else {
      const { line, task } = read
      batch.push(last.get(keyOf(task)) === line ? { file, line, task, isInFile } : { file, line })
    }
    if (batch.length === size) {
      yield batch
      batch = []
    }
  }
  if (batch.length > 0) yield batch
}

/** A task may be both live and archived, as two records. */
export const recordKey = (taskId: string, place: PlaceName) => `${place} ${taskId}`

/** The key of a record in its file. */
export const keyOf = ({ task, archivedAt }: StoredTask) =>
  recordKey(task.taskId, archivedAt === null ? 'live' : 'archived')

function* parseAll(file: string, bytes: number, { read, parse }: Format): Generator<Read> {
  for (const record of read(file, bytes)) {
    const line = record.number
    try {
      yield { line, task: parse(record) }
    } catch (error) {
      if (!(error instanceof RecordError)) throw error
      yield { file, line, taskId: error.taskId, reason: error.message }
    }
  }
}

interface Format {
  readonly read: (file: string, bytes: number) => Iterable<RawRecord>
  readonly parse: (record: RawRecord) => StoredTask
}

const LINES: Format = { read: readLines, parse: ({ text }) => parseLine(text ?? notText()) }

const ENTRIES: Format = { read: readEntries, parse: ({ text }) => parseCacheEntry(text ?? notText()) }

function notText(): never {
  throw new RecordError('is not UTF-8, or too long')
}

/** How many lines are looked at to tell what a file is. */
const LOOKED_AT = 20

/** Lines, where one of the first is a whole record; else one object that holds them all. */
function findFormat(file: string): Format {
  if (file.endsWith('.jsonl')) return LINES
  let looked = 0
  for (const record of readLines(file, Number.POSITIVE_INFINITY)) {
    try {
      LINES.parse(record)
      return LINES
    } catch (error) {
      if (!(error instanceof RecordError)) throw error
    }
    if (++looked === LOOKED_AT) break
  }
  return ENTRIES
}
