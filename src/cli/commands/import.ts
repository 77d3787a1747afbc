import type { ImportProgress } from '../../index.ts'
import type { CliCommand } from '../cli-command.ts'
import { countLines } from '../count-lines.ts'
import { longCall } from '../long-call.ts'
import { openReader, openWriter, placeOf } from '../open-store.ts'
import type { GlobalOptions } from '../options.ts'
import { printJson } from '../output/print-json.ts'
import { printNumbers, tellReasons } from '../report-lines.ts'

interface Options extends GlobalOptions {
  readonly overwrite?: boolean
  readonly timeZone?: string
  readonly dryRun?: boolean
  readonly json?: boolean
}

export function addImport(program: CliCommand): void {
  program
    .command('import')
    .argument('<path>', 'a file, or a folder that holds a tasks.jsonl or a tasks.json')
    .summary('take in an export, or the files of UnifiedQuantum before 0.0.4')
    .description(
      'Takes in the tasks of an export, or of the tasks.jsonl and tasks.json that UnifiedQuantum kept before it used SQLite. Newer records of the store stay. The store is created if it is missing. An import that was interrupted goes on with the same command.',
    )
    .option('--overwrite', 'replace newer records of the store, too')
    .option('--time-zone <zone>', 'the zone of times without an offset (default: that of this machine)')
    .option('--dry-run', 'only say what would be done')
    .json('{ files, read, imported, unchanged, superseded, skipped: [{ file, line, taskId, reason }] }')
    .example('What UnifiedQuantum 0.0.1 to 0.0.3 left', 'uniqc-tasks import ~/.uniq')
    .example('What an export would change', 'uniqc-tasks import tasks.jsonl --dry-run')
    .action((path: string, _options: unknown, command: CliCommand) =>
      importPath(path, command.optsWithGlobals<Options>()),
    )
}

async function importPath(path: string, options: Options): Promise<void> {
  const { overwrite, timeZone, dryRun } = options
  const place = placeOf(options)
  await using store = await (dryRun
    ? openReader(place, { isLong: true })
    : openWriter(place, { create: true, isLong: true }))
  const goOn = (progress: ImportProgress | undefined) =>
    `${progress?.imported ?? 0} of ${progress?.read ?? 0} records that were read are imported and stay; the same command goes on`
  const report = await longCall<ImportProgress, Awaited<ReturnType<typeof store.importFile>>>(
    { doing: 'importing', total: await countLines(path), doneOf: ({ read }) => read, goOn },
    (following) => store.importFile(path, { overwrite, timeZone, dryRun, ...following }),
  )
  if (options.json) return printJson(report)
  const { read, imported, unchanged, superseded, skipped } = report
  const numbers = { read, imported, unchanged, superseded, skipped: skipped.length }
  await printNumbers(dryRun ? 'would import' : 'done', numbers)
  tellReasons(skipped.map(({ file, line, reason }) => ({ name: `${file}:${line}`, reason })))
}
