import { checkNotOwn } from '../../files/file-identity.ts'
import { writeWholeFile } from '../../files/whole-file.ts'
import { writeRecord } from '../../formats/write-record.ts'
import { checkPath, flag, optionsReader } from '../../rules/check-arguments.ts'
import { FILTER_OPTIONS, places, type TaskFilter, toFilter } from '../../rules/task-filter.ts'
import type { Connection } from '../connection.ts'
import { filterSql } from '../tables/filter-sql.ts'
import { storedTasks } from '../tables/stored-tasks.ts'

/** Which tasks are exported, and how. */
export interface ExportOptions extends TaskFilter {
  /** `false` for the live tasks alone, `true` for the archived ones. Default `'both'`. */
  readonly archived?: boolean | 'both' | undefined
  /** Replace an existing file. Default false. */
  readonly replace?: boolean | undefined
}

/** What an export wrote. */
export interface ExportReport {
  readonly tasks: number
  readonly shards: number
}

const readOptions = optionsReader({
  ...FILTER_OPTIONS,
  archived: (name, value = 'both') => places(name, value),
  replace: flag(false),
})

/** Writes the tasks of a store to a file of JSON lines, all from one snapshot. */
export function exportFile(connection: Connection, file: string, options?: ExportOptions): ExportReport {
  checkPath('file', file)
  checkNotOwn('file', file, connection.file, 'name another one')
  const { archived, replace, ...filter } = readOptions(options)
  const matching = filterSql(toFilter(filter))
  const report = { tasks: 0, shards: 0 }
  writeWholeFile(file, replace, (append) =>
    connection.snapshot(() => {
      for (const place of archived) {
        for (const batch of storedTasks(connection.file, connection.at(place), matching)) {
          for (const task of batch) {
            append(`${writeRecord(task)}\n`)
            report.tasks++
            report.shards += task.shards.length
          }
        }
      }
    }),
  )
  return report
}
