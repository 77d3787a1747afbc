import { setTimeout } from 'node:timers/promises'
import type { ListedSummary } from '../../index.ts'
import type { CliCommand } from '../cli-command.ts'
import { nameOf, openReader, type Place, placeOf, type Store } from '../open-store.ts'
import {
  archivedOf,
  type FilterOptions,
  filterOf,
  type GlobalOptions,
  period,
  wholeNumber,
  withArchived,
  withFilter,
} from '../options.ts'
import { colour } from '../output/colour.ts'
import { escapeText } from '../output/escape-text.ts'
import { isTerminal, print, tell } from '../output/print.ts'
import { printJson } from '../output/print-json.ts'
import { plainLine, tableOf } from '../output/print-records.ts'
import { taskColumns, taskFields } from '../task-columns.ts'

interface Options extends GlobalOptions, FilterOptions {
  readonly archived?: true | 'only' | 'too'
  readonly limit?: number
  readonly interval?: number
  readonly json?: boolean
}

const LIMIT = 20

/** How often to look for a file that is gone, in milliseconds. */
const INTERVAL = 500

/** How often the ages are drawn again, in milliseconds. */
const AGES = 10_000

/** The lines of a terminal that are not tasks: a heading, an empty line, the titles, and where the cursor stands. */
const OTHER_LINES = 4

export function addWatch(program: CliCommand): void {
  const command = program
    .command('watch')
    .summary('show the list again whenever it changes')
    .description(
      'Shows a list of tasks, and again whenever any program changed what it shows, until Ctrl-C. Nothing is written or locked. Away from a terminal the lists follow each other, as "list" prints them, with an empty line after each.',
    )
  withArchived(withFilter(command))
    .option('-l, --limit <number>', `at most so many tasks (default: ${LIMIT})`, wholeNumber)
    .option('--interval <period>', 'how often to look for changes (default: 500ms)', period)
    .json('a line for each list: an array of tasks, each with the properties of TaskSummary')
    .example('What is under way', 'uniqc-tasks watch --status pending --status running')
    .action((_options: unknown, command: CliCommand) => watch(command.optsWithGlobals<Options>()))
}

async function watch(options: Options): Promise<void> {
  const place = placeOf(options)
  await using store = await openReader(place)
  const controller = new AbortController()
  const stop = () => controller.abort()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
  // A reader that is gone: nothing would be printed that could tell.
  process.stdout.once('close', stop)
  const limit = Math.min(
    options.limit ?? LIMIT,
    isTerminal() ? Math.max(1, process.stdout.rows - OTHER_LINES) : Infinity,
  )
  const query = { ...filterOf(options), archived: archivedOf(options.archived), limit }
  const show = options.json ? printJson : isTerminal() ? screen(place, store, options) : printPlain(options)
  let isShown = false
  let isGone = false
  const follow = async () => {
    for await (const tasks of store.watch(query, { interval: options.interval, signal: controller.signal })) {
      isShown = true
      isGone = false
      await show(tasks)
    }
  }
  try {
    for (;;) {
      try {
        await follow()
      } catch (error) {
        // UnifiedQuantum removes its file to clear it, and makes another one with its next task.
        if (!isShown || (error as { code?: unknown }).code !== 'CANNOT_OPEN') throw error
        if (!isGone) tell('the file is gone; waiting for the next one')
        isGone = true
        await setTimeout(options.interval ?? INTERVAL, undefined, { signal: controller.signal })
      }
    }
  } catch (error) {
    if (!controller.signal.aborted) throw error
  } finally {
    for (const redraw of redraws) clearInterval(redraw)
  }
}

function printPlain({ archived }: Options) {
  const fields = taskFields(archived !== undefined)
  return (tasks: readonly ListedSummary[]) =>
    print(`${tasks.map((task) => plainLine(fields.map((field) => task[field]))).join('')}\n`)
}

const redraws = new Set<NodeJS.Timeout>()

/** Draws a list over the one before. */
function screen(place: Place, store: Store, { archived }: Options) {
  const heading = colour('dim', `${escapeText(nameOf(place, store))}  (Ctrl-C ends)`)
  let shown: readonly ListedSummary[] = []
  const draw = async () => {
    const table = (await tableOf(taskColumns(archived !== undefined))).render(shown)
    await print(`\x1b[H\x1b[J${heading}\n\n${shown.length === 0 ? 'no tasks\n' : table}`)
  }
  const redraw = () => void draw().catch((error) => tell(String(error)))
  process.stdout.on('resize', redraw)
  redraws.add(setInterval(redraw, AGES))
  return async (tasks: readonly ListedSummary[]) => {
    shown = tasks
    await draw()
  }
}
