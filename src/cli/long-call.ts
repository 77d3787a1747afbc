import { CliError, EXIT } from './cli-error.ts'
import { showsProgress } from './output/print.ts'

/** What a call is told to be followed and ended by. */
export interface Following<Progress> {
  readonly onProgress: (progress: Progress) => void
  readonly signal: AbortSignal
}

/** How a long call is shown. */
export interface LongCall<Progress> {
  /** `importing` */
  readonly doing: string
  /** How many things there are to do; without it the end cannot be told. */
  readonly total?: number | undefined
  /** How many of them are done. */
  readonly doneOf?: (progress: Progress) => number
  /** How many there are, where the call itself says so. */
  readonly totalOf?: (progress: Progress) => number | undefined
  /** What was done, and how to go on, for a person who ended it. */
  readonly goOn: string | ((progress: Progress | undefined) => string)
}

/**
 * Runs a call with a progress bar at a terminal; Ctrl-C ends it between two batches, and says how to go on. The call must
 * not block this thread, on which the signal is heard.
 */
export async function longCall<Progress extends object, T>(
  { doing, total, doneOf = countOf, totalOf, goOn }: LongCall<Progress>,
  work: (following: Following<Progress>) => T | Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const interrupted = new Error('interrupted')
  const interrupt = () => controller.abort(interrupted)
  for (const signal of SIGNALS) process.once(signal, interrupt)
  const bar = showsProgress() ? await drawBar(doing, total, totalOf !== undefined) : undefined
  let last: Progress | undefined
  const onProgress = (progress: Progress) => {
    last = progress
    bar?.update(doneOf(progress), totalOf?.(progress))
  }
  try {
    return await work({ onProgress, signal: controller.signal })
  } catch (error) {
    if (error !== interrupted) throw error
    bar?.stop()
    const advice = typeof goOn === 'string' ? goOn : goOn(last)
    throw new CliError(EXIT.interrupted, `interrupted while ${doing}: ${advice}`)
  } finally {
    bar?.stop()
    for (const signal of SIGNALS) process.off(signal, interrupt)
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** The first number of a progress: what was read, done or copied. */
const countOf = (progress: object) => Object.values(progress).find((value) => typeof value === 'number') ?? 0

interface Bar {
  update(done: number, total: number | undefined): void
  stop(): void
}

async function drawBar(doing: string, total: number | undefined, isTold: boolean): Promise<Bar> {
  const { default: progress } = await import('cli-progress')
  const isKnown = total !== undefined || isTold
  const bar = new progress.SingleBar({
    format: isKnown
      ? `{doing} {bar} {percentage} %  {rate}/s  {eta_formatted} left`
      : '{doing}: {value}  {rate}/s',
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
    barsize: 20,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    gracefulExit: false,
    etaBuffer: 50,
  })
  const start = performance.now()
  bar.start(total ?? 0, 0, { doing, rate: '-' })
  return {
    update: (done, told) => {
      const seconds = Math.max(0.001, (performance.now() - start) / 1000)
      const most = Math.max(done, told ?? total ?? 0)
      if (isKnown && most !== bar.getTotal()) bar.setTotal(most)
      bar.update(done, { rate: Math.round(done / seconds) })
    },
    stop: () => bar.stop(),
  }
}
