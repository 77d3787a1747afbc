import { InvalidArgumentError } from 'commander'
import type { TaskFilter } from '../index.ts'
import type { CliCommand } from './cli-command.ts'

/** The options that every command has. */
export interface GlobalOptions {
  readonly file?: string
  readonly cacheDir?: string
  readonly url?: string
  readonly schema?: string
  readonly verbose?: boolean
}

/** The options of {@link withFilter}. */
export interface FilterOptions {
  readonly status?: readonly string[]
  readonly platform?: string
  readonly backend?: string
  readonly since?: Date
  readonly until?: Date
}

/** Collects the values of an option that may be given several times. */
export const several = (value: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  value,
]

/** Adds the options that say which tasks. */
export function withFilter(command: CliCommand): CliCommand {
  return command
    .option('-s, --status <status>', 'only tasks with this status; can be given several times', several)
    .option('-p, --platform <name>', 'only tasks of this platform, with all its chips')
    .option('-b, --backend <name>', 'only tasks of exactly this backend')
    .option(
      '--since <time>',
      'only tasks that were submitted from then on: a date, a time, or 3d for 3 days ago',
      since,
    )
    .option('--until <time>', 'only tasks that were submitted until then; a date counts to its end', until)
}

/** The filter of a store's calls. */
export function filterOf({ status, platform, backend, since, until }: FilterOptions): TaskFilter {
  return {
    status,
    platform,
    backend,
    // A list compares texts: this is the last one before that moment.
    submittedAfter: since && `${new Date(since.getTime() - 1).toISOString().slice(0, -1)}999+00:00`,
    submittedBefore: until,
  }
}

/** Adds --archived, which takes a word. */
export function withArchived(command: CliCommand): CliCommand {
  return command.choice('--archived [which]', 'archived tasks, "only" (default) or those "too"', [
    'only',
    'too',
  ])
}

/** What --archived means to a store; undefined without it. */
export function archivedOf(archived: true | 'only' | 'too' | undefined): true | 'both' | undefined {
  if (archived === undefined) return undefined
  return archived === 'too' ? 'both' : true
}

/** The words of {@link withPlaces}. */
export type Places = keyof typeof PLACES

const PLACES = { too: 'both', only: true, no: false } as const

/** Adds --archived to a command that takes both kinds of tasks by default. */
export function withPlaces(command: CliCommand): CliCommand {
  return command.choice('--archived <which>', 'archived tasks: "too" (default), "only" or "no"', [
    'too',
    'only',
    'no',
  ])
}

/** What that means to a store. */
export const placesOf = (archived: Places = 'too') => PLACES[archived]

/** Reads a whole number from 0. */
export function wholeNumber(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('It must be a whole number.')
}

/** Reads a number from 0. */
export function amount(text: string): number {
  const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (Number.isFinite(value)) return value
  throw new InvalidArgumentError('It must be a number from 0.')
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
}

/** Reads a length of time, in milliseconds: `90d`, `12h`, `2w`. */
export function period(text: string): number {
  const value = readPeriod(text)
  if (value !== undefined) return value
  throw new InvalidArgumentError(
    `It must be a number and a unit: 90d, 12h, 2w (${Object.keys(UNITS).join(', ')}).`,
  )
}

function readPeriod(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|min|h|d|w)$/.exec(text) ?? []
  const size = UNITS[unit]
  return number === undefined || size === undefined ? undefined : Number(number) * size
}

const since = (text: string) => readMoment(text, '00:00')
const until = (text: string) => readMoment(text, '24:00')

const DATE = /^(\d{4}-\d\d-\d\d)$/
const TIME = /^(\d{4}-\d\d-\d\d)[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?$/i

/** @param atDate The time that is meant where a date stands alone. */
function readMoment(text: string, atDate: string): Date {
  const period = readPeriod(text)
  if (period !== undefined && period < 1e14) return new Date(Date.now() - period)
  const date = (DATE.exec(text) ?? TIME.exec(text))?.[1]
  const moment = new Date(DATE.test(text) ? `${text}T${atDate}` : text)
  // Date reads a 31st of February as the 3rd of March.
  const isDay = date !== undefined && isThere(new Date(`${date}T00:00Z`), date)
  if (isDay && !Number.isNaN(moment.getTime())) return moment
  throw new InvalidArgumentError(
    'It must be a date (2026-05-03), a time (2026-05-03T08:00) or a period (3d).',
  )
}

const isThere = (day: Date, date: string) =>
  !Number.isNaN(day.getTime()) && day.toISOString().startsWith(date)
