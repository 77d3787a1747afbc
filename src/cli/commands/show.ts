import type { ArchivedTaskInfo, TaskInfo, TaskShard } from '../../index.ts'
import type { CliCommand } from '../cli-command.ts'
import { CliError, EXIT } from '../cli-error.ts'
import { findId } from '../find-id.ts'
import { openReader, placeOf } from '../open-store.ts'
import type { GlobalOptions } from '../options.ts'
import { colour, colourOfStatus } from '../output/colour.ts'
import { escapeJson, escapeText } from '../output/escape-text.ts'
import { isTerminal, print, width } from '../output/print.ts'
import { printJson } from '../output/print-json.ts'
import { plainLine, tableOf } from '../output/print-records.ts'
import { ago, localTime } from '../output/show-time.ts'
import { SHARD_COLUMNS, SHARD_FIELDS } from '../shard-columns.ts'
import { shardsOf } from './shards.ts'

interface Options extends GlobalOptions {
  readonly json?: boolean
  readonly full?: boolean
}

type Task = TaskInfo & Partial<Pick<ArchivedTaskInfo, 'archivedAt'>>

/** How many characters of a text of metadata are shown unless all are asked for. */
const SHOWN = 400

export function addShow(program: CliCommand): void {
  program
    .command('show')
    .argument('<id>', 'a task, or the beginning of its id')
    .summary('show a task: its details, shards and result')
    .description(
      'Shows a task: details, error, metadata, shards, and the result as counts with their share. Away from a terminal each is a line that begins with its name: a field and its value; "metadata", a key and its value in JSON; "shard" and the fields of the command shards; "count", the number of the circuit, a state and its count; or "result" and JSON.',
    )
    .option('--full', 'shorten nothing')
    .json(
      'the properties of TaskInfo; archivedAt, null for a live task; shards, as the command shards prints them; counts, an array with the [state, count] pairs of each circuit, or null',
    )
    .example('A task, by the beginning of its id', 'uniqc-tasks show uqt_4f2a')
    .example(
      'The counts of its first circuit, for a script',
      "uniqc-tasks show uqt_4f2a --json | jq '.counts[0]'",
    )
    .action((id: string, _options: unknown, command: CliCommand) =>
      show(id, command.optsWithGlobals<Options>()),
    )
}

async function show(given: string, options: Options): Promise<void> {
  await using store = await openReader(placeOf(options))
  const id = await findId(store, given)
  const task: Task | undefined = (await store.get(id)) ?? (await store.archive.get(id))
  if (task === undefined) throw new CliError(EXIT.notFound, 'the task was deleted meanwhile')
  const shards = await shardsOf(store, id)
  const { countsPerCircuit } = await import('../../index.ts')
  const counts = countsPerCircuit(task.result)
  if (options.json) return printJson({ ...task, archivedAt: task.archivedAt ?? null, shards, counts })
  await (isTerminal()
    ? showTable(task, shards, counts, options.full === true)
    : showPlain(task, shards, counts))
}

type Counts = readonly ((readonly [string, number])[] | null)[]

const FIELDS = [
  'taskId',
  'status',
  'backend',
  'shots',
  'submitTime',
  'updateTime',
  'archivedAt',
  'errorMessage',
] as const

async function showPlain(task: Task, shards: readonly TaskShard[], counts: Counts): Promise<void> {
  const { toJson } = await import('../../index.ts')
  const json = (value: unknown) => escapeJson(toJson(value))
  const isCounted = counts.length > 0 && counts.every((circuit) => circuit !== null && circuit.length > 0)
  const lines = [
    ...FIELDS.flatMap((field) => (task[field] == null ? [] : [[field, task[field]]])),
    ...entriesOf(task.metadata).map(([key, value]) => ['metadata', key, json(value)]),
    ...shards.map((shard) => ['shard', ...SHARD_FIELDS.map((field) => shard[field])]),
    ...(isCounted
      ? counts.flatMap((circuit, i) => (circuit ?? []).map(([bits, count]) => ['count', i, bits, count]))
      : task.result === null
        ? []
        : [['result', json(task.result)]]),
  ]
  await print(lines.map(plainLine).join(''))
}

async function showTable(
  task: Task,
  shards: readonly TaskShard[],
  counts: Counts,
  isFull: boolean,
): Promise<void> {
  const { toJson } = await import('../../index.ts')
  const [{ histogram }, columns] = await Promise.all([import('../output/histogram.ts'), width()])
  const time = (text: string) =>
    [escapeText(localTime(text)), ago(text) && `(${ago(text)})`].filter(Boolean).join(' ')
  const details: readonly (readonly [string, string | undefined])[] = [
    ['status', colour(colourOfStatus(task.status), escapeText(task.status))],
    ['backend', escapeText(task.backend)],
    ['shots', String(task.shots)],
    ['submitted', time(task.submitTime)],
    ['updated', time(task.updateTime)],
    ['archived', task.archivedAt == null ? undefined : time(task.archivedAt)],
    ['error', task.errorMessage === null ? undefined : colour('red', escapeText(task.errorMessage))],
  ]
  const shown = details.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name.padEnd(10)} ${value}`],
  )
  const parts = [`${colour('bold', escapeText(task.taskId))}\n${shown.join('\n')}\n`]
  const metadata = entriesOf(task.metadata).map(([key, value]) => {
    const text = typeof value === 'string' ? escapeText(value) : escapeJson(toJson(value))
    const isLong = !isFull && text.length > SHOWN
    return `  ${escapeText(key)}: ${isLong ? `${text.slice(0, SHOWN)}… (${text.length} characters; --full)` : text}`
  })
  if (metadata.length > 0) parts.push(`${colour('bold', 'Metadata')}\n${metadata.join('\n')}\n`)
  if (shards.length > 0) {
    parts.push(`${colour('bold', 'Shards')}\n${(await tableOf(SHARD_COLUMNS)).render(shards)}`)
  }
  for (const [i, circuit] of counts.entries()) {
    const of = counts.length > 1 ? ` of circuit ${i}` : ''
    const whole = counts.length > 1 ? (task.result as readonly unknown[])[i] : task.result
    const text = circuit?.length ? histogram(circuit, columns, isFull) : escapeJson(toJson(whole))
    parts.push(`${colour('bold', `Result${of}`)}\n${text}\n`)
  }
  await print(parts.join('\n'))
}

/** The keys of metadata; metadata that cannot be read as one. */
function entriesOf(metadata: TaskInfo['metadata']): [string, unknown][] {
  return Object.getPrototypeOf(metadata) === Object.prototype || Object.getPrototypeOf(metadata) === null
    ? Object.entries(metadata)
    : [['(unreadable)', metadata]]
}
