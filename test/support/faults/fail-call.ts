import { cpSync, rmSync } from 'node:fs'
import type { Fault } from './actor.ts'
import { readFiles } from './files.ts'
import { CALL_KINDS, type CallKind } from './interposer.ts'
import { judgeFault } from './judge-fault.ts'
import type { Random } from './random.ts'
import type { RecordedRun, Rig } from './rig.ts'
import type { Violation } from './violations.ts'

/** What becomes of a call that fails. */
type Style = Pick<Fault, 'kinds' | 'error' | 'isLasting' | 'isShort'> & { readonly name: string }

/** What a full disk refuses, or one that may only be read. */
const GROWING: readonly CallKind[] = ['create', 'write', 'truncate', 'rename', 'link', 'mkdir']
/** What is to be removed can be removed: else something is left over for certain. */
const ALL_BUT_UNLINK = CALL_KINDS.filter((kind) => kind !== 'unlink')

const STYLES: readonly Style[] = [
  { name: 'fails once', kinds: CALL_KINDS, error: 'EIO', isLasting: false, isShort: false },
  { name: 'fails from there on', kinds: ALL_BUT_UNLINK, error: 'EIO', isLasting: true, isShort: false },
  { name: 'is one too many for the disk', kinds: GROWING, error: 'ENOSPC', isLasting: false, isShort: false },
  { name: 'finds the disk full', kinds: GROWING, error: 'ENOSPC', isLasting: true, isShort: false },
  { name: 'finds the disk read-only', kinds: GROWING, error: 'EROFS', isLasting: true, isShort: false },
  { name: 'writes a part', kinds: ['write'], error: 'EIO', isLasting: false, isShort: true },
  { name: 'fills the disk', kinds: ['write'], error: 'ENOSPC', isLasting: true, isShort: true },
]

/** A run in which a call failed, and what is wrong with what came of it. */
export interface FailedCall {
  readonly violations: readonly Violation[]
  /** Whether the step threw. */
  readonly hasThrown: boolean
  readonly where: string
}

/** Repeats a run with one of its calls failing. Resolves to undefined where it made fewer calls this time. */
export async function failCall(rig: Rig, run: RecordedRun, random: Random): Promise<FailedCall | undefined> {
  const fault = chooseFault(run, random)
  const folder = rig.newFolder()
  cpSync(run.base, folder, { recursive: true })
  const { workload, seed, options, file } = run
  const report = await rig.run({ workload: workload.name, seed, folder, options, fault })
  const files = readFiles(folder)
  const copies = [...files.keys()].filter((path) => /\.before-\w+\.|^copies.*\.sqlite$/.test(path))
  const found = report.fired && (await rig.look({ folder, file, copies }))
  rmSync(folder, { recursive: true })
  if (found === undefined) return undefined
  return {
    violations: judgeFault(run, { fault, report, files, found }),
    hasThrown: report.failure !== undefined,
    where: describe(run, fault, report.fired),
  }
}

function chooseFault({ calls }: RecordedRun, random: Random): Fault & { name: string } {
  const style = random.pick(STYLES)
  const count = (step: number, kinds: readonly CallKind[]) =>
    kinds.reduce((sum, kind) => sum + (calls[step]?.[kind] ?? 0), 0)
  const step = random.pick([...calls.keys()].filter((index) => count(index, style.kinds) > 0))
  const made = style.kinds.filter((kind) => count(step, [kind]) > 0)
  // Most calls read or write: the others get their turns when they are the only ones to fail.
  const kinds = random.chance(0.5) ? [random.pick(made)] : style.kinds
  const nth = 1 + random.below(count(step, kinds))
  return { ...style, kinds, step, nth, after: random.pick(['stop', 'again'] as const) }
}

function describe(
  run: RecordedRun,
  fault: Fault & { name: string },
  fired: { kind: string; path: string } | undefined,
) {
  const { step, nth, error, after, name } = fault
  return [
    `run ${run.seed}, step ${step}: call ${nth} ${name} with ${error}: ${fired?.kind} of ${fired?.path}`,
    after === 'stop' ? 'then closed' : 'then called again',
    `checkpoint after ${run.options.checkpointAfter}`,
  ].join('; ')
}
