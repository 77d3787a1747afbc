import packageJson from '../../package.json' with { type: 'json' }
import { CliCommand } from './cli-command.ts'
import { addBackup, addRestoreBackup } from './commands/backup.ts'
import { addCheck } from './commands/check.ts'
import { addClear } from './commands/clear.ts'
import { addExport } from './commands/export.ts'
import { addImport } from './commands/import.ts'
import { addList } from './commands/list.ts'
import { addCopy, addMerge } from './commands/merge.ts'
import { addMigrate } from './commands/migrate.ts'
import { addMoves } from './commands/move.ts'
import { addPath } from './commands/path.ts'
import { addPrune } from './commands/prune.ts'
import { addRepair } from './commands/repair.ts'
import { addShards } from './commands/shards.ts'
import { addShow } from './commands/show.ts'
import { addStats } from './commands/stats.ts'
import { addWatch } from './commands/watch.ts'
import { tell } from './output/print.ts'

/** The commands, in the groups in which the help shows them. */
const GROUPS: readonly (readonly [title: string, add: readonly ((program: CliCommand) => void)[]])[] = [
  ['Look:', [addList, addShow, addShards, addStats, addWatch, addPath]],
  ['Clean up:', [addMoves, addClear, addPrune]],
  ['Move records:', [addImport, addExport, addMerge, addCopy]],
  ['Keep the store sound:', [addCheck, addRepair, addBackup, addRestoreBackup, addMigrate]],
]

/** What the environment says, and with what a command ends: part of the help and of the manual. */
export const ENVIRONMENT: readonly (readonly [name: string, meaning: string])[] = [
  ['UNIQC_TASKS_URL', 'the URL of a PostgreSQL store, unless --file, --cache-dir or --url is given'],
  ['UNIQC_CACHE_DIR', 'the folder of tasks.sqlite, unless another store is named (default: ~/.uniqc/cache)'],
  ['NO_COLOR', 'no colours'],
]

export const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'done'],
  [1, 'failed'],
  [2, 'wrong use'],
  [3, 'there is no such task'],
  [4, '"check" or "repair" has findings'],
  [130, 'ended by Ctrl-C'],
]

/** The program with all its commands. Nothing of a store is loaded before one is run. */
export function createProgram(): CliCommand {
  const program = new CliCommand('uniqc-tasks')
    .description(
      'Looks at, moves and fixes the records of quantum tasks, in the file that UnifiedQuantum uses or on PostgreSQL.',
    )
    .version(packageJson.version, '-V, --version', 'print the version')
    .option('--file <file>', 'the file of the store')
    .option('--cache-dir <folder>', 'the folder of its tasks.sqlite')
    .option('--url <url>', 'postgres://user@host/database, rather in UNIQC_TASKS_URL: others can see it here')
    .option('--schema <name>', 'the schema on PostgreSQL (default: uniqc)')
    .option('-v, --verbose', 'show the cause of an error')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .example('The newest tasks', 'uniqc-tasks list')
    .example('Help with a command', 'uniqc-tasks help list')
    .exitOverride()
    .configureOutput({ outputError: (text) => tell(text.trimEnd()) }) as CliCommand
  for (const [title, commands] of GROUPS) {
    program.commandsGroup(title)
    for (const add of commands) add(program)
  }
  program.addHelpText(
    'after',
    () => `\nEnvironment:\n${listed(ENVIRONMENT)}\n\nExit codes:\n${listed(EXIT_CODES)}`,
  )
  return program
}

function listed(entries: readonly (readonly [string | number, string])[]): string {
  const width = Math.max(...entries.map(([name]) => String(name).length))
  return entries.map(([name, meaning]) => `  ${String(name).padEnd(width)}  ${meaning}`).join('\n')
}
