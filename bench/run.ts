// npm run bench [-- --quick] [-- --only interleaved,scale] [-- --node 24] [-- --json]
//
// --node also runs all of it from the built package on another Node, and prints the two side by side.
// With --json call `npm run --silent bench`, or npm prints before it.
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Results, showTable, showVersions } from './report.ts'
import { SUITES } from './suites.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    node: { type: 'string' },
  },
})
const { quick, json, only, node } = values
const suites = (only?.split(',') ?? Object.keys(SUITES)).map((name) => {
  const suite = SUITES[name]
  if (suite === undefined)
    throw new TypeError(`no suite is named ${name}; there are ${Object.keys(SUITES).join(', ')}`)
  return { name, suite }
})

const versionOf = (name: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, `../node_modules/${name}/package.json`), 'utf8')).version
const results: Record<string, Results['results'][string]> = {}
const here: Results = {
  versions: {
    node: process.versions.node,
    'better-sqlite3': versionOf('better-sqlite3'),
    'drizzle-orm': versionOf('drizzle-orm'),
    machine: `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, ${process.platform}`,
  },
  quick,
  results,
}
const print = (text: string) => {
  if (!json) console.log(text)
}

if (node === undefined) {
  print(showVersions(here))
  for (const { name, suite } of suites) {
    for (const { title, ...table } of suite(quick)) {
      results[title] = { suite: name, ...table }
      print(`\n${showTable([here], title)}`)
    }
  }
  if (json) console.log(JSON.stringify(here, undefined, 2))
} else {
  // It reads what a package does not have.
  const { OtherNode } = await import('./other-node.ts')
  using other = new OtherNode(node)
  let there: Results | undefined
  for (const { name, suite } of suites) {
    for (const { title, ...table } of suite(quick)) results[title] = { suite: name, ...table }
    const found = other.run(['--only', name, ...(quick ? ['--quick'] : [])])
    if (there === undefined) print(`${showVersions(here)}\n${showVersions(found)}`)
    for (const title of Object.keys(found.results)) print(`\n${showTable([here, found], title)}`)
    there = { ...found, results: { ...there?.results, ...found.results } }
  }
  if (json) console.log(JSON.stringify([here, there], undefined, 2))
}
