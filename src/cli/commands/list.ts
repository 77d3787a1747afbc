import type { ListedSummary, ListedTask, TaskListOptions } from '../../index.ts'
import type { CliCommand } from '../cli-command.ts'
import { CliError, EXIT } from '../cli-error.ts'
import { openReader, placeOf, type Store } from '../open-store.ts'
import {
  archivedOf,
  type FilterOptions,
  filterOf,
  type GlobalOptions,
  wholeNumber,
  withArchived,
  withFilter,
} from '../options.ts'
import { FORMATS, type FormatOptions, formatOf, printRecords } from '../output/print-records.ts'
import { taskColumns, taskFields } from '../task-columns.ts'

interface Options extends GlobalOptions, FilterOptions, FormatOptions {
  readonly archived?: true | 'only' | 'too'
  readonly limit?: number
  readonly all?: boolean
}

/** How many tasks are shown unless more are asked for. */
const LIMIT = 20

/** How many tasks of a long list are read at a time. */
const PAGE = 1000

export function addList(program: CliCommand): void {
  const command = program
    .command('list')
    .summary('list tasks, the newest first')
    .description(
      `Lists tasks, the newest first: the newest ${LIMIT}, unless another number is asked for. At a terminal it is a table; else each task is a line, its fields between tabs: id, status, backend, shots, submit time, update time, with --archived the time of archiving, error.`,
    )
  withArchived(withFilter(command))
    .option('-l, --limit <number>', `at most so many (default: ${LIMIT})`, wholeNumber)
    .option('-a, --all', 'all of them')
    .choice('-f, --format <format>', 'how they are printed', FORMATS)
    .json('an array of tasks, each with the properties of TaskInfo; with --archived also archivedAt')
    .example('What is not done yet', 'uniqc-tasks list --status pending --status running')
    .example(
      'What failed on a platform in the last three days',
      'uniqc-tasks list -s failed -p originq --since 3d',
    )
    .example('A year as a spreadsheet', 'uniqc-tasks list --all --since 2026-01-01 --format csv > tasks.csv')
    .action((_options: unknown, command: CliCommand) => list(command.optsWithGlobals<Options>()))
}

async function list(options: Options): Promise<void> {
  if (options.all && options.limit !== undefined) {
    throw new CliError(EXIT.misuse, '--all and --limit say how many', 'give one of them')
  }
  const format = formatOf(options)
  await using store = await openReader(placeOf(options))
  const limit = options.all ? -1 : (options.limit ?? LIMIT)
  const query = { ...filterOf(options), archived: archivedOf(options.archived), limit }
  const isArchived = options.archived !== undefined
  await printRecords<ListedSummary, ListedTask>(format, {
    parts: () => summaries(store, query),
    wholes: () => store.iterate(query),
    columns: taskColumns(isArchived),
    fields: taskFields(isArchived),
    isWhole: limit >= 0 && limit <= PAGE,
    none: 'no tasks',
  })
}

async function* summaries(
  store: Store,
  query: TaskListOptions & { limit: number },
): AsyncGenerator<ListedSummary[]> {
  if (query.limit >= 0 && query.limit <= PAGE) return yield await store.listSummaries(query)
  let left = query.limit < 0 ? Number.POSITIVE_INFINITY : query.limit
  let after: string | undefined
  do {
    const page = await store.pageSummaries({ ...query, limit: Math.min(left, PAGE), after })
    yield page.items
    left -= page.items.length
    after = left > 0 ? page.next : undefined
  } while (after !== undefined)
}
