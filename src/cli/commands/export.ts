import type { RecordProgress } from '../../index.ts'
import type { CliCommand } from '../cli-command.ts'
import { countPlaces } from '../count-places.ts'
import { longCall } from '../long-call.ts'
import { openReader, placeOf } from '../open-store.ts'
import {
  type FilterOptions,
  filterOf,
  type GlobalOptions,
  type Places,
  placesOf,
  withFilter,
  withPlaces,
} from '../options.ts'
import { printJson } from '../output/print-json.ts'
import { printNumbers } from '../report-lines.ts'

interface Options extends GlobalOptions, FilterOptions {
  readonly archived?: Places
  readonly replace?: boolean
  readonly json?: boolean
}

export function addExport(program: CliCommand): void {
  withPlaces(
    withFilter(
      program
        .command('export')
        .argument('<file>', 'the file to write')
        .summary('write tasks to a file of JSON lines')
        .description(
          'Writes tasks with their shards to a file of JSON lines, which "import" reads: all from one moment, and the file is there whole or not at all. It takes live and archived tasks.',
        ),
    ),
  )
    .option('--replace', 'replace the file if it exists')
    .json('{ tasks, shards }')
    .example('Everything', 'uniqc-tasks export tasks.jsonl')
    .example('What a platform did this year', 'uniqc-tasks export ibm.jsonl -p ibm --since 2026-01-01')
    .action((file: string, _options: unknown, command: CliCommand) =>
      exportFile(file, command.optsWithGlobals<Options>()),
    )
}

async function exportFile(file: string, options: Options): Promise<void> {
  await using store = await openReader(placeOf(options), { isLong: true })
  const filter = filterOf(options)
  const archived = placesOf(options.archived)
  const report = await longCall<RecordProgress, Awaited<ReturnType<typeof store.exportFile>>>(
    {
      doing: 'exporting',
      total: await countPlaces(store, filter, archived),
      doneOf: ({ tasks }) => tasks,
      goOn: 'no file was written; the same command begins again',
    },
    (following) => store.exportFile(file, { ...filter, archived, replace: options.replace, ...following }),
  )
  if (options.json) return printJson(report)
  await printNumbers('done', { ...report })
}
