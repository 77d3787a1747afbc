import type { Row } from '../rules/task-row.ts'

/** What a store uses of a client of `pg`. */
export interface PgClient {
  query(query: PgQuery, callback: (error: Error | null, result: PgResult) => void): void
  on(event: 'error', listener: (error: Error) => void): unknown
  release(destroy?: boolean): void
}

/** What a store uses of a pool of `pg`: any `pg.Pool` fits. */
export interface PgPool {
  connect(callback: (error: Error | undefined, client: PgClient | undefined) => void): void
  end(): Promise<void>
  on(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'error', listener: (error: Error) => void): unknown
}

export interface PgQuery {
  readonly text: string
  readonly values?: unknown[]
  readonly name?: string
  readonly rowMode?: 'array'
  readonly types?: unknown
}

export interface PgResult {
  readonly command: string
  readonly rows: unknown[]
  readonly rowCount: number | null
}

/** What a statement did: its rows, and how many it wrote. */
export interface Answer {
  readonly rows: Row[]
  readonly count: number
}

/** Where statements run. */
export interface Executor {
  /** The text of a shape: built once, unless too many are kept already. */
  text(shape: string, build: () => string): string
  /** Runs a statement that only reads. */
  read(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** Runs a statement that writes. */
  write(text: string, values?: readonly unknown[]): Promise<Answer>
}

/** The result of a statement that cannot match anything. */
export const NOTHING: PgResult = { command: '', rows: [], rowCount: 0 }

/** How many statements a connection keeps prepared: lists of unusual lengths would fill its memory. */
const MOST_NAMES = 400

/**
 * A statement over more values than these is not prepared: a plan that was made when a table was small, and kept, would
 * read all of it for each value when it is large.
 */
const MOST_VALUES = 50

const isLong = (value: unknown) => Array.isArray(value) && value.length > MOST_VALUES

const BOOLEAN = 16
const INTEGERS: readonly number[] = [20, 21, 23]

/** Reads cells alike whatever a program has set for the whole of `pg`. */
const TYPES = {
  getTypeParser: (oid: number) => {
    if (oid === BOOLEAN) return (text: string) => text === 't'
    return INTEGERS.includes(oid) ? Number : String
  },
}

/** Builds each text once, and names it, so that a connection prepares it on first use. */
export class Statements {
  readonly #names = new Map<string, string>()
  readonly #texts = new Map<string, string>()
  readonly #prepare: boolean

  constructor(prepare: boolean) {
    this.#prepare = prepare
  }

  text(shape: string, build: () => string): string {
    let text = this.#texts.get(shape)
    if (text === undefined) {
      text = build()
      if (this.#texts.size < MOST_NAMES) this.#texts.set(shape, text)
    }
    return text
  }

  /** @param text The same string each time, since a new one has to be hashed. */
  query(text: string, values: readonly unknown[]): PgQuery {
    const name = this.#prepare && !values.some(isLong) ? this.#nameOf(text) : undefined
    if (name === undefined) return { text, values: values as unknown[], rowMode: 'array', types: TYPES }
    return { name, text, values: values as unknown[], rowMode: 'array', types: TYPES }
  }

  #nameOf(text: string): string | undefined {
    let name = this.#names.get(text)
    if (name === undefined && this.#names.size < MOST_NAMES) {
      name = `uniqc_${this.#names.size}`
      this.#names.set(text, name)
    }
    return name
  }
}

const isUnstorable = (value: unknown) => typeof value === 'string' && value.includes('\0')

/**
 * The values that conditions compare with; undefined if one cannot match anything, because PostgreSQL stores
 * no null character. Values to store are checked before.
 */
export function comparable(values: readonly unknown[]): readonly unknown[] | undefined {
  if (values.some(isUnstorable)) return undefined
  if (!values.some(Array.isArray)) return values
  return values.map((value) =>
    Array.isArray(value) && value.some(isUnstorable) ? value.filter((item) => !isUnstorable(item)) : value,
  )
}

/** Sends a statement. */
export function ask(client: PgClient, query: PgQuery): Promise<PgResult> {
  return new Promise((resolve, reject) => {
    client.query(query, (error, result) => (error ? reject(error) : resolve(result)))
  })
}

export const rowsOf = ({ rows }: PgResult) => rows as Row[]

export const answerOf = ({ rows, rowCount }: PgResult): Answer => ({
  rows: rows as Row[],
  count: rowCount ?? 0,
})
