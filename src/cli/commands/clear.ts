import type { CliCommand } from '../cli-command.ts'
import { confirm } from '../confirm.ts'
import { longCall } from '../long-call.ts'
import { openReader, openWriter, placeOf } from '../open-store.ts'
import { type GlobalOptions, several } from '../options.ts'
import { escapeText } from '../output/escape-text.ts'
import { print } from '../output/print.ts'
import { printJson } from '../output/print-json.ts'
import { sayCount } from '../say-count.ts'

interface Options extends GlobalOptions {
  readonly status?: readonly string[]
  readonly dryRun?: boolean
  readonly json?: boolean
  readonly yes?: boolean
  readonly force?: boolean
}

export function addClear(program: CliCommand): void {
  program
    .command('clear')
    .summary('delete the tasks that have ended')
    .description(
      'Deletes the live tasks that have ended, with their shards, for good; the archive stays. Tasks that are pending or running go only if their status is named. It asks first.',
    )
    .option('-s, --status <status>', 'only tasks with this status; can be given several times', several)
    .option('--dry-run', 'only say how many there are')
    .yes()
    .option('--force', 'the same as --yes')
    .json('{ statuses, tasks, isDryRun }')
    .example('What has failed or was cancelled', 'uniqc-tasks clear --status failed --status cancelled')
    .example('How many tasks would go', 'uniqc-tasks clear --dry-run')
    .action((_options: unknown, command: CliCommand) => clear(command.optsWithGlobals<Options>()))
}

async function clear(options: Options): Promise<void> {
  const place = placeOf(options)
  const isDryRun = options.dryRun === true
  const { TERMINAL_STATUSES } = await import('../../index.ts')
  const statuses = options.status ?? [...TERMINAL_STATUSES]
  await using store = await (isDryRun ? openReader(place) : openWriter(place, { isLong: true }))
  const found = await store.count({ status: statuses })
  const which = `with the status ${statuses.map(escapeText).join(', ')}`
  if (!isDryRun && found > 0)
    await confirm(`Delete ${sayCount(found)} ${which} for good?`, options.yes || options.force)
  const goOn = 'what is deleted stays deleted, the others are as they were; the same command goes on'
  const tasks =
    isDryRun || found === 0
      ? found
      : await longCall({ doing: 'deleting', total: found, goOn }, (following) =>
          store.clearCompleted(statuses, following),
        )
  if (options.json) return printJson({ statuses, tasks, isDryRun })
  await print(`${isDryRun ? 'would delete' : 'deleted'} ${sayCount(tasks)} ${which}\n`)
}
