import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { checkNotOwn, checkRegularFile, followLinks, identifyFile, isFolder } from '../files/file-identity.ts'
import { logsBeside } from '../files/left-logs.ts'
import { isOpenHere } from '../files/open-databases.ts'
import { BATCH_WEIGHT, inLightBatches, weightOf } from '../rules/batches.ts'
import { flag, optionsReader } from '../rules/check-arguments.ts'
import { timeZone } from '../rules/instant.ts'
import { type LongCallOptions, longCall } from '../rules/long-call.ts'
import type { PlaceName } from '../rules/place-name.ts'
import type { StoredTask } from '../rules/raw-task.ts'
import { TaskStoreError } from '../rules/task-store-error.ts'
import { LastLines } from './last-lines.ts'
import { parseCacheEntry, parseLine, RecordError } from './parse-record.ts'
import { readPlainHead } from './plain-line.ts'
import { isDatabase, type RawRecord, readEntries, readLines, sizeOf } from './read-records.ts'

/** How a file is imported. */
export interface ImportOptions extends LongCallOptions<ImportProgress> {
  /** Replace a record of the store even if it is newer than the file's. Default false. */
  readonly overwrite?: boolean | undefined
  /**
   * The zone of times without an offset, to tell which of two records is newer: `UTC`, `+08:00`,
   * `Asia/Shanghai`. Default: the zone of this machine.
   */
  readonly timeZone?: string | undefined
  /**
   * Report what would happen, and write nothing. In a folder with two files, each is looked at on its own.
   * Default false.
   */
  readonly dryRun?: boolean | undefined
}

/** How far an import is: the numbers of its report, so far. */
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
  /** Its line, from 1; in a `tasks.json`, the number of its entry. */
  readonly line: number
  /** Undefined if the record does not say. */
  readonly taskId: string | undefined
  readonly reason: string
}

/** What an import did: `read` is the sum of the other four. */
export interface ImportReport {
  /** The files that were read. */
  readonly files: readonly string[]
  /** How many records the files hold. Blank lines do not count. */
  readonly read: number
  /** Added to the store, or replaced an older record there. */
  readonly imported: number
  /** The store already has the same record. */
  readonly unchanged: number
  /** A later line of the same file has the same id. */
  readonly superseded: number
  readonly skipped: readonly SkippedRecord[]
}

export const readImportOptions = optionsReader({
  overwrite: flag(false),
  timeZone,
  dryRun: flag(false),
  ...longCall<ImportProgress>(),
})

/** UnifiedQuantum's own names, in the folders in which it kept them. */
const NAMES = ['tasks.jsonl', 'tasks/tasks.jsonl', 'tasks.json', 'cache/tasks.json'] as const

/**
 * The files of a path: itself or, if it is a folder, those in it that have one of UnifiedQuantum's names.
 *
 * @throws TaskStoreError `CANNOT_OPEN`
 */
export function findFiles(path: string): string[] {
  if (!isFolder(path)) return [path]
  const files = NAMES.map((name) => join(path, name)).filter((file) => existsSync(file))
  if (files.length > 0) return files
  throw new TaskStoreError('CANNOT_OPEN', `${path} has neither a tasks.jsonl nor a tasks.json; name the file`)
}

/** Refuses a file that cannot be imported. @throws TypeError; TaskStoreError `CANNOT_OPEN`, `CONFLICT` */
export function checkSource(file: string, own: string | undefined): void {
  if (own !== undefined) checkNotOwn('path', file, own, 'there is nothing to import')
  checkRegularFile(file)
  checkNotInUse(file)
  if (!isDatabase(file)) return
  const advice =
    own === undefined ? 'open it with TaskStore, and copy it with copyTasks()' : 'pass it to mergeFile()'
  throw new TaskStoreError('CANNOT_OPEN', `${file} is a database; ${advice}`)
}

/**
 * Refuses a database that is in use, before it is opened: closing it again would drop the locks that SQLite has on it in
 * this process, whichever thread they are of, and commits of others would be lost.
 */
function checkNotInUse(file: string): void {
  const identity = identifyFile(file)
  if (identity === undefined) return
  const [log] = logsBeside(followLinks(file))
  const isOpen = isOpenHere(identity)
  if (log === undefined && !isOpen) return
  const reason = isOpen ? 'a store of this program has it open' : `${log} lies beside it`
  throw new TaskStoreError('CONFLICT', `${file} is a database in use (${reason}); pass it to mergeFile()`)
}

/** A task that was read, with its position in the file. */
export interface ReadTask {
  readonly file: string
  readonly line: number
  readonly task: StoredTask
  /** Whether the file has a record with this id in a place. */
  readonly isInFile: (taskId: string, place: PlaceName) => boolean
}

/** A record that a later one of its file supersedes. */
export type Superseded = Pick<ReadTask, 'file' | 'line'>

/**
 * Records of up to this many bytes, in the file and by estimate in memory, are held there; a larger file is read twice.
 */
const HELD = BATCH_WEIGHT

type Read = { readonly line: number; readonly task: StoredTask } | SkippedRecord

/** About how many bytes of memory a record takes. */
export const weightOfRead = (read: Read | Superseded): number => ('task' in read ? weightOf(read.task) : 0)

/**
 * The records of a file, in batches. The last valid record of an id counts, and it is known only at the end
 * of the file.
 */
export function* readBatches(
  file: string,
  size: number,
): Generator<(ReadTask | SkippedRecord | Superseded)[]> {
  const last = new LastLines()
  const isInFile: ReadTask['isInFile'] = (taskId, place) => last.has(recordKey(taskId, place))
  // Lines that are appended meanwhile are left to the next call.
  const bytes = sizeOf(file)
  const format = findFormat(file)
  let held: Read[] | undefined
  if (bytes > HELD) setAll(last, file, bytes, format)
  else held = holdAll(parseAll(file, bytes, format), last)
  last.end()
  const toBatchItem = (read: Read): ReadTask | SkippedRecord | Superseded => {
    if (!('task' in read)) return read
    const { line, task } = read
    return last.isLast(line) ? { file, line, task, isInFile } : { file, line }
  }
  for (const batch of inLightBatches(held ?? parseAll(file, bytes, format), size, weightOfRead)) {
    yield batch.map(toBatchItem)
  }
}

/** A task may be both live and archived, as two records. */
export const recordKey = (taskId: string, place: PlaceName) => `${place} ${taskId}`

/** The key of a record in its file. */
export const keyOf = ({ task, archivedAt }: StoredTask) =>
  recordKey(task.taskId, archivedAt === null ? 'live' : 'archived')

/** All records, which are held in memory unless they take too much of it. */
function holdAll(reads: Iterable<Read>, last: LastLines): Read[] | undefined {
  let held: Read[] | undefined = []
  let weight = 0
  for (const read of reads) {
    if ('task' in read) {
      last.set(keyOf(read.task), read.line)
      weight += weightOf(read.task)
    }
    held?.push(read)
    if (weight > HELD) held = undefined
  }
  return held
}

/** Sets the keys of the valid records of a file. */
function setAll(last: LastLines, file: string, bytes: number, format: Format): void {
  let seen = 0
  for (const record of format.read(file, bytes)) {
    // No character takes less than a byte.
    seen += (record.text?.length ?? 0) + 1
    try {
      last.set(format.keyOf(record), record.number, Math.min(1, seen / bytes))
    } catch (error) {
      if (!(error instanceof RecordError)) throw error
    }
  }
}

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
  /** The key of what `parse` returns. It throws the same errors. */
  readonly keyOf: (record: RawRecord) => string
}

const parseLineOf = ({ text }: RawRecord) => parseLine(text ?? notText())

const LINES: Format = {
  read: readLines,
  parse: parseLineOf,
  keyOf: (record) => {
    const head = record.text === undefined ? undefined : readPlainHead(record.text)
    return head === undefined ? keyOf(parseLineOf(record)) : recordKey(head.taskId, head.place)
  },
}

const parseEntryOf = ({ text }: RawRecord) => parseCacheEntry(text ?? notText())

const ENTRIES: Format = {
  read: readEntries,
  parse: parseEntryOf,
  keyOf: (record) => keyOf(parseEntryOf(record)),
}

function notText(): never {
  throw new RecordError('is not UTF-8, or too long')
}

/** How many lines are read to recognise the format of a file. */
const LOOKED_AT = 20

/** Lines, if one of the first is a whole record; else one object that holds all records. */
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
