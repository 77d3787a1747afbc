import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DISK } from './folders.ts'
import { percentile } from './percentile.ts'
import type { Times } from './report.ts'

/** Runs a trial in a process of its own, on a fresh file in a folder of such. */
export function runTrial<T = Times>(name: string, options: object, parent = DISK): T {
  const folder = mkdtempSync(join(parent, 'uniqc-bench-'))
  const given = JSON.stringify({ file: join(folder, 'tasks.sqlite'), ...options })
  try {
    const types = new URL('strip-types.js', import.meta.url).href
    const args = ['--expose-gc', '--import', types, join(import.meta.dirname, 'trial.ts'), name, given]
    const output = execFileSync(process.execPath, args, {
      // Trials find the package by its name from here.
      cwd: join(import.meta.dirname, '..'),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    return JSON.parse(output)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The medians, or another percentile, of several rounds, in which the trials take turns. */
export function takeTurns(
  rounds: number,
  trials: Readonly<Record<string, () => Times>>,
  share = 0.5,
): Record<string, Times> {
  const all: Record<string, Times[]> = mapValues(trials, () => [])
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(trials)) all[name]?.push(run())
  }
  return mapValues(all, (runs) =>
    mapValues(runs[0] ?? {}, (_, what) =>
      percentile(
        runs.map((times) => times[what] ?? Number.NaN),
        share,
      ),
    ),
  )
}

function mapValues<A, B>(object: Readonly<Record<string, A>>, map: (value: A, key: string) => B) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value, key)]))
}
