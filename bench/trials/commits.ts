import { closeSync, fsyncSync, openSync } from 'node:fs'
import { TaskStore } from 'uniqc-task-store'
import { makeTask, openPeer } from '../peer.ts'

export interface CommitsOptions {
  readonly file: string
  readonly peer: string
  readonly count: number
  /** A file that is flushed before, between and after the calls, for whoever traces this process. */
  readonly mark: string
}

/** Commits as many times by each call, with synchronous FULL, and returns the names of the calls in order. */
export async function run({ file, peer, count, mark }: CommitsOptions) {
  new TaskStore({ file }).close()
  const opened = await openPeer(peer, file, 'FULL')
  const tasks = Array.from({ length: count }, (_, i) => makeTask(i, 4))
  const calls: Readonly<Record<string, (task: ReturnType<typeof makeTask>) => unknown>> = {
    'save new': (task) => opened.save(task),
    'save again': (task) => opened.save(task),
    update: ({ taskId, result }) => opened.update(taskId, { status: 'running', result }),
    delete: ({ taskId }) => opened.delete(taskId),
  }
  const descriptor = openSync(mark, 'w')
  for (const call of Object.values(calls)) {
    fsyncSync(descriptor)
    for (const task of tasks) await call(task)
  }
  fsyncSync(descriptor)
  closeSync(descriptor)
  await opened.close()
  return Object.keys(calls)
}
