import type { Database } from 'better-sqlite3'
import type { TaskRow } from '../../rules/save-task.ts'
import { openDriver } from '../driver.ts'

/** How many characters of JSON are held in memory. */
const MEMORY_LIMIT = 32_000_000

/** How many rows are read back at a time. */
const READ_BATCH = 100

/**
 * Rows on their way into a store: in memory, and beyond a limit in a temporary database, which SQLite
 * deletes. So any number of rows can be collected before the store is locked.
 */
export class StagedRows {
  readonly #rows: TaskRow[] = []
  #size = 0
  #count = 0
  /** The rows before those in memory. */
  #database: Database | undefined

  get count(): number {
    return this.#count
  }

  add(row: TaskRow): void {
    this.#rows.push(row)
    this.#count++
    this.#size += row.metadata.length + (row.result?.length ?? 0) + (row.errorMessage?.length ?? 0)
    if (this.#size > MEMORY_LIMIT) this.#spill()
  }

  /** Every row, in the order in which they were added. */
  *[Symbol.iterator](): Generator<TaskRow> {
    const next = this.#database?.prepare('SELECT row FROM staged WHERE n > ? ORDER BY n LIMIT ?').pluck()
    const spilled = this.#count - this.#rows.length
    for (let read = 0; next !== undefined && read < spilled; read += READ_BATCH) {
      for (const row of next.all(read, READ_BATCH) as string[]) yield JSON.parse(row)
    }
    yield* this.#rows
  }

  [Symbol.dispose](): void {
    this.#database?.close()
  }

  #spill(): void {
    this.#database ??= openStaging()
    const insert = this.#database.prepare('INSERT INTO staged (row) VALUES (?)')
    this.#database.transaction(() => {
      for (const row of this.#rows) insert.run(JSON.stringify(row))
    })()
    this.#rows.length = 0
    this.#size = 0
  }
}

function openStaging(): Database {
  // An empty name is a database in a temporary file.
  const database = openDriver('', {})
  database.exec('CREATE TABLE staged (n INTEGER PRIMARY KEY, row TEXT NOT NULL)')
  return database
}
