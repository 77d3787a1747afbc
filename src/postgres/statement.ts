import type { Row } from '../rules/task-row.ts'

/** What a store uses of a client of `pg`. */
export interface PgClient {
  query(query: PgQuery): Promise<PgResult>
  on(event: 'error', listener: (error: Error) => void): unknown
  release(destroy?: boolean): void
}

/** What a store uses of a pool of `pg`: any `pg.Pool` fits. */
export interface PgPool {
  connect(): Promise<PgClient>
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
  /** Runs a statement that only reads. */
  read(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** Runs a statement that writes. */
  write(text: string, values?: readonly unknown[]): Promise<Answer>
}

export const NOTHING: Answer = { rows: [], count: 0 }

/** How many statements a connection keeps prepared: lists of unusual lengths would fill its memory. */
const MOST_NAMES = 400

const BOOLEAN = 16
const INTEGERS: readonly number[] = [20, 21, 23]

/** Reads cells alike whatever a program has set for the whole of `pg`. */
const TYPES = {
  getTypeParser: (oid: number) => {
    if (oid === BOOLEAN) return (text: string) => text === 't'
    return INTEGERS.includes(oid) ? Number : String
  },
}

/** Names each text once, so that a connection prepares it on first use. */
export class Statements {
  readonly #names = new Map<string, string>()
  readonly #prepare: boolean

  constructor(prepare: boolean) {
    this.#prepare = prepare
  }

  query(text: string, values: readonly unknown[]): PgQuery {
    const query = { text, values: values as unknown[], rowMode: 'array', types: TYPES } as const
    const name = this.#prepare ? this.#nameOf(text) : undefined
    return name === undefined ? query : { ...query, name }
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
  return values.map((value) =>
    Array.isArray(value) && value.some(isUnstorable) ? value.filter((item) => !isUnstorable(item)) : value,
  )
}

export const answerOf = ({ rows, rowCount }: PgResult): Answer => ({
  rows: rows as Row[],
  count: rowCount ?? 0,
})
