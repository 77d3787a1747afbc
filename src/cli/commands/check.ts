import type { CheckReport, Finding, RecordProgress } from '../../index.ts'
import type { CliCommand } from '../cli-command.ts'
import { EXIT } from '../cli-error.ts'
import { countPlaces } from '../count-places.ts'
import { longCall } from '../long-call.ts'
import { openReader, placeOf } from '../open-store.ts'
import { amount, type GlobalOptions } from '../options.ts'
import { type Colour, colour } from '../output/colour.ts'
import { escapeText } from '../output/escape-text.ts'
import { isTerminal, print } from '../output/print.ts'
import { printJson } from '../output/print-json.ts'
import { plainLine } from '../output/print-records.ts'

interface Options extends GlobalOptions {
  readonly json?: boolean
  readonly pendingDays?: number
  readonly timeZone?: string
}

export function addCheck(program: CliCommand): void {
  program
    .command('check')
    .summary('look for records that are lost, duplicated or wrong')
    .description(
      `Checks the whole store and changes nothing. It ends with ${EXIT.findings} if there is a finding. Away from a terminal each finding is a line, its fields between tabs: severity, kind, number of rows, what it means, what to do, and the first rows.`,
    )
    .option(
      '--pending-days <days>',
      'a task that is not done after so many days is a finding (default: 7)',
      amount,
    )
    .option('--time-zone <zone>', 'the zone of times without an offset (default: that of this machine)')
    .json('{ isSound, findings: [{ kind, severity, count, rows, message, fix }] }')
    .example(
      'Every night, by mail if there is something',
      'uniqc-tasks check || mail -s "task store" me@example.org',
    )
    .example('Tasks that nobody has asked for in a month', 'uniqc-tasks check --pending-days 30')
    .action((_options: unknown, command: CliCommand) => check(command.optsWithGlobals<Options>()))
}

async function check(options: Options): Promise<void> {
  const place = placeOf(options)
  await using store = await openReader(place, { isLong: true })
  const { pendingDays, timeZone } = options
  const total = await countPlaces(store, {}, 'both')
  const report = await longCall<RecordProgress, CheckReport>(
    { doing: 'checking', total, doneOf: ({ tasks }) => tasks, goOn: 'nothing was changed' },
    (following) => store.check({ pendingDays, timeZone, ...following }),
  )
  if (report.findings.length > 0) process.exitCode = EXIT.findings
  if (options.json) return printJson(report)
  await print(isTerminal() ? describe(report) : report.findings.map(line).join(''))
}

const line = ({ severity, kind, count, message, fix, rows }: Finding) =>
  plainLine([severity, kind, count, message, adviceOf(kind, fix), rows.join(' ')])

const COLOURS: Readonly<Record<Finding['severity'], Colour>> = {
  error: 'red',
  warning: 'yellow',
  info: 'cyan',
}

/** How many rows of a finding are shown at a terminal. */
const ROWS = 5

/** The findings of a check, for a person. */
export function describe({ findings, isSound }: CheckReport): string {
  const shown = findings.map(({ severity, kind, count, message, fix, rows }) => {
    const names = rows.slice(0, ROWS).map((row) => `    ${escapeText(row)}\n`)
    const more = count > names.length && rows.length > 0 ? `    ... ${count} in all\n` : ''
    return `${colour(COLOURS[severity], severity)}  ${kind} (${count}): ${escapeText(message)}\n  ${escapeText(adviceOf(kind, fix))}\n${names.join('')}${more}`
  })
  if (shown.length === 0) return `${colour('green', 'sound')}: nothing was found\n`
  const all = isSound ? 'no record is lost or wrong' : 'records are lost or wrong'
  return `${shown.join('\n')}\n${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}; ${all}\n`
}

/** What `fix` says with the calls of the API, as a command. */
const ADVICE: Readonly<Record<string, string>> = {
  'damaged-file':
    'keep a copy of the file, then "uniqc-tasks restore-backup BACKUP", or "export" what can still be read',
  'orphan-shard': '"uniqc-tasks repair" recreates a task from what the shards say',
  'live-and-archived': '"uniqc-tasks archive ID --on-conflict live" or "archived" says which record wins',
  'duplicate-task': '"uniqc-tasks repair" removes those that are equal; compare and "delete" the others',
  'missing-index': '"uniqc-tasks repair" creates them',
  'fallback-store': '"uniqc-tasks repair" merges it, or "uniqc-tasks merge FILE"',
}

export const adviceOf = (kind: string, fix: string) => ADVICE[kind] ?? fix
