import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Times } from '../report.ts'

export interface FsyncsOptions {
  readonly file: string
  readonly peer: string
  readonly count: number
}

const TRACE = ['-f', '-y', '-qq', '-e', 'trace=fsync,fdatasync']

/** Whether this system lets strace look at a process. */
export function canTrace(): boolean {
  return spawnSync('strace', [...TRACE, 'true'], { stdio: 'ignore' }).status === 0
}

/** How often the disk is flushed for a commit, by call: counted from outside, by the system calls of another process. */
export function run({ file, peer, count }: FsyncsOptions): Times {
  const log = `${file}.trace`
  const mark = `${file}.mark`
  const trial = join(import.meta.dirname, '../trial.ts')
  const options = JSON.stringify({ file, peer, count, mark })
  const node = [process.execPath, '--import', 'tsx', trial, 'commits', options]
  const output = execFileSync('strace', [...TRACE, '-o', log, ...node], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const calls: string[] = JSON.parse(output)
  const flushed = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => /\bf(?:data)?sync\(/.test(line))
  const marks = flushed.flatMap((line, i) => (line.includes(mark) ? [i] : []))
  if (marks.length !== calls.length + 1) throw new Error('the trace does not show all marks')
  const times = calls.map((name, i) => {
    const between = (marks[i + 1] ?? 0) - (marks[i] ?? 0) - 1
    return [name, between / count] as const
  })
  return Object.fromEntries(times)
}
