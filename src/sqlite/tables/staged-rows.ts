import type { Database } from 'better-sqlite3'
import type { TaskRow } from '../../rules/save-task.ts'
import { openDriver } from '../driver.ts'
import { withDatabaseFile } from '../driver-error.ts'

/**
 * How many bytes the rows that are held in memory take, by estimate: so few that most are written before the garbage
 * collector moves them, which takes longer.
 */
const MEMORY_LIMIT = 100_000

/**
 * Rows that take more than this are not written as JSON, which with its escapes could be longer than a string can be. What
 * {@link v8} reads is held until the collection after the next one, so that many small rows would take more memory.
 */
const LARGEST_JSON = 2 ** 24

/** Few processes need it, and it takes Node milliseconds to load. */
const v8 = () => process.getBuiltinModule('node:v8')

/** What a row takes besides its long texts. */
const ROW_SIZE = 500

/**
 * Rows on their way into a store: in memory, and beyond a limit in a temporary database, which SQLite
 * deletes. So any number of rows can be collected before the store is locked.
 */
export class StagedRows {
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
    const stored = this.#database?.prepare('SELECT cells FROM staged ORDER BY n').pluck().iterate() ?? []
    for (const spilled of stored as Iterable<string | Buffer>) {
      const cells: readonly unknown[] =
        typeof spilled === 'string' ? JSON.parse(spilled) : v8().deserialize(spilled)
      for (let at = 0; at < cells.length; at += WIDTH) yield rowAt(cells, at)
    }
    yield* this.#rows
  }

  [Symbol.dispose](): void {
    this.#database?.close()
  }

  #spill(): void {
    withDatabaseFile('the temporary file of saveMany()', 'written', () => {
      this.#database ??= openStaging()
      const cells = cellsOf(this.#rows)
      this.#database
        .prepare('INSERT INTO staged (cells) VALUES (?)')
        .run(this.#size > LARGEST_JSON ? v8().serialize(cells) : JSON.stringify(cells))
    })
    this.#rows = []
    this.#size = 0
  }
}

/** The values of all rows in one list: of objects the name of each property would be written, too. */
function cellsOf(rows: readonly TaskRow[]): unknown[] {
  const cells: unknown[] = []
  for (const row of rows) {
    cells.push(
      row.taskId,
      row.backend,
      row.status,
      row.shots,
      row.submitTime,
      row.isTimed,
      row.updateTime,
      row.isStamped,
      row.result,
      row.metadata,
      row.errorMessage,
      row.namesReplacedId,
    )
  }
  return cells
}

const WIDTH = 12

/** The row whose values begin at a place of the list that {@link cellsOf} made. */
function rowAt(cells: readonly unknown[], at: number): TaskRow {
  return {
    taskId: cells[at] as string,
    backend: cells[at + 1] as string,
    status: cells[at + 2] as string,
    shots: cells[at + 3] as number,
    submitTime: cells[at + 4] as string,
    isTimed: cells[at + 5] as boolean,
    updateTime: cells[at + 6] as string,
    isStamped: cells[at + 7] as boolean,
    result: cells[at + 8] as string | null,
    metadata: cells[at + 9] as string,
    errorMessage: cells[at + 10] as string | null,
    namesReplacedId: cells[at + 11] as 0 | 1,
  }
}

function openStaging(): Database {
  // An empty name is a database in a temporary file, each part of which is written and read once.
  const database = openDriver('', {})
  database.pragma('cache_size = -1000')
  database.exec('CREATE TABLE staged (n INTEGER PRIMARY KEY, cells NOT NULL)')
  return database
}
