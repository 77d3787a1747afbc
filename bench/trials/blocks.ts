import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { TaskStore } from 'uniqc-task-store'
import { fill } from '../fill.ts'

export interface BlocksOptions {
  readonly file: string
  readonly count: number
}

const IDLE = 5000

/** For how long a backup keeps others on its thread waiting at most, and for how long they wait where nothing is done. */
export async function run({ file, count }: BlocksOptions) {
  fill(file, count)
  using store = new TaskStore({ file })
  const idle = await longestWait(() => setTimeout(IDLE))
  const start = performance.now()
  const longest = await longestWait(() => store.backup(`${file}.backup`))
  return {
    seconds: (performance.now() - start) / 1000,
    'longest block, ms': longest,
    [`and in ${IDLE / 1000} s without work, ms`]: idle,
  }
}

async function longestWait(work: () => Promise<unknown>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await work()
  delay.disable()
  return delay.max / 1e6
}
