import Database from 'better-sqlite3'
import type { BenchTask, OpenPeer } from '../peer.ts'
import { COUNT, DELETE, GET, LIST_20, LIST_ALL, now, type Row, readRow, SAVE, UPDATE } from '../sql.ts'

/** The limit: better-sqlite3, each statement prepared once, JSON.parse and JSON.stringify. */
export const open: OpenPeer = (file, synchronous) => {
  const database = new Database(file, { timeout: 5000 })
  database.pragma('journal_mode = WAL')
  database.pragma('foreign_keys = ON')
  database.pragma(`synchronous = ${synchronous}`)
  const [save, get, update, remove, list20, listAll, count] = [
    SAVE,
    GET,
    UPDATE,
    DELETE,
    LIST_20,
    LIST_ALL,
    COUNT,
  ].map((text) => database.prepare(text)) as [
    Statement,
    Statement,
    Statement,
    Statement,
    Statement,
    Statement,
    Statement,
  ]
  const saveTask = ({ taskId, backend, status, shots, result, metadata }: BenchTask) => {
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
  }
  const saveAll = database.transaction((tasks: Iterable<BenchTask>) => {
    for (const task of tasks) saveTask(task)
  })
  return {
    get: (taskId) => readRow(get.get(taskId) as Row),
    save: saveTask,
    update: (taskId, { status, result }) =>
      (update.all(status, JSON.stringify(result), now(), taskId) as Row[]).map(readRow),
    delete: (taskId) => remove.run(taskId).changes > 0,
    list20: () => (list20.all() as Row[]).map(readRow),
    count: () => (count.get() as { count: number }).count,
    saveAll: (tasks) => saveAll.immediate(tasks),
    listAll: () => (listAll.all() as Row[]).map(readRow),
    iterateAll: () => {
      for (const row of listAll.iterate()) readRow(row as Row)
    },
    close: () => database.close(),
  }
}

type Statement = Database.Statement<unknown[]>
