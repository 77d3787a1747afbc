import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { identifyFile, isSameFile } from '../../files/file-identity.ts'
import type { Connection } from '../connection.ts'
import { mergeFile } from '../transfer/merge-file.ts'
import type { Repaired } from './repaired.ts'

/** UnifiedQuantum's own file in the temporary folder, unless it is this one. */
export function findFallback({ file }: Connection): string | undefined {
  const fallback = join(tmpdir(), 'uniqc', 'cache', 'tasks.sqlite')
  if (!existsSync(fallback)) return undefined
  return isSameFile(identifyFile(fallback), identifyFile(file)) ? undefined : fallback
}

export function mergeFallback(connection: Connection): Repaired {
  const fallback = findFallback(connection)
  if (fallback === undefined) return { repaired: [], unrepaired: [], reason: '' }
  const { conflicts } = mergeFile(connection, fallback)
  return {
    repaired: [fallback],
    unrepaired: conflicts.map(({ taskId }) => taskId),
    reason: `see the conflicts of store.mergeFile(${JSON.stringify(fallback)})`,
  }
}
