import { lstatSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { MERGED_FILES } from '../../../drizzle/tables.ts'
import { identifyFile, isSameFile } from '../../files/file-identity.ts'
import { LOG_ENDINGS } from '../../files/left-logs.ts'
import { formatTime } from '../../rules/clock.ts'
import { parseInstant } from '../../rules/instant.ts'
import type { Step } from '../../rules/long-call.ts'
import { TaskStoreError } from '../../rules/task-store-error.ts'
import { Connection } from '../connection.ts'
import { leaveNoLog } from '../leave-no-log.ts'
import { locateStore } from '../store-location.ts'
import { mergeStore } from '../transfer/merge-file.ts'
import type { Repaired } from './repaired.ts'

/** UnifiedQuantum's own file in the temporary folder, where it goes when its other one is locked. */
export interface Fallback {
  readonly file: string
  /** Whether other users cannot have put it there, or changed it. */
  readonly isTrusted: boolean
}

/** The fallback store, unless it is this one, or holds nothing that was not merged. */
export function findFallback(connection: Connection): Fallback | undefined {
  const temporary = process.getBuiltinModule('node:os').tmpdir()
  const folders = ['uniqc', 'cache']
  const paths = folders.map((_, index) => join(temporary, ...folders.slice(0, index + 1)))
  const file = join(temporary, ...folders, 'tasks.sqlite')
  const found = look(file)
  if (found === undefined) return undefined
  const logs = LOG_ENDINGS.flatMap((ending) => look(file + ending) ?? [])
  const isTrusted =
    paths.every((path) => look(path)?.isDirectory() && isOwn(look(path))) &&
    [found, ...logs].every((each) => each.isFile() && isOwn(each))
  if (!isTrusted) return { file, isTrusted }
  if (isSameFile(identifyFile(file), identifyFile(connection.file))) return undefined
  return hasNews(connection, file) ? { file, isTrusted } : undefined
}

/** Merges what was not merged before. A task that was deleted since comes back only if the fallback store updated it. */
export function* mergeFallback(connection: Connection, step: Step<never>): Generator<Repaired> {
  const fallback = findFallback(connection)
  if (fallback === undefined || !fallback.isTrusted) return
  const { file } = fallback
  try {
    const merged = readMerged(connection, file)
    const newest = withFallback(file, (other) => newestIn(other))
    const isWanted = (times: readonly string[]) =>
      merged === undefined || times.some((time) => (parseInstant(time) ?? merged) > merged)
    const { conflicts } = mergeStore(connection, file, { onProgress: () => step() }, isWanted)
    remember(connection, file, newest)
    yield { row: file }
    const reason = `see the conflicts of store.mergeFile(${JSON.stringify(file)})`
    yield* conflicts.map(({ taskId }) => ({ row: taskId, reason }))
  } catch (error) {
    if (!(error instanceof TaskStoreError)) throw error
    yield { row: file, reason: error.message }
  }
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch {
    // In a folder of somebody else's.
    return undefined
  }
}

/** Of this user, and not to be written by others. Systems without users have no such thing. */
function isOwn(found: Stats | undefined): boolean {
  const user = process.getuid?.()
  return user === undefined || (found !== undefined && found.uid === user && (found.mode & 0o022) === 0)
}

function hasNews(connection: Connection, file: string): boolean {
  const merged = readMerged(connection, file)
  if (merged === undefined) return true
  try {
    return withFallback(file, (other) => newestIn(other) > merged)
  } catch (error) {
    // The merge will say what is wrong with it.
    if (error instanceof TaskStoreError) return true
    throw error
  }
}

function withFallback<T>(file: string, work: (other: Connection) => T): T {
  return leaveNoLog(file, () => {
    const other = new Connection(locateStore({ file, readonly: true }))
    try {
      return other.snapshot(() => work(other))
    } finally {
      other.close()
    }
  })
}

/** The newest time at which a task or a shard was updated, in microseconds since 1970; 0 for none. */
function newestIn(other: Connection): number {
  const tables = [other.live, other.archive].flatMap(({ place }) => [place.tasks, place.shards])
  const times = tables.map((table) => `SELECT update_time FROM ${table}`).join(' UNION ')
  let newest = 0
  for (const [time] of other.statement('update times', () => times).iterate()) {
    if (typeof time === 'string') newest = Math.max(newest, parseInstant(time) ?? 0)
  }
  return newest
}

/** Up to when the tasks of a file were merged, in microseconds since 1970; undefined where they never were. */
function readMerged(connection: Connection, file: string): number | undefined {
  if (!hasMemory(connection)) return undefined
  const statement = connection.statement(
    'merged',
    () => `SELECT newest_update_time FROM ${MERGED_FILES.name} WHERE path = ?`,
  )
  const time = statement.get(file)?.[0]
  return typeof time === 'string' ? parseInstant(time) : undefined
}

function remember(connection: Connection, file: string, newest: number): void {
  if (!hasMemory(connection)) return
  const statement = connection.statement(
    'remember merged',
    () =>
      `INSERT INTO ${MERGED_FILES.name} (path, newest_update_time) VALUES (?, ?)
       ON CONFLICT (path) DO UPDATE SET newest_update_time = excluded.newest_update_time`,
  )
  connection.write(() => statement.run([file, formatTime(newest)]))
}

/** An older file that is only read does not have the table, and its owner may have dropped it. */
function hasMemory(connection: Connection): boolean {
  const sql = `SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = '${MERGED_FILES.name}'`
  return connection.statement('has memory', () => sql).get() !== undefined
}
