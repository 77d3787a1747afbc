import type { CliCommand } from '../src/cli/cli-command.ts'
import { createProgram, ENVIRONMENT, EXIT_CODES } from '../src/cli/program.ts'

const INTRODUCTION = `# Command line

\`uniqc-tasks\` does at a terminal, in a script or in a cron job what there is to do with the records: on the file that
UnifiedQuantum uses, while it uses it, or on a team's PostgreSQL.

\`\`\`sh
npx uniqc-task-store list              # without installing anything
npm install --global uniqc-task-store  # or once and for all: then it is
uniqc-tasks list
\`\`\`

For a store on PostgreSQL install \`pg\` beside it, or run \`npx -p uniqc-task-store -p pg uniqc-tasks list\`.

This page is made by \`npm run manual\` from what the commands say about themselves with \`--help\`.

## Which store

Without an option it is UnifiedQuantum's own file. \`--file\` names another one, \`--cache-dir\` a folder with a
\`tasks.sqlite\`, \`--url\` a PostgreSQL database, in which \`--schema\` names the schema. They can stand before or after
the command.

Rather set \`UNIQC_TASKS_URL\` than \`--url\`: what stands on a command line can be seen by everybody on the machine. The
password can also come from \`PGPASSWORD\` or \`~/.pgpass\`. Nothing that is printed shows the password of a URL.

What only reads (\`list\`, \`show\`, \`shards\`, \`stats\`, \`watch\`, \`path\`, \`check\`, \`export\`, and every \`--dry-run\`)
opens the store to read: it creates nothing, upgrades nothing and locks nothing. A file of an older version reads as
the newest, with its old ids. What writes brings the file up to date first. A file that is missing is an error, except
for \`import\`, \`merge\`, \`copy\` and \`restore-backup\`, which create it.

## Ids

An unambiguous beginning of an id is enough, if it has at least four characters. If it is ambiguous, the ids are listed.
An id from before [version 5](concepts.md#ids-that-version-5-replaced) finds its task, too.

## Output

At a terminal there are tables that fit its width, colours, times in the local zone, and a progress bar for what takes
long. Where the output goes elsewhere it is plain and stable: one record a line, its fields between tabs, times as they
are stored, no titles. Control characters of ids, errors and metadata are shown escaped.

- \`--json\` prints what stands below each command, in the form of [\`toJson\`](http.md): \`NaN\` is
  \`{"$float":"NaN"}\`, a large integer \`{"$int":"..."}\`, an unreadable cell \`{"$unreadable":"..."}\`. An empty list is
  \`[]\`.
- \`--format csv\` prints a line of titles, and a line for each record. A cell that begins with \`=\`, \`+\`, \`-\` or \`@\`
  gets a \`'\` before it, so that a spreadsheet takes it for text.
- Errors go to stderr: one line, and the next step on another. \`--verbose\` adds the cause.
- What cannot be undone asks first. Away from a terminal nobody can be asked, so it fails unless \`--yes\` is given.
- Ctrl-C ends a long command between two batches, leaves the store whole, and says what was done and how to go on.
`

/** The manual of the command line, in Markdown. */
export function createManual(): string {
  const program = createProgram()
  const commands = program.commands as readonly CliCommand[]
  return [
    INTRODUCTION,
    '## Exit codes\n',
    table(['code', 'meaning'], EXIT_CODES),
    '## Environment\n',
    table(
      ['variable', 'meaning'],
      ENVIRONMENT.map(([name, meaning]) => [`\`${name}\``, meaning]),
    ),
    '## Options of every command\n',
    optionsOf(program),
    ...commands.map(describe),
  ].join('\n')
}

function describe(command: CliCommand): string {
  const examples = command.examples.map(({ purpose, line }) => `# ${purpose}\n${line}`).join('\n\n')
  const shape = command.shape === undefined ? [] : [`With \`--json\`: ${code(command.shape)}.\n`]
  return [
    `## ${command.name()}\n`,
    `\`uniqc-tasks ${command.name()} ${command.usage()}\`\n`,
    `${escaped(command.description())}\n`,
    ...argumentsOf(command),
    optionsOf(command),
    ...shape,
    `\`\`\`sh\n${examples}\n\`\`\`\n`,
  ].join('\n')
}

function argumentsOf(command: CliCommand): string[] {
  const rows = command.registeredArguments.map((argument) => [
    `\`${argument.name()}\``,
    escaped(argument.description),
  ])
  return rows.length === 0 ? [] : [table(['argument', 'meaning'], rows)]
}

function optionsOf(command: CliCommand): string {
  const rows = command.options.map(({ flags, description, argChoices }) => [
    `\`${flags}\``,
    escaped(description) + (argChoices === undefined ? '' : ` (${argChoices.join(', ')})`),
  ])
  return table(['option', 'meaning'], rows)
}

function table(titles: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) =>
    `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`
  return `${[line(titles), `|${'---|'.repeat(titles.length)}`, ...rows.map(line)].join('\n')}\n`
}

/** A shape with its words; what stands in braces is code. */
const code = (shape: string) => shape.replace(/[{[][^;]*[}\]]/g, (json) => `\`${json}\``)

/** What Markdown would take for something else. */
const escaped = (text: string) => text.replace(/[<>*]/g, '\\$&')
