import type { BackupProgress, BackupReport, RestoreReport } from '../../index.ts'
import type { CliCommand } from '../cli-command.ts'
import { confirm } from '../confirm.ts'
import { longCall } from '../long-call.ts'
import { onlyFile, openLong, placeOf } from '../open-store.ts'
import type { GlobalOptions } from '../options.ts'
import { escapeText } from '../output/escape-text.ts'
import { isTerminal, print, tell } from '../output/print.ts'
import { printJson } from '../output/print-json.ts'
import { plainLine } from '../output/print-records.ts'
import { sayCount } from '../say-count.ts'

interface Options extends GlobalOptions {
  readonly replace?: boolean
  readonly json?: boolean
  readonly yes?: boolean
}

export function addBackup(program: CliCommand): void {
  program
    .command('backup')
    .argument('<file>', 'the file to write')
    .summary('copy the file of the store while others use it')
    .description(
      'Copies the file as it is at one moment, while others go on writing, and checks the copy before it gets its name.',
    )
    .option('--replace', 'replace the file if it exists')
    .json('{ file, bytes }')
    .example('Every night', 'uniqc-tasks backup --replace /backup/tasks-$(date +%a).sqlite')
    .action((file: string, _options: unknown, command: CliCommand) =>
      backup(file, command.optsWithGlobals<Options>()),
    )
}

export function addRestoreBackup(program: CliCommand): void {
  program
    .command('restore-backup')
    .argument('<backup>', 'a file that "backup" made')
    .summary('put a backup in the place of what the store holds')
    .description(
      'Replaces what the store holds with what a backup of any version holds, while others may have the store open. What it held before is kept beside it. It asks first.',
    )
    .yes()
    .json('{ file, kept, tasks, notRestored }')
    .example('Yesterday', 'uniqc-tasks restore-backup /backup/tasks-Mon.sqlite')
    .action((file: string, _options: unknown, command: CliCommand) =>
      restoreBackup(file, command.optsWithGlobals<Options>()),
    )
}

const INSTEAD = 'use pg_dump and pg_restore, or "export" and "import"'

async function backup(file: string, options: Options): Promise<void> {
  const place = onlyFile(placeOf(options), 'backup', INSTEAD)
  await using store = await openLong(place, { create: false })
  const report = await longCall<BackupProgress, BackupReport>(
    {
      doing: 'copying pages',
      doneOf: ({ totalPages, remainingPages }) => totalPages - remainingPages,
      totalOf: ({ totalPages }) => totalPages,
      goOn: 'no file was written; the same command begins again',
    },
    (following) => store.backup(file, { replace: options.replace, ...following }),
  )
  if (options.json) return printJson(report)
  const { bytes } = report
  await print(
    isTerminal()
      ? `copied ${sayCount(bytes, 'byte')} to ${escapeText(report.file)}\n`
      : plainLine([report.file, bytes]),
  )
}

async function restoreBackup(file: string, options: Options): Promise<void> {
  const place = onlyFile(placeOf(options), 'restore-backup', INSTEAD)
  const { WorkerTaskStore } = await import('../../worker-task-store.ts')
  await confirm(`Put what ${escapeText(file)} holds in the place of all that the store holds?`, options.yes)
  const goOn = 'the store holds what it held; the same command begins again'
  const report: RestoreReport = await longCall({ doing: 'restoring', goOn }, (following) =>
    WorkerTaskStore.restoreBackup(file, { ...place, ...following }),
  )
  if (options.json) return printJson({ ...report, kept: report.kept ?? null })
  const { tasks, kept, notRestored } = report
  await print(
    isTerminal()
      ? `restored ${sayCount(tasks)} to ${escapeText(report.file)}\n${kept === undefined ? '' : `what it held is kept as ${escapeText(kept)}\n`}`
      : plainLine([report.file, tasks, kept]),
  )
  if (notRestored.length > 0)
    tell(`not restored, since they belong to others: ${notRestored.map(escapeText).join(', ')}`)
}
