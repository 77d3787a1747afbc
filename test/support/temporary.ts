import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/**
 * A folder of the test's own, gone when it ends.
 *
 * @param before Runs at the end while the folder is still there.
 */
export function temporaryFolder(t: TestContext, before?: () => void): string {
  const folder = mkdtempSync(join(tmpdir(), 'uniqc-task-store-'))
  t.after(() => {
    try {
      before?.()
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
  return folder
}

/** The path of a file that does not exist yet. */
export function temporaryFile(t: TestContext): string {
  return join(temporaryFolder(t), 'tasks.sqlite')
}
