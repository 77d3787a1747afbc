import { readJsonObject, readJsonValue } from '../../drizzle/json/cell.ts'
import { UnreadableJson } from '../../drizzle/json/value.ts'
import { isTaskStatus, isTerminal, TASK_STATUSES } from '../../drizzle/task-status.ts'
import { aggregateStatus } from './aggregate-shards.ts'
import { amount, optionsReader } from './check-arguments.ts'
import { clockTime } from './clock.ts'
import { parseInstant, timeZone } from './instant.ts'
import { type LongCallOptions, longCall, type RecordProgress, type Step, stepOf } from './long-call.ts'
import type { RawShard, RawTask } from './raw-task.ts'

/** What a finding is about. */
export type FindingKind = keyof typeof KINDS

/** Something about a file that its owner should know. */
export interface Finding {
  readonly kind: FindingKind
  /** `error`: records are lost or wrong. `warning`: they may be. `info`: they are not. */
  readonly severity: 'error' | 'warning' | 'info'
  /** How many rows it is about. */
  readonly count: number
  /** The ids of the tasks, or other names of the rows: at most the first hundred. */
  readonly rows: readonly string[]
  readonly message: string
  /** The call that fixes it, or what else to do. */
  readonly fix: string
}

/** What {@link TaskStore.check} looks for beyond the file itself. */
export interface CheckOptions extends LongCallOptions<RecordProgress> {
  /** A task that is not done after this many days is a finding. Default 7. */
  readonly pendingDays?: number | undefined
  /** The zone of times without an offset. Default: the zone of this machine. */
  readonly timeZone?: string | undefined
}

/** What a check found. */
export interface CheckReport {
  /** Whether there is no finding of the severity `error`. */
  readonly isSound: boolean
  /** The worst first. */
  readonly findings: readonly Finding[]
}

export const readCheckOptions = optionsReader({
  pendingDays: (name, value = 7) => amount(name, value),
  timeZone,
  ...longCall<RecordProgress>(),
})

/** What decides whether a time is a finding. */
export interface CheckTimes {
  readonly timeZone: string | undefined
  /** Tasks that were submitted before this should be done, in microseconds since 1970. */
  readonly oldest: number
}

/** @throws TypeError for an option that does not exist or has the wrong type. */
export function readCheck(options: CheckOptions | undefined): {
  readonly times: CheckTimes
  readonly step: Step<RecordProgress>
} {
  const { pendingDays, timeZone, ...following } = readCheckOptions(options)
  const times = { timeZone, oldest: (clockTime() - pendingDays * 86_400_000) * 1000 }
  return { times, step: stepOf(following) }
}

/** Whether a task has another status than its shards add up to. One that is not done may be pending or running. */
export function isMismatch(status: string, statusesOfShards: readonly string[]): boolean {
  const aggregate = aggregateStatus(statusesOfShards.map((status) => ({ status })))
  const isUndone = aggregate === 'running' && !isTerminal(status)
  return aggregate !== status && !isUndone
}

const REPAIR = 'store.repair(findings)'
const SEVERITIES = ['error', 'warning', 'info'] as const

/** What each kind says, and what to do. */
const KINDS = {
  'damaged-file': {
    severity: 'error',
    message: 'SQLite finds the file damaged: some records cannot be read, or are not what was written',
    fix: 'keep a copy of the file, then TaskStore.restoreBackup(backup), or exportFile() what can still be read',
  },
  'orphan-shard': {
    severity: 'error',
    message: 'shards whose task is gone: another program deleted it without them',
    fix: `${REPAIR} recreates a task from what the shards say`,
  },
  'live-and-archived': {
    severity: 'error',
    message: 'tasks that are both live and archived, so that neither can be moved',
    fix: "store.archive.archive(id, { onConflict: 'live' }) or 'archived' says which record wins",
  },
  'duplicate-task': {
    severity: 'error',
    message:
      'several tasks for one task of a platform, submitted at one time: two programs upgraded the file at once',
    fix: `${REPAIR} removes those that are equal; compare and delete() the others`,
  },
  'foreign-object': {
    severity: 'warning',
    message:
      'triggers on our tables, or views and tables of others under our names: they run, or answer in the place of the store',
    fix: 'remove what each row names with sqlite3, if nothing needs it',
  },
  'missing-index': {
    severity: 'warning',
    message: 'indexes that the file should have: without them lists are slow',
    fix: `${REPAIR} creates them`,
  },
  'unreadable-json': {
    severity: 'warning',
    message: 'results or metadata that are not JSON: they are kept, and shown as UnreadableJson',
    fix: 'store.update(id, { result }) replaces one; update() of metadata keeps the text under legacy_metadata_raw',
  },
  'inexact-shots': {
    severity: 'warning',
    message: `shots beyond ${Number.MAX_SAFE_INTEGER}: they are shown, and carried to other files, as the nearest number`,
    fix: 'leave shots out of an update, which then keeps them; store.update(id, { shots }) replaces them',
  },
  'fallback-store': {
    severity: 'warning',
    message:
      'UnifiedQuantum has a store in the temporary folder, which it uses silently when its own file is locked: records may be there and not here',
    fix: `${REPAIR} merges it, or store.mergeFile(path)`,
  },
  'status-mismatch': {
    severity: 'warning',
    message: 'tasks with a status other than the one their shards add up to',
    fix: 'store.saveShard(shard, { refreshTask: true }) brings the task up to date, store.update() does so by hand',
  },
  'missing-id': {
    severity: 'warning',
    message:
      'tasks without an id, which the file allows: no call finds one, and they cannot be imported again',
    fix: 'give each an id with sqlite3 (UPDATE tasks SET task_id = ... WHERE rowid = ...), or delete it',
  },
  'invalid-time': {
    severity: 'warning',
    message:
      'times that are not ISO 8601: such tasks are out of place in lists, and archiveOlderThan() leaves them alone',
    fix: 'store.update(id, { submitTime }), or store.saveShard() for a shard',
  },
  'foreign-fallback': {
    severity: 'info',
    message:
      'what stands in the place of the store that UnifiedQuantum keeps in the temporary folder belongs to somebody else, or others may write it: it is ignored',
    fix: 'look at it; if its records are yours, store.mergeFile(path)',
  },
  'unknown-status': {
    severity: 'info',
    message: `statuses other than ${TASK_STATUSES.join(', ')}: they are shown, but count as not terminal`,
    fix: 'store.update(id, { status })',
  },
  'long-pending': {
    severity: 'info',
    message:
      'tasks that were submitted days ago and are not done: probably nothing polls the platform for them any more',
    fix: 'ask the platform, then store.update(id, { status, result })',
  },
} as const satisfies Record<string, Pick<Finding, 'severity' | 'message' | 'fix'>>

/** How many rows of a finding are named. */
export const NAMED_ROWS = 100

/** Collects the rows of each kind. */
export class Findings {
  readonly #rows = new Map<FindingKind, { count: number; rows: string[] }>()
  readonly #seen = { tasks: 0, shards: 0 }

  /** How many tasks and shards were looked at. */
  get progress(): RecordProgress {
    return { ...this.#seen }
  }

  add(kind: FindingKind, row: string): void {
    const found = this.#rows.get(kind) ?? { count: 0, rows: [] }
    found.count++
    if (found.rows.length < NAMED_ROWS) found.rows.push(row)
    this.#rows.set(kind, found)
  }

  addAll(kind: FindingKind, rows: Iterable<string>): void {
    for (const row of rows) this.add(kind, row)
  }

  /**
   * Adds what is to be said of a task.
   *
   * @param row A name for a row that has no id.
   */
  addTask(task: RawTask, row: string, isLive: boolean, { timeZone, oldest }: CheckTimes): void {
    this.#seen.tasks++
    const { taskId, status, shots, submitTime, updateTime, result, metadata } = task
    const name = taskId ?? row
    if (taskId === null) this.add('missing-id', name)
    const [submitted, updated] = [submitTime, updateTime].map((time) =>
      typeof time === 'string' ? parseInstant(time, timeZone) : undefined,
    )
    if (isUnreadable(readJsonValue(result)) || isUnreadable(readJsonObject(metadata))) {
      this.add('unreadable-json', name)
    }
    if (Math.abs(shots) > Number.MAX_SAFE_INTEGER) this.add('inexact-shots', name)
    if (!isTaskStatus(status)) this.add('unknown-status', name)
    if (submitted === undefined || updated === undefined) this.add('invalid-time', name)
    if (isLive && !isTerminal(status) && submitted !== undefined && submitted < oldest) {
      this.add('long-pending', name)
    }
  }

  /** Adds what is to be said of a shard. */
  addShard({ uniqcTaskId, shardIndex, result, submitTime, updateTime }: RawShard): void {
    this.#seen.shards++
    const shard = `${uniqcTaskId}, shard ${shardIndex}`
    if (isUnreadable(readJsonValue(result))) this.add('unreadable-json', shard)
    if (![submitTime, updateTime].every((time) => parseInstant(time) !== undefined)) {
      this.add('invalid-time', shard)
    }
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

const isUnreadable = (value: unknown) => value instanceof UnreadableJson
