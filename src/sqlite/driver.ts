import BetterSqlite3, { type Database, type Options } from 'better-sqlite3'
import { codeOf } from '../files/file-error.ts'
import { isError } from '../rules/is-error.ts'
import { TaskStoreError } from '../rules/task-store-error.ts'

/**
 * The version of the driver, 12 or 13, by what it can do: its package.json is not there in a bundled program. To look
 * loads no binary.
 */
const DRIVER = 'explain' in BetterSqlite3.prototype ? 13 : 12

/**
 * Opens a connection with the driver.
 *
 * @throws TaskStoreError `CANNOT_OPEN` if the installed driver would crash this Node, or was never built;
 * else the driver's own error.
 */
export function openDriver(file: string, options: Options): Database {
  const problem = findDriverProblem(DRIVER, process.versions.node)
  if (problem !== undefined) throw new TaskStoreError('CANNOT_OPEN', problem)
  try {
    return harden(new BetterSqlite3(file, options))
  } catch (error) {
    if (isUnbuilt(error)) {
      const what = `better-sqlite3 ${DRIVER} is not built for this Node (${process.versions.node})`
      throw new TaskStoreError('CANNOT_OPEN', `${what}; ${repairOf(DRIVER)}`, { cause: error })
    }
    throw error
  }
}

/** Lets nothing of a file that another program made run unseen, and has SQLite look at each page that it reads. */
export function harden(database: Database): Database {
  database.pragma('trusted_schema = OFF')
  database.pragma('cell_size_check = ON')
  return database
}

/** Commands to get version 12 built. pnpm keeps the version that it has locked, and Yarn the highest, unless told. */
const PNPM = 'pnpm add better-sqlite3@12 --allow-build=better-sqlite3 && pnpm dedupe'
const YARN =
  'yarn install with "resolutions": { "better-sqlite3": "^12.11.1" } and "dependenciesMeta": { "better-sqlite3": { "built": true } } in package.json'

/**
 * What is wrong with these versions of driver and Node, checked before the driver's binary is loaded: from
 * version 13 it crashes an older Node with a segfault.
 */
export function findDriverProblem(driver: number, node: string): string | undefined {
  const [nodeMajor = 0, nodeMinor = 0] = node.split('.').map(Number)
  const isOldNode = nodeMajor < 22 || (nodeMajor === 22 && nodeMinor < 14)
  if (driver < 13 || !isOldNode) return undefined
  return `better-sqlite3 ${driver} crashes Node ${node}; run: npm install better-sqlite3@12 (pnpm: ${PNPM}; Yarn: ${YARN}), or update Node to 22.14 or later`
}

/** Whether the binary is missing, damaged, or built for another Node or machine. */
function isUnbuilt(error: unknown): boolean {
  if (!isError(error)) return false
  const code = codeOf(error)
  const isMissing = code === 'MODULE_NOT_FOUND' && error.message.includes('better_sqlite3.node')
  return isMissing || code === 'ERR_DLOPEN_FAILED' || error.message.includes('bindings file')
}

/** From version 13 the driver ships its binaries and is not built. */
function repairOf(driver: number): string {
  const commands =
    driver < 13
      ? `run: npm rebuild better-sqlite3 (pnpm: ${PNPM}; Yarn: ${YARN})`
      : 'run: npm install --force better-sqlite3, or reinstall it with your package manager'
  return `${commands}. In a program that is bundled, better-sqlite3 must be external`
}
