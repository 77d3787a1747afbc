import { resolve } from 'node:path'
import {
  checkSource,
  findFiles,
  type ImportOptions,
  type ImportReport,
  keyOf,
  type ReadTask,
  readBatches,
  readImportOptions,
  recordKey,
  type SkippedRecord,
} from '../../formats/read-batches.ts'
import { checkPath } from '../../rules/check-arguments.ts'
import type { Connection } from '../connection.ts'
import { BATCH, knownIds } from '../tables/stored-tasks.ts'
import { findExisting, reconcileTask } from './reconcile-tasks.ts'

/** Reads the tasks of a file, or of the files of a folder, into a store. */
export function importFile(connection: Connection, path: string, options?: ImportOptions): ImportReport {
  checkPath('path', path)
  const { onProgress, ...reconcileOptions } = readImportOptions(options)
  const files = findFiles(resolve(path))
  for (const file of files) checkSource(file, connection.file)
  const taken = new Set<string>()
  const skipped: SkippedRecord[] = []
  const counts = { read: 0, imported: 0, unchanged: 0, superseded: 0 }

  const take = ({ file, line, task, isInFile }: ReadTask, known: ReadonlySet<string>) => {
    const { taskId } = task.task
    const skip = (reason: string) => skipped.push({ file, line, taskId, reason })
    const found = known.has(taskId) ? findExisting(connection, task, isInFile) : []
    if (found.length > 1) {
      const ids = found.map((existing) => existing.task.taskId)
      skip(`is the old id of several tasks of the store: ${ids.join(', ')}`)
      return
    }
    const [existing] = found
    const key = existing ? recordKey(existing.task.taskId, existing.place) : keyOf(task)
    // A record from another file of the same call is not an older record of the store.
    const overwrite = reconcileOptions.overwrite && !(existing && taken.has(key))
    const reconciled = reconcileTask(connection, task, existing, { ...reconcileOptions, overwrite })
    if (files.length > 1 && 'taskId' in reconciled) taken.add(key)
    if (reconciled.outcome === 'unchanged') counts.unchanged++
    else if (reconciled.outcome === 'kept') skip('the store has a newer record; pass overwrite to replace it')
    else if (reconciled.outcome === 'conflict') skip(`${reconciled.reason}; pass overwrite to replace it`)
    else counts.imported++
  }

  for (const file of files) {
    for (const batch of readBatches(file, BATCH)) {
      const tasks = batch.filter((read) => 'task' in read)
      const takeAll = () => {
        const known = knownIds(
          connection,
          tasks.map(({ task }) => task.task.taskId),
        )
        for (const task of tasks) take(task, known)
      }
      if (reconcileOptions.dryRun) connection.snapshot(takeAll)
      else connection.batch(takeAll)
      for (const read of batch) {
        if ('reason' in read) skipped.push(read)
        else if (!('task' in read)) counts.superseded++
      }
      counts.read += batch.length
      onProgress?.({ file, ...counts, skipped: skipped.length })
    }
  }
  return { files, ...counts, skipped }
}
