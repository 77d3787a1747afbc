import type { RunResult, Statement } from 'better-sqlite3'
import { is, Placeholder } from 'drizzle-orm'
import type { TaskDatabase } from './connection.ts'

/**
 * A query of Drizzle as a statement of the driver: Drizzle writes the SQL, and what it would do at every call
 * to bind values and to map rows is done once, or by who knows the row.
 */
export class Compiled {
  readonly #statement: Statement
  /** The names of the values that are given at each call, at their places. */
  readonly #names: readonly (string | undefined)[]
  /** The values that stand in the query, at theirs. */
  readonly #values: readonly unknown[]

  constructor(db: TaskDatabase, query: { toSQL(): { sql: string; params: unknown[] } }) {
    const { sql, params } = query.toSQL()
    this.#statement = db.$client.prepare(sql)
    if (this.#statement.reader) this.#statement.raw()
    this.#names = params.map((param) => (is(param, Placeholder) ? param.name : undefined))
    this.#values = params.map((param) => (is(param, Placeholder) ? undefined : param))
  }

  /** The first row, its columns in the order of the query. */
  get(values: object): readonly unknown[] | undefined {
    return this.#statement.get(this.#bind(values)) as readonly unknown[] | undefined
  }

  all(values: object): (readonly unknown[])[] {
    return this.#statement.all(this.#bind(values)) as (readonly unknown[])[]
  }

  run(values: object): RunResult {
    return this.#statement.run(this.#bind(values))
  }

  #bind(values: object): unknown[] {
    const named = values as Readonly<Record<string, unknown>>
    const bound = this.#values.slice()
    for (let i = 0; i < bound.length; i++) {
      const name = this.#names[i]
      if (name !== undefined) bound[i] = named[name]
    }
    return bound
  }
}
