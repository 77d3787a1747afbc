import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from 'better-sqlite3'
import { getTableColumns, getTableName } from 'drizzle-orm'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'
import { readJsonObject, readJsonValue } from '../../../drizzle/json/cell.ts'
import { UnreadableJson } from '../../../drizzle/json/value.ts'
import { TASK_STATUSES, TERMINAL_STATUSES } from '../../../drizzle/task-status.ts'
import { identifyFile, isSameFile } from '../../files/file-identity.ts'
import { checkKeys, wrongType } from '../../rules/check-arguments.ts'
import { checkTimeZone, parseInstant } from '../../rules/instant.ts'
import type { ShardCells, TaskCells } from '../../rules/raw-task.ts'
import { TaskStoreError } from '../../rules/task-store-error.ts'
import type { Connection } from '../connection.ts'
import { translateDriverError } from '../driver-error.ts'
import { readIndexes } from '../migrating/released-migrations.ts'
import { ARCHIVE, LIVE, PLACES, type Place } from '../tables/place.ts'
import { nextRowid } from '../tables/walk.ts'

/** What a finding is about. */
export type FindingKind =
  | 'damaged-file'
  | 'missing-index'
  | 'orphan-shard'
  | 'live-and-archived'
  | 'duplicate-task'
  | 'unreadable-json'
  | 'status-mismatch'
  | 'unknown-status'
  | 'invalid-time'
  | 'long-pending'
  | 'fallback-store'

/** Something about a file that its owner should know. */
export interface Finding {
  readonly kind: FindingKind
  /** `error`: records are lost or wrong. `warning`: they may be. `info`: they are not. */
  readonly severity: 'error' | 'warning' | 'info'
  /** How many rows it is about. */
  readonly count: number
  /** The ids of the tasks, or what else names the rows: the first hundred. */
  readonly rows: readonly string[]
  readonly message: string
  /** The call that fixes it, or what else there is to do. */
  readonly fix: string
}

/** What {@link TaskStore.check} looks at beyond the file itself. */
export interface CheckOptions {
  /** A task that is not done after so many days is a finding. Default 7. */
  readonly pendingDays?: number | undefined
  /** The zone of times that name none. Default: the zone of this machine. */
  readonly timeZone?: string | undefined
}

/** What a check found. */
export interface CheckReport {
  /** Whether there is no finding of the severity `error`. */
  readonly isSound: boolean
  /** The worst first. */
  readonly findings: readonly Finding[]
}

const REPAIR = 'store.repair(findings)'
const SEVERITIES = ['error', 'warning', 'info'] as const

/** What each kind means, and what to do. */
const KINDS: Readonly<Record<FindingKind, Pick<Finding, 'severity' | 'message' | 'fix'>>> = {
  'damaged-file': {
    severity: 'error',
    message: 'SQLite finds the file damaged: some records cannot be read, or are not what was written',
    fix: 'keep a copy of the file, then TaskStore.restoreBackup(backup), or exportFile() what can still be read',
  },
  'orphan-shard': {
    severity: 'error',
    message: 'shards whose task is gone: another program deleted it without them',
    fix: `${REPAIR} makes a task of what the shards say`,
  },
  'live-and-archived': {
    severity: 'error',
    message: 'tasks that are both live and archived, so that neither can be moved',
    fix: "store.archive.archive(id, { onConflict: 'live' }) or 'archived' says which record wins",
  },
  'duplicate-task': {
    severity: 'error',
    message:
      'several tasks for one job of a platform, submitted at one time: two programs upgraded the file at once',
    fix: `${REPAIR} removes those that say the very same; compare and delete() the others`,
  },
  'missing-index': {
    severity: 'warning',
    message: 'indexes that the file should have: without them lists are slow',
    fix: `${REPAIR} makes them`,
  },
  'unreadable-json': {
    severity: 'warning',
    message: 'results or metadata that are not JSON: they are kept, and shown as UnreadableJson',
    fix: 'store.update(id, { result }) replaces one; update() of metadata keeps the text under legacy_metadata_raw',
  },
  'fallback-store': {
    severity: 'warning',
    message:
      'UnifiedQuantum has a store in the temporary folder, where it goes without a word when its own file is locked: records may be there and not here',
    fix: `${REPAIR} merges it, or store.mergeFile(path)`,
  },
  'status-mismatch': {
    severity: 'warning',
    message: 'tasks that have another status than their shards add up to',
    fix: 'store.saveShard(shard, { refreshTask: true }) brings the task up to date, store.update() does so by hand',
  },
  'invalid-time': {
    severity: 'warning',
    message:
      'times that are no ISO times: such tasks stand wrongly in lists, and archiveOlderThan() leaves them',
    fix: 'store.update(id, { submitTime })',
  },
  'unknown-status': {
    severity: 'info',
    message: `statuses other than ${TASK_STATUSES.join(', ')}: they are shown, but count as not terminal`,
    fix: 'store.update(id, { status })',
  },
  'long-pending': {
    severity: 'info',
    message:
      'tasks that were submitted days ago and are not done: perhaps nobody asked the platform any more',
    fix: 'ask the platform, then store.update(id, { status, result })',
  },
}

/** How many rows of a finding are named. */
const NAMED = 100

/** Collects the rows of each kind. */
class Findings {
  readonly #rows = new Map<FindingKind, { count: number; rows: string[] }>()

  add(kind: FindingKind, row: string): void {
    const found = this.#rows.get(kind) ?? { count: 0, rows: [] }
    found.count++
    if (found.rows.length < NAMED) found.rows.push(row)
    this.#rows.set(kind, found)
  }

  addAll(kind: FindingKind, rows: Iterable<string>): void {
    for (const row of rows) this.add(kind, row)
  }

  report(): CheckReport {
    const findings = [...this.#rows].map(([kind, found]) => ({ kind, ...found, ...KINDS[kind] }))
    const rank = ({ severity }: Finding) => SEVERITIES.indexOf(severity)
    return {
      isSound: findings.every(({ severity }) => severity !== 'error'),
      findings: findings.toSorted((a, b) => rank(a) - rank(b)),
    }
  }
}

/** Looks at a whole file, as it is at one moment, and changes nothing. */
export function checkFile(connection: Connection, options: CheckOptions): CheckReport {
  const { pendingDays, timeZone } = checkCheckOptions(options)
  const findings = new Findings()
  // A damaged file does not keep the rest of the check from telling what it can.
  const look = (work: () => void) => {
    try {
      work()
    } catch (error) {
      const translated = translateDriverError(error, connection.file)
      if (!(translated instanceof TaskStoreError && translated.code === 'CORRUPT_FILE')) throw error
      findings.add('damaged-file', translated.message)
    }
  }
  const oldest = (Date.now() - pendingDays * 86_400_000) * 1000
  connection.snapshot(() => {
    look(() => findings.addAll('damaged-file', findDamage(connection)))
    look(() => findings.addAll('missing-index', findMissingIndexes(connection)))
    look(() => findings.addAll('live-and-archived', findInBoth(connection)))
    for (const place of PLACES) {
      look(() => findings.addAll('orphan-shard', findOrphans(connection, place)))
      look(() => findings.addAll('status-mismatch', findDisagreeing(connection, place)))
      look(() => findings.addAll('duplicate-task', findDoubled(connection, place).flat()))
      look(() => checkRows(connection, place, findings, timeZone, oldest))
    }
  })
  const fallback = findFallback(connection)
  if (fallback !== undefined) findings.add('fallback-store', fallback)
  return findings.report()
}

function findDamage({ database }: Connection): string[] {
  const rows = database.pragma(`integrity_check(${NAMED})`) as { integrity_check: string }[]
  return rows.map((row) => row.integrity_check).filter((message) => message !== 'ok')
}

export function findMissingIndexes({ database }: Connection): string[] {
  const found = new Set(
    database.prepare("SELECT name FROM main.sqlite_master WHERE type = 'index'").pluck().all() as string[],
  )
  return [...readIndexes().keys()].filter((name) => !found.has(name))
}

/** The ids of tasks that are gone and have shards. */
export function findOrphans({ database }: Connection, { tasks, shards }: Place): string[] {
  const text = `SELECT DISTINCT uniqc_task_id FROM ${getTableName(shards)}
    WHERE NOT EXISTS (SELECT 1 FROM ${getTableName(tasks)} WHERE task_id = uniqc_task_id)`
  return database.prepare(text).pluck().all() as string[]
}

function findInBoth({ database }: Connection): string[] {
  const text = `SELECT task_id FROM ${getTableName(LIVE.tasks)}
    WHERE task_id IN (SELECT task_id FROM ${getTableName(ARCHIVE.tasks)})`
  return database.prepare(text).pluck().all() as string[]
}

const TERMINAL = TERMINAL_STATUSES.map((status) => `'${status}'`).join()

/** A task that is not done may be pending or running, whatever its shards that are not done say. */
function findDisagreeing({ database }: Connection, { tasks, shards }: Place): string[] {
  const text = `SELECT task_id FROM ${getTableName(tasks)} t JOIN (
      SELECT uniqc_task_id, CASE
        WHEN sum(status NOT IN (${TERMINAL})) > 0 THEN 'running'
        WHEN sum(status <> 'success') = 0 THEN 'success'
        WHEN sum(status = 'failed') > 0 THEN 'failed'
        ELSE 'cancelled' END AS status
      FROM ${getTableName(shards)} GROUP BY uniqc_task_id
    ) s ON s.uniqc_task_id = t.task_id
    WHERE s.status <> t.status AND NOT (s.status = 'running' AND t.status NOT IN (${TERMINAL}))`
  return database.prepare(text).pluck().all() as string[]
}

/**
 * Groups of tasks that replaced one id of a platform, submitted at one time, each in the order of insertion:
 * two upgrades at once made them. Other tasks can share a job of their platform rightly.
 */
export function findDoubled({ database }: Connection, { tasks, shards }: Place): string[][] {
  const text = `SELECT platform_task_id, json_group_array(json_array(task_id, metadata_json)) FROM (
      SELECT DISTINCT s.platform_task_id, s.backend, t.submit_time, t.task_id, t.metadata_json, t.rowid AS r
      FROM ${getTableName(shards)} s JOIN ${getTableName(tasks)} t ON t.task_id = s.uniqc_task_id ORDER BY r
    ) GROUP BY platform_task_id, backend, submit_time HAVING count(*) > 1`
  const groups = database.prepare(text).raw().all() as [string, string][]
  return groups
    .map(([platformTaskId, group]) =>
      (JSON.parse(group) as [string, string][])
        .filter(([, metadata]) => readJsonObject(metadata).legacy_platform_id === platformTaskId)
        .map(([taskId]) => taskId),
    )
    .filter((ids) => ids.length > 1)
}

/** UnifiedQuantum's own file in the temporary folder, unless it is this one. */
export function findFallback({ file }: Connection): string | undefined {
  const fallback = join(tmpdir(), 'uniqc', 'cache', 'tasks.sqlite')
  if (!existsSync(fallback)) return undefined
  const isThis = isSameFile(identifyFile(fallback), identifyFile(file))
  return isThis ? undefined : fallback
}

/** How many rows are held at a time. */
const ROWS = 500

/** What takes a look at every cell. */
function checkRows(
  { database }: Connection,
  place: Place,
  findings: Findings,
  timeZone: string | undefined,
  oldest: number,
): void {
  const isUnreadable = (value: unknown) => value instanceof UnreadableJson
  const { tasks, shards } = place
  for (const row of everyRow<TaskCells>(database, tasks)) {
    const { taskId, status, submitTime } = row
    const submitted = parseInstant(submitTime, timeZone)
    if (isUnreadable(readJsonValue(row.result)) || isUnreadable(readJsonObject(row.metadata))) {
      findings.add('unreadable-json', taskId)
    }
    if (!(TASK_STATUSES as readonly string[]).includes(status)) findings.add('unknown-status', taskId)
    if (submitted === undefined || parseInstant(row.updateTime, timeZone) === undefined) {
      findings.add('invalid-time', taskId)
    }
    const isDone = (TERMINAL_STATUSES as readonly string[]).includes(status)
    if (place === LIVE && !isDone && submitted !== undefined && submitted < oldest) {
      findings.add('long-pending', taskId)
    }
  }
  for (const { uniqcTaskId, shardIndex, result } of everyRow<ShardCells>(database, shards)) {
    if (isUnreadable(readJsonValue(result))) {
      findings.add('unreadable-json', `${uniqcTaskId}, shard ${shardIndex}`)
    }
  }
}

/** Every row of a table as it is bound, by the names of the schema. */
function* everyRow<Cells>(database: Database, table: SQLiteTable): Generator<Cells> {
  const columns = Object.entries(getTableColumns(table)).map(([field, { name }]) => `${name} AS "${field}"`)
  const next = database.prepare(
    `SELECT rowid AS "rowid", ${columns.join()} FROM ${getTableName(table)} WHERE rowid > ? ORDER BY rowid LIMIT ${ROWS}`,
  )
  for (let rowid = 0; ; ) {
    const rows = next.all(rowid) as (Cells & { rowid: number })[]
    yield* rows
    if (rows.length < ROWS) return
    rowid = nextRowid(rows, rowid, database.name)
  }
}

function checkCheckOptions(options: CheckOptions) {
  checkKeys('options', options, ['pendingDays', 'timeZone'])
  const { pendingDays = 7, timeZone } = options
  if (typeof pendingDays !== 'number' || !(pendingDays >= 0)) {
    throw wrongType('pendingDays', 'a number from 0', pendingDays)
  }
  checkTimeZone(timeZone)
  return { pendingDays, timeZone }
}
