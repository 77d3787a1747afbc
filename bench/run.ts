// npm run bench [-- --quick] [-- --json] [-- --only single,scale]
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Results, showTable, showVersions } from './report.ts'
import { SUITES } from './suites.ts'

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, only: { type: 'string' } },
})
const { quick = false, json = false } = values
const suites = (values.only?.split(',') ?? Object.keys(SUITES)).map((name) => {
  const suite = SUITES[name]
  if (suite === undefined)
    throw new TypeError(`no suite is named ${name}; there are ${Object.keys(SUITES).join(', ')}`)
  return suite
})

const versionOf = (name: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, `../node_modules/${name}/package.json`), 'utf8')).version
const versions = {
  node: process.versions.node,
  'better-sqlite3': versionOf('better-sqlite3'),
  'drizzle-orm': versionOf('drizzle-orm'),
  machine: `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, ${process.platform}`,
}

if (!json) console.log(showVersions(versions))
const results: Record<string, Results['results'][string]> = {}
for (const suite of suites) {
  for (const table of suite(quick)) {
    const { title, ...rest } = table
    results[title] = rest
    if (!json) console.log(`\n${showTable(table)}`)
  }
}
if (json) console.log(JSON.stringify({ versions, quick, results } satisfies Results, undefined, 2))
