import type { TaskFilter } from '../index.ts'
import type { Store } from './open-store.ts'
import { showsProgress } from './output/print.ts'

/** How many tasks match, in one place or in both, for a progress bar: not counted where none is drawn. */
export async function countPlaces(
  store: Store,
  filter: TaskFilter,
  archived: boolean | 'both',
): Promise<number | undefined> {
  if (!showsProgress()) return undefined
  const live = archived === true ? 0 : await store.count(filter)
  return live + (archived === false ? 0 : await store.archive.count(filter))
}
