import { hashFiles, isCompanion } from './files.ts'
import type { RecordedRun } from './rig.ts'
import { differences, isSame, isWhole } from './states.ts'
import type { Found } from './verifier.ts'
import type { Violation, ViolationKind } from './violations.ts'

/** When the power is cut: after so many steps, perhaps in the midst of the next one. */
export interface CutTime {
  readonly done: number
  readonly isInProgress: boolean
}

/** Looks at what a power cut has left: the files before they were opened, and what was found on opening. */
export function judgeCut(
  { workload, steps, moments, file }: RecordedRun,
  { done, isInProgress }: CutTime,
  files: ReadonlyMap<string, Buffer>,
  found: Found,
): Violation[] {
  const violations: Violation[] = []
  const add = (step: number, kind: ViolationKind, detail: string) => {
    violations.push({ workload: workload.name, step: steps[step]?.name ?? 'none', kind, detail })
  }
  const before = moments[done]
  const after = moments[isInProgress ? done + 1 : done]
  if (before === undefined || after === undefined) throw new Error(`there is no moment ${done}`)
  const current = isInProgress ? done : done - 1

  const isInBatches = isInProgress && steps[done]?.isInBatches === true
  if (!isWhole(found.state, before.state, after.state, isInBatches)) {
    const earlier = moments.slice(0, done).findLastIndex(({ state }) => isSame(found.state, state))
    if (earlier >= 0) add(earlier, 'lost', `it holds what it held after ${earlier} of ${done} steps`)
    else add(current, 'half', differences(found.state, before.state, after.state))
  }
  for (const problem of found.problems) {
    // What was wrong before is there to be repaired.
    if (!moments.some(({ problems }) => problems.includes(problem))) add(current, 'unsound', problem)
  }

  const hashed = hashFiles(files, file)
  for (const path of new Set([...before.files.keys(), ...after.files.keys()])) {
    const hash = hashed.get(path)
    if (hash === before.files.get(path) || hash === after.files.get(path)) continue
    const made = moments.findIndex((moment) => moment.files.has(path)) - 1
    const isEarlier = moments.some((moment) => moment.files.get(path) === hash)
    add(made, isEarlier ? 'file-lost' : 'file-torn', path)
  }
  const names = new Set(found.names)
  for (const path of names) {
    if (path === file || isCompanion(path, names)) continue
    if (before.files.has(path) || after.files.has(path)) continue
    // What was not migrated before the cut is migrated now.
    // A copy before a migration, and the log of a database that is gone, are kept on purpose.
    if (/(?:\.before-v5|-(?:wal|shm|journal)\.orphaned)\.[\dTZ.]+$/.test(path)) continue
    // The log of a damaged file is kept together with that file, wherever both are.
    const [, damaged] = /^(.*\.damaged\.[\dT]+\.\d{3}Z)(?:-wal|-shm|-journal)?$/.exec(path) ?? []
    if (damaged !== undefined && isInProgress && names.has(damaged)) continue
    add(current, 'left-over', path)
  }
  return violations
}
