import pg from 'pg'
import { PostgresTaskStore } from 'uniqc-task-store/postgres'
import { makeTask } from '../peer.ts'
import { openPg } from '../peers/pg.ts'

export interface WriterOptions {
  readonly url: string
  readonly isRaw: boolean
  /** The number of its first task, and how many it saves. */
  readonly first: number
  readonly writes: number
  /** When it begins, in milliseconds since 1970. */
  readonly at: number
}

/** Saves new tasks one after the other, beside others that do. */
export async function run({ url, isRaw, first, writes, at }: WriterOptions) {
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  const store = await PostgresTaskStore.open({ pool })
  const { save } = isRaw ? openPg(pool) : { save: store.save.bind(store) }
  const idOf = (i: number) => `uqt_${isRaw ? 'a' : 'b'}${i}`
  // Before that much is compiled, saves of either kind take twice as long.
  for (let i = 0; i < 1.5 * writes; i++) await save({ ...makeTask(i, 4), taskId: idOf(first) })
  await new Promise((resolve) => setTimeout(resolve, at - Date.now()))
  const start = performance.now()
  for (let i = 0; i < writes; i++) await save({ ...makeTask(i, 4), taskId: idOf(first + i) })
  const seconds = (performance.now() - start) / 1000
  await pool.end()
  return { seconds }
}
