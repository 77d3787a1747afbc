import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import { timeAt } from '../fill.ts'
import { median } from '../percentile.ts'

export interface WideOptions {
  readonly file: string
  readonly count: number
}

const BACKENDS = 10_000
const STATUSES = Array.from({ length: 100 }, (_, i) => `status-${i}`)

const FILTERS = {
  'a platform of 10,000 backends': { platform: 'originq' },
  'such a platform, 100 statuses': { platform: 'originq', status: STATUSES },
  '100 statuses': { status: STATUSES },
}

/** Microseconds a page of 20, and a task of an iteration, of a file with very many backends and statuses. */
export function run({ file, count }: WideOptions) {
  fill(file, count)
  using store = new TaskStore({ file, synchronous: 'NORMAL' })
  const times: Record<string, number> = {}
  for (const [name, filter] of Object.entries(FILTERS)) {
    const { next: after } = store.page({ ...filter, limit: 1, submittedBefore: timeAt(count, 0.9) })
    times[`page, ${name}`] = medianOf(21, () => store.page({ ...filter, limit: 20 }))
    times[`page at 90 %, ${name}`] = medianOf(21, () => store.page({ ...filter, limit: 20, after }))
    times[`iterate, ${name}`] = medianOf(5, () => [...store.iterate({ ...filter, limit: 1000 })]) / 1000
  }
  return times
}

/** On the backends of two platforms in turns. */
function fill(file: string, count: number): void {
  new TaskStore({ file }).close()
  const database = new Database(file)
  database.pragma('synchronous = OFF')
  const insert = database.prepare(
    "INSERT INTO tasks (task_id, backend, status, shots, submit_time, update_time) VALUES (?, ?, ?, 1000, ?, '2026-05-03')",
  )
  database.transaction(() => {
    for (let i = 0; i < count; i++) {
      const backend = `${i % 2 ? 'originq' : 'ibm'}:chip-${(i * 7919) % BACKENDS}`
      insert.run(`task-${i}`, backend, STATUSES[(i * 31) % STATUSES.length], timeAt(count, 1 - i / count))
    }
  })()
  database.close()
}

function medianOf(rounds: number, call: () => unknown): number {
  const times = Array.from({ length: rounds }, () => {
    const start = process.hrtime.bigint()
    call()
    return Number(process.hrtime.bigint() - start) / 1000
  })
  return median(times)
}
