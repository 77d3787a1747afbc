import type { TaskStore } from 'uniqc-task-store'
import { firstOutput, kill, spawnModule } from './processes.ts'

/** How many tasks {@link keepMoving} has: more than a batch, so that a copy takes more than one read. */
export const MOVING_TASKS = 250

const SOURCE = `
  import { writeSync } from 'node:fs'
  import { TaskStore } from 'uniqc-task-store'
  const store = new TaskStore({ file: process.argv[1] })
  const { $client } = store.db
  for (let i = 1; ; i++) {
    store.transaction(() => {
      for (const table of ['tasks', 'archived_tasks']) $client.exec('UPDATE ' + table + ' SET shots = ' + i)
      for (const id of ['t0', 't150', 't249']) store.archive[i % 2 ? 'archive' : 'restore'](id)
    })
    if (i === 1) writeSync(1, 'ready')
  }
`

/**
 * Runs `work` while another process moves tasks to the archive and back, and in the same transaction sets
 * another number of shots on all of them.
 */
export async function keepMoving(store: TaskStore, work: () => void): Promise<void> {
  const task = { backend: 'originq', status: 'running' } as const
  store.saveMany(Array.from({ length: MOVING_TASKS }, (_, i) => ({ ...task, taskId: `t${i}` })))
  const child = spawnModule(SOURCE, store.file)
  try {
    await firstOutput(child)
    work()
  } finally {
    await kill(child)
  }
}
