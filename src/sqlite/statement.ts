import type { Database, Statement as DriverStatement, RunResult } from 'better-sqlite3'
import { is, Placeholder } from 'drizzle-orm'
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import type { Row } from '../rules/task-row.ts'

/** Drizzle, and under `$client` the connection that it uses. */
export type TaskDatabase = BetterSQLite3Database & { readonly $client: Database }

/** A query that Drizzle builds, or SQL. */
export type Query = string | { toSQL(): { sql: string; params: unknown[] } }

/** A cache of statements by name. */
export interface Statements {
  /** The file, as messages name it. */
  readonly file: string
  /** The statement with this name, prepared on first use. */
  statement(name: string, query: (drizzle: TaskDatabase) => Query): Statement
}

/**
 * A prepared statement, whose rows stay raw for the caller to decode. The SQL and the bindings of a Drizzle
 * query are worked out once.
 */
export class Statement {
  /** The length of its SQL. */
  readonly size: number
  readonly #statement: DriverStatement
  /** The names of the placeholders in a Drizzle query, at their positions; undefined for SQL. */
  readonly #names: readonly (string | undefined)[] | undefined
  /** The fixed values in a Drizzle query, at their positions. */
  readonly #values: readonly unknown[]

  constructor(client: Database, query: Query) {
    const { sql, params } = typeof query === 'string' ? { sql: query, params: [] } : query.toSQL()
    this.size = sql.length
    this.#statement = client.prepare(sql)
    if (this.#statement.reader) this.#statement.raw()
    const nameOf = (param: unknown) => (is(param, Placeholder) ? param.name : undefined)
    this.#names = typeof query === 'string' ? undefined : params.map(nameOf)
    this.#values = params.map((param) => (is(param, Placeholder) ? undefined : param))
  }

  /** The first row. Read a statement that writes with `all`, which reports a commit that failed. */
  get(values: unknown = []): Row | undefined {
    return this.#statement.get(this.#bind(values)) as Row | undefined
  }

  /** @param values By name for a Drizzle query; for SQL, what the driver accepts. */
  all(values: unknown = []): Row[] {
    return this.#statement.all(this.#bind(values)) as Row[]
  }

  /** The rows one after the other. No other statement of the connection may write meanwhile. */
  iterate(values: unknown = []): IterableIterator<Row> {
    return this.#statement.iterate(this.#bind(values)) as IterableIterator<Row>
  }

  run(values: unknown = []): RunResult {
    return this.#statement.run(this.#bind(values))
  }

  #bind(values: unknown): unknown {
    if (this.#names === undefined) return values
    const named = values as Readonly<Record<string, unknown>>
    const bound = this.#values.slice()
    for (let i = 0; i < bound.length; i++) {
      const name = this.#names[i]
      if (name !== undefined) bound[i] = named[name]
    }
    return bound
  }
}
