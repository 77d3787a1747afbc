import type { TaskShard } from '../index.ts'
import { colourOfStatus } from './output/colour.ts'
import { escapeText } from './output/escape-text.ts'
import { ago } from './output/show-time.ts'
import type { Column } from './output/table.ts'

/** The columns of the shards of a task at a terminal. */
export const SHARD_COLUMNS: readonly Column<TaskShard>[] = [
  { title: '#', cell: ({ shardIndex }) => String(shardIndex), isRight: true },
  { title: 'ID ON ITS PLATFORM', cell: ({ platformTaskId }) => escapeText(platformTaskId), least: 12 },
  {
    title: 'STATUS',
    cell: ({ status }) => escapeText(status),
    colour: ({ status }) => colourOfStatus(status),
    least: 9,
  },
  { title: 'BACKEND', cell: ({ backend }) => escapeText(backend), least: 8, spare: 2 },
  { title: 'CIRCUITS', cell: ({ circuitCount }) => String(circuitCount), isRight: true, spare: 3 },
  { title: 'OFFSET', cell: ({ subIndexOffset }) => String(subIndexOffset), isRight: true, spare: 4 },
  { title: 'UPDATED', cell: ({ updateTime }) => ago(updateTime) },
  {
    title: 'ERROR',
    cell: ({ errorMessage }) => escapeText(errorMessage ?? ''),
    colour: () => 'red',
    least: 12,
    spare: 5,
  },
]

/** The fields of a shard away from a terminal, in their order. */
export const SHARD_FIELDS = [
  'shardIndex',
  'platformTaskId',
  'status',
  'backend',
  'circuitCount',
  'subIndexOffset',
  'submitTime',
  'updateTime',
  'errorMessage',
] as const satisfies readonly (keyof TaskShard)[]
