import type { Database, Statement as DriverStatement, RunResult } from 'better-sqlite3'
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import type { Row } from '../rules/task-row.ts'

/** Drizzle, and under `$client` the connection that it uses. */
export type TaskDatabase = BetterSQLite3Database & { readonly $client: Database }

/** A cache of statements by name. */
export interface Statements {
  /** The file, as messages name it. */
  readonly file: string
  /** The statement with this name, prepared on first use. */
  statement(name: string, sql: () => string): Statement
  /** Whether a statement can make triggers run. */
  readonly hasTriggers: boolean
}

/**
 * A prepared statement, whose rows stay raw for the caller to decode. Values are bound by their positions: SQLite takes
 * longer to find them by their names. The driver takes longer to look for values in an empty array than for none.
 */
export class Statement {
  /** The length of its SQL. */
  readonly size: number
  readonly #statement: DriverStatement
  /** The names of the parameters, at their positions; none where the SQL has positions itself. */
  readonly #names: readonly string[]

  /** @param sql With `?` or `:name` for each parameter. */
  constructor(client: Database, sql: string) {
    this.size = sql.length
    const names: string[] = []
    const withPositions = sql.replaceAll(/:(\w+)/g, (_, name: string) => {
      names.push(name)
      return '?'
    })
    this.#statement = client.prepare(withPositions)
    if (this.#statement.reader) this.#statement.raw()
    this.#names = names
  }

  /** The first row. Read a statement that writes with `all`, which reports a commit that failed. */
  get(values?: unknown): Row | undefined {
    const statement = this.#statement
    return (values === undefined ? statement.get() : statement.get(this.#bind(values))) as Row | undefined
  }

  /** @param values In an array, in the order of the SQL, or by name if the parameters have names. */
  all(values?: unknown): Row[] {
    const statement = this.#statement
    return (values === undefined ? statement.all() : statement.all(this.#bind(values))) as Row[]
  }

  /** The rows one after the other. No other statement of the connection may write meanwhile. */
  iterate(values: unknown = []): IterableIterator<Row> {
    return this.#statement.iterate(this.#bind(values)) as IterableIterator<Row>
  }

  run(values?: unknown): RunResult {
    const statement = this.#statement
    return values === undefined ? statement.run() : statement.run(this.#bind(values))
  }

  #bind(values: unknown): unknown {
    const names = this.#names
    if (names.length === 0 || Array.isArray(values)) return values
    const named = values as Readonly<Record<string, unknown>>
    const bound: unknown[] = []
    for (let i = 0; i < names.length; i++) bound.push(named[names[i] as string])
    return bound
  }
}
