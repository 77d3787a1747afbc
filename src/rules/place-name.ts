/** Where a task is: in the live tables or in the archive. */
export type PlaceName = 'live' | 'archived'
