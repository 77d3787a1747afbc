import { createRequire } from 'node:module'
import type { OpenPeer } from '../peer.ts'
import { COUNT, DELETE, GET, LIST_20, now, type Row, readRow, SAVE, UPDATE } from '../sql.ts'

interface Statement {
  get(...values: unknown[]): unknown
  all(...values: unknown[]): unknown[]
  run(...values: unknown[]): { changes: number | bigint }
}
interface NodeDatabase {
  exec(text: string): void
  prepare(text: string): Statement
  close(): void
}

/** Node's own driver, from Node 22.5 on. */
export const open: OpenPeer = (file, synchronous) => {
  const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as {
    DatabaseSync: new (file: string) => NodeDatabase
  }
  const database = new DatabaseSync(file)
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA synchronous = ${synchronous}`)
  const save = database.prepare(SAVE)
  const get = database.prepare(GET)
  const update = database.prepare(UPDATE)
  const remove = database.prepare(DELETE)
  const list20 = database.prepare(LIST_20)
  const count = database.prepare(COUNT)
  return {
    get: (taskId) => readRow(get.get(taskId) as Row),
    save: ({ taskId, backend, status, shots, result, metadata }) => {
      const time = now()
      save.run(
        taskId,
        backend,
        status,
        shots,
        time,
        time,
        JSON.stringify(result),
        JSON.stringify(metadata),
        null,
      )
    },
    update: (taskId, { status, result }) =>
      (update.all(status, JSON.stringify(result), now(), taskId) as Row[]).map(readRow),
    delete: (taskId) => remove.run(taskId),
    list20: () => (list20.all() as Row[]).map(readRow),
    count: () => count.get(),
    close: () => database.close(),
  }
}
