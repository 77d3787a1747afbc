import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import { fill } from '../fill.ts'
import { type BenchTask, makeTask, type Synchronous } from '../peer.ts'
import { median } from '../percentile.ts'
import { now, SAVE, valuesOf } from '../sql.ts'

export interface IndexesOptions {
  readonly file: string
  readonly synchronous: Synchronous
  /** Whether the file has our indexes on top of UnifiedQuantum's. */
  readonly isOurs: boolean
  readonly size: number
  readonly count: number
}

/** Microseconds of the median plain statement, each in a transaction of its own. */
export function run({ file, synchronous, isOurs, size, count }: IndexesOptions) {
  fill(file, size)
  if (!isOurs) {
    const store = new TaskStore({ file })
    const names = store.db.$client
      .prepare("SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'uniqc_%'")
      .pluck()
      .all() as string[]
    for (const name of names) store.db.$client.exec(`DROP INDEX ${name}`)
    store.close()
  }
  const database = new Database(file)
  database.pragma(`synchronous = ${synchronous}`)
  const save = database.prepare(SAVE)
  const change = database.prepare('UPDATE tasks SET status = ?, update_time = ? WHERE task_id = ?')
  const tasks = Array.from({ length: count }, (_, i) => makeTask(10_000_000 + i, 4))
  const time = (work: (task: BenchTask) => unknown) => {
    const calls = tasks.map((task) => {
      const start = performance.now()
      work(task)
      return (performance.now() - start) * 1000
    })
    return median(calls)
  }
  const insert = time((task) => save.run(...valuesOf({ ...task, status: 'running' })))
  const statusChange = time(({ taskId }) => change.run('success', now(), taskId))
  database.close()
  return { insert, 'status change': statusChange }
}
