import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { checkNotOwn, isFolder } from '../../files/file-identity.ts'
import { parseCacheEntry, parseLine, RecordError } from '../../formats/parse-record.ts'
import { isDatabase, type RawRecord, readEntries, readLines, sizeOf } from '../../formats/read-records.ts'
import { checkBoolean, checkKeys, checkPath, wrongType } from '../../rules/check-arguments.ts'
import { checkTimeZone } from '../../rules/instant.ts'
import type { TaskCopy } from '../../rules/raw-task.ts'
import { TaskStoreError } from '../../rules/task-store-error.ts'
import type { Connection } from '../connection.ts'
import { COPY_BATCH } from '../tables/copy-queries.ts'
import { ARCHIVE, LIVE, type Place } from '../tables/place.ts'
import { type IsCopied, TaskAbsorber } from './absorb-tasks.ts'

/** How a file is imported. */
export interface ImportOptions {
  /** Replace a record of the store that is newer than the file's, too. Default false. */
  readonly overwrite?: boolean | undefined
  /**
   * The zone of times that name none, to tell which of two records is newer: `UTC`, `+08:00`,
   * `Asia/Shanghai`. Default: the zone of this machine.
   */
  readonly timeZone?: string | undefined
  /**
   * Report what would happen, and write nothing. Of a folder with two files, each is looked at alone. Default
   * false.
   */
  readonly dryRun?: boolean | undefined
  /** Called after each batch, when nothing is locked. What it throws ends the import. */
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
  /** The line that it stands on, from 1; in a `tasks.json`, which of its entries it is. */
  readonly line: number
  /** Undefined where the record does not say. */
  readonly taskId: string | undefined
  readonly reason: string
}

/** What an import did: `read` is the sum of the four others. */
export interface ImportReport {
  /** The files that were read. */
  readonly files: readonly string[]
  /** How many records the files hold. Blank lines are none. */
  readonly read: number
  /** Added, or taken over an older record of the store. */
  readonly imported: number
  /** The store has the very same. */
  readonly unchanged: number
  /** A later line of the same file has the same id. */
  readonly superseded: number
  readonly skipped: readonly SkippedRecord[]
}

/** What a folder is searched for: UnifiedQuantum's own names, in the folders that it kept them in. */
const NAMES = ['tasks.jsonl', 'tasks/tasks.jsonl', 'tasks.json', 'cache/tasks.json'] as const

/** Reads the tasks of a file, or of the files of a folder, into a store. */
export function importFile(connection: Connection, path: string, options: ImportOptions): ImportReport {
  const { absorbOptions, onProgress } = checkImportOptions(path, options)
  const files = findFiles(resolve(path))
  for (const file of files) checkSource(file, connection.file)
  const absorber = new TaskAbsorber(connection, absorbOptions)
  const taken = new Set<string>()
  const report = { files, read: 0, imported: 0, unchanged: 0, superseded: 0, skipped: [] as SkippedRecord[] }

  const take = ({ file, line, copy, isInFile }: ReadTask, known: ReadonlySet<string>) => {
    const { taskId } = copy.task
    const skip = (reason: string) => report.skipped.push({ file, line, taskId, reason })
    const twins = known.has(taskId) ? absorber.find(copy, isInFile) : []
    if (twins.length > 1) {
      const ids = twins.map(({ task }) => task.taskId)
      skip(`is the old id of several tasks of the store: ${ids.join(', ')}`)
      return
    }
    const [twin] = twins
    const key = twin && recordKey(twin.task.taskId, twin.place)
    // What came from another file of this very call is no older record of the store.
    const overwrite = absorbOptions.overwrite && !(key !== undefined && taken.has(key))
    const absorbed = absorber.absorb(copy, twin, overwrite)
    if (files.length > 1 && 'taskId' in absorbed) taken.add(key ?? keyOf(copy))
    if (absorbed.outcome === 'unchanged') report.unchanged++
    else if (absorbed.outcome === 'kept') skip('the store has a newer record; give overwrite to replace it')
    else if (absorbed.outcome === 'conflict') skip(`${absorbed.reason}; give overwrite to replace it`)
    else report.imported++
  }
  for (const file of files) {
    for (const batch of readBatches(file)) {
      const tasks = batch.filter((read) => 'copy' in read)
      const takeAll = () => {
        const known = absorber.known(tasks.map(({ copy }) => copy.task.taskId))
        for (const task of tasks) take(task, known)
      }
      if (absorbOptions.dryRun) connection.snapshot(takeAll)
      else connection.turn(takeAll)
      for (const read of batch) {
        if ('reason' in read) report.skipped.push(read)
        else if (!('copy' in read)) report.superseded++
      }
      report.read += batch.length
      const { read, imported, unchanged, superseded, skipped } = report
      onProgress?.({ file, read, imported, unchanged, superseded, skipped: skipped.length })
    }
  }
  return report
}

interface ReadTask {
  readonly file: string
  readonly line: number
  readonly copy: TaskCopy
  readonly isInFile: IsCopied
}

/** A record that a later one of its file supersedes. */
type Superseded = Pick<ReadTask, 'file' | 'line'>

/** Of a file up to so many characters the records are held in memory; a larger one is read twice. */
const HELD = 32_000_000

type Read = { readonly line: number; readonly copy: TaskCopy } | SkippedRecord

/**
 * The records of a file, in batches. The last good one of an id counts, and where that stands only the end
 * of the file tells.
 */
function* readBatches(file: string): Generator<(ReadTask | SkippedRecord | Superseded)[]> {
  const last = new Map<string, number>()
  const isInFile: IsCopied = (taskId, place) => last.has(recordKey(taskId, place))
  let held: Read[] | undefined = []
  let size = 0
  // What is appended meanwhile is for the next call.
  const bytes = sizeOf(file)
  const format = findFormat(file)
  for (const read of parseAll(file, bytes, format)) {
    if ('copy' in read) last.set(keyOf(read.copy), read.line)
    held?.push(read)
    size += 'copy' in read ? read.copy.task.metadata.length + (read.copy.task.result?.length ?? 0) : 0
    if (size > HELD) held = undefined
  }
  let batch: (ReadTask | SkippedRecord | Superseded)[] = []
  for (const read of held ?? parseAll(file, bytes, format)) {
    if (!('copy' in read)) batch.push(read)
    else {
      const place = { file, line: read.line }
      const counts = last.get(keyOf(read.copy)) === read.line
      batch.push(counts ? { ...place, copy: read.copy, isInFile } : place)
    }
    if (batch.length === COPY_BATCH) {
      yield batch
      batch = []
    }
  }
  if (batch.length > 0) yield batch
}

/** A task may be both live and archived, as two records. */
const recordKey = (taskId: string, place: Place) => `${place.name} ${taskId}`
const keyOf = ({ task, archivedAt }: TaskCopy) => recordKey(task.taskId, archivedAt === null ? LIVE : ARCHIVE)

function* parseAll(file: string, bytes: number, { read, parse }: Format): Generator<Read> {
  for (const record of read(file, bytes)) {
    const line = record.number
    try {
      yield { line, copy: parse(record) }
    } catch (error) {
      if (!(error instanceof RecordError)) throw error
      yield { file, line, taskId: error.taskId, reason: error.message }
    }
  }
}

interface Format {
  readonly read: (file: string, bytes: number) => Iterable<RawRecord>
  readonly parse: (record: RawRecord) => TaskCopy
}

const LINES: Format = {
  read: readLines,
  parse: ({ text }) => parseLine(text ?? notText()),
}

const ENTRIES: Format = {
  read: readEntries,
  parse: ({ text }) => parseCacheEntry(text ?? notText()),
}

function notText(): never {
  throw new RecordError('is not UTF-8, or too long')
}

/** How many lines are looked at to tell what a file is. */
const LOOKED_AT = 20

/** Lines where one of the first is a whole record; else one object that holds them all. */
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

function findFiles(path: string): string[] {
  if (!isFolder(path)) return [path]
  const files = NAMES.map((name) => join(path, name)).filter((file) => existsSync(file))
  if (files.length > 0) return files
  throw new TaskStoreError('CANNOT_OPEN', `${path} has neither a tasks.jsonl nor a tasks.json; name the file`)
}

function checkSource(file: string, own: string): void {
  checkNotOwn(file, own, 'there is nothing to import')
  if (!isDatabase(file)) return
  throw new TaskStoreError('CANNOT_OPEN', `${file} is a database; give it to mergeFile()`)
}

function checkImportOptions(path: string, options: ImportOptions) {
  checkPath('path', path)
  checkKeys('options', options, ['overwrite', 'timeZone', 'dryRun', 'onProgress'])
  const { overwrite, timeZone, dryRun, onProgress } = options
  checkBoolean('overwrite', overwrite)
  checkTimeZone(timeZone)
  checkBoolean('dryRun', dryRun)
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw wrongType('onProgress', 'a function', onProgress)
  }
  return {
    absorbOptions: { overwrite: overwrite ?? false, timeZone, dryRun: dryRun ?? false },
    onProgress,
  }
}
