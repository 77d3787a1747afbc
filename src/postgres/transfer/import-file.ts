import { resolve } from 'node:path'
import { ImportTally } from '../../formats/import-tally.ts'
import {
  checkSource,
  findFiles,
  type ImportOptions,
  type ImportReport,
  readBatches,
  readImportOptions,
  weightOfRead,
} from '../../formats/read-batches.ts'
import { BATCH, SENT_BATCH } from '../../rules/batches.ts'
import { checkPath } from '../../rules/check-arguments.ts'
import { stepOf } from '../../rules/long-call.ts'
import { gather, takeInTurn } from '../../rules/read-ahead.ts'
import type { Session } from '../transaction.ts'
import { takeTasks } from './take-tasks.ts'

/** Reads the tasks of a file, or of the files of a folder, into a store. */
export async function importFile(
  session: Session,
  path: string,
  options?: ImportOptions,
): Promise<ImportReport> {
  checkPath('path', path)
  const { onProgress, signal, dryRun, ...reconcileOptions } = readImportOptions(options)
  const step = stepOf({ onProgress, signal })
  const files = findFiles(resolve(path))
  for (const file of files) checkSource(file, undefined)
  const tally = new ImportTally(files, reconcileOptions)
  for (const file of files) {
    const batches = gather(readBatches(file, BATCH), SENT_BATCH, weightOfRead)
    await takeInTurn(batches, async (batch) => {
      const reads = batch.filter((read) => 'task' in read)
      await takeTasks(session, reads, {
        taskOf: ({ task }) => task,
        idsOf: ({ task }) => [task.task.taskId],
        take: (read, known) => tally.take(read, known),
        refuse: (read, reason) => tally.refuse(read, reason),
        mark: () => tally.mark(),
        dryRun,
      })
      tally.endBatch(batch)
      step(tally.progress(file))
    })
  }
  return tally.report
}
