import type { Database } from 'better-sqlite3'
import {
  ARCHIVED_TASK_SHARDS,
  ARCHIVED_TASKS,
  columnNames,
  TASK_SHARDS,
  TASKS,
  type Table,
  UPSTREAM_NAMES,
  UPSTREAM_TABLES,
} from '../../../drizzle/tables.ts'
import { isError } from '../../rules/is-error.ts'
import type { RecordProgress, Step } from '../../rules/long-call.ts'
import { TaskStoreError } from '../../rules/task-store-error.ts'
import type { Connection } from '../connection.ts'
import { LEDGER } from '../migrating/foreign-objects.ts'
import { readPragma } from '../migrating/inspect-file.ts'

const SHARDS: readonly Table[] = [TASK_SHARDS, ARCHIVED_TASK_SHARDS]

/** The names of our tables, as a list of SQL. */
const NAMES = UPSTREAM_NAMES.map((name) => `'${name}'`).join()

/**
 * Exchanges all rows of a store for those of another file at the newest version, in one transaction. Tables of others
 * stay as they are.
 *
 * @param before Called in the transaction, before anything is changed.
 * @returns How many tasks there are now, live and archived.
 * @throws TaskStoreError `CONFLICT` where rows of another table would refer to a task that is gone.
 */
export function exchangeRows(
  connection: Connection,
  from: string,
  before: () => void,
  step: Step<RecordProgress>,
): number {
  const { client } = connection
  attach(connection, from)
  const foreignKeys = readPragma(client, 'foreign_keys')
  try {
    // Else deleting a task would delete, or be refused for, rows of others that refer to it. It has to stand before the
    // transaction.
    client.pragma('foreign_keys = OFF')
    return connection.transaction(() => {
      before()
      const dangling = findDangling(client)
      for (const name of UPSTREAM_NAMES.toReversed()) client.exec(`DELETE FROM main.${name}`)
      const copied = { tasks: 0, shards: 0 }
      for (const table of UPSTREAM_TABLES) {
        copied[SHARDS.includes(table) ? 'shards' : 'tasks'] += copyRows(client, table)
        step({ ...copied })
      }
      checkDangling(connection, dangling)
      return countRows(client, TASKS) + countRows(client, ARCHIVED_TASKS)
    })
  } finally {
    if (client.open) {
      client.pragma(`foreign_keys = ${foreignKeys}`)
      detach(client)
    }
  }
}

function attach(connection: Connection, from: string): void {
  const { client } = connection
  try {
    connection.write(() => client.prepare('ATTACH ? AS restored').run(from))
  } catch (error) {
    if (!(isError(error) && error.message.includes('same text encoding'))) throw error
    const encoding = client.pragma('encoding', { simple: true })
    throw new TaskStoreError(
      'FOREIGN_FILE',
      `the backup does not keep its text in ${encoding}, as the store does, and SQLite cannot read both at once; nothing was restored. Open a store and call its mergeFile() with the backup`,
      { cause: error },
    )
  }
}

/** What was restored is there, and an error must not hide what came of it: closing the connection detaches it, too. */
function detach(client: Database): void {
  try {
    client.exec('DETACH restored')
  } catch {
    // A read of it is not over.
  }
}

const countRows = (client: Database, { name }: Table) =>
  client.prepare(`SELECT count(*) FROM main.${name}`).pluck().get() as number

/** The tables and views of a file that are not ours. */
export function findOthers(database: Database): string[] {
  const names = database
    .prepare(
      `SELECT name FROM main.sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
       AND name NOT LIKE 'uniqc\\_%' ESCAPE '\\' AND name NOT IN (${NAMES}, '${LEDGER}') ORDER BY name`,
    )
    .pluck()
    .all()
  return names as string[]
}

/**
 * Copies all rows, in their order: lists put the last inserted of one time first. Returns how many there were.
 *
 * Others wait for it. Where both files have the same columns in the same order, SQLite copies the rows as they are, and
 * each index in its order, in a third of the time; it can do so only in one statement for all rows.
 */
function copyRows(client: Database, table: Table): number {
  const { name } = table
  const [main, restored] = ['main', 'restored'].map((schema) =>
    client.prepare('SELECT group_concat(name) FROM pragma_table_info(?, ?)').pluck().get(name, schema),
  )
  const columns = columnNames(table).join()
  const copy =
    main === restored
      ? `INSERT INTO main.${name} SELECT * FROM restored.${name}`
      : `INSERT INTO main.${name} (${columns}) SELECT ${columns} FROM restored.${name} ORDER BY rowid`
  return client.prepare(copy).run().changes
}

/** How many rows of each table of others refer to a task or a shard that is not there. */
function findDangling(client: Database): ReadonlyMap<string, number> {
  const referring = client
    .prepare(
      `SELECT DISTINCT m.name FROM main.sqlite_master m, pragma_foreign_key_list(m.name, 'main') f
       WHERE m.type = 'table' AND m.name NOT IN (${NAMES}) AND lower(f."table") IN (${NAMES})`,
    )
    .pluck()
    .all() as string[]
  return new Map(referring.map((name) => [name, countDangling(client, name)]))
}

function countDangling(client: Database, table: string): number {
  const sql = `SELECT count(*) FROM pragma_foreign_key_check(?, 'main') WHERE lower(parent) IN (${NAMES})`
  return client.prepare(sql).pluck().get(table) as number
}

function checkDangling({ client, file }: Connection, before: ReadonlyMap<string, number>): void {
  for (const [table, count] of before) {
    const added = countDangling(client, table) - count
    if (added <= 0) continue
    throw new TaskStoreError(
      'CONFLICT',
      `${file} has a table ${table} of another program, ${added} rows of which refer to tasks that the backup does not have; nothing was restored. Delete these rows, or restore to another file`,
    )
  }
}
