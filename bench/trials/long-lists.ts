import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fill } from '../fill.ts'

export interface LongListsOptions {
  readonly file: string
  readonly count: number
}

const MAIN = join(import.meta.dirname, '../../dist/cli/main.js')

/** Prints how long a child took and the most memory that it had, then what the shell says. */
const MEASURE = `
  import resource, subprocess, sys, time
  start = time.time()
  subprocess.run(['bash', '-c', sys.argv[1]], stdout=subprocess.DEVNULL, check=True)
  used = resource.getrusage(resource.RUSAGE_CHILDREN)
  print(1000 * (time.time() - start), used.ru_maxrss / 1024)`

/** Milliseconds and megabytes of commands on a file of many tasks. */
export function run({ file, count }: LongListsOptions) {
  fill(file, count)
  const id = `uqt_${(count - 1).toString(16).padStart(32, '0')}`
  const commands = {
    list: 'list',
    show: `show ${id}`,
    stats: 'stats',
    'list --all --json | head -1': 'list --all --json | head -1',
  }
  const figures: Record<string, number> = {}
  for (const [name, command] of Object.entries(commands)) {
    const [words, ...rest] = command.split(' | ')
    const line = [`${process.execPath} ${MAIN} ${words} --file ${file}`, ...rest].join(' | ')
    const { stdout } = spawnSync('python3', ['-c', MEASURE.replaceAll('\n  ', '\n'), line], {
      encoding: 'utf8',
    })
    const [milliseconds = Number.NaN, megabytes = Number.NaN] = stdout.split(' ').map(Number)
    figures[`${name}, milliseconds`] = milliseconds
    figures[`${name}, megabytes`] = megabytes
  }
  return figures
}
