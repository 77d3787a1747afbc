import { describe } from 'node:test'
import { anyExportContract, exportFileContract } from '../contract/export-file.ts'
import { importFileContract } from '../contract/import-file.ts'
import { importedRecordsContract } from '../contract/imported-records.ts'
import { openAnyWorker as open, workerRows as rows } from '../support/worker.ts'

describe('files of a store in a thread', () => {
  exportFileContract(open, rows)
  importFileContract(open, rows)
  anyExportContract(open)
  importedRecordsContract(open, rows)
})
