/** The number of a row, which has 64 bits: a bigint where a number cannot hold it. */
export type Rowid = number | bigint

/** Below every rowid. SQLite compares it as a number. */
export const BEFORE_ALL: Rowid = Number.NEGATIVE_INFINITY

/** An expression for a rowid that loses nothing: text where the driver would round it. Read with {@link readRowid}. */
export const rowidCell = (rowid: string) =>
  `CASE WHEN ${rowid} BETWEEN ${Number.MIN_SAFE_INTEGER} AND ${Number.MAX_SAFE_INTEGER} THEN ${rowid} ELSE CAST(${rowid} AS TEXT) END`

/** {@link rowidCell} of the only table of a query. */
export const ROWID_CELL = rowidCell('rowid')

export function readRowid(cell: unknown): Rowid {
  return typeof cell === 'string' ? BigInt(cell) : (cell as number)
}
