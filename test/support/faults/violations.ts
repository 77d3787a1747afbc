import type { TestContext } from 'node:test'
import type { CallKind } from './interposer.ts'

/** Something that must not be. */
export interface Violation {
  readonly workload: string
  /** The step whose outcome is not as it must be. */
  readonly step: string
  readonly kind: ViolationKind
  readonly detail: string
  /** The call that failed first, where one did. */
  readonly fired?: CallKind | undefined
}

export type ViolationKind =
  /** What was acknowledged is not there; what was before it is. */
  | 'lost'
  /** The store holds what it held neither before the step nor after it. */
  | 'half'
  /** `check()` finds damage, or the store is not the same on opening again. */
  | 'unsound'
  /** A file that was acknowledged is not there, or the one is that it replaced. */
  | 'file-lost'
  /** A file has its name, and not its content. */
  | 'file-torn'
  /** A file that nothing asked for. */
  | 'left-over'
  /** A copy of the store, or what it was restored from, holds something else. */
  | 'copy-differs'
  /** A call failed with an error that is none of this package's. */
  | 'raw-error'
  /** A call failed with a code that tells of something else. */
  | 'wrong-code'
  /** A write that was short, and no failure, made a call fail. */
  | 'short-write'
  /** A call failed and was done all the same. */
  | 'not-undone'
  /** A call that failed fails again though the disk is well, or a later one does. */
  | 'fails-again'
  /** Files that are open after the store was closed. */
  | 'left-open'

/** Violations that a defect makes which is known. Each part that is given must fit. */
export interface KnownDefect {
  readonly reason: string
  readonly kinds: readonly ViolationKind[]
  readonly workload?: RegExp
  readonly step?: RegExp
  readonly detail?: RegExp
  readonly fired?: readonly CallKind[]
}

/** Tells violations of known defects from others, and counts them. */
export class Violations {
  readonly #known: readonly KnownDefect[]
  readonly #seen = new Map<KnownDefect, { count: number; example: string }>()

  constructor(known: readonly KnownDefect[]) {
    this.#known = known
  }

  /** How many there were of known defects. */
  get known(): number {
    return [...this.#seen.values()].reduce((sum, { count }) => sum + count, 0)
  }

  /** Those that no known defect explains. */
  add(violations: readonly Violation[], where: string): string[] {
    return violations.flatMap((violation) => {
      const { workload, step, kind, detail, fired } = violation
      const what = `${kind} after ${step} of ${workload}${fired ? `, ${fired} failed` : ''}`
      const example = `${what} (${where}): ${detail}`
      const defect = this.#known.find((known) => explains(known, violation))
      if (defect === undefined) return [example]
      const { count, example: first } = this.#seen.get(defect) ?? { count: 0, example: shortened(example) }
      this.#seen.set(defect, { count: count + 1, example: first })
      return []
    })
  }

  /** A test for each known defect: to be done, and passing where it was not seen. */
  async report(t: TestContext): Promise<void> {
    for (const defect of this.#known) {
      const { count, example } = this.#seen.get(defect) ?? { count: 0, example: '' }
      await t.test(`known: ${defect.reason}`, { todo: `seen ${count} times` }, () => {
        if (count === 0) return
        const error = new Error(`seen ${count} times, first: ${example}`)
        // Where it was noticed says nothing.
        error.stack = error.message
        throw error
      })
    }
  }
}

const shortened = (text: string) => text.split('\n', 1)[0]?.slice(0, 500) ?? ''

function explains(known: KnownDefect, { workload, step, kind, detail, fired }: Violation): boolean {
  if (!known.kinds.includes(kind)) return false
  if (known.fired !== undefined && (fired === undefined || !known.fired.includes(fired))) return false
  const { workload: workloads = /^/, step: steps = /^/, detail: details = /^/ } = known
  return workloads.test(workload) && steps.test(step) && details.test(detail)
}
