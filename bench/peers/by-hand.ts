import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
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

/** How many characters are written at a time. */
const CHUNK = 1 << 16

/** The limit of a driver: each statement prepared once, JSON.parse and JSON.stringify. */
export function openByHand(
  openDriver: (file: string) => Driver,
  file: string,
  synchronous: Synchronous,
): Peer {
  const database = openDriver(file)
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
  const list20 = () => (listSome.all(20) as Row[]).map(readRow)
  const inTransaction = (work: () => void) => {
    database.exec('BEGIN IMMEDIATE')
    work()
    database.exec('COMMIT')
  }
  return {
    get: (taskId) => readRow(get.get(taskId) as Row),
    save: (task) => save.run(...valuesOf(task)),
    update: (taskId, { status, result }) =>
      // all, not get: get stops at the first row, before SQLite looks whether the log is to be written back.
      readRow((update.all(status, JSON.stringify(result), now(), taskId) as Row[])[0] as Row),
    delete: (taskId) => Number(remove.run(taskId).changes) > 0,
    list20,
    // All tasks are of that platform, and this is the cheapest way to its last 20.
    listPlatform20: list20,
    count: () => (count.get('success') as { count: number }).count,
    saveAll: (tasks) =>
      inTransaction(() => {
        for (const task of tasks) save.run(...valuesOf(task))
      }),
    listAll: () => (list.all() as Row[]).map(readRow),
    iterateAll: () => {
      for (const row of list.iterate()) readRow(row as Row)
    },
    exportFile: (path) => {
      const descriptor = openSync(path, 'w')
      let text = ''
      for (const row of database.prepare('SELECT * FROM tasks').iterate()) {
        text += toLine(row as Row)
        if (text.length < CHUNK) continue
        writeSync(descriptor, text)
        text = ''
      }
      writeSync(descriptor, text)
      closeSync(descriptor)
    },
    importFile: (path) =>
      inTransaction(() => {
        for (const line of readFileSync(path, 'utf8').trimEnd().split('\n')) {
          const { result, metadata, ...task } = JSON.parse(line)
          const json = { result_json: JSON.stringify(result), metadata_json: JSON.stringify(metadata) }
          save.run(...cellsOf({ ...task, ...json }))
        }
      }),
    mergeFile: (path) => {
      const other = openDriver(path)
      inTransaction(() => {
        for (const row of other.prepare('SELECT * FROM tasks').iterate()) save.run(...cellsOf(row as Row))
      })
      other.close()
    },
    close: () => database.close(),
  }
}

/** What SAVE binds for a row of another file. */
const cellsOf = (row: Row) => [
  row.task_id,
  row.backend,
  row.status,
  row.shots,
  row.submit_time,
  row.update_time,
  row.result_json,
  row.metadata_json,
  row.error_message,
]

/** A row as JSON, of which two cells are JSON already. */
const toLine = (row: Row) =>
  `{"task_id":${JSON.stringify(row.task_id)},"backend":${JSON.stringify(row.backend)},` +
  `"status":${JSON.stringify(row.status)},"shots":${row.shots},` +
  `"submit_time":${JSON.stringify(row.submit_time)},"update_time":${JSON.stringify(row.update_time)},` +
  `"result":${row.result_json},"metadata":${row.metadata_json},` +
  `"error_message":${JSON.stringify(row.error_message)}}\n`
