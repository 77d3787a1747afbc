import type { CliCommand } from '../cli-command.ts'
import { nameOf, openWriter, type Place, placeOf } from '../open-store.ts'
import type { GlobalOptions } from '../options.ts'
import { escapeText } from '../output/escape-text.ts'
import { isTerminal, print } from '../output/print.ts'
import { printJson } from '../output/print-json.ts'
import { plainLine } from '../output/print-records.ts'

interface Options extends GlobalOptions {
  readonly dryRun?: boolean
  readonly json?: boolean
}

/** What the migration that replaces ids is called. */
const REPLACES_IDS = /^0004_/

export function addMigrate(program: CliCommand): void {
  program
    .command('migrate')
    .summary('bring the store to the newest version')
    .description(
      'Shows which migrations are missing, applies them, and says so. Every command that writes does the same, silently. A file is left as it was, or is up to date; before ids are replaced, a copy of it is kept beside it. On PostgreSQL it also creates the tables.',
    )
    .option('--dry-run', 'only show which are missing')
    .json(
      '{ pending, applied }, the names of the migrations that were missing, and of those that were applied',
    )
    .example('What an upgrade would do', 'uniqc-tasks migrate --dry-run')
    .action((_options: unknown, command: CliCommand) => migrate(command.optsWithGlobals<Options>()))
}

async function migrate(options: Options): Promise<void> {
  const place = placeOf(options)
  const pending = await pendingIn(place)
  const isShown = options.json !== true
  const words = isTerminal()
    ? { pending: 'missing', applied: 'applied' }
    : { pending: 'pending', applied: 'applied' }
  const lines = (word: string) => pending.map((name) => plainLine([word, name])).join('')
  if (isShown)
    await print(pending.length === 0 && isTerminal() ? 'the store is up to date\n' : lines(words.pending))
  const isApplied = !options.dryRun && pending.length > 0
  if (isApplied) {
    await using store = await openWriter(place)
    if (isShown) await print(lines(words.applied))
    if (isShown && isTerminal()) {
      const name = escapeText(nameOf(place, store))
      const copy = pending.some((name) => REPLACES_IDS.test(name)) && place.kind === 'file'
      await print(
        `${name} is up to date${copy ? `; if ids were replaced, ${name}.before-v5.* is a copy of what it was` : ''}\n`,
      )
    }
  }
  if (options.json) await printJson({ pending, applied: isApplied ? pending : [] })
}

async function pendingIn(place: Place): Promise<string[]> {
  if (place.kind === 'file') {
    const { TaskStore } = await import('../../index.ts')
    return TaskStore.pendingMigrations(place.options)
  }
  const { PostgresTaskStore } = await import('../../postgres-task-store.ts')
  return PostgresTaskStore.pendingMigrations(place.options)
}
