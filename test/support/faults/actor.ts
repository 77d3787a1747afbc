// Runs workloads in a process that has the interposer preloaded, as it is told by its parent.
import { openSync, readSync, writeSync } from 'node:fs'
import { TaskStoreError } from 'uniqc-task-store'
import { CALL_KINDS, type CallKind } from './interposer.ts'
import { serve } from './program.ts'
import { Random } from './random.ts'
import { readTasks } from './states.ts'
import { findWorkload, Site, type SiteOptions, stepsOf } from './workloads.ts'

/** What a process is to run. */
export interface Run {
  readonly workload: string
  readonly seed: number
  readonly folder: string
  readonly options: SiteOptions
  /** Where what happens to the files is written. */
  readonly log?: string | undefined
  readonly fault?: Fault | undefined
}

/** What fails while one step runs. */
export interface Fault {
  readonly step: number
  /** Which of the calls of these kinds, from 1. */
  readonly nth: number
  readonly kinds: readonly CallKind[]
  readonly error: 'EIO' | 'ENOSPC' | 'EROFS'
  /** The later ones of these kinds fail as well. */
  readonly isLasting: boolean
  /** The call itself writes a part of what it was given. */
  readonly isShort: boolean
  /** Whether the store is closed after the step, or the step called again and the workload run to its end. */
  readonly after: 'stop' | 'again'
}

/** What an error was. */
export interface Failure {
  readonly isOurs: boolean
  readonly name: string
  readonly code: string | undefined
  readonly message: string
  readonly stack: string | undefined
}

/** What came of a run. */
export interface RunReport {
  /** Of each step that ran, how many calls it made. */
  readonly calls: readonly Readonly<Record<CallKind, number>>[]
  /** The kind and the path of the first call that failed. */
  readonly fired: { readonly kind: CallKind; readonly path: string } | undefined
  readonly failure: Failure | undefined
  /** Of the step that was called again, or one after it. */
  readonly laterFailure: (Failure & { readonly step: string }) | undefined
  /** The files of the folder that are open after the store was closed. */
  readonly leftOpen: readonly string[]
}

const ERRNO = { EIO: 5, ENOSPC: 28, EROFS: 30 }
/** When the first step runs; each has an hour of its own, in which time stands still. */
const EPOCH = Date.UTC(2026, 6, 1)
const HOUR = 3_600_000

const control = openSync(process.env.FAULTS_CONTROL ?? '', 'r+')
const command = (text: string) => writeSync(control, text)

function readStatus() {
  const buffer = Buffer.alloc(1 << 16)
  const text = buffer.toString('utf8', 0, readSync(control, buffer))
  const [head = '', path = '', ...open] = text.split('\n')
  const { fired, calls } = JSON.parse(head) as { fired: CallKind | null; calls: Record<CallKind, number> }
  return { fired, path, calls, open }
}

// What makes a file readable by others is not to be made up for.
process.umask(0)

let moment = EPOCH
Date.now = () => moment

function describe(error: unknown): Failure {
  const { name, code, message, stack } = error as Error & { code?: unknown }
  const isOurs = error instanceof TaskStoreError
  return { isOurs, name, code: code === undefined ? undefined : String(code), message, stack }
}

async function run({ workload: name, seed, folder, options, log = '', fault }: Run): Promise<RunReport> {
  const workload = findWorkload(name)
  const site = new Site(folder, workload, options)
  const calls: Record<CallKind, number>[] = []
  let failure: Failure | undefined
  let laterFailure: RunReport['laterFailure']
  let fired: RunReport['fired']
  const inside = (path: string) => path.slice(folder.length + 1)
  command(`watch ${folder}\n${log}`)
  for (const [index, step] of stepsOf(workload, seed).entries()) {
    moment = EPOCH + index * HOUR
    const attempt = async () => step.run(site, new Random(seed + index))
    const before = readStatus().calls
    command('mark begin ')
    const isFaulty = index === fault?.step
    if (isFaulty) command(armed(fault))
    try {
      await attempt()
    } catch (error) {
      if (!isFaulty) {
        if (fault === undefined) throw error
        laterFailure = { step: step.name, ...describe(error) }
        break
      }
      failure = describe(error)
    }
    if (isFaulty) {
      const { fired: kind, path } = readStatus()
      fired = kind === null ? undefined : { kind, path: inside(path) }
      if (fault.after === 'stop') break
      command('disarm')
      if (failure !== undefined) {
        // Time goes on, or what is named after the time could not be made again.
        moment += 1
        try {
          await attempt()
        } catch (error) {
          laterFailure = { step: `${step.name}, called again`, ...describe(error) }
          break
        }
      }
    }
    const after = readStatus().calls
    // What the call has acknowledged, by the connection that it was made on.
    const isRecorded = log !== '' && site.isOpen
    command(`mark done ${isRecorded ? JSON.stringify(readTasks(site.store.db.$client)) : ''}`)
    calls.push(
      Object.fromEntries(CALL_KINDS.map((kind) => [kind, after[kind] - before[kind]])) as (typeof calls)[0],
    )
  }
  site.close()
  command('disarm')
  const { open } = readStatus()
  command('watch ')
  return { calls, fired, failure, laterFailure, leftOpen: open.map(inside) }
}

function armed({ kinds, nth, error, isLasting, isShort }: Fault): string {
  const mask = kinds.reduce((sum, kind) => sum | (1 << CALL_KINDS.indexOf(kind)), 0)
  return `arm ${mask} ${nth} ${ERRNO[error]} ${Number(isLasting)} ${Number(isShort)}`
}

serve(run)
