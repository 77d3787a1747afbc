import type { ListedSummary } from '../index.ts'
import { colourOfStatus } from './output/colour.ts'
import { escapeText } from './output/escape-text.ts'
import { ago, localTime } from './output/show-time.ts'
import type { Column } from './output/table.ts'

/** How much of an id is shown where the terminal is narrow: it is enough to find the task. */
const SHORT_ID = 12

/** The columns of a list of tasks at a terminal. */
export function taskColumns(archived: boolean): Column<ListedSummary>[] {
  return [
    {
      title: 'ID',
      cell: ({ taskId }) => escapeText(taskId ?? ''),
      least: SHORT_ID,
      // A beginning of a random id is one of that task alone; others may all begin alike.
      shorten: (text, width) => (/^uqt_[\da-f]{32}$/.test(text) ? text.slice(0, width) : text),
    },
    {
      title: 'STATUS',
      cell: ({ status }) => escapeText(status),
      colour: ({ status }) => colourOfStatus(status),
      least: 9,
    },
    { title: 'BACKEND', cell: ({ backend }) => escapeText(backend), least: 10 },
    { title: 'SHOTS', cell: ({ shots }) => String(shots), isRight: true, spare: 1 },
    { title: 'SUBMITTED', cell: ({ submitTime }) => escapeText(localTime(submitTime)), spare: 3, least: 19 },
    { title: 'AGE', cell: ({ submitTime }) => ago(submitTime) },
    ...(archived
      ? [{ title: 'ARCHIVED', cell: (task: ListedSummary) => ago(task.archivedAt ?? ''), spare: 2 }]
      : []),
    {
      title: 'ERROR',
      cell: ({ errorMessage }) => escapeText(errorMessage ?? ''),
      colour: () => 'red',
      least: 20,
      spare: 4,
    },
  ]
}

/** The fields of a list of tasks away from a terminal, in their order. */
export function taskFields(archived: boolean): readonly (keyof ListedSummary)[] {
  const fields = ['taskId', 'status', 'backend', 'shots', 'submitTime', 'updateTime'] as const
  return [...fields, ...(archived ? (['archivedAt'] as const) : []), 'errorMessage']
}
