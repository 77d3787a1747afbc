import { resolve } from 'node:path'
import { ImportTally } from '../../formats/import-tally.ts'
import {
  checkSource,
  findFiles,
  type ImportOptions,
  type ImportReport,
  readBatches,
  readImportOptions,
} from '../../formats/read-batches.ts'
import { BATCH } from '../../rules/batches.ts'
import { checkPath } from '../../rules/check-arguments.ts'
import { stepOf } from '../../rules/long-call.ts'
import type { Connection } from '../connection.ts'
import { knownIds } from '../tables/stored-tasks.ts'
import { lookupIn, writeReconciled } from './reconcile-tasks.ts'

/** Reads the tasks of a file, or of the files of a folder, into a store. */
export function importFile(connection: Connection, path: string, options?: ImportOptions): ImportReport {
  checkPath('path', path)
  const { onProgress, signal, dryRun, ...reconcileOptions } = readImportOptions(options)
  const step = stepOf({ onProgress, signal })
  const files = findFiles(resolve(path))
  for (const file of files) checkSource(file, connection.file)
  const tally = new ImportTally(files, reconcileOptions)
  const lookup = lookupIn(connection)
  for (const file of files) {
    for (const batch of readBatches(file, BATCH)) {
      const tasks = batch.filter((read) => 'task' in read)
      const takeAll = () => {
        const known = knownIds(
          connection,
          tasks.map(({ task }) => task.task.taskId),
        )
        for (const read of tasks) {
          const reconciled = tally.take(read, known.has(read.task.task.taskId) ? lookup : undefined)
          if (!dryRun) writeReconciled(connection, reconciled)
        }
      }
      if (dryRun) connection.snapshot(takeAll)
      else connection.batch(takeAll)
      tally.endBatch(batch)
      step(tally.progress(file))
    }
  }
  return tally.report
}
