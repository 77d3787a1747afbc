import { remove } from '../../files/temporary-file.ts'
import { checkIterable, optionsReader, wrongType } from '../../rules/check-arguments.ts'
import type { Finding, FindingKind } from '../../rules/findings.ts'
import { type LongCallOptions, longCall, stepOf } from '../../rules/long-call.ts'
import type { Connection } from '../connection.ts'
import { copyBeside, pruneCopies } from '../copy-beside.ts'
import { mayBeDone } from '../driver-error.ts'
import { removeDuplicates } from './duplicate-tasks.ts'
import { mergeFallback } from './fallback-store.ts'
import { createMissingIndexes } from './missing-indexes.ts'
import { recreateTasks } from './orphan-shards.ts'
import type { Repaired } from './repaired.ts'

/** What a repair did. */
export interface RepairReport {
  /**
   * The path of the copy made before; undefined if nothing was to be repaired, and for a database in memory.
   */
  readonly backup: string | undefined
  readonly repaired: readonly { readonly kind: FindingKind; readonly rows: readonly string[] }[]
  /** What cannot be repaired without a decision, each with the reason. */
  readonly unrepaired: readonly {
    readonly kind: FindingKind
    readonly rows: readonly string[]
    readonly reason: string
  }[]
}

/** How a repair is followed, and ended early. */
export type RepairOptions = LongCallOptions<RepairProgress>

/** How many rows are repaired, and how many are left. */
export interface RepairProgress {
  readonly repaired: number
  readonly unrepaired: number
}

const readOptions = optionsReader(longCall<RepairProgress>())

/** What can be repaired without loss in one transaction, in this order. */
const REPAIRS: readonly (readonly [FindingKind, (connection: Connection) => Iterable<Repaired>])[] = [
  ['missing-index', createMissingIndexes],
  ['orphan-shard', recreateTasks],
  ['duplicate-task', removeDuplicates],
]

const FALLBACK: FindingKind = 'fallback-store'

/**
 * Repairs what the findings are about, as it is now, after a copy and in one transaction, before which another store is
 * merged in batches.
 */
export function repairFile(
  connection: Connection,
  findings: readonly Finding[],
  options?: RepairOptions,
): RepairReport {
  const kinds = checkFindings(findings)
  const step = stepOf(readOptions(options))
  const repaired: { kind: FindingKind; rows: string[] }[] = []
  const mergesFallback = kinds.has(FALLBACK)
  const unrepaired = findings
    .filter(({ kind }) => kind !== FALLBACK && !REPAIRS.some(([repairable]) => repairable === kind))
    .map(({ kind, rows, fix }) => ({ kind, rows, reason: fix }))
  const repairs = REPAIRS.filter(([kind]) => kinds.has(kind))
  if (repairs.length === 0 && !mergesFallback) return { backup: undefined, repaired, unrepaired }
  const counts = { repaired: 0, unrepaired: 0 }
  const add = (kind: FindingKind, done: Iterable<Repaired>) => {
    const rows: string[] = []
    const left: string[] = []
    const reasons = new Set<string>()
    for (const { row, reason } of done) {
      counts[reason === undefined ? 'repaired' : 'unrepaired']++
      if (reason === undefined) rows.push(row)
      else {
        left.push(row)
        reasons.add(reason)
      }
      step({ ...counts })
    }
    if (rows.length > 0) repaired.push({ kind, rows })
    if (left.length > 0) unrepaired.push({ kind, rows: left, reason: [...reasons].join('; ') })
  }
  let backup: string | undefined
  const copy = () => {
    backup = copyBeside(connection.client, connection.file, 'before-repair')
  }
  try {
    if (mergesFallback) {
      connection.transaction(copy)
      add(FALLBACK, mergeFallback(connection, step))
    }
    connection.transaction(() => {
      if (!mergesFallback) copy()
      for (const [kind, repair] of repairs) add(kind, repair(connection))
    })
  } catch (error) {
    // Nothing was changed, so the copy is not needed.
    if (backup !== undefined && !mergesFallback && !mayBeDone(error)) remove(backup)
    throw error
  }
  if (backup !== undefined) pruneCopies(connection.file, 'before-repair', backup)
  return { backup, repaired, unrepaired }
}

function checkFindings(findings: unknown): ReadonlySet<FindingKind> {
  checkIterable('findings', findings, 'the findings of check()')
  const kinds = new Set<FindingKind>()
  for (const finding of findings) {
    if (typeof finding !== 'object' || finding === null || !('kind' in finding) || !('rows' in finding)) {
      throw wrongType('findings', 'the findings of check()', finding)
    }
    kinds.add(finding.kind as FindingKind)
  }
  return kinds
}
