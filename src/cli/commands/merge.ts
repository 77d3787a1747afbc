import { existsSync } from 'node:fs'
import type { MergeProgress, MergeReport, TaskFilter } from '../../index.ts'
import type { CliCommand } from '../cli-command.ts'
import { countPlaces } from '../count-places.ts'
import { longCall } from '../long-call.ts'
import {
  openFile,
  openReader,
  openWriter,
  type Place,
  placeNamed,
  placeOf,
  type Store,
} from '../open-store.ts'
import {
  type FilterOptions,
  filterOf,
  type GlobalOptions,
  type Places,
  placesOf,
  withFilter,
  withPlaces,
} from '../options.ts'
import { showsProgress } from '../output/print.ts'
import { printJson } from '../output/print-json.ts'
import { printNumbers, tellReasons } from '../report-lines.ts'

interface Options extends GlobalOptions, FilterOptions {
  readonly timeZone?: string
  readonly dryRun?: boolean
  readonly json?: boolean
}

interface CopyOptions extends Options {
  readonly to: string
  readonly toSchema?: string
  readonly archived?: Places
  readonly overwrite?: boolean
}

const SHAPE =
  '{ read, added, updated, unchanged, kept, conflicts: [{ taskId, reason }], renamed: [{ theirs, ours }] }'

export function addMerge(program: CliCommand): void {
  program
    .command('merge')
    .argument('<file>', 'the file of another store, of any version')
    .summary('take in the tasks of another store')
    .description(
      'Takes the tasks of another file into the store; the other file is only read. Of two records of one task the newer one stays, shard by shard. The store is created if it is missing. A merge that was interrupted goes on with the same command.',
    )
    .option('--time-zone <zone>', 'the zone of times without an offset (default: that of this machine)')
    .option('--dry-run', 'only say what would be done')
    .json(SHAPE)
    .example('The file of a second machine', 'uniqc-tasks merge laptop.sqlite')
    .action((file: string, _options: unknown, command: CliCommand) =>
      merge(file, command.optsWithGlobals<Options>()),
    )
}

export function addCopy(program: CliCommand): void {
  withPlaces(
    withFilter(
      program
        .command('copy')
        .requiredOption('--to <store>', 'the path or the URL of the other store')
        .summary('copy tasks to another store')
        .description(
          'Copies tasks with their shards to another store, of either kind: every cell stays as it is. Of two records of one task the newer one stays, shard by shard. A file is created if it is missing. A copy that was interrupted goes on with the same command.\n\nA password on the command line can be seen by others: leave it out of the URL and set PGPASSWORD, or keep it in ~/.pgpass.',
        ),
    ),
  )
    .option('--to-schema <name>', 'the schema of the other store on PostgreSQL (default: uniqc)')
    .option('--overwrite', 'replace newer records of the other store, too')
    .option('--time-zone <zone>', 'the zone of times without an offset (default: that of this machine)')
    .option('--dry-run', 'only say what would be done')
    .json(SHAPE)
    .example("From one's own file to the team", 'uniqc-tasks copy --to postgres://me@db.example.org/lab')
    .example('The tasks of a week to a file of their own', 'uniqc-tasks copy --to week.sqlite --since 7d')
    .action((_options: unknown, command: CliCommand) => copy(command.optsWithGlobals<CopyOptions>()))
}

async function merge(file: string, options: Options): Promise<void> {
  const { timeZone, dryRun } = options
  const place = placeOf(options)
  await using store = await openTarget(place, dryRun)
  if ('mergeFile' in store) {
    const report = await longCall<MergeProgress, MergeReport>(
      { doing: 'merging', total: await countIn(file), doneOf: ({ read }) => read, goOn },
      (following) => store.mergeFile(file, { timeZone, dryRun, ...following }),
    )
    return show(report, options)
  }
  await using source = await openFile({ file }, { readonly: true })
  await transfer(source, store, options, {})
}

/** How many tasks another file holds, for a progress bar. */
async function countIn(file: string): Promise<number | undefined> {
  if (!showsProgress()) return undefined
  await using source = await openFile({ file }, { readonly: true })
  return await countPlaces(source, {}, 'both')
}

async function copy(options: CopyOptions): Promise<void> {
  const target = placeNamed(options.to, options.toSchema, '--to')
  await using source = await openReader(placeOf(options))
  const isEmpty = target.kind === 'file' && !existsSync(target.options.file ?? '')
  const place = options.dryRun && isEmpty ? placeNamed(':memory:', undefined, '--to') : target
  await using store = await openTarget(place, options.dryRun)
  await transfer(source, store, options, filterOf(options))
}

async function transfer(source: Store, target: Store, options: Partial<CopyOptions>, filter: TaskFilter) {
  const { copyTasks } = await import('../../index.ts')
  const { overwrite, timeZone, dryRun } = options
  const archived = placesOf(options.archived)
  const total = await countPlaces(source, filter, archived)
  const report = await longCall<MergeProgress, MergeReport>(
    { doing: 'copying', total, doneOf: ({ read }) => read, goOn },
    (following) => copyTasks(source, target, { filter, archived, overwrite, timeZone, dryRun, ...following }),
  )
  return show(report, options)
}

/** Opens the store that takes tasks in, to read for a dry run. */
function openTarget(place: Place, dryRun: boolean | undefined): Promise<Store> {
  return dryRun ? openReader(place, { isLong: true }) : openWriter(place, { create: true, isLong: true })
}

const goOn = (progress: MergeProgress | undefined) =>
  `${progress?.read ?? 0} tasks were read, and what was taken of them stays; the same command goes on`

async function show(report: MergeReport, { json, dryRun }: Pick<Options, 'json' | 'dryRun'>): Promise<void> {
  if (json) return printJson(report)
  const { conflicts, renamed, ...numbers } = report
  await printNumbers(dryRun ? 'would be done' : 'done', {
    ...numbers,
    conflicts: conflicts.length,
    renamed: renamed.length,
  })
  tellReasons(conflicts.map(({ taskId, reason }) => ({ name: taskId, reason })))
}
