import { execFileSync } from 'node:child_process'
import { TaskStore } from 'uniqc-task-store'
import { type BenchTask, makeTask, openPeer } from '../peer.ts'
import { median } from '../percentile.ts'
import { pythonScript } from '../python.ts'

export interface SingleOptions {
  readonly peer: string
  readonly file: string
  readonly keys: number
  readonly count: number
}

const BASE = 500

/** Microseconds of the median call: what a machine does beside it every now and then is left out. */
export async function run({ peer, file, keys, count }: SingleOptions) {
  const store = new TaskStore({ file, synchronous: 'NORMAL' })
  store.saveMany(Array.from({ length: BASE }, (_, i) => makeTask(i, keys)))
  store.close()
  const tasks = Array.from({ length: count }, (_, i) => makeTask(BASE + i, keys))
  if (peer === 'original') {
    const input = JSON.stringify(tasks)
    return JSON.parse(
      execFileSync('python3', [pythonScript('original.py'), file], { input, encoding: 'utf8' }),
    )
  }
  const opened = await openPeer(peer, file, 'NORMAL')
  const times: Record<string, number> = {}
  const measure = async (name: string, work: ((task: BenchTask) => unknown) | undefined) => {
    if (work === undefined) return
    const calls: number[] = []
    for (const task of tasks) {
      const start = performance.now()
      const result = work(task)
      if (result instanceof Promise) await result
      calls.push((performance.now() - start) * 1000)
    }
    times[name] = median(calls)
  }
  // For the compiler, with tasks that are deleted again.
  for (let i = 0; i < (keys > 100 ? 300 : 2000); i++) {
    const task = tasks[i % count] as BenchTask
    await opened.save(task)
    await opened.get(task.taskId)
    await opened.update(task.taskId, task)
    await opened.list20?.()
    await opened.delete(task.taskId)
  }
  await measure('save new', (task) => opened.save(task))
  await measure('get', (task) => opened.get(task.taskId))
  await measure('save again', (task) => opened.save(task))
  await measure('update', ({ taskId, result }) => opened.update(taskId, { status: 'running', result }))
  await measure('list 20', opened.list20)
  await measure('count of one status', opened.count)
  await measure('delete', ({ taskId }) => opened.delete(taskId))
  await opened.close()
  return times
}
