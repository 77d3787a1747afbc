import type { Database } from 'better-sqlite3'
import { getTableColumns } from 'drizzle-orm'
import { archivedTaskShards, archivedTasks, taskShards, tasks } from '../../../drizzle/schema.ts'
import { TaskStoreError } from '../../rules/task-store-error.ts'
import { RELEASED, UPSTREAM_VERSION } from './released-migrations.ts'

/** `UNIC`, the mark of UnifiedQuantum's files. */
export const APPLICATION_ID = 0x554e4943

/** Drizzle's name for the ledger: drizzle-kit finds it without configuration. */
export const LEDGER = '__drizzle_migrations'

/** UnifiedQuantum's tables, by their names in the file. */
export const UPSTREAM_TABLES = {
  tasks,
  archived_tasks: archivedTasks,
  task_shards: taskShards,
  archived_task_shards: archivedTaskShards,
}

/** What a file says about itself. */
export interface FileState {
  readonly applicationId: number
  readonly userVersion: number
  /** The `created_at` of every migration in the ledger. */
  readonly applied: ReadonlySet<number>
  readonly isUpToDate: boolean
}

/**
 * Reads the state of a file, and refuses a file that this release cannot use. Writes nothing, and takes only
 * a read lock.
 *
 * @throws TaskStoreError `FOREIGN_FILE`, `SCHEMA_TOO_NEW`, `MIGRATION_FAILED`, `CORRUPT_FILE`.
 */
export function inspectFile(database: Database, file: string): FileState {
  const applicationId = readPragma(database, 'application_id')
  if (applicationId !== 0 && applicationId !== APPLICATION_ID) {
    throw new TaskStoreError(
      'FOREIGN_FILE',
      `${file} belongs to another program (application_id ${applicationId}); name another file or folder`,
    )
  }
  const userVersion = readPragma(database, 'user_version')
  if (userVersion < 0 || userVersion > UPSTREAM_VERSION) throw tooNew(file, `version ${userVersion}`)
  const tables = readTables(database)
  checkTables(database, file, tables, applicationId)
  const applied = tables.has(LEDGER) ? readLedger(database, file) : new Set<number>()
  const lost = Object.keys(UPSTREAM_TABLES).filter((name) => !tables.has(name))
  if (applied.size === RELEASED.length && lost.length > 0) {
    throw new TaskStoreError(
      'CORRUPT_FILE',
      `${file} has lost the table ${lost.join(', ')} since it was migrated; restore it from a copy`,
    )
  }
  const isUpToDate =
    applicationId === APPLICATION_ID && userVersion === UPSTREAM_VERSION && applied.size === RELEASED.length
  return { applicationId, userVersion, applied, isUpToDate }
}

export function readPragma(database: Database, name: string): number {
  return database.pragma(name, { simple: true }) as number
}

function readTables(database: Database): ReadonlySet<string> {
  const names = database.prepare("SELECT name FROM main.sqlite_master WHERE type = 'table'").pluck().all()
  return new Set(names as string[])
}

/** A file without an application id may be half created, but its tables must be UnifiedQuantum's. */
function checkTables(
  database: Database,
  file: string,
  found: ReadonlySet<string>,
  applicationId: number,
): void {
  let isKnown = applicationId === APPLICATION_ID || found.size === 0
  for (const [name, table] of Object.entries(UPSTREAM_TABLES)) {
    if (!found.has(name)) continue
    isKnown = true
    const columns = new Set(
      database.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(name) as string[],
    )
    // A later version adds error_message.
    const missing = Object.values(getTableColumns(table))
      .map((column) => column.name)
      .filter((column) => column !== 'error_message' && !columns.has(column))
    if (missing.length > 0) {
      throw new TaskStoreError(
        'FOREIGN_FILE',
        `${file} has a table ${name} without the column ${missing.join(', ')}, so it is not UnifiedQuantum's; name another file or folder`,
      )
    }
  }
  const others = [...found].filter((name) => name !== LEDGER && !name.startsWith('sqlite_'))
  if (!isKnown && others.length > 0) {
    throw new TaskStoreError(
      'FOREIGN_FILE',
      `${file} belongs to another program (it holds the table ${others.join(', ')} and none of UnifiedQuantum's); name another file or folder`,
    )
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
    const expected = known.get(Number(when))
    if (expected === hash) continue
    if (expected !== undefined) {
      throw new TaskStoreError(
        'MIGRATION_FAILED',
        `${file} was migrated with a migration of ${when} that differs from the one of this release; reinstall the package`,
      )
    }
    if (Number(when) > newest) throw tooNew(file, `migration ${when}`)
    throw new TaskStoreError(
      'FOREIGN_FILE',
      `${file} holds another program's Drizzle migrations (${when}); name another file or folder`,
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
