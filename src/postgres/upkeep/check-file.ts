import { readJsonObject } from '../../../drizzle/json/cell.ts'
import { fromStoredText } from '../../../drizzle/json/stored-cell.ts'
import {
  type CheckOptions,
  type CheckReport,
  type FindingKind,
  Findings,
  isMismatch,
  readCheck,
} from '../../rules/findings.ts'
import { REPLACED_ID } from '../../rules/replaced-id.ts'
import { checkFilter } from '../../rules/task-filter.ts'
import { type Row, rawShard, rawTask } from '../../rules/task-row.ts'
import type { TaskTable } from '../tables/task-table.ts'
import { walk } from '../tables/walk.ts'
import type { Session, Transaction } from '../transaction.ts'

/** How many rows are held at a time. */
const ROWS = 500

const EVERY_TASK = checkFilter()

/** Checks the records of a schema in one snapshot, and changes nothing. The server looks after its files. */
export async function checkFile(session: Session, options?: CheckOptions): Promise<CheckReport> {
  const { times, step } = readCheck(options)
  return session.snapshot(async (tx) => {
    const findings = new Findings()
    const look = async (kind: FindingKind, find: Promise<readonly Row[]>) => {
      findings.addAll(
        kind,
        (await find).map(([taskId]) => taskId as string),
      )
      step(findings.progress)
    }
    await look('live-and-archived', findInBoth(tx))
    for (const table of [tx.live, tx.archive]) {
      const isLive = !table.place.isArchive
      await look('orphan-shard', findOrphans(tx, table))
      await look('status-mismatch', findMismatches(tx, table))
      await look('duplicate-task', findDuplicates(tx, table))
      for await (const rows of walk(ROWS, (seq) => table.after(seq, EVERY_TASK, ROWS))) {
        for (const row of rows) findings.addTask(rawTask(row), '', isLive, times)
        step(findings.progress)
      }
      for await (const rows of shardsOf(table)) {
        for (const row of rows) findings.addShard(rawShard(row))
        step(findings.progress)
      }
    }
    return findings.report()
  })
}

async function* shardsOf({ shards }: TaskTable): AsyncGenerator<readonly Row[]> {
  let last: readonly [taskId: string, index: number] = ['', -1]
  for (;;) {
    const rows = await shards.after(...last, ROWS)
    if (rows.length > 0) yield rows
    if (rows.length < ROWS) return
    last = rows.at(-1)?.slice(0, 2) as [string, number]
  }
}

function findInBoth(tx: Transaction): Promise<Row[]> {
  const [live, archived] = [tx.live.place.tasks, tx.archive.place.tasks]
  return tx.read(`SELECT task_id FROM ${live} JOIN ${archived} USING (task_id) ORDER BY 1`)
}

/** Shards whose task is gone: possible in the archive, which has no foreign key. */
function findOrphans(tx: Transaction, { place }: TaskTable): Promise<Row[]> {
  return tx.read(
    `SELECT DISTINCT uniqc_task_id FROM ${place.shards}
     WHERE NOT EXISTS (SELECT FROM ${place.tasks} WHERE task_id = uniqc_task_id)`,
  )
}

async function findMismatches(tx: Transaction, { place }: TaskTable): Promise<Row[]> {
  const rows = await tx.read(
    `SELECT t.task_id, t.status, json_agg(DISTINCT s.status)
     FROM ${place.shards} s JOIN ${place.tasks} t ON t.task_id = s.uniqc_task_id GROUP BY t.task_id`,
  )
  return rows.filter(([, status, statuses]) => isMismatch(status as string, JSON.parse(statuses as string)))
}

/** Tasks that replaced one id of a platform and were submitted at one time, as a merged file may have them. */
async function findDuplicates(tx: Transaction, { place }: TaskTable): Promise<Row[]> {
  const rows = await tx.read(
    `SELECT platform_task_id, json_agg(json_build_array(task_id, metadata_json) ORDER BY seq) FROM (
       SELECT DISTINCT s.platform_task_id, s.backend, t.submit_time, t.task_id, t.metadata_json, t.seq
       FROM ${place.shards} s JOIN ${place.tasks} t ON t.task_id = s.uniqc_task_id
     ) AS owners GROUP BY platform_task_id, backend, submit_time HAVING count(*) > 1`,
  )
  return rows.flatMap(([platformTaskId, group]) => {
    const owners = (JSON.parse(group as string) as [string, string][]).filter(
      ([, metadata]) => readJsonObject(fromStoredText(metadata))[REPLACED_ID] === platformTaskId,
    )
    return owners.length > 1 ? owners : []
  })
}
