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

/** Each of them in words, with where it was. */
export function described(violations: readonly Violation[], where: string): string[] {
  return violations.map(({ workload, step, kind, detail, fired }) => {
    const what = `${kind} after ${step} of ${workload}${fired ? `, ${fired} failed` : ''}`
    return `${what} (${where}): ${detail}`
  })
}
