import { checkNotOwn } from '../../files/file-identity.ts'
import { writeWholeFile } from '../../files/whole-file.ts'
import { type ExportOptions, type ExportReport, readExportOptions } from '../../formats/export-options.ts'
import { writeRecord } from '../../formats/write-record.ts'
import { checkPath } from '../../rules/check-arguments.ts'
import type { Connection } from '../connection.ts'
import { filterSql } from '../tables/filter-sql.ts'
import { storedTasks } from '../tables/stored-tasks.ts'

/** Writes the tasks of a store to a file of JSON lines, all from one snapshot. */
export function exportFile(connection: Connection, file: string, options?: ExportOptions): ExportReport {
  checkPath('file', file)
  checkNotOwn('file', file, connection.file, 'name another one')
  const { places, replace, filter, step } = readExportOptions(options)
  const matching = filterSql(filter)
  const report = { tasks: 0, shards: 0 }
  writeWholeFile(file, replace, (append) =>
    connection.snapshot(() => {
      for (const place of places) {
        for (const batch of storedTasks(connection.file, connection.at(place), matching)) {
          for (const task of batch) {
            append(`${writeRecord(task)}\n`)
            report.tasks++
            report.shards += task.shards.length
          }
          step({ ...report })
        }
      }
    }),
  )
  return report
}
