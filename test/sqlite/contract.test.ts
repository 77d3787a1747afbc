import { describe } from 'node:test'
import type { TaskStore } from 'uniqc-task-store'
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
import type { ReadRows } from '../support/any-store.ts'
import { openFile, openMemory } from '../support/open-store.ts'
import { readRows } from '../support/read-rows.ts'

const rows: ReadRows = (store) => readRows(store as TaskStore)

for (const [where, open] of [
  ['in a file', openFile],
  ['in memory', openMemory],
] as const) {
  describe(`a store ${where}`, () => {
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
    transactionContract(open)
    persistenceContract(open)
    exportFileContract(open, rows)
    importFileContract(open, rows)
    clockContract(open)
    closeContract(open)
    findIdsContract(open)
    watchContract(open)
    longCallsContract(open, rows)
  })
}

// These take long, or ask little of a file: any-input.test.ts and model.test.ts run two more.
describe('a store in memory, at length', () => {
  valuesContract(openMemory)
  misuseContract(openMemory)
  anyFilterContract(openMemory)
  anyExportContract(openMemory)
  importedRecordsContract(openMemory, rows)
})
