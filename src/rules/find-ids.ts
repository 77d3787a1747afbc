import { checkString, optionsReader, wrongValue } from './check-arguments.ts'
import { limit, places } from './task-filter.ts'

/** Which ids are found, and how many of them. */
export interface FindIdsOptions {
  /** `true` for the ids of archived tasks, `'both'` for those of live and archived ones. Default: of live ones. */
  readonly archived?: boolean | 'both' | undefined
  /** The most ids to return. A negative number returns all. Default: all. */
  readonly limit?: number | undefined
}

const readOptions = optionsReader<{
  readonly archived: ReturnType<typeof places>
  readonly limit: number
}>({ archived: places, limit })

/** @throws TypeError for a beginning of no character, which every id has, and for wrong options. */
export function checkFindIds(beginning: string, options: FindIdsOptions | undefined) {
  checkString('beginning', beginning)
  if (beginning === '') throw wrongValue('beginning', 'a string of at least one character', beginning)
  const { archived, limit } = readOptions(options)
  // No character comes after the last one.
  return { places: archived, limit, from: beginning, to: `${beginning}\u{10FFFF}` }
}

/** The ids of both places, each once. */
export function mergeIds(found: readonly (readonly string[])[], limit: number): string[] {
  const ids = [...new Set(found.flat())].sort()
  return limit < 0 ? ids : ids.slice(0, limit)
}
