import {
  type CheckOptions,
  type CheckReport,
  type CheckTimes,
  type FindingKind,
  Findings,
  isMismatch,
  NAMED_ROWS,
  readCheck,
} from '../../rules/findings.ts'
import type { RecordProgress, Step } from '../../rules/long-call.ts'
import { rawShard, rawTask } from '../../rules/task-row.ts'
import { TaskStoreError } from '../../rules/task-store-error.ts'
import type { Connection } from '../connection.ts'
import { translateDriverError } from '../driver-error.ts'
import { findForeignObjects } from '../migrating/foreign-objects.ts'
import { EVERY_TASK } from '../tables/filter-sql.ts'
import type { TaskTable } from '../tables/task-table.ts'
import { walk } from '../tables/walk.ts'
import { findDuplicates } from './duplicate-tasks.ts'
import { findFallback } from './fallback-store.ts'
import { findMissingIndexes } from './missing-indexes.ts'
import { findOrphans } from './orphan-shards.ts'

/** Checks a whole file in one snapshot, and changes nothing. */
export function checkFile(connection: Connection, options?: CheckOptions): CheckReport {
  const { times, step } = readCheck(options)
  const findings = new Findings()
  const look = (kind: FindingKind, find: () => Iterable<string>) => {
    unlessDamaged(connection, findings, () => findings.addAll(kind, find()))
    step(findings.progress)
  }
  connection.snapshot(() => {
    look('damaged-file', () => findDamage(connection))
    let isOurs = true
    look('foreign-object', () => {
      const foreign = findForeignObjects(connection.client)
      isOurs = !foreign.some(({ isTable }) => isTable)
      return foreign.map(({ what, drop }) => `${what} (${drop})`)
    })
    if (!isOurs) return
    look('missing-index', () => findMissingIndexes(connection))
    look('live-and-archived', () => findInBoth(connection))
    for (const table of [connection.live, connection.archive]) {
      look('orphan-shard', () => findOrphans(connection, table))
      look('status-mismatch', () => findMismatches(connection, table))
      look('duplicate-task', () => findDuplicates(connection, table).flat())
      unlessDamaged(connection, findings, () => checkTasks(connection, table, findings, times, step))
      unlessDamaged(connection, findings, () => checkShards(connection, table, findings, step))
    }
  })
  const fallback = findFallback(connection)
  if (fallback?.isTrusted) findings.add('fallback-store', fallback.file)
  else if (fallback !== undefined) findings.add('foreign-fallback', fallback.file)
  return findings.report()
}

/** Damage in one part must not stop the rest of the check. */
function unlessDamaged(connection: Connection, findings: Findings, look: () => void): void {
  try {
    look()
  } catch (error) {
    const translated = translateDriverError(error, connection.file)
    if (!(translated instanceof TaskStoreError && translated.code === 'CORRUPT_FILE')) throw error
    findings.add('damaged-file', translated.message)
  }
}

function findDamage(connection: Connection): string[] {
  const rows = connection.statement('integrity', () => `PRAGMA integrity_check(${NAMED_ROWS})`).all()
  return rows.map(([message]) => message as string).filter((message) => message !== 'ok')
}

function findInBoth(connection: Connection): string[] {
  const [live, archived] = [connection.live, connection.archive].map(({ place }) => place.tasks)
  const sql = `SELECT task_id FROM ${live} WHERE task_id IN (SELECT task_id FROM ${archived})`
  return connection
    .statement('in both', () => sql)
    .all()
    .map(([taskId]) => taskId as string)
}

/** Tasks whose shards add up to another status. A task that is not done may be pending or running. */
function* findMismatches(connection: Connection, { place }: TaskTable): Generator<string> {
  const statement = connection.statement(
    `statuses of shards ${place.name}`,
    () =>
      `SELECT t.task_id, t.status, json_group_array(DISTINCT s.status)
       FROM ${place.shards} s JOIN ${place.tasks} t ON t.task_id = s.uniqc_task_id
       GROUP BY s.uniqc_task_id`,
  )
  for (const [taskId, status, statuses] of statement.iterate() as Iterable<[string, string, string]>) {
    if (isMismatch(status, JSON.parse(statuses))) yield taskId
  }
}

/** How many rows are held at a time. */
const ROWS = 500

function checkTasks(
  { file }: Connection,
  table: TaskTable,
  findings: Findings,
  times: CheckTimes,
  step: Step<RecordProgress>,
): void {
  const isLive = table.place.name === 'live'
  for (const rows of walk(file, ROWS, (rowid) => table.after(rowid, EVERY_TASK, ROWS))) {
    for (const row of rows) {
      const name = `${table.place.tasks}, row ${row.at(-1)}`
      findings.addTask(rawTask(row), name, isLive, times)
    }
    step(findings.progress)
  }
}

function checkShards(
  { file }: Connection,
  { shards }: TaskTable,
  findings: Findings,
  step: Step<RecordProgress>,
): void {
  for (const rows of walk(file, ROWS, (rowid) => shards.after(rowid, ROWS))) {
    for (const row of rows) findings.addShard(rawShard(row))
    step(findings.progress)
  }
}
