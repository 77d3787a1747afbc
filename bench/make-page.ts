// Puts what the benchmarks found into what is kept of them, and writes the page that is made of that:
//
//   npm run --silent bench -- --node 24 --only cold,bulk --json > new.json
//   npx tsx bench/make-page.ts new.json
//
// A table that was measured again takes the place of the old one of the same Node. A suite of which some tables have
// other titles now, such as another number of records, loses the old ones.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Results, showTable, showVersions } from './report.ts'
import { SUITES } from './suites.ts'

const KEPT = join(import.meta.dirname, 'results.json')
const PAGE = join(import.meta.dirname, '../docs/performance.md')
const START = '<!-- benchmarks -->'
const END = '<!-- end of benchmarks -->'

const read = (file: string): readonly Results[] => [JSON.parse(readFileSync(file, 'utf8'))].flat()
const nodeOf = ({ versions }: Results) => Number.parseInt(versions.node ?? '', 10)

const byNode = new Map<number, Results>()
for (const found of [KEPT, ...process.argv.slice(2)].flatMap(read)) {
  const old = byNode.get(nodeOf(found))
  const suites = new Set(Object.values(found.results).map(({ suite }) => suite))
  const rest = Object.entries(old?.results ?? {}).filter(([, { suite }]) => !suites.has(suite))
  byNode.set(nodeOf(found), { ...found, results: { ...Object.fromEntries(rest), ...found.results } })
}
const order = Object.keys(SUITES)
const runs = [...byNode.entries()]
  .toSorted(([a], [b]) => a - b)
  .map(([, run]) => ({
    ...run,
    results: Object.fromEntries(
      Object.entries(run.results).toSorted(
        ([, { suite: a }], [, { suite: b }]) => order.indexOf(a) - order.indexOf(b),
      ),
    ),
  }))
writeFileSync(KEPT, `${JSON.stringify(runs, undefined, 2)}\n`)

const text = readFileSync(PAGE, 'utf8')
const [before, old, ...rest] = text.split(START)
const [, after, ...more] = old?.split(END) ?? []
if (before === undefined || after === undefined || rest.length > 0 || more.length > 0)
  throw new Error(`${PAGE} must hold the line ${START} once, and after it ${END} once`)
const titles = order.flatMap((name) => [
  ...new Set(
    runs.flatMap(({ results }) =>
      Object.entries(results).flatMap(([title, { suite }]) => (suite === name ? [title] : [])),
    ),
  ),
])
const parts = [
  `Measured with ${runs.map(showVersions).join(', and with ')}.`,
  ...titles.map((title) => showTable(runs, title)),
]
writeFileSync(PAGE, `${before}${START}\n\n${parts.join('\n\n')}\n\n${END}${after}`)
