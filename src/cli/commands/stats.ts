import type { ListedSummary, StatusCounts } from '../../index.ts'
import type { CliCommand } from '../cli-command.ts'
import { openReader, placeOf } from '../open-store.ts'
import type { GlobalOptions } from '../options.ts'
import { colour, colourOfStatus } from '../output/colour.ts'
import { escapeText } from '../output/escape-text.ts'
import { isTerminal, print } from '../output/print.ts'
import { printJson } from '../output/print-json.ts'
import { plainLine, tableOf } from '../output/print-records.ts'
import { duration } from '../output/show-time.ts'
import type { Column } from '../output/table.ts'

interface Options extends GlobalOptions {
  readonly json?: boolean
}

/** How many of the newest tasks are looked at for shots and times. */
const NEWEST = 1000

/** What is known of the newest tasks of a backend, or of all. */
interface Recent {
  readonly tasks: number
  readonly shots: number
  /** How many of them have ended. */
  readonly ended: number
  /** How long they took from submission to their last update, in seconds; null if none has ended. */
  readonly seconds: {
    readonly least: number
    readonly median: number
    readonly p90: number
    readonly most: number
  } | null
}

export function addStats(program: CliCommand): void {
  program
    .command('stats')
    .summary('count tasks by status and backend')
    .description(
      `Counts the live tasks by status and backend, and the archived ones by status. Of the newest ${NEWEST} live tasks it shows the shots, and how long those that have ended took from submission to their last update. Away from a terminal each number is a line: what is counted, of what, and the number.`,
    )
    .json(
      `{ tasks, byStatus, byBackend: { [backend]: { [status]: tasks } }, archived: { tasks, byStatus }, newest: { tasks, shots, ended, seconds: { least, median, p90, most } or null, byBackend: { [backend]: the same } } }`,
    )
    .example('How the tasks of a team are doing', 'uniqc-tasks stats')
    .example('How many are running, for a script', 'uniqc-tasks stats --json | jq .byStatus.running')
    .action((_options: unknown, command: CliCommand) => stats(command.optsWithGlobals<Options>()))
}

async function stats(options: Options): Promise<void> {
  await using store = await openReader(placeOf(options))
  const { TERMINAL_STATUSES } = await import('../../index.ts')
  const byStatus = await store.countByStatus()
  const counted: [string, StatusCounts][] = []
  for (const backend of Object.keys(await store.countByBackend())) {
    counted.push([backend, await store.countByStatus({ backend })])
  }
  const byBackend = Object.fromEntries(counted)
  const archived = await store.archive.countByStatus()
  const newest = await store.listSummaries({ limit: NEWEST })
  const isEnded = ({ status }: ListedSummary) => (TERMINAL_STATUSES as readonly string[]).includes(status)
  const recent = recentOf(newest, isEnded)
  const backends = [...new Set(newest.map(({ backend }) => backend))].sort()
  const recentByBackend = backends.map(
    (name) =>
      [
        name,
        recentOf(
          newest.filter(({ backend }) => backend === name),
          isEnded,
        ),
      ] as const,
  )
  if (options.json) {
    return printJson({
      tasks: sum(byStatus),
      byStatus,
      byBackend,
      archived: { tasks: sum(archived), byStatus: archived },
      newest: { ...recent, byBackend: Object.fromEntries(recentByBackend) },
    })
  }
  const all = [...recentByBackend, ...(backends.length > 1 ? [['all', recent] as const] : [])]
  if (isTerminal()) await showTables(byStatus, byBackend, archived, all)
  else await showPlain(byStatus, byBackend, archived, [...recentByBackend, ['', recent]])
}

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0)

function recentOf(tasks: readonly ListedSummary[], isEnded: (task: ListedSummary) => boolean): Recent {
  const ended = tasks.filter(isEnded)
  const seconds = ended
    .map(({ submitTime, updateTime }) => (Date.parse(updateTime) - Date.parse(submitTime)) / 1000)
    .filter((time) => time >= 0)
    .sort((a, b) => a - b)
  const at = (part: number) =>
    seconds[Math.min(seconds.length - 1, Math.floor(part * seconds.length))] as number
  return {
    tasks: tasks.length,
    shots: tasks.reduce((total, { shots }) => total + (Number.isFinite(shots) ? shots : 0), 0),
    ended: ended.length,
    seconds: seconds.length === 0 ? null : { least: at(0), median: at(0.5), p90: at(0.9), most: at(1) },
  }
}

type CountsByBackend = Readonly<Record<string, StatusCounts>>

async function showPlain(
  byStatus: StatusCounts,
  byBackend: CountsByBackend,
  archived: StatusCounts,
  recent: readonly (readonly [string, Recent])[],
): Promise<void> {
  const lines = [
    ...Object.entries(byStatus).map(([status, count]) => ['status', status, count]),
    ...Object.entries(byBackend).flatMap(([backend, counts]) =>
      Object.entries(counts).map(([status, count]) => ['backend', backend, status, count]),
    ),
    ...Object.entries(archived).map(([status, count]) => ['archived', status, count]),
    ...recent.flatMap(([backend, { seconds, ...numbers }]) =>
      Object.entries({ ...numbers, ...seconds }).map(([name, number]) => ['newest', backend, name, number]),
    ),
  ]
  await print(lines.map(plainLine).join(''))
}

async function showTables(
  byStatus: StatusCounts,
  byBackend: CountsByBackend,
  archived: StatusCounts,
  recent: readonly (readonly [string, Recent])[],
): Promise<void> {
  const statuses = [...new Set([byStatus, archived].flatMap(Object.keys))]
  const rows = [
    ...Object.entries(byBackend),
    ['all live', byStatus] as const,
    ['all archived', archived] as const,
  ]
  const counts: Column<(typeof rows)[number]>[] = [
    { title: 'BACKEND', cell: ([name]) => escapeText(name), least: 12 },
    ...statuses.map((status, i) => ({
      title: escapeText(status).toUpperCase(),
      cell: ([, counts]: (typeof rows)[number]) => String(counts[status] ?? 0),
      colour: ([, counts]: (typeof rows)[number]) =>
        counts[status] ? colourOfStatus(status) : ('dim' as const),
      isRight: true,
      ...(i >= 5 && { spare: i }),
    })),
  ]
  const time = (
    name: 'least' | 'median' | 'p90' | 'most',
    spare?: number,
  ): Column<readonly [string, Recent]> => ({
    title: name.toUpperCase(),
    cell: ([, { seconds }]) => (seconds === null ? '-' : duration(seconds[name] * 1000)),
    isRight: true,
    ...(spare !== undefined && { spare }),
  })
  const times: Column<readonly [string, Recent]>[] = [
    { title: 'BACKEND', cell: ([name]) => escapeText(name), least: 12 },
    { title: 'TASKS', cell: ([, { tasks }]) => String(tasks), isRight: true },
    { title: 'SHOTS', cell: ([, { shots }]) => String(shots), isRight: true },
    { title: 'ENDED', cell: ([, { ended }]) => String(ended), isRight: true, spare: 1 },
    time('least', 3),
    time('median'),
    time('p90'),
    time('most', 2),
  ]
  const [first, second] = [await tableOf(counts), await tableOf(times)]
  const heading = colour('bold', `The newest ${NEWEST}: shots, and time from submission to the end`)
  const parts = [first.render(rows), ...(recent.length > 0 ? [`${heading}\n${second.render(recent)}`] : [])]
  await print(parts.join('\n'))
}
