import { TASK_COLUMNS } from '../../../drizzle/columns.ts'
import { platformRange } from '../../rules/platform-range.ts'
import type { CheckedFilter } from '../../rules/task-filter.ts'

const { backend: BACKEND, status: STATUS, submitTime: SUBMITTED } = TASK_COLUMNS

/** The provider of a backend, as the index has it. */
export const PROVIDER = `split_part(${BACKEND}, ':', 1)`

/** The conditions of a statement and the values that it binds. */
export class Conditions {
  readonly values: unknown[] = []
  readonly #conditions: string[] = []

  /** Binds a value, and returns its place in the text. */
  value(value: unknown): string {
    return `$${this.values.push(value)}`
  }

  add(...conditions: readonly string[]): void {
    this.#conditions.push(...conditions)
  }

  filter({ statuses, backend, platform, ...times }: CheckedFilter): this {
    if (statuses?.length === 1) this.add(`${STATUS} = ${this.value(statuses[0])}`)
    else if (statuses !== undefined) this.add(`${STATUS} = ANY(${this.value(statuses)})`)
    if (backend !== undefined) this.add(`${BACKEND} = ${this.value(backend)}`)
    if (platform !== undefined) this.add(...platformConditions(platform, (value) => this.value(value)))
    this.add(...timeConditions(times, (value) => this.value(value)))
    return this
  }

  /** The WHERE of the conditions; empty for none. */
  toString(): string {
    return this.#conditions.length === 0 ? '' : `WHERE ${this.#conditions.join(' AND ')}`
  }
}

type Bind = (value: unknown) => string

/** A platform is one range of an index, unless it names a chip itself. */
export function platformConditions(platform: string, bind: Bind): string[] {
  const [provider = ''] = platform.split(':', 1)
  const isProvider = `${PROVIDER} = ${bind(provider)}`
  if (provider === platform) return [isProvider]
  const { from, to } = platformRange(platform)
  return [
    isProvider,
    `(${BACKEND} = ${bind(platform)} OR (${BACKEND} >= ${bind(from)} AND ${BACKEND} < ${bind(to)}))`,
  ]
}

/** Conditions on the time of a list. */
export function timeConditions(
  { submittedAfter, submittedBefore }: Pick<CheckedFilter, 'submittedAfter' | 'submittedBefore'>,
  bind: Bind,
): string[] {
  const conditions: string[] = []
  if (submittedAfter !== undefined)
    conditions.push(`${SUBMITTED} > ${bind(storableBound(submittedAfter, ''))}`)
  if (submittedBefore !== undefined)
    conditions.push(`${SUBMITTED} < ${bind(storableBound(submittedBefore, '\x01'))}`)
  return conditions
}

/** A time that divides the stored ones as the given one does: none of them holds a null character. */
export function storableBound(time: string, end: '' | '\x01'): string {
  const at = time.indexOf('\0')
  return at < 0 ? time : time.slice(0, at) + end
}
