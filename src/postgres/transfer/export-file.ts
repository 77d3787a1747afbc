import { openWholeFile } from '../../files/whole-file.ts'
import { type ExportOptions, type ExportReport, readExportOptions } from '../../formats/export-options.ts'
import { writeRecord } from '../../formats/write-record.ts'
import { checkPath } from '../../rules/check-arguments.ts'
import { storedTasks } from '../tables/stored-tasks.ts'
import type { Session } from '../transaction.ts'

/** Writes the tasks of a store to a file of JSON lines, all from one snapshot. */
export async function exportFile(
  session: Session,
  path: string,
  options?: ExportOptions,
): Promise<ExportReport> {
  checkPath('file', path)
  const { places, replace, filter, step } = readExportOptions(options)
  const file = openWholeFile(path, replace)
  try {
    const report = await session.snapshot(async (tx) => {
      const report = { tasks: 0, shards: 0 }
      for (const place of places) {
        for await (const batch of storedTasks(tx.at(place), filter)) {
          for (const task of batch) {
            file.append(`${writeRecord(task)}\n`)
            report.tasks++
            report.shards += task.shards.length
          }
          step({ ...report })
        }
      }
      return report
    })
    file.finish()
    return report
  } catch (error) {
    file.discard()
    throw error
  }
}
