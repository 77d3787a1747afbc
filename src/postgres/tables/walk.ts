import type { Row } from '../../rules/task-row.ts'

/**
 * Walks over a table in batches, in the order of insertion.
 *
 * @param read Returns the rows after a `seq`, at most `size` of them, each with its `seq` as the last cell.
 */
export async function* walk(
  size: number,
  read: (after: number) => Promise<readonly Row[]>,
): AsyncGenerator<readonly Row[]> {
  for (let after = 0; ; ) {
    const rows = await read(after)
    if (rows.length > 0) yield rows
    if (rows.length < size) return
    after = rows.at(-1)?.at(-1) as number
  }
}
