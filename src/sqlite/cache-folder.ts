import { statSync } from 'node:fs'
import { join } from 'node:path'
import { invalidValue } from '../rules/argument-error.ts'
import { checkPath, startsAtHome } from '../rules/check-arguments.ts'
import { TaskStoreError } from '../rules/task-store-error.ts'

/** The folder of a store's file: the given one, else `$UNIQC_CACHE_DIR`, else `~/.uniqc/cache`. */
export function cacheFolder(given: string | undefined): string {
  if (given !== undefined) {
    checkPath('options.cacheDir', given)
    const problem = problemOf(given)
    if (problem !== undefined) throw invalidValue('cacheDir', `options.cacheDir ${problem}`)
    return given
  }
  const { UNIQC_CACHE_DIR } = process.env
  if (!UNIQC_CACHE_DIR) return join(homeFolder(), '.uniqc', 'cache')
  const problem = startsAtHome(UNIQC_CACHE_DIR)
    ? 'begins with ~, which only a shell expands; set it to the whole path'
    : problemOf(UNIQC_CACHE_DIR)
  if (problem !== undefined) throw new TaskStoreError('CANNOT_OPEN', `$UNIQC_CACHE_DIR ${problem}`)
  return UNIQC_CACHE_DIR
}

/** Why a path cannot be the folder of a store. A folder that is named like a file is meant with a slash at its end. */
function problemOf(path: string): string | undefined {
  const shown = JSON.stringify(path)
  const call = `new TaskStore({ file: ${shown} })`
  if (path === ':memory:') return `must be a folder; for a store in memory, call ${call}`
  if (isFile(path)) return `must be a folder, and ${shown} is a file; to open that file, call ${call}`
  if (!/\.(?:db|sqlite3?)$/i.test(path)) return undefined
  return `must be a folder, and ${shown} is named like a file; to open that file, call ${call}`
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
  } catch {
    // A path that cannot be reached is refused when it is opened.
    return false
  }
}

function homeFolder(): string {
  const home = homeOf()
  if (home !== '') return home
  throw new TaskStoreError(
    'CANNOT_OPEN',
    'there is no home folder, because $HOME is empty; set it or $UNIQC_CACHE_DIR, or call new TaskStore(cacheDir)',
  )
}

function homeOf(): string {
  try {
    return process.getBuiltinModule('node:os').homedir()
  } catch {
    // A user that the system does not know.
    return ''
  }
}
