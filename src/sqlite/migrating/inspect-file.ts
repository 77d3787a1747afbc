import type { Database } from 'better-sqlite3'
import { columnNames, UPSTREAM_NAMES, UPSTREAM_TABLES } from '../../../drizzle/tables.ts'
import { TaskStoreError } from '../../rules/task-store-error.ts'
import { findForeignObjects, LEDGER } from './foreign-objects.ts'
import { RELEASED, REWRITE, UPSTREAM_VERSION } from './released-migrations.ts'

/** `UNIC`, the mark of UnifiedQuantum's files. */
export const APPLICATION_ID = 0x554e4943

/** What the ledger says once ids were replaced. */
const REWRITTEN = RELEASED[REWRITE]?.when ?? Number.NaN

/** How a store came to a file: the name of one was given, or the caller opened it and handed it in. */
export type FileAccess = 'by-name' | 'handed-in'

/** What a file says about itself. */
export interface FileState {
  /**
   * Whether `application_id` and `user_version` are another program's: they say nothing of our tables, and are not
   * ours to write.
   */
  readonly isGuest: boolean
  /** UnifiedQuantum's version of the tables; 0 for a guest, of which the ledger alone tells. */
  readonly userVersion: number
  /** The `created_at` of every migration in the ledger. */
  readonly applied: ReadonlySet<number>
  /** Whether tables of tasks stand in it whose ids version 5 is yet to replace. */
  readonly hasOldTables: boolean
  readonly isUpToDate: boolean
}

/**
 * Reads the state of a file, and refuses a file that this release cannot use. Another program's file is refused where
 * it was named, perhaps by mistake; one that was handed in is meant. Writes nothing, and takes only a read lock.
 *
 * @throws TaskStoreError `FOREIGN_FILE`, `SCHEMA_TOO_NEW`, `MIGRATION_FAILED`, `CORRUPT_FILE`.
 */
export function inspectFile(database: Database, file: string, access: FileAccess): FileState {
  const applicationId = readPragma(database, 'application_id')
  const stampedVersion = readPragma(database, 'user_version')
  const tables = readTables(database, access === 'handed-in')
  const applied = tables.has(LEDGER) ? readLedger(database, file) : new Set<number>()
  const owner = findOtherOwner(applicationId, stampedVersion, tables, applied)
  if (owner !== undefined && access === 'by-name') {
    throw new TaskStoreError(
      'FOREIGN_FILE',
      `${file} belongs to another program (${owner}); name another file or folder. To keep tasks beside its tables, open it with better-sqlite3 and hand it in as the database option`,
    )
  }
  // A program that stamps nothing leaves the stamps to us, and Python finds them.
  const isGuest = owner !== undefined && (applicationId !== 0 || stampedVersion !== 0)
  const userVersion = isGuest ? 0 : stampedVersion
  if (userVersion < 0 || userVersion > UPSTREAM_VERSION) throw tooNew(file, `version ${userVersion}`)
  if (access === 'by-name') checkObjects(database, file)
  checkTables(database, file, tables)
  const lost = UPSTREAM_NAMES.filter((name) => !tables.has(name))
  const isMigrated = applied.size === RELEASED.length
  if (isMigrated && lost.length > 0) {
    throw new TaskStoreError(
      'CORRUPT_FILE',
      `${file} has lost the table ${lost.join(', ')} since it was migrated; restore it from a copy`,
    )
  }
  const isStamped = applicationId === APPLICATION_ID && userVersion === UPSTREAM_VERSION
  const hasTables = lost.length < UPSTREAM_NAMES.length
  const isBefore5 = userVersion < UPSTREAM_VERSION && !applied.has(REWRITTEN)
  return {
    isGuest,
    userVersion,
    applied,
    hasOldTables: hasTables && isBefore5,
    isUpToDate: isMigrated && (isGuest || isStamped),
  }
}

export function readPragma(database: Database, name: string): number {
  return database.pragma(name, { simple: true }) as number
}

function checkObjects(database: Database, file: string): void {
  const found = findForeignObjects(database)
  if (found.length === 0) return
  const names = found.map(({ what }) => what).join('; ')
  const drops = found.map(({ drop }) => drop).join('; ')
  throw new TaskStoreError(
    'FOREIGN_FILE',
    `${file} holds what no store has: ${names}. It would run or answer in the place of the store. If you know the file, remove it with sqlite3 (${drops}); else name another file`,
  )
}

function readTables(database: Database, withViews: boolean): ReadonlySet<string> {
  const types = withViews ? "'table', 'view'" : "'table'"
  const names = database.prepare(`SELECT name FROM main.sqlite_master WHERE type IN (${types})`).pluck().all()
  return new Set(names as string[])
}

/**
 * How it shows that a file is another program's, whether or not our tables stand in it already; undefined for one that
 * is UnifiedQuantum's, or nobody's.
 */
function findOtherOwner(
  applicationId: number,
  stampedVersion: number,
  tables: ReadonlySet<string>,
  applied: ReadonlySet<number>,
): string | undefined {
  if (applicationId === APPLICATION_ID) return undefined
  if (applicationId !== 0) return `application_id ${applicationId}`
  const others = [...tables].filter(
    (name) => !UPSTREAM_NAMES.includes(name) && !/^(sqlite|__uniqc|uniqc)_/.test(name),
  )
  if (others.length === 0) return undefined
  const named = `it holds the table ${others.join(', ')}`
  if (!UPSTREAM_NAMES.some((name) => tables.has(name))) {
    return `${named} and none of UnifiedQuantum's`
  }
  // A file of UnifiedQuantum's is stamped before anything stands in the ledger.
  return applied.size > 0 && stampedVersion !== 0
    ? `${named}, and keeps a user_version of its own`
    : undefined
}

/** A file may be half created, but its tables must be UnifiedQuantum's. */
function checkTables(database: Database, file: string, found: ReadonlySet<string>): void {
  const columnsOf = database.prepare('SELECT name FROM pragma_table_info(?)').pluck()
  for (const table of UPSTREAM_TABLES) {
    const { name } = table
    if (!found.has(name)) continue
    const columns = new Set(columnsOf.all(name) as string[])
    // A later version adds error_message.
    const missing = columnNames(table).filter((column) => column !== 'error_message' && !columns.has(column))
    if (missing.length > 0) {
      throw new TaskStoreError(
        'FOREIGN_FILE',
        `${file} has a table ${name} without the column ${missing.join(', ')}, so it is not UnifiedQuantum's; name another file or folder`,
      )
    }
  }
}

function readLedger(database: Database, file: string): ReadonlySet<number> {
  const rows = database.prepare(`SELECT hash, created_at FROM main.${LEDGER}`).raw().all() as [
    string,
    number,
  ][]
  const known = new Map(RELEASED.map(({ when, hash }) => [when, hash]))
  const newest = Math.max(...known.keys())
  for (const [hash, when] of rows) {
    if (known.get(Number(when)) === hash) continue
    if (Number(when) > newest) throw tooNew(file, `migration ${when}`)
    throw new TaskStoreError(
      'MIGRATION_FAILED',
      `${file} was migrated with a migration of ${when} that is not one of this release's; reinstall the package`,
    )
  }
  return new Set(rows.map(([, when]) => Number(when)))
}

function tooNew(file: string, what: string): TaskStoreError {
  return new TaskStoreError(
    'SCHEMA_TOO_NEW',
    `${file} was written by a newer release (${what}); update this package to open it`,
  )
}
