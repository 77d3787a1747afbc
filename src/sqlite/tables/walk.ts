import { TaskStoreError } from '../../rules/task-store-error.ts'

/**
 * Where a walk over a table goes on, behind a batch of its rows. Rowids rise; in a damaged table they may not,
 * and the walk would never end.
 *
 * @throws TaskStoreError `CORRUPT_FILE`
 */
export function nextRowid(
  batch: readonly { readonly rowid: number }[],
  before: number,
  file: string,
): number {
  const rowid = batch.at(-1)?.rowid ?? before
  if (batch.length === 0 || rowid > before) return rowid
  throw new TaskStoreError(
    'CORRUPT_FILE',
    `${file} is damaged: its rows are out of order; keep a copy of it as it is, then restore a copy`,
  )
}
