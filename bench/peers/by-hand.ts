import type { Peer, Synchronous } from '../peer.ts'
import {
  COUNT,
  DELETE,
  GET,
  LIST,
  LIST_SOME,
  now,
  type Row,
  readRow,
  SAVE,
  UPDATE,
  valuesOf,
} from '../sql.ts'

/** What better-sqlite3 and node:sqlite have in common. */
export interface Driver {
  exec(text: string): unknown
  prepare(text: string): Statement
  close(): unknown
}

interface Statement {
  get(...values: readonly unknown[]): unknown
  all(...values: readonly unknown[]): unknown[]
  iterate(...values: readonly unknown[]): Iterable<unknown>
  run(...values: readonly unknown[]): { changes: number | bigint }
}

/** The limit of a driver: each statement prepared once, JSON.parse and JSON.stringify. */
export function openByHand(database: Driver, synchronous: Synchronous): Peer {
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA synchronous = ${synchronous}`)
  // The default of better-sqlite3, which node:sqlite does not have.
  database.exec('PRAGMA cache_size = -16000')
  const save = database.prepare(SAVE)
  const get = database.prepare(GET)
  const update = database.prepare(UPDATE)
  const remove = database.prepare(DELETE)
  const list = database.prepare(LIST)
  const listSome = database.prepare(LIST_SOME)
  const count = database.prepare(COUNT)
  return {
    get: (taskId) => readRow(get.get(taskId) as Row),
    save: (task) => save.run(...valuesOf(task)),
    update: (taskId, { status, result }) =>
      readRow(update.get(status, JSON.stringify(result), now(), taskId) as Row),
    delete: (taskId) => Number(remove.run(taskId).changes) > 0,
    list20: () => (listSome.all(20) as Row[]).map(readRow),
    count: () => (count.get() as { count: number }).count,
    saveAll: (tasks) => {
      database.exec('BEGIN IMMEDIATE')
      for (const task of tasks) save.run(...valuesOf(task))
      database.exec('COMMIT')
    },
    listAll: () => (list.all() as Row[]).map(readRow),
    iterateAll: () => {
      for (const row of list.iterate()) readRow(row as Row)
    },
    close: () => database.close(),
  }
}
