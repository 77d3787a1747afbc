import type { Database } from 'better-sqlite3'
import { UPSTREAM_NAMES } from '../../../drizzle/tables.ts'
import { remove } from '../../files/temporary-file.ts'
import type { Migration } from '../../rules/released-migration.ts'
import { TaskStoreError } from '../../rules/task-store-error.ts'
import { copyBeside, pruneCopies } from '../copy-beside.ts'
import { mayBeDone, translateDriverError } from '../driver-error.ts'
import { LEDGER } from './foreign-objects.ts'
import { APPLICATION_ID, type FileAccess, type FileState, inspectFile, readPragma } from './inspect-file.ts'
import { REWRITE, readMigrations, UPSTREAM_VERSION } from './released-migrations.ts'

/**
 * How far to go: to the newest schema, or only as far as the file has begun, so that drizzle-kit can do the
 * rest.
 */
export type MigrateGoal = 'newest' | 'begun'

/**
 * Brings a file up to date, whichever program created it, at any version, even half-way: a migration creates
 * only what is missing, and is then recorded in the ledger. All of it happens under one lock, and everything
 * is read again under that lock, so that any number of processes can call this at once.
 *
 * @throws TaskStoreError with the codes of `inspectFile`, `MIGRATION_FAILED`, or the code of a driver error;
 * the file is unchanged.
 */
export function migrate(database: Database, file: string, goal: MigrateGoal, access: FileAccess): void {
  let copied: string | undefined
  const copy = () => {
    copied ??= copyBeside(database, file, 'before-v5')
  }
  const foreignKeys = readPragma(database, 'foreign_keys')
  // Has no effect inside a transaction, so it comes before.
  database.pragma('foreign_keys = OFF')
  try {
    if (isExclusive(database) && willReplaceIds(database, inspectFile(database, file, access))) copy()
    database.transaction(() => migrateLocked(database, file, goal, access, copy)).immediate()
    if (copied !== undefined) pruneCopies(file, 'before-v5', copied)
  } catch (error) {
    // Nothing was rewritten, so the copy is not needed.
    if (copied !== undefined && !mayBeDone(error)) remove(copied)
    throw asMigrationError(error, file)
  } finally {
    database.pragma(`foreign_keys = ${foreignKeys}`)
  }
}

function migrateLocked(
  database: Database,
  file: string,
  goal: MigrateGoal,
  access: FileAccess,
  copy: () => void,
): void {
  const state = inspectFile(database, file, access)
  if (state.isUpToDate) return
  const violations = countViolations(database)
  createLedger(database)
  const record = database.prepare(`INSERT INTO ${LEDGER} (hash, created_at) VALUES (?, ?)`)
  for (const [index, migration] of readMigrations().entries()) {
    if (state.applied.has(migration.when)) continue
    if (goal === 'begun' && !isBegun(database, state, index, migration)) {
      if (index <= REWRITE && hasIdsToReplace(database)) copy()
      break
    }
    const statements = state.isGuest ? withoutStamps(migration.statements) : migration.statements
    if (index !== REWRITE) applyMissing(database, statements)
    else if (state.userVersion < UPSTREAM_VERSION) replaceIds(database, statements, copy)
    record.run(migration.hash, migration.when)
  }
  if (!state.isGuest) stamp(database, goal)
  if (countViolations(database) > violations) {
    throw new Error('it would leave shards without a task')
  }
}

/**
 * Creates the ledger as Drizzle does. The index stops a drizzle-kit that runs at the same time from applying
 * a migration twice.
 */
function createLedger(database: Database): void {
  database.exec(
    `CREATE TABLE IF NOT EXISTS ${LEDGER} (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric);
     CREATE UNIQUE INDEX IF NOT EXISTS ${LEDGER}_created_at_idx ON ${LEDGER} (created_at)`,
  )
}

/**
 * Says whose file it is, so that another program's tables beside ours never make it theirs, and its version. A Python
 * process that was stopped while it upgraded the same file may have set these back.
 */
function stamp(database: Database, goal: MigrateGoal): void {
  const hasTables = UPSTREAM_NAMES.some((name) => hasObject(database, 'table', name))
  if (hasTables && readPragma(database, 'application_id') === 0) {
    database.pragma(`application_id = ${APPLICATION_ID}`)
  }
  if (goal === 'newest' && readPragma(database, 'user_version') < UPSTREAM_VERSION) {
    database.pragma(`user_version = ${UPSTREAM_VERSION}`)
  }
}

function isBegun(database: Database, state: FileState, index: number, migration: Migration): boolean {
  if (index < state.userVersion) return true
  return index !== REWRITE && migration.statements.some((statement) => isDone(database, statement))
}

function applyMissing(database: Database, statements: readonly string[]): void {
  for (const statement of statements) {
    if (!isDone(database, statement)) database.exec(statement)
  }
}

function replaceIds(database: Database, statements: readonly string[], copy: () => void): void {
  if (hasIdsToReplace(database)) copy()
  for (const statement of statements) database.exec(statement)
}

function hasIdsToReplace(database: Database): boolean {
  return ['tasks', 'archived_tasks'].some(
    (table) =>
      hasObject(database, 'table', table) &&
      database.prepare(`SELECT 1 FROM ${table} WHERE substr(task_id, 1, 4) <> 'uqt_' LIMIT 1`).get() !==
        undefined,
  )
}

/** Whether no second connection can read the file, to copy it while this one is in a transaction. */
const isExclusive = (database: Database) => database.pragma('locking_mode', { simple: true }) === 'exclusive'

const willReplaceIds = (database: Database, { userVersion }: FileState) =>
  userVersion < UPSTREAM_VERSION && hasIdsToReplace(database)

const CREATES = /^\s*CREATE (?:UNIQUE )?(TABLE|INDEX) `(\w+)`/
const ADDS = /^\s*ALTER TABLE `(\w+)` ADD `(\w+)`/
const STAMPS = /^\s*PRAGMA (application_id|user_version) = (\d+)/

const withoutStamps = (statements: readonly string[]) =>
  statements.filter((statement) => !STAMPS.test(statement))

/**
 * Whether a file already has what a statement creates. The schema decides, because the version of a
 * half-migrated file can be wrong.
 */
function isDone(database: Database, statement: string): boolean {
  const [, kind, name] = CREATES.exec(statement) ?? []
  if (kind !== undefined && name !== undefined) return hasObject(database, kind.toLowerCase(), name)
  const [, table, column] = ADDS.exec(statement) ?? []
  if (table !== undefined && column !== undefined) return hasColumn(database, table, column)
  const [, pragma, value] = STAMPS.exec(statement) ?? []
  if (pragma !== undefined) return readPragma(database, pragma) >= Number(value)
  throw new Error(`cannot tell whether a file already has the result of: ${statement.slice(0, 60)}`)
}

function hasObject(database: Database, type: string, name: string): boolean {
  return (
    database.prepare('SELECT 1 FROM main.sqlite_master WHERE type = ? AND name = ?').get(type, name) !==
    undefined
  )
}

function hasColumn(database: Database, table: string, column: string): boolean {
  return (
    database.prepare('SELECT 1 FROM pragma_table_info(?) WHERE name = ?').get(table, column) !== undefined
  )
}

function countViolations(database: Database): number {
  return (database.pragma('foreign_key_check') as unknown[]).length
}

function asMigrationError(error: unknown, file: string): unknown {
  const translated = translateDriverError(error, file)
  if (translated instanceof TaskStoreError) return translated
  const reason = error instanceof Error ? error.message : String(error)
  return new TaskStoreError(
    'MIGRATION_FAILED',
    `${file} could not be migrated (${reason}); it is unchanged. Please report this with the cause`,
    { cause: error },
  )
}
