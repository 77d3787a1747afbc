import type { Database } from 'better-sqlite3'
import type { Connection } from './connection.ts'
import { readPragma } from './migrating/inspect-file.ts'

/** Tells whether a file may have changed, without reading it. */
export class Changes {
  readonly #connection: Connection
  #client: Database | undefined
  /** What SQLite counts: one number goes up at the commits of others, the other one at the writes of this connection. */
  #counters = ''

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Whether something may have been written since the last call. */
  get areSeen(): boolean {
    return this.#connection.run(() => {
      const { client } = this.#connection
      const own = client.prepare('SELECT total_changes()').pluck().get()
      const counters = `${readPragma(client, 'data_version')} ${own}`
      const areSeen = client !== this.#client || counters !== this.#counters
      this.#client = client
      this.#counters = counters
      return areSeen
    })
  }
}
