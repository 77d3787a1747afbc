import type { Statement } from './statement.ts'

/** How many characters of SQL are kept: SQLite needs about thirty bytes for each of them. */
const KEPT = 800_000

/**
 * Prepared statements by name: those that were used last. It has two generations, so that a hit costs one look-up: when
 * the younger one is full it becomes the older one, and what is not used again before that happens once more is dropped.
 */
export class StatementCache {
  #young = new Map<string, Statement>()
  #old: ReadonlyMap<string, Statement> = new Map()
  #size = 0

  get(name: string): Statement | undefined {
    return this.#young.get(name) ?? this.#renew(name)
  }

  set(name: string, statement: Statement): void {
    if (this.#size + statement.size > KEPT / 2) {
      this.#old = this.#young
      this.#young = new Map()
      this.#size = 0
    }
    this.#young.set(name, statement)
    this.#size += statement.size
  }

  clear(): void {
    this.#young.clear()
    this.#old = new Map()
    this.#size = 0
  }

  #renew(name: string): Statement | undefined {
    const statement = this.#old.get(name)
    if (statement !== undefined) this.set(name, statement)
    return statement
  }
}
