import { TaskStore } from 'uniqc-task-store'
import { fill } from '../fill.ts'

export interface MemoryOptions {
  readonly file: string
  readonly count: number
}

/** Megabytes of the process over what it had when the iteration began, at most. */
export function run({ file, count }: MemoryOptions) {
  fill(file, count)
  using store = new TaskStore({ file })
  store.list({ limit: 20 })
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  let most = before
  let seen = 0
  for (const _ of store.iterate()) {
    if (++seen % 5000 === 0) most = Math.max(most, process.memoryUsage().rss)
  }
  return { seen, megabytes: (most - before) / 1e6 }
}
