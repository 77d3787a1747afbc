import { rmSync } from 'node:fs'
import { Disk, powerCut } from './disk.ts'
import { type CutTime, judgeCut } from './judge-cut.ts'
import { Random } from './random.ts'
import type { RecordedRun, Rig } from './rig.ts'
import type { Violation } from './violations.ts'

/** A power cut, and what is wrong with what it left. */
export interface PowerCut {
  readonly violations: readonly Violation[]
  /** When it was, and what was not on the disk. */
  readonly where: string
}

export interface CutOptions {
  /** The disk takes no notice of syncs. */
  readonly ignoresSyncs?: boolean
  /** Called with each folder that a cut has left, before it is opened. */
  readonly onCut?: (folder: string) => void
}

/** Cuts the power at random moments of a run, in the order of time. */
export async function* cutPower(
  rig: Rig,
  run: RecordedRun,
  random: Random,
  count: number,
  { ignoresSyncs = false, onCut }: CutOptions = {},
): AsyncGenerator<PowerCut> {
  const disk = new Disk(run.base, run.folder, { ignoresSyncs })
  const time = { done: 0, isInProgress: false }
  let at = 0
  for (const point of choosePoints(run, random, count)) {
    for (const entry of run.log.slice(at, point)) {
      disk.apply(entry)
      if (entry.what !== 'mark') continue
      time.isInProgress = entry.text.startsWith('begin ')
      if (!time.isInProgress) time.done++
    }
    at = point
    const folder = rig.newFolder()
    const seed = random.below(2 ** 32)
    const files = disk.write(powerCut(new Random(seed)), folder)
    onCut?.(folder)
    const found = await rig.look({ folder, file: run.file })
    rmSync(folder, { recursive: true })
    yield { violations: judgeCut(run, time, files, found), where: describe(run, point, time, disk, seed) }
  }
}

/** A third of them right after a call has returned: what it acknowledged is what must not be lost. */
function choosePoints({ log }: RecordedRun, random: Random, count: number): number[] {
  const returns = log.flatMap((entry, index) =>
    entry.what === 'mark' && entry.text.startsWith('done ') ? [index + 1] : [],
  )
  const choose = () =>
    random.chance(1 / 3) && returns.length > 0 ? random.pick(returns) : random.below(log.length + 1)
  return Array.from({ length: count }, choose).sort((a, b) => a - b)
}

function describe(run: RecordedRun, point: number, time: CutTime, disk: Disk, seed: number): string {
  const { checkpointAfter, synchronous } = run.options
  return [
    `cut at ${point} of the ${run.log.length} entries of run ${run.seed}, fates ${seed}`,
    `${time.done} steps done${time.isInProgress ? ', the next one begun' : ''}`,
    `synchronous ${synchronous}, checkpoint after ${checkpointAfter}`,
    `not synced: ${disk.describe()}`,
  ].join('; ')
}
