import { describe } from 'node:test'
import type { NewTaskInfo } from 'uniqc-task-store'
import { archiveContract } from '../contract/archive.ts'
import { archiveOlderThanContract } from '../contract/archive-older-than.ts'
import { clockContract } from '../contract/clock.ts'
import { closeContract } from '../contract/close.ts'
import { deleteContract } from '../contract/delete.ts'
import { anyExportContract, exportFileContract } from '../contract/export-file.ts'
import { findIdsContract } from '../contract/find-ids.ts'
import { importFileContract } from '../contract/import-file.ts'
import { importedRecordsContract } from '../contract/imported-records.ts'
import { listContract } from '../contract/list.ts'
import { longCallsContract } from '../contract/long-calls.ts'
import { anyCountContract, manyAndCountsContract } from '../contract/many-and-counts.ts'
import { misuseContract } from '../contract/misuse.ts'
import { anyFilterContract, pageContract } from '../contract/page.ts'
import { persistenceContract } from '../contract/persistence.ts'
import { refreshedTaskContract } from '../contract/refreshed-task.ts'
import { replacedIdsContract } from '../contract/replaced-ids.ts'
import { saveContract } from '../contract/save.ts'
import { shardsContract } from '../contract/shards.ts'
import { transactionContract } from '../contract/transaction.ts'
import { updateContract } from '../contract/update.ts'
import { valuesContract } from '../contract/values.ts'
import { watchContract } from '../contract/watch.ts'
import { needsPostgres, openAnyPostgres as open, readPostgresRows as rows } from '../support/postgres.ts'

/** Null characters in JSON are escaped; in other texts PostgreSQL cannot store them. */
const hasNoNull = (task: NewTaskInfo) =>
  Object.values(task).every((value) => typeof value !== 'string' || !value.includes('\0'))

describe('a store on PostgreSQL', needsPostgres, () => {
  saveContract(open)
  updateContract(open)
  deleteContract(open)
  listContract(open)
  pageContract(open)
  shardsContract(open, rows)
  refreshedTaskContract(open, rows)
  archiveContract(open, rows)
  archiveOlderThanContract(open, rows)
  replacedIdsContract(open)
  persistenceContract(open)
  transactionContract(open)
  exportFileContract(open, rows)
  importFileContract(open, rows)
  manyAndCountsContract(open, "c'; --\td")
  clockContract(open)
  closeContract(open)
  findIdsContract(open)
  watchContract(open)
  longCallsContract(open, rows)
  valuesContract(open, hasNoNull)
  misuseContract(open)
  anyFilterContract(open)
  anyCountContract(open)
  anyExportContract(open)
  importedRecordsContract(open, rows)
})
