/** Where a task is: in the live tables or in the archive. */
export type PlaceName = 'live' | 'archived'

export const PLACE_NAMES: readonly PlaceName[] = ['live', 'archived']

export const otherPlace = (place: PlaceName): PlaceName => (place === 'live' ? 'archived' : 'live')
