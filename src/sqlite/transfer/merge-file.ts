import { checkNotOwn, checkRegularFile } from '../../files/file-identity.ts'
import { invalidValue } from '../../rules/argument-error.ts'
import { checkDatabasePath, flag, optionsReader } from '../../rules/check-arguments.ts'
import { timeZone } from '../../rules/instant.ts'
import { type LongCallOptions, longCall, stepOf } from '../../rules/long-call.ts'
import { Merge, type MergeProgress, type MergeReport } from '../../rules/merge-tasks.ts'
import { PLACE_NAMES, type PlaceName } from '../../rules/place-name.ts'
import { Connection } from '../connection.ts'
import { leaveNoLog } from '../leave-no-log.ts'
import { locateStore } from '../store-location.ts'
import { storedTasks } from '../tables/stored-tasks.ts'
import { lookupIn, takeTasks } from './reconcile-tasks.ts'

/** How another store's file is merged. */
export interface MergeOptions extends LongCallOptions<MergeProgress> {
  /**
   * The zone of times without an offset, to tell which of two records is newer: `UTC`, `+08:00`,
   * `Asia/Shanghai`. Default: the zone of this machine.
   */
  readonly timeZone?: string | undefined
  /** Report what would happen, and write nothing. Default false. */
  readonly dryRun?: boolean | undefined
}

const readOptions = optionsReader({ timeZone, dryRun: flag(false), ...longCall<MergeProgress>() })

/** Merges the tasks of another store's file into a store. The other file is only read. */
export function mergeFile(connection: Connection, file: string, options?: MergeOptions): MergeReport {
  return mergeStore(connection, file, options)
}

/** Whether a task is taken, by when it and its shards were updated. */
export type IsWanted = (updateTimes: readonly string[]) => boolean

/** {@link mergeFile} for some of the tasks; the others are not counted. */
export function mergeStore(
  connection: Connection,
  file: string,
  options: MergeOptions | undefined,
  isWanted: IsWanted = () => true,
): MergeReport {
  checkDatabasePath('file', file)
  const given = readOptions(options)
  const location = locateStore({ file, readonly: true })
  if (location.cacheDir === undefined) throw invalidValue('file', 'file must be the file of another store')
  checkNotOwn('file', location.file, connection.file, 'name the file of another store')
  checkRegularFile(location.file)
  return leaveNoLog(location.file, () => {
    const other = new Connection(location)
    try {
      // One snapshot of the other file: a task that is restored meanwhile would otherwise be in neither place.
      return other.snapshot(() => merge(connection, other, given, isWanted))
    } finally {
      other.close()
    }
  })
}

function merge(
  connection: Connection,
  other: Connection,
  { dryRun, timeZone, ...following }: ReturnType<typeof readOptions>,
  isWanted: IsWanted,
): MergeReport {
  const step = stepOf(following)
  const merge = new Merge({ overwrite: false, timeZone })
  const lookup = lookupIn(connection)
  // Through the other connection, so that damage to its file is not taken for damage to this one.
  const isIncoming = (taskId: string, place: PlaceName) => other.run(() => other.at(place).has(taskId))
  for (const place of PLACE_NAMES) {
    for (const stored of storedTasks(other.file, other.at(place))) {
      const wanted = stored.filter(({ task, shards }) =>
        isWanted([task, ...shards].map(({ updateTime }) => updateTime)),
      )
      takeTasks(connection, wanted, merge, lookup, isIncoming, dryRun)
      step(merge.progress)
    }
  }
  return merge.report
}
