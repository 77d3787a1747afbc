import { copyFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { TaskStore } from 'uniqc-task-store'
import { WorkerTaskStore } from 'uniqc-task-store/worker'
import { type BenchTask, makeTask } from '../peer.ts'
import { percentile } from '../percentile.ts'

export interface ThreadsOptions {
  readonly file: string
  readonly keys: number
  readonly rounds: number
}

const STORED = 1000
/** How many calls are measured together, and are under way at once. */
const BLOCK = 200
const SHARE = 0.15
const PAUSE = 5

type Calls = Pick<TaskStore | WorkerTaskStore, 'save' | 'get' | 'update' | 'list'>

/** A call of a number in its block. */
const CALLS: Readonly<Record<string, (store: Calls, tasks: readonly BenchTask[], i: number) => unknown>> = {
  get: (store, tasks, i) => store.get(tasks[i]?.taskId as string),
  'list 20': (store) => store.list({ limit: 20 }),
  save: (store, tasks, i) => store.save(tasks[i] as BenchTask),
  update: (store, tasks, i) => store.update(tasks[i]?.taskId as string, { status: 'running' }),
}

/** Microseconds a call, of CPU of both threads and by the clock: on a store of this thread and on one in a thread of its own. */
export async function run({ file, keys, rounds }: ThreadsOptions) {
  const tasks = Array.from({ length: STORED }, (_, i) => makeTask(i, keys))
  const here = new TaskStore({ file, synchronous: 'NORMAL' })
  here.saveMany(tasks)
  here.close()
  copyFileSync(file, `${file}.thread`)
  const store = new TaskStore({ file, synchronous: 'NORMAL' })
  const inThread = await WorkerTaskStore.open({ file: `${file}.thread`, synchronous: 'NORMAL' })
  const ways = {
    TaskStore: async (call: (i: number) => unknown) => {
      for (let i = 0; i < BLOCK; i++) call(i)
    },
    'WorkerTaskStore, one after the other': async (call: (i: number) => unknown) => {
      for (let i = 0; i < BLOCK; i++) await call(i)
    },
    'WorkerTaskStore, 200 at once': async (call: (i: number) => unknown) => {
      // Like the others, it holds no result.
      const drop = async (i: number) => {
        await call(i)
      }
      await Promise.all(Array.from({ length: BLOCK }, (_, i) => drop(i)))
    },
  }
  const times: Record<'cpu' | 'wall', Record<string, Record<string, number[]>>> = { cpu: {}, wall: {} }
  const add = (kind: keyof typeof times, way: string, name: string, time: number) => {
    times[kind][way] ??= {}
    times[kind][way][name] ??= []
    times[kind][way][name].push(time / BLOCK)
  }
  for (let round = 0; round < rounds; round++) {
    for (const [way, inBlock] of Object.entries(ways)) {
      const used = way === 'TaskStore' ? store : inThread
      for (const [name, call] of Object.entries(CALLS)) {
        // What the thread did last is counted when it sleeps.
        await setTimeout(PAUSE)
        const began = performance.now()
        const start = process.cpuUsage()
        await inBlock((i) => call(used as Calls, tasks, (i + round) % STORED))
        const { user, system } = process.cpuUsage(start)
        add('cpu', way, name, user + system)
        add('wall', way, name, (performance.now() - began) * 1000)
      }
    }
  }
  store.close()
  await inThread.close()
  const columns = (kind: keyof typeof times) =>
    Object.fromEntries(
      Object.entries(times[kind]).map(([way, calls]) => {
        const figures = Object.entries(calls).map(([name, list]) => [name, percentile(list, SHARE)])
        return [way, Object.fromEntries(figures)]
      }),
    )
  return { cpu: columns('cpu'), wall: columns('wall') }
}
