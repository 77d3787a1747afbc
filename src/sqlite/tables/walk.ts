import type { Row } from '../../rules/task-row.ts'
import { TaskStoreError } from '../../rules/task-store-error.ts'
import { BEFORE_ALL, type Rowid, readRowid } from './rowid.ts'

/**
 * Walks over a table in batches, in the order of insertion.
 *
 * @param size How many rows are read at a time, or how many this time.
 * @param read Returns the rows after a rowid, at most so many, each with its rowid as the last cell.
 * @throws TaskStoreError `CORRUPT_FILE` if rowids do not rise, as in a damaged table: rows would be missed,
 * or the walk would never end.
 */
export function* walk(
  file: string,
  size: number | (() => number),
  read: (afterRowid: Rowid, limit: number) => readonly Row[],
): Generator<readonly Row[]> {
  for (let after = BEFORE_ALL; ; ) {
    const limit = typeof size === 'number' ? size : size()
    const rows = read(after, limit)
    for (const row of rows) {
      const rowid = readRowid(row.at(-1))
      if (rowid <= after) throw outOfOrder(file)
      after = rowid
    }
    if (rows.length > 0) yield rows
    if (rows.length < limit) return
  }
}

function outOfOrder(file: string): TaskStoreError {
  return new TaskStoreError(
    'CORRUPT_FILE',
    `${file} is damaged: its rows are out of order; keep a copy of it as it is, then restore a copy`,
  )
}
