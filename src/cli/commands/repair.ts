import type { CheckReport, RepairReport } from '../../index.ts'
import type { CliCommand } from '../cli-command.ts'
import { EXIT } from '../cli-error.ts'
import { longCall } from '../long-call.ts'
import { onlyFile, openLong, placeOf } from '../open-store.ts'
import type { GlobalOptions } from '../options.ts'
import { escapeText } from '../output/escape-text.ts'
import { isTerminal, print } from '../output/print.ts'
import { printJson } from '../output/print-json.ts'
import { plainLine } from '../output/print-records.ts'
import { adviceOf, describe } from './check.ts'

interface Options extends GlobalOptions {
  readonly dryRun?: boolean
  readonly json?: boolean
  readonly timeZone?: string
}

export function addRepair(program: CliCommand): void {
  program
    .command('repair')
    .summary('repair what "check" finds, where nothing is lost by it')
    .description(
      `Checks the file, and repairs what can be repaired without loss, in one transaction. The old file is kept beside it. It ends with ${EXIT.findings} if something is left that needs a decision.`,
    )
    .option('--time-zone <zone>', 'the zone of times without an offset (default: that of this machine)')
    .option('--dry-run', 'only show the findings')
    .json(
      '{ backup, repaired: [{ kind, rows }], unrepaired: [{ kind, rows, reason }] }; with --dry-run what "check" prints',
    )
    .example('What there is to repair', 'uniqc-tasks repair --dry-run')
    .action((_options: unknown, command: CliCommand) => repair(command.optsWithGlobals<Options>()))
}

async function repair(options: Options): Promise<void> {
  const { timeZone, dryRun } = options
  const file = onlyFile(
    placeOf(options),
    'repair',
    'the server looks after its own files; "check" looks at the records',
  )
  await using store = await openLong(file, dryRun ? { readonly: true } : { create: false })
  const goOn = 'nothing was changed'
  const report: CheckReport = await longCall({ doing: 'checking', goOn }, (following) =>
    store.check({ timeZone, ...following }),
  )
  if (dryRun) {
    if (report.findings.length > 0) process.exitCode = EXIT.findings
    return options.json ? printJson(report) : print(describe(report))
  }
  const done: RepairReport = await longCall({ doing: 'repairing', goOn }, (following) =>
    store.repair(report.findings, following),
  )
  if (done.unrepaired.length > 0) process.exitCode = EXIT.findings
  if (options.json) return printJson(done)
  await print(isTerminal() ? sentences(done) : lines(done))
}

const lines = ({ repaired, unrepaired, backup }: RepairReport) =>
  [
    ...repaired.map(({ kind, rows }) => ['repaired', kind, rows.length]),
    ...unrepaired.map(({ kind, rows, reason }) => ['unrepaired', kind, rows.length, adviceOf(kind, reason)]),
    ...(backup === undefined ? [] : [['backup', backup]]),
  ]
    .map(plainLine)
    .join('')

function sentences({ repaired, unrepaired, backup }: RepairReport): string {
  if (repaired.length + unrepaired.length === 0) return 'there is nothing to repair\n'
  return [
    ...repaired.map(({ kind, rows }) => `repaired ${kind} (${rows.length})\n`),
    ...unrepaired.map(
      ({ kind, rows, reason }) => `left ${kind} (${rows.length}): ${escapeText(adviceOf(kind, reason))}\n`,
    ),
    ...(backup === undefined ? [] : [`the old file is kept as ${escapeText(backup)}\n`]),
  ].join('')
}
