import type { ListedSummary } from '../../index.ts'
import type { CliCommand } from '../cli-command.ts'
import { CliError, EXIT } from '../cli-error.ts'
import { confirm } from '../confirm.ts'
import { countPlaces } from '../count-places.ts'
import { type Following, longCall } from '../long-call.ts'
import { openReader, openWriter, placeOf, type Store } from '../open-store.ts'
import { type GlobalOptions, period, several } from '../options.ts'
import { print, tell } from '../output/print.ts'
import { printJson } from '../output/print-json.ts'
import { sayCount } from '../say-count.ts'

interface Options extends GlobalOptions {
  readonly olderThan: number
  readonly archived?: boolean
  readonly by?: 'submit' | 'update'
  readonly status?: readonly string[]
  readonly timeZone?: string
  readonly dryRun?: boolean
  readonly json?: boolean
  readonly yes?: boolean
}

interface Pruned {
  readonly archived?: readonly string[]
  readonly deleted?: readonly string[]
  readonly conflicts: readonly string[]
  readonly unreadable: readonly string[]
}

export function addPrune(program: CliCommand): void {
  program
    .command('prune')
    .requiredOption('--older-than <period>', 'tasks of so long ago: 90d, 12h, 2w', period)
    .summary('archive old tasks, or delete old archived ones')
    .description(
      'Moves the old live tasks that have ended to the archive. With --archived it deletes old archived tasks for good, and asks first. Times are compared as moments, whatever their form; a task whose time cannot be read is left alone and reported.',
    )
    .option('--archived', 'delete archived tasks')
    .choice('--by <time>', 'the time that counts: "submit" (default) or "update"', ['submit', 'update'])
    .option('-s, --status <status>', 'tasks with this status, instead of those that have ended', several)
    .option(
      '--time-zone <zone>',
      'the zone of times without an offset, of live tasks (default: that of this machine)',
    )
    .option('--dry-run', 'only say how many; with --json which')
    .yes()
    .json('{ archived or deleted: ids, conflicts: ids, unreadable: ids, isDryRun }')
    .example('Every night: archive what is a month old', 'uniqc-tasks prune --older-than 30d')
    .example('Once a year: delete what was archived', 'uniqc-tasks prune --archived --older-than 365d --yes')
    .action((_options: unknown, command: CliCommand) => prune(command.optsWithGlobals<Options>()))
}

async function prune(options: Options): Promise<void> {
  const place = placeOf(options)
  const isDryRun = options.dryRun === true
  if (options.archived && options.timeZone !== undefined) {
    throw new CliError(EXIT.misuse, '--time-zone is for live tasks', 'set TZ for archived ones')
  }
  await using store = await (isDryRun
    ? openReader(place, { isLong: true })
    : openWriter(place, { isLong: true }))
  const pruned = options.archived ? await deleteOld(store, options) : await archiveOld(store, options)
  if (pruned.conflicts.length > 0) process.exitCode = EXIT.failed
  if (options.json) return printJson({ ...pruned, isDryRun })
  const count = sayCount((pruned.archived ?? pruned.deleted ?? []).length)
  const done = options.archived ? 'delete' : 'archive'
  await print(`${isDryRun ? `would ${done}` : `${done}d`} ${count}\n`)
  const { conflicts, unreadable } = pruned
  if (conflicts.length > 0)
    tell(`${sayCount(conflicts.length)} could not be moved: "uniqc-tasks check" says why`)
  if (unreadable.length > 0) tell(`${sayCount(unreadable.length)} left alone, whose time cannot be read`)
}

const GO_ON = 'what was done stays done, the other tasks are as they were; the same command goes on'

async function archiveOld(store: Store, options: Options): Promise<Pruned> {
  const { olderThan, by, status, timeZone, dryRun } = options
  return longCall({ doing: 'archiving', total: await countOld(store, options), goOn: GO_ON }, (following) =>
    store.archive.archiveOlderThan({
      hours: olderThan / 3_600_000,
      by: by === 'update' ? 'updateTime' : 'submitTime',
      statuses: status,
      timeZone,
      dryRun,
      ...following,
    }),
  )
}

/** About how many tasks will be archived, for a progress bar. */
async function countOld(store: Store, { olderThan, by, status }: Options): Promise<number | undefined> {
  if (by === 'update') return undefined
  const { TERMINAL_STATUSES } = await import('../../index.ts')
  const filter = { status: status ?? TERMINAL_STATUSES, submittedBefore: new Date(Date.now() - olderThan) }
  return countPlaces(store, filter, false)
}

/** How many archived tasks are read at a time. */
const PAGE = 1000

const DAY = 86_400_000

async function deleteOld(store: Store, options: Options): Promise<Pruned> {
  const before = Date.now() - options.olderThan
  const filter = {
    status: options.status,
    // As text a time can be as far off as its zone: the moment decides.
    ...(options.by !== 'update' && { submittedBefore: new Date(before + DAY) }),
  }
  const total = await store.archive.count(filter)
  const field = options.by === 'update' ? 'updateTime' : 'submitTime'
  const isDue = (task: ListedSummary) => Date.parse(task[field]) < before
  const found = { deleted: [] as string[], conflicts: [] as string[], unreadable: [] as string[] }
  if (!options.dryRun && total > 0) {
    await confirm(
      `Delete the archived tasks that are older for good? There are at most ${sayCount(total)}.`,
      options.yes,
    )
  }
  const walk = async ({ onProgress, signal }: Following<{ done: number }>) => {
    let done = 0
    let after: string | undefined
    do {
      signal.throwIfAborted()
      const page = await store.pageSummaries({ ...filter, archived: true, limit: PAGE, after })
      const due = page.items.filter(isDue).map(({ taskId }) => taskId)
      found.unreadable.push(
        ...page.items.filter((task) => Number.isNaN(Date.parse(task[field]))).map(({ taskId }) => taskId),
      )
      const results = options.dryRun ? [] : await store.archive.deleteMany(due)
      found.deleted.push(
        ...(options.dryRun
          ? due
          : results.filter(({ outcome }) => outcome === 'deleted').map(({ taskId }) => taskId)),
      )
      found.conflicts.push(...results.filter(({ error }) => error !== undefined).map(({ taskId }) => taskId))
      done += page.items.length
      onProgress({ done })
      after = page.next
    } while (after !== undefined)
    return found
  }
  return longCall({ doing: 'deleting', total, goOn: GO_ON }, walk)
}
