import type { Failure, Fault, RunReport } from './actor.ts'
import { hashFiles, isCompanion } from './files.ts'
import type { RecordedRun } from './rig.ts'
import { differences, isSame, isWhole, maskState, type State } from './states.ts'
import type { Found } from './verifier.ts'
import type { Violation, ViolationKind } from './violations.ts'

/** What came of a run in which a call failed. */
export interface FaultyRun {
  readonly fault: Fault
  readonly report: RunReport
  /** The files when the store was closed. */
  readonly files: ReadonlyMap<string, Buffer>
  /** What was found on opening them. */
  readonly found: Found
}

/** Compares a run in which a call failed with the one in which none did. */
export function judgeFault(run: RecordedRun, { fault, report, files, found }: FaultyRun): Violation[] {
  const { workload, steps, moments } = run
  const { failure, laterFailure, fired, leftOpen } = report
  const step = steps[fault.step]?.name ?? 'none'
  const violations: Violation[] = []
  const add = (kind: ViolationKind, detail: string) => {
    violations.push({ workload: workload.name, step, kind, detail, fired: fired?.kind })
  }

  if (failure !== undefined) {
    if (!failure.isOurs) add('raw-error', shown(failure))
    else if (!tellsOfDisk(failure, fault, report) && !isOpenToRead(failure, report))
      add('wrong-code', shown(failure))
    if (fault.isShort && !fault.isLasting) add('short-write', shown(failure))
  }
  if (leftOpen.length > 0) add('left-open', leftOpen.join(', '))
  if (laterFailure !== undefined) {
    if (!isOpenToRead(laterFailure, report))
      add('fails-again', `${laterFailure.step}: ${shown(laterFailure)}`)
    return violations
  }

  const isUndone = fault.after === 'stop' && failure !== undefined
  const last = fault.after === 'stop' ? fault.step + 1 : steps.length
  const done = isUndone ? fault.step : last
  const expected = moments[done]
  const after = moments[last]
  if (expected === undefined || after === undefined) throw new Error(`there is no moment ${last}`)
  const [state, before, complete] = [found, expected, after].map((moment) => maskState(moment.state)) as [
    State,
    State,
    State,
  ]
  const isInBatches = isUndone && steps[fault.step]?.isInBatches === true
  if (!isWhole(state, before, isInBatches ? complete : before, isInBatches)) {
    // A commit that the disk has taken and not confirmed is undone here, and may be found by the next opening.
    if (isSame(state, complete)) {
      if (fired?.kind !== 'sync') add('not-undone', 'it failed, and is done')
    } else add('half', differences(state, before, complete))
  }
  for (const problem of found.problems) {
    if (!moments.some(({ problems }) => problems.includes(problem))) add('unsound', problem)
  }

  const names = countEach([...expected.files.keys()].map(maskMoment))
  // The next opening made no copy: the migration was done, and its opening has failed after that.
  const isMigrated =
    found.names.filter(isCopyBeforeV5).length === [...files.keys()].filter(isCopyBeforeV5).length
  for (const path of files.keys()) {
    if (path === run.file || isCompanion(path, files)) continue
    // The next opening takes back what was begun.
    if (path === `${run.file}-journal` && !found.names.includes(path)) continue
    const name = maskMoment(path)
    const left = names.get(name) ?? 0
    names.set(name, left - 1)
    // Its removal is what has failed; or the disk has not confirmed that the commit which it is a copy before is undone.
    const isKept =
      fired?.kind === 'unlink' ? fired.path === path : fired?.kind === 'sync' && isCopyBefore(path)
    if (left <= 0 && !isKept && !(isMigrated && isCopyBeforeV5(path))) add('left-over', path)
  }
  for (const [name, count] of names) if (count > 0) add('file-lost', name)
  for (const [path, hash] of hashFiles(files, run.file)) {
    const copied = stateOfCopy(run, path, done)
    const copy = found.copies[path]
    if (copied === undefined || copy === undefined) {
      const content = expected.files.get(path)
      if (content !== undefined && content !== hash) add('file-torn', path)
    } else if (!isSame(maskState(copy), maskState(copied))) add('copy-differs', path)
  }
  return violations
}

const shown = ({ name, code, message, stack }: Failure) => `${name} ${code}: ${message} ${stack}`

/** SQLite itself calls a file damaged that the disk cannot read. */
function tellsOfDisk({ code }: Failure, { kinds, isLasting }: Fault, { fired }: RunReport): boolean {
  if (code === 'DISK_FULL' || code === 'CANNOT_OPEN') return true
  return code === 'CORRUPT_FILE' && (fired?.kind === 'read' || (isLasting && kinds.includes('read')))
}

/** SQLite opens a file to be read where it fails to open it to be written, and says so when it is to be written. */
const isOpenToRead = ({ code }: Failure, { fired }: RunReport) =>
  code === 'READONLY' && fired?.kind === 'open'

const isCopyBeforeV5 = (path: string) => path.includes('.before-v5.')

const isCopyBefore = (path: string) => /\.before-\w+\./.test(path)

/** What a copy of the store must hold after so many steps; undefined for what is no copy of it. */
function stateOfCopy({ steps, moments }: RecordedRun, path: string, done: number): State | undefined {
  const made = steps.slice(0, done).findLastIndex(({ copy }) => copy === path)
  if (made >= 0) return moments[made + 1]?.state
  if (!isCopyBefore(path)) return undefined
  const first = moments.findIndex(({ files }) => [...files.keys()].map(maskMoment).includes(maskMoment(path)))
  return moments[first - 1]?.state
}

/** A name without the part of the second that it was made in. */
const maskMoment = (path: string) => path.replace(/(T\d{6})\.\d{3}Z/, '$1Z')

function countEach(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}
