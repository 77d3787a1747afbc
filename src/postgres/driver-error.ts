import { type CallOutcome, TaskStoreError, type TaskStoreErrorCode } from '../rules/task-store-error.ts'

const NOT_KEPT = 'is behind a pooler that keeps no prepared statements; open the store with prepare: false'

/** What the codes of PostgreSQL and of the system mean, by prefix. The first match counts. */
const MEANINGS: readonly (readonly [prefix: string, code: TaskStoreErrorCode, advice: string])[] = [
  [
    '57014',
    'TIMED_OUT',
    'stopped a statement, at the statementTimeout or on request; raise the timeout, or call again',
  ],
  ['25P03', 'TIMED_OUT', 'ended a transaction that was idle for too long; keep transactions short'],
  ['25P04', 'TIMED_OUT', 'ended a transaction that took too long; keep transactions short'],
  ['55P03', 'LOCKED', 'did not get a lock within the lockTimeout; call again, or raise the timeout'],
  ['40', 'LOCKED', 'undid the call, because of others that ran at the same time; call again'],
  ['23503', 'CONFLICT', 'has a row in another table that refers to the task; change that one first'],
  ['23', 'LOCKED', 'refused a row, because of others that ran at the same time; call again'],
  ['25006', 'READONLY', 'takes no writes here: it is a standby, or the role or the transaction is read-only'],
  ['42501', 'READONLY', 'does not let this role do that; see docs/team.md for the rights that a store needs'],
  ['53100', 'DISK_FULL', 'has no room left; make room and call again'],
  ['53', 'CANNOT_OPEN', 'has no resources left (connections or memory); use fewer connections, or a pooler'],
  ['54', 'INVALID_TASK', 'cannot store a value, because it is too long for an index or a row'],
  ['28', 'CANNOT_OPEN', 'does not accept this role or its password'],
  ['3D000', 'CANNOT_OPEN', 'has no database of this name; create it, or check the URL'],
  ['3F000', 'CANNOT_OPEN', 'has no such schema any more; open a new store'],
  ['42P01', 'CANNOT_OPEN', 'has lost a table of the store; restore it from a backup'],
  ['26000', 'CANNOT_OPEN', NOT_KEPT],
  ['42P05', 'CANNOT_OPEN', NOT_KEPT],
  ['08P01', 'CANNOT_OPEN', 'or its pooler refuses a setting of the connection; leave the timeouts out'],
  ['XX001', 'CORRUPT_FILE', 'finds its files damaged; restore a backup'],
  ['XX002', 'CORRUPT_FILE', 'finds an index damaged; REINDEX it'],
]

/** Codes of a connection that is gone, or that never was. */
const BROKEN =
  /^(?:57P0[1-5]|08(?!P01)|E(?:CONNREFUSED|CONNRESET|PIPE|NOTFOUND|AI_AGAIN|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOENT|ACCES)$)/

/** Messages of `pg` without a code. */
const BROKEN_MESSAGES =
  /^(?:Connection terminated|Client has encountered a connection error|Client was closed|The server does not support SSL|timeout expired)/

/** Nothing was sent on such a client. */
const NOT_SENT = /^Client (?:has encountered a connection error|was closed)/

const WAITED = /^timeout exceeded when trying to connect/

/** The driver's error in this package's terms; any other error unchanged. */
export function translateDriverError(error: unknown, place: string, outcome: CallOutcome): unknown {
  const found = driverError(error)
  if (found === undefined) return error
  const { code, message } = found
  if (WAITED.test(message)) {
    return new TaskStoreError(
      'TIMED_OUT',
      `no connection to ${place} became free in time; open fewer at once, or raise connectTimeout`,
      { cause: error },
    )
  }
  if (isLost(error)) {
    const known = NOT_SENT.test(message) ? 'not-done' : outcome
    const what =
      known === 'not-done'
        ? 'nothing of this call was done'
        : 'it is not known whether this call was done: read before you repeat it'
    return new TaskStoreError(
      'DISCONNECTED',
      `the connection to ${place} is lost (${code || message}); ${what}`,
      { cause: error, outcome: known },
    )
  }
  const meaning = MEANINGS.find(([prefix]) => code.startsWith(prefix))
  if (meaning === undefined) return error
  return new TaskStoreError(meaning[1], `${place} ${meaning[2]} (${code}: ${message})`, { cause: error })
}

/** Whether a driver's error says that the connection is gone, or never was. */
export function isLost(error: unknown): boolean {
  const { code = '', message = '' } = driverError(error) ?? {}
  return BROKEN.test(code) || BROKEN_MESSAGES.test(message)
}

/** Whether the server undid a call only because of others: run again, it can succeed. */
export function isRepeatable(error: unknown): boolean {
  const code = causeCode(error)
  return code !== undefined && REPEATABLE.includes(code)
}

/** A deadlock, and a serialization failure. */
const REPEATABLE: readonly string[] = ['40P01', '40001']

/** Whether another one inserted a task of the same key, or a shard of the task, at the same time. */
export function isRace(error: unknown): boolean {
  const code = causeCode(error)
  return code === '23505' || code === '23503'
}

/** Whether nothing of a call was done, because its connection was not there. */
export function isNotDone(error: unknown): boolean {
  return error instanceof TaskStoreError && error.code === 'DISCONNECTED' && error.outcome === 'not-done'
}

/** Whether the connection of a call cannot be used again. */
export function isBroken(error: unknown): boolean {
  return error instanceof TaskStoreError && error.code === 'DISCONNECTED'
}

/** The code of PostgreSQL, also of an error that was translated. */
export function causeCode(error: unknown): string | undefined {
  return driverError(error instanceof TaskStoreError ? error.cause : error)?.code
}

function driverError(error: unknown): { readonly code: string; readonly message: string } | undefined {
  if (!(error instanceof Error) || error instanceof TaskStoreError) return undefined
  const own =
    error.constructor.name === 'DrizzleQueryError' && error.cause instanceof Error ? error.cause : error
  const code = 'code' in own && typeof own.code === 'string' ? own.code : ''
  return { code, message: own.message }
}
