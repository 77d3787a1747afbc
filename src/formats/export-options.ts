import { flag, optionsReader } from '../rules/check-arguments.ts'
import { type LongCallOptions, longCall, type RecordProgress, stepOf } from '../rules/long-call.ts'
import { FILTER_OPTIONS, places, type TaskFilter, toFilter } from '../rules/task-filter.ts'

/** Which tasks are exported, and how. */
export interface ExportOptions extends TaskFilter, LongCallOptions<RecordProgress> {
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
  ...longCall<RecordProgress>(),
})

/** @throws TypeError for an option that does not exist or has the wrong type. */
export function readExportOptions(options: ExportOptions | undefined) {
  const { archived, replace, onProgress, signal, ...filter } = readOptions(options)
  return { places: archived, replace, filter: toFilter(filter), step: stepOf({ onProgress, signal }) }
}
