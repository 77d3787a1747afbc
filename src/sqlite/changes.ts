import type { Connection } from './connection.ts'

/** Tells whether a file may have changed, without reading it. */
export class Changes {
  readonly #connection: Connection
  #last: string | undefined

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Whether something may have been written since the last call. */
  get areSeen(): boolean {
    const changes = this.#connection.run(() => this.#connection.changes)
    const areSeen = changes !== this.#last
    this.#last = changes
    return areSeen
  }
}
