import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Run, RunReport } from './actor.ts'
import { Disk, NOTHING_LOST } from './disk.ts'
import { assertSameFiles, hashFiles, readFiles } from './files.ts'
import { buildInterposer, FAST_FOLDER } from './interposer.ts'
import { type LogEntry, readIoLog } from './io-log.ts'
import { Program } from './program.ts'
import { isSame } from './states.ts'
import type { Found, Look } from './verifier.ts'
import type { Violation, ViolationKind } from './violations.ts'
import { type SiteOptions, type Step, stepsOf, type Workload } from './workloads.ts'

/** What is there at one moment of a run. */
export interface Moment extends Omit<Found, 'names'> {
  /** The sha256 of each file but the store's own, by its path in the folder. */
  readonly files: ReadonlyMap<string, string>
}

/** A workload that ran with nothing failing, and all that it did to its files. */
export interface RecordedRun {
  readonly workload: Workload
  readonly seed: number
  readonly options: SiteOptions
  readonly steps: readonly Step[]
  /** A copy of what the folder held before. */
  readonly base: string
  readonly folder: string
  readonly file: string
  readonly log: readonly LogEntry[]
  /** Before the first step, and after each. */
  readonly moments: readonly Moment[]
  readonly calls: RunReport['calls']
  /** What is wrong with the run itself. */
  readonly differing: readonly Violation[]
}

/** The processes and the folder of a test that lets files fail. */
export class Rig {
  readonly #actor: Program<Run, RunReport>
  readonly #verifier: Program<Look, Found>
  readonly #scratch: string
  #folders = 0

  constructor(t: TestContext) {
    this.#scratch = mkdtempSync(join(FAST_FOLDER, 'uniqc-task-store-'))
    t.after(() => rmSync(this.#scratch, { recursive: true, force: true }))
    const TMPDIR = this.newFolder()
    this.#actor = new Program(t, 'actor.ts', {
      TMPDIR,
      LD_PRELOAD: buildInterposer(t),
      FAULTS_CONTROL: join(this.#scratch, 'control'),
      // It would pass by the library unseen.
      UV_USE_IO_URING: '0',
    })
    this.#verifier = new Program(t, 'verifier.ts', { TMPDIR })
  }

  newFolder(): string {
    const folder = join(this.#scratch, String(this.#folders++))
    mkdirSync(folder)
    return folder
  }

  run(run: Run): Promise<RunReport> {
    return this.#actor.ask(run)
  }

  look(look: Look): Promise<Found> {
    return this.#verifier.ask(look)
  }

  /**
   * Runs a workload, and looks at the store after each step as if the process had been killed there.
   *
   * @param base What the folder holds before. Default: what the workload prepares.
   */
  async record(
    workload: Workload,
    seed: number,
    options: SiteOptions,
    base = this.#prepare(workload),
  ): Promise<RecordedRun> {
    const folder = this.newFolder()
    cpSync(base, folder, { recursive: true })
    const log = join(this.#scratch, 'log')
    const { calls } = await this.run({ workload: workload.name, seed, folder, options, log })
    const file = workload.file ?? 'tasks.sqlite'
    const steps = stepsOf(workload, seed)
    const run = { workload, seed, options, steps, base, folder, file, calls, log: readIoLog(log) }
    const disk = new Disk(base, folder)
    const differing: Violation[] = []
    const moments = [await this.#momentOf(disk, file)]
    for (const entry of run.log) {
      disk.apply(entry)
      if (entry.what !== 'mark' || !entry.text.startsWith('done ')) continue
      const { name = '', copy } = steps[moments.length - 1] ?? {}
      const moment = await this.#momentOf(disk, file, copy)
      const differs = (kind: ViolationKind, detail: string) =>
        differing.push({ workload: workload.name, step: name, kind, detail })
      const acknowledged = entry.text.slice('done '.length)
      if (acknowledged !== '' && !isSame(moment.state, JSON.parse(acknowledged))) {
        differs('lost', 'a process that is killed after the call has returned')
      }
      if (copy !== undefined && !isSame(moment.copies[copy] ?? {}, moment.state))
        differs('copy-differs', copy)
      moments.push(moment)
    }
    assertSameFiles(disk.files(NOTHING_LOST), readFiles(folder))
    rmSync(folder, { recursive: true })
    rmSync(log)
    return { ...run, moments, differing }
  }

  /** Makes room, when a recorded run is not needed any more. */
  forget({ base }: RecordedRun): void {
    rmSync(base, { recursive: true })
  }

  #prepare(workload: Workload): string {
    const base = this.newFolder()
    workload.prepare(base)
    return base
  }

  async #momentOf(disk: Disk, file: string, copy?: string): Promise<Moment> {
    const target = this.newFolder()
    const files = hashFiles(disk.write(NOTHING_LOST, target), file)
    const found = await this.look({ folder: target, file, copies: copy === undefined ? [] : [copy] })
    rmSync(target, { recursive: true })
    return { ...found, files }
  }
}
