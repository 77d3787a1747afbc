import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { assertSound, assertSoundDatabase } from './sound-file.ts'
import { memory } from './store.ts'
import { temporaryFolder } from './temporary.ts'

/** Opens a store of a file, which has to be sound when the test ends. */
export async function openFile(t: TestContext): Promise<TaskStore> {
  const folder = temporaryFolder(t, () => {
    store.close()
    assertSound(store.file)
  })
  const store = new TaskStore({ file: join(folder, 'tasks.sqlite'), synchronous: 'NORMAL' })
  return store
}

/** Opens a store in memory, which has to be sound when the test ends. */
export async function openMemory(t: TestContext): Promise<TaskStore> {
  const store = memory()
  const { $client } = store.db
  t.after(() => {
    if ($client.open) assertSoundDatabase($client)
    store.close()
  })
  return store
}
