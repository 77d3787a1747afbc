import type { Database } from 'better-sqlite3'
import type { TaskRow } from '../../rules/save-task.ts'
import { openDriver } from '../driver.ts'
import { withDatabaseFile } from '../driver-error.ts'

/** How many bytes the rows that are held in memory take, by estimate. */
const MEMORY_LIMIT = 1_000_000

/** What a row takes besides its long texts. */
const ROW_SIZE = 500

/**
 * Rows on their way into a store: in memory, and beyond a limit in a temporary database, which SQLite
 * deletes. So any number of rows can be collected before the store is locked.
 */
export class StagedRows {
  // Only few processes need it, and it takes Node milliseconds to load.
  readonly #v8 = process.getBuiltinModule('node:v8')
  #rows: TaskRow[] = []
  #size = 0
  #count = 0
  /** The rows before those in memory, as many in one cell as were held. */
  #database: Database | undefined

  get count(): number {
    return this.#count
  }

  add(row: TaskRow): void {
    this.#rows.push(row)
    this.#count++
    this.#size += ROW_SIZE + row.metadata.length + (row.result?.length ?? 0) + (row.errorMessage?.length ?? 0)
    if (this.#size > MEMORY_LIMIT) this.#spill()
  }

  /** Every row, in the order in which they were added. */
  *[Symbol.iterator](): Generator<TaskRow> {
    const spilled = this.#database?.prepare('SELECT rows FROM staged ORDER BY n').pluck().iterate() ?? []
    for (const rows of spilled as Iterable<Buffer>) yield* this.#v8.deserialize(rows) as TaskRow[]
    yield* this.#rows
  }

  [Symbol.dispose](): void {
    this.#database?.close()
  }

  #spill(): void {
    withDatabaseFile('the temporary file of saveMany()', 'written', () => {
      this.#database ??= openStaging()
      this.#database.prepare('INSERT INTO staged (rows) VALUES (?)').run(this.#v8.serialize(this.#rows))
    })
    this.#rows = []
    this.#size = 0
  }
}

function openStaging(): Database {
  // An empty name is a database in a temporary file, each part of which is written and read once.
  const database = openDriver('', {})
  database.pragma('cache_size = -1000')
  database.exec('CREATE TABLE staged (n INTEGER PRIMARY KEY, rows BLOB NOT NULL)')
  return database
}
