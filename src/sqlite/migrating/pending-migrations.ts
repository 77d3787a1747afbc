import { openDriver } from '../driver.ts'
import { withDatabaseFile } from '../driver-error.ts'
import { leaveNoLog } from '../leave-no-log.ts'
import { checkExists, locateStore, type TaskStoreOptions } from '../store-location.ts'
import { inspectFile } from './inspect-file.ts'
import { RELEASED } from './released-migrations.ts'

/** The names of the migrations that a file lacks, oldest first. The file is only read. */
export function pendingMigrations(options: string | TaskStoreOptions | undefined): string[] {
  const location = locateStore(options)
  const { file, database } = location
  checkExists({ ...location, create: false, readonly: true })
  const read = (client: Parameters<typeof inspectFile>[0]) => {
    const { applied } = inspectFile(client, file, database === undefined ? 'by-name' : 'handed-in')
    return RELEASED.filter(({ when }) => !applied.has(when)).map(({ tag }) => tag)
  }
  if (database !== undefined) return read(database)
  const work = () => {
    const client = openDriver(
      file,
      location.cacheDir === undefined ? {} : { readonly: true, fileMustExist: true },
    )
    try {
      return read(client)
    } finally {
      client.close()
    }
  }
  return withDatabaseFile(file, 'read', () =>
    location.cacheDir === undefined ? work() : leaveNoLog(file, work),
  )
}
