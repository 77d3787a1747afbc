// Writes what the benchmarks found into a page, between two lines that stand in it:
//
//   npm run --silent bench -- --json > results.json
//   npx tsx bench/make-page.ts docs/performance.md results.json
import { readFileSync, writeFileSync } from 'node:fs'
import { type Results, showTable, showVersions } from './report.ts'

const START = '<!-- benchmarks -->'
const END = '<!-- end of benchmarks -->'

const [page, file] = process.argv.slice(2)
if (page === undefined || file === undefined)
  throw new TypeError('name a page and a file of results: tsx bench/make-page.ts PAGE RESULTS')
const found: Results | readonly Results[] = JSON.parse(readFileSync(file, 'utf8'))
const runs = 'results' in found ? [found] : found
const titles = new Set(runs.flatMap(({ results }) => Object.keys(results)))

const text = readFileSync(page, 'utf8')
const [before, old, ...rest] = text.split(START)
const [, after, ...more] = old?.split(END) ?? []
if (before === undefined || after === undefined || rest.length > 0 || more.length > 0)
  throw new Error(`${page} must hold the line ${START} once, and after it ${END} once`)
const parts = [
  `Measured with ${runs.map(showVersions).join(', and with ')}.`,
  ...[...titles].map((title) => showTable(runs, title)),
]
writeFileSync(page, `${before}${START}\n\n${parts.join('\n\n')}\n\n${END}${after}`)
