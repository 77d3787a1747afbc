import { type TaskFilter, TaskStore } from 'uniqc-task-store'
import { fill, timeAt } from '../fill.ts'
import { makeTask } from '../peer.ts'
import { median } from '../percentile.ts'

export interface ScaleOptions {
  readonly file: string
  readonly count: number
}

const FILTERS: Readonly<Record<string, TaskFilter>> = {
  all: {},
  status: { status: 'running' },
  'two statuses': { status: ['pending', 'running'] },
  backend: { backend: 'originq:WK_C180' },
  'backend, status': { backend: 'originq:WK_C180', status: 'running' },
  'backend, two statuses': { backend: 'originq:WK_C180', status: ['pending', 'running'] },
  platform: { platform: 'originq' },
  'platform, status': { platform: 'originq', status: 'running' },
  'platform, two statuses': { platform: 'originq', status: ['pending', 'running'] },
}

/** Microseconds a call, by filter and call: the median of several. */
export function run({ file, count }: ScaleOptions) {
  fill(file, count)
  using store = new TaskStore({ file, synchronous: 'NORMAL' })
  const times: Record<string, number> = {}
  for (const [name, filter] of Object.entries(FILTERS)) {
    const after = deepCursor(store, filter, count)
    times[`list 20, ${name}`] = medianCall(() => store.list({ ...filter, limit: 20 }))
    times[`page, ${name}`] = medianCall(() => store.page({ ...filter, limit: 20 }))
    times[`page at 90 %, ${name}`] = medianCall(() => store.page({ ...filter, limit: 20, after }))
    const range = { submittedAfter: timeAt(count, 0.6), submittedBefore: timeAt(count, 0.5) }
    times[`list 20 of a time range, ${name}`] = medianCall(() =>
      store.list({ ...filter, ...range, limit: 20 }),
    )
    times[`summaries 20, ${name}`] = medianCall(() => store.listSummaries({ ...filter, limit: 20 }))
    times[`count, ${name}`] = medianCall(() => store.count(filter), 5)
  }
  times['count by status'] = medianCall(() => store.countByStatus(), 5)
  const change = () => store.update(makeTask(0, 4).taskId, { shots: 1 })
  times['count by status, after a change'] = medianCall(() => store.countByStatus(), 5, change)
  return times
}

/** Where a page at nine tenths of the depth begins. */
function deepCursor(store: TaskStore, filter: TaskFilter, count: number): string {
  const before = timeAt(count, 0.9)
  const { next } = store.page({ ...filter, submittedBefore: before, limit: 1 })
  if (next === undefined) throw new Error('the file is too small for a page that deep')
  return next
}

/** @param before Is done before each call, and not measured. */
function medianCall(call: () => unknown, rounds = 101, before?: () => unknown): number {
  const times = Array.from({ length: rounds + 10 }, () => {
    before?.()
    const start = process.hrtime.bigint()
    call()
    return Number(process.hrtime.bigint() - start) / 1000
  })
  // The first are the compiler's.
  return median(times.slice(10))
}
