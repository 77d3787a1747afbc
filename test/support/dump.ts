import type { Database, Statement } from 'better-sqlite3'
import type { TaskStore } from 'uniqc-task-store'

const TABLES = ['tasks', 'task_shards', 'archived_tasks', 'archived_task_shards'] as const

/** Prepared once for a connection: a dump is made many thousand times. */
const statements = new WeakMap<Database, Statement[]>()

/** Every cell of a store's file, byte for byte, without the order in which the rows were inserted. */
export function dump(store: TaskStore): string {
  const { $client } = store.db
  let queries = statements.get($client)
  if (queries === undefined) {
    queries = TABLES.map((table) => $client.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).raw())
    statements.set($client, queries)
  }
  return JSON.stringify(queries.map((query) => query.all()))
}

/** What a call could leave behind for all objects: compare before and after. */
export function prototypeKeys(): string {
  const prototypes = [Object, Array, Function, String, Number, Map, Error].map(({ prototype }) => prototype)
  return prototypes.map((prototype) => Reflect.ownKeys(prototype).map(String).join()).join('\n')
}
