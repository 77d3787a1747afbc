// npm run bench [-- --quick] [-- --json] [-- --only single,scale]
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { median } from './median.ts'
import { hasPython } from './trials/writers.ts'

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, only: { type: 'string' } },
})
const { quick = false, json = false } = values

/** Times by what was measured, of one trial. */
type Times = Record<string, number>

/** Runs a trial in a process of its own, on a fresh file. */
function trial(name: string, options: object): Times {
  const folder = mkdtempSync(join(tmpdir(), 'uniqc-bench-'))
  const given = JSON.stringify({ file: join(folder, 'tasks.sqlite'), ...options })
  try {
    const args = ['--expose-gc', '--import', 'tsx', join(import.meta.dirname, 'trial.ts'), name, given]
    const output = execFileSync(process.execPath, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    return JSON.parse(output)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The medians of several rounds, in which the trials take turns. */
function interleave(rounds: number, trials: Readonly<Record<string, () => Times>>): Record<string, Times> {
  const all: Record<string, Times[]> = mapValues(trials, () => [])
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(trials)) all[name]?.push(run())
  }
  return mapValues(all, (runs) =>
    mapValues(runs[0] ?? {}, (_, what) => median(runs.map((times) => times[what] ?? Number.NaN))),
  )
}

function mapValues<A, B>(object: Readonly<Record<string, A>>, map: (value: A, key: string) => B) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value, key)]))
}

const results: Record<string, unknown> = {}

/** One row for each thing that was measured, one column for each who did it, with its ratio to the first. */
function report(title: string, unit: string, columns: Record<string, Times>): void {
  results[title] = { unit, columns }
  if (json) return
  const names = Object.keys(columns)
  const [limit = ''] = names
  console.log(
    `\n### ${title} (${unit})\n\n| | ${names.join(' | ')} |\n|---|${names.map(() => '--:|').join('')}`,
  )
  for (const what of new Set(Object.values(columns).flatMap(Object.keys))) {
    const first = columns[limit]?.[what]
    const cells = names.map((name) => {
      const time = columns[name]?.[what]
      if (time === undefined) return ''
      return name === limit || first === undefined
        ? show(time)
        : `${show(time)} (${(time / first).toFixed(2)})`
    })
    console.log(`| ${what} | ${cells.join(' | ')} |`)
  }
}

const show = (time: number) => (time < 10 ? time.toFixed(2) : time < 100 ? time.toFixed(1) : time.toFixed(0))

const hasNodeSqlite = Number(process.versions.node.split('.')[0]) >= 24
const peers = [
  'raw',
  'task-store',
  'task-persistence',
  'drizzle',
  ...(hasNodeSqlite ? ['node-sqlite'] : []),
  ...(existsSync(join(import.meta.dirname, 'others/node_modules')) ? ['typeorm', 'keyv'] : []),
  ...(hasPython() ? ['original'] : []),
]

const suites: Readonly<Record<string, () => void>> = {
  single() {
    for (const synchronous of ['NORMAL', 'FULL'] as const) {
      for (const keys of [4, 1024]) {
        const count = (synchronous === 'FULL' ? 200 : keys === 4 ? 3000 : 500) / (quick ? 4 : 1)
        const trials = Object.fromEntries(
          peers.map((peer) => {
            // It takes milliseconds a call.
            const options = { peer, synchronous, keys, count: peer === 'original' ? count / 10 : count }
            return [peer, () => trial('single', options)]
          }),
        )
        const title = `Single records, results of ${keys} keys, synchronous ${synchronous}`
        report(title, 'microseconds a call', interleave(quick ? 1 : 3, trials))
      }
    }
  },
  bulk() {
    const count = quick ? 5000 : 100_000
    const trials = Object.fromEntries(
      ['raw', 'task-store'].map((peer) => [peer, () => trial('bulk', { peer, count })]),
    )
    report(`Bulk, ${count} records`, 'seconds', interleave(quick ? 1 : 3, trials))
  },
  scale() {
    const sizes = quick ? [1000, 10_000] : [1000, 10_000, 100_000, 1_000_000]
    const columns = sizes.map((count) => [`${count} rows`, trial('scale', { count })] as const)
    report('Lists, pages and counts by size', 'microseconds a call', Object.fromEntries(columns))
  },
  indexes() {
    for (const synchronous of ['NORMAL', 'FULL'] as const) {
      const options = {
        synchronous,
        size: quick ? 10_000 : 100_000,
        count: synchronous === 'FULL' ? 300 : 3000,
      }
      const trials = {
        "UnifiedQuantum's indexes": () => trial('indexes', { ...options, isOurs: false }),
        'and ours': () => trial('indexes', { ...options, isOurs: true }),
      }
      report(
        `What indexes cost a write, synchronous ${synchronous}`,
        'microseconds',
        interleave(quick ? 1 : 5, trials),
      )
    }
  },
  writers() {
    report('Four processes that write without a pause', '', {
      all: trial('writers', { count: quick ? 1000 : 10_000 }),
    })
  },
  locks() {
    const count = quick ? 20_000 : 1_000_000
    const calls = ['clearCompleted', 'clearAll', 'archiveOlderThan', 'importFile']
    const columns = calls.map((call) => [call, trial('locks', { count, call })] as const)
    report(`The longest lock, over ${count} rows`, '', Object.fromEntries(columns))
  },
  memory() {
    const count = quick ? 50_000 : 1_000_000
    report(`Memory while iterating ${count} rows`, '', { all: trial('memory', { count }) })
  },
  cold() {
    report('A fresh process', 'milliseconds', interleave(quick ? 3 : 15, { all: () => trial('cold', {}) }))
  },
}

const versionOf = (name: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, `../node_modules/${name}/package.json`), 'utf8')).version

const versions = {
  node: process.versions.node,
  'better-sqlite3': versionOf('better-sqlite3'),
  'drizzle-orm': versionOf('drizzle-orm'),
  machine: `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, ${process.platform}`,
}
if (!json)
  console.log(
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join('; '),
  )
const only = values.only?.split(',') ?? Object.keys(suites)
for (const name of only) {
  const suite = suites[name]
  if (suite === undefined)
    throw new TypeError(`no suite is named ${name}; there are ${Object.keys(suites).join(', ')}`)
  suite()
}
if (json) console.log(JSON.stringify({ versions, quick, results }, undefined, 2))
