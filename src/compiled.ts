import type { RunResult, Statement } from 'better-sqlite3'
import { is, Placeholder } from 'drizzle-orm'
import type { TaskDatabase } from './connection.ts'

/**
 * A query of Drizzle as a statement of the driver: Drizzle writes the SQL, and what it would do at every call
 * to bind values and to map rows is done once, or by who knows the row.
 */
export class Compiled {
  readonly #statement: Statement
  readonly #params: readonly Param[]

  constructor(db: TaskDatabase, query: { toSQL(): { sql: string; params: unknown[] } }) {
    const { sql, params } = query.toSQL()
    this.#statement = db.$client.prepare(sql)
    if (this.#statement.reader) this.#statement.raw()
    this.#params = params.map((param) => (is(param, Placeholder) ? { name: param.name } : { value: param }))
  }

  /** The first row, its columns in the order of the query. */
  get(values: object): readonly unknown[] | undefined {
    return this.#statement.get(...this.#bind(values)) as readonly unknown[] | undefined
  }

  all(values: object): (readonly unknown[])[] {
    return this.#statement.all(...this.#bind(values)) as (readonly unknown[])[]
  }

  run(values: object): RunResult {
    return this.#statement.run(...this.#bind(values))
  }

  #bind(values: object): unknown[] {
    const named = values as Readonly<Record<string, unknown>>
    return this.#params.map(({ name, value }) => (name === undefined ? value : named[name]))
  }
}

/** A value that is given at each call, or one that stands in the query. */
interface Param {
  readonly name?: string
  readonly value?: unknown
}
