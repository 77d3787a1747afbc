import { rmSync } from 'node:fs'
import { aggregateShards } from '../../rules/aggregate-shards.ts'
import { checkIterable, wrongType } from '../../rules/check-arguments.ts'
import { encodeJson } from '../../rules/check-task.ts'
import type { Connection } from '../connection.ts'
import { copyFile, pruneCopies } from '../copy-beside.ts'
import { readIndexes } from '../migrating/released-migrations.ts'
import { CopyQueries } from '../tables/copy-queries.ts'
import { ARCHIVE, LIVE, PLACES, type Place } from '../tables/place.ts'
import { PlaceQueries } from '../tables/place-queries.ts'
import { mergeFile } from '../transfer/merge-file.ts'
import {
  type Finding,
  type FindingKind,
  findDoubled,
  findFallback,
  findMissingIndexes,
  findOrphans,
} from './check-file.ts'

/** What a repair did. */
export interface RepairReport {
  /** The file as it was before; undefined where nothing was to be repaired, or for a database in memory. */
  readonly backup: string | undefined
  readonly repaired: readonly { readonly kind: FindingKind; readonly rows: readonly string[] }[]
  /** What cannot be repaired without a decision, each with the reason. */
  readonly unrepaired: readonly {
    readonly kind: FindingKind
    readonly rows: readonly string[]
    readonly reason: string
  }[]
}

/** What one kind of repair did to rows. */
interface Repaired {
  readonly repaired: string[]
  readonly unrepaired: string[]
  readonly reason: string
}

/** What can be repaired without loss, in this order: a merge may need the indexes. */
const REPAIRS: readonly (readonly [FindingKind, (connection: Connection) => Repaired])[] = [
  ['missing-index', makeIndexes],
  ['orphan-shard', makeTasks],
  ['duplicate-task', removeDoubles],
  ['fallback-store', mergeFallback],
]

/** Repairs what the findings are about, as it is now, in one transaction and after a copy. */
export function repairFile(connection: Connection, findings: readonly Finding[]): RepairReport {
  const kinds = checkFindings(findings)
  const repaired: { kind: FindingKind; rows: string[] }[] = []
  const unrepaired = findings
    .filter(({ kind }) => !REPAIRS.some(([repairable]) => repairable === kind))
    .map(({ kind, rows, fix }) => ({ kind, rows, reason: fix }))
  const repairs = REPAIRS.filter(([kind]) => kinds.has(kind))
  if (repairs.length === 0) return { backup: undefined, repaired, unrepaired }
  let backup: string | undefined
  try {
    connection.transaction(() => {
      backup = copyFile(connection.database, connection.file, 'before-repair')
      for (const [kind, repair] of repairs) {
        const done = repair(connection)
        if (done.repaired.length > 0) repaired.push({ kind, rows: done.repaired })
        if (done.unrepaired.length > 0) unrepaired.push({ kind, rows: done.unrepaired, reason: done.reason })
      }
    })
  } catch (error) {
    // Nothing was changed: the copy would be one of a file that is still there.
    if (backup !== undefined) rmSync(backup, { force: true })
    throw error
  }
  if (backup !== undefined) pruneCopies(connection.file, 'before-repair')
  return { backup, repaired, unrepaired }
}

function makeIndexes(connection: Connection): Repaired {
  const missing = findMissingIndexes(connection)
  const statements = readIndexes()
  for (const name of missing) connection.database.exec(statements.get(name) ?? '')
  return { repaired: missing, unrepaired: [], reason: '' }
}

/** A task out of what its shards say. */
function makeTasks(connection: Connection): Repaired {
  const copies = new CopyQueries(connection)
  const repaired: string[] = []
  const unrepaired: string[] = []
  for (const place of PLACES) {
    const queries = new PlaceQueries(connection, place)
    for (const taskId of findOrphans(connection, place)) {
      if (copies.byId(place === LIVE ? ARCHIVE : LIVE, taskId) !== undefined) {
        unrepaired.push(taskId)
        continue
      }
      const shards = queries.shardsOf(taskId)
      const [first] = shards
      if (first === undefined) continue
      const { status, result, errorMessage } = aggregateShards(shards)
      const task = {
        taskId,
        backend: first.backend,
        status,
        shots: 0,
        submitTime: shards.map(({ submitTime }) => submitTime).toSorted()[0] as string,
        updateTime: shards
          .map(({ updateTime }) => updateTime)
          .toSorted()
          .at(-1) as string,
        result: result === null ? null : encodeJson(taskId, 'result', result).text,
        metadata: '{"recovered_from": "shards"}',
        errorMessage,
      }
      const { archivedAt = null } = first as { archivedAt?: string }
      copies.saveTask(place, task, archivedAt)
      repaired.push(taskId)
    }
  }
  return {
    repaired,
    unrepaired,
    reason: 'the task is in the other place, with shards of its own: decide which to keep',
  }
}

/** Keeps the first of tasks that are equal but for their ids. */
function removeDoubles(connection: Connection): Repaired {
  const copies = new CopyQueries(connection)
  const repaired: string[] = []
  const unrepaired: string[] = []
  for (const place of PLACES) {
    const queries = new PlaceQueries(connection, place)
    for (const [first, ...others] of findDoubled(connection, place)) {
      const kept = contentOf(copies, place, first ?? '')
      for (const taskId of others) {
        if (contentOf(copies, place, taskId) !== kept) {
          unrepaired.push(taskId)
          continue
        }
        queries.deleteShards(taskId)
        queries.delete(taskId)
        repaired.push(taskId)
      }
    }
  }
  return { repaired, unrepaired, reason: 'they do not say the same: compare them, and delete() one' }
}

/** All that a task and its shards say, but for the id. */
function contentOf(copies: CopyQueries, place: Place, taskId: string): string {
  const found = copies.byId(place, taskId)
  const task = { ...found, taskId: undefined, archivedAt: undefined }
  const shards = copies.shardsOf(place, taskId).map((shard) => ({ ...shard, uniqcTaskId: undefined }))
  return JSON.stringify([task, shards])
}

function mergeFallback(connection: Connection): Repaired {
  const fallback = findFallback(connection)
  if (fallback === undefined) return { repaired: [], unrepaired: [], reason: '' }
  const { conflicts } = mergeFile(connection, fallback, {})
  const unrepaired = conflicts.map(({ taskId }) => taskId)
  return {
    repaired: [fallback],
    unrepaired,
    reason: `see the conflicts of store.mergeFile(${JSON.stringify(fallback)})`,
  }
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
