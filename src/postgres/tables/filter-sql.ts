import { TASK_COLUMNS } from '../../../drizzle/columns.ts'
import { platformRange } from '../../rules/platform-range.ts'
import type { CheckedFilter } from '../../rules/task-filter.ts'

const { backend: BACKEND, status: STATUS, submitTime: SUBMITTED } = TASK_COLUMNS

/** The provider of a backend, as the index has it. */
export const PROVIDER = `split_part(${BACKEND}, ':', 1)`

/** The conditions that the values of a filter stand for, by the names of the values. */
const CONDITIONS: Readonly<Record<string, (at: (name: string) => string) => string>> = {
  status: (at) => `${STATUS} = ${at('status')}`,
  statuses: (at) => `${STATUS} = ANY(${at('statuses')})`,
  backend: (at) => `${BACKEND} = ${at('backend')}`,
  provider: (at) => `${PROVIDER} = ${at('provider')}`,
  platform: (at) =>
    `(${BACKEND} = ${at('platform')} OR (${BACKEND} >= ${at('from')} AND ${BACKEND} < ${at('to')}))`,
  submittedAfter: (at) => `${SUBMITTED} > ${at('submittedAfter')}`,
  submittedBefore: (at) => `${SUBMITTED} < ${at('submittedBefore')}`,
}

/** The values that a statement binds, by name: which names there are decides its text. */
export class Bindings {
  readonly values: unknown[] = []
  readonly #names: string[] = []
  readonly #areHidden: boolean

  /**
   * @param areHidden Hides the values from the planner, so that a plan for any value is no worse in its eyes than one for
   * these, and is kept. Else it may plan at each call.
   */
  constructor(areHidden = false) {
    this.#areHidden = areHidden
  }

  /** Equal for all that make one text. */
  get shape(): string {
    return this.#names.join()
  }

  bind(name: string, value: unknown): this {
    this.#names.push(name)
    this.values.push(value)
    return this
  }

  /** Binds the values of a filter. */
  filter({ statuses, backend, platform, submittedAfter, submittedBefore }: CheckedFilter): this {
    if (statuses?.length === 1) this.bind('status', statuses[0])
    else if (statuses !== undefined) this.bind('statuses', statuses)
    if (backend !== undefined) this.bind('backend', backend)
    if (platform !== undefined) this.#platform(platform)
    if (submittedAfter !== undefined) this.bind('submittedAfter', storableBound(submittedAfter, ''))
    if (submittedBefore !== undefined) this.bind('submittedBefore', storableBound(submittedBefore, '\x01'))
    return this
  }

  /** Where a value stands in the text. */
  at = (name: string): string => {
    const at = this.#names.indexOf(name)
    const value = this.values[at]
    if (!this.#areHidden || Array.isArray(value)) return `$${at + 1}`
    return `(SELECT $${at + 1}::${typeof value === 'string' ? 'text' : 'bigint'})`
  }

  /** The conditions of the filter. */
  get conditions(): string[] {
    return this.#names.flatMap((name) => CONDITIONS[name]?.(this.at) ?? [])
  }

  /** The WHERE of the filter and of other conditions; empty for none. */
  where(...others: readonly string[]): string {
    const conditions = [...this.conditions, ...others]
    return conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
  }

  /** A platform is one range of an index, unless it names a chip itself. */
  #platform(platform: string): void {
    const [provider = ''] = platform.split(':', 1)
    this.bind('provider', provider)
    if (provider === platform) return
    const { from, to } = platformRange(platform)
    this.bind('platform', platform).bind('from', from).bind('to', to)
  }
}

/** A time that divides the stored ones as the given one does: none of them holds a null character. */
export function storableBound(time: string, end: '' | '\x01'): string {
  const at = time.indexOf('\0')
  return at < 0 ? time : time.slice(0, at) + end
}
