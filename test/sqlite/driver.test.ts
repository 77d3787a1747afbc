import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import test, { type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { findDriverProblem } from '../../src/sqlite/driver.ts'
import { runModule } from '../support/processes.ts'
import { temporaryFolder } from '../support/temporary.ts'

const PAIRS: readonly (readonly [driver: number, node: string, works: boolean])[] = [
  [12, '20.19.0', true],
  [12, '26.0.0', true],
  [13, '22.14.0', true],
  [13, '24.1.0', true],
  [13, '22.13.1', false],
  [13, '20.20.2', false],
]

for (const [driver, node, works] of PAIRS) {
  test(`better-sqlite3 ${driver} on Node ${node} ${works ? 'is opened' : 'is refused before it is loaded'}`, () => {
    const problem = findDriverProblem(driver, node)
    assert.equal(problem === undefined, works)
    if (problem === undefined) return
    assert.match(problem, /run: npm install better-sqlite3@12/)
    assert.match(problem, /pnpm add better-sqlite3@12 --allow-build=better-sqlite3 && pnpm dedupe/)
    assert.match(problem, /yarn install with "resolutions": \{ "better-sqlite3": "\^12/)
  })
}

const MODULES = resolve(import.meta.dirname, '../../node_modules')

/** A better-sqlite3 as an installation leaves it that ran no scripts: all of it but its binary. */
function installUnbuilt(t: TestContext): string {
  const modules = join(temporaryFolder(t), 'node_modules')
  for (const name of ['better-sqlite3/package.json', 'better-sqlite3/lib', 'bindings', 'file-uri-to-path']) {
    // 13 needs no others.
    if (existsSync(join(MODULES, name))) cpSync(join(MODULES, name), join(modules, name), { recursive: true })
  }
  return join(modules, 'better-sqlite3')
}

function writeBinary(driver: string, content: string): void {
  mkdirSync(join(driver, 'build/Release'), { recursive: true })
  writeFileSync(join(driver, 'build/Release/better_sqlite3.node'), content)
}

/** Opens a store with the driver of another folder, and prints the outcome. */
const OPEN = `
  import { register } from 'node:module'
  const [driver, file] = process.argv.slice(1)
  const hook = \`export const resolve = (name, context, next) =>
    next(name === 'better-sqlite3' ? \${JSON.stringify(driver)} : name, context)\`
  register('data:text/javascript,' + encodeURIComponent(hook))
  const { TaskStore } = await import('uniqc-task-store')
  try {
    new TaskStore({ file }).close()
  } catch (error) {
    console.log(error.name, error.code, error.message)
  }
`

const UNBUILT: readonly (readonly [what: string, spoil: (driver: string) => void])[] = [
  ['that was never built', () => undefined],
  ['with a binary for another system', (driver) => writeBinary(driver, 'of another system'.repeat(1000))],
  ['with a truncated binary', (driver) => writeBinary(driver, '\x7fELF')],
]

const needsElf = process.platform === 'linux' ? {} : { skip: 'other systems have other words for it' }

for (const [what, spoil] of UNBUILT) {
  test(
    `better-sqlite3 ${what} is CANNOT_OPEN, says how to build it, and leaves no file`,
    needsElf,
    async (t) => {
      const driver = installUnbuilt(t)
      spoil(driver)
      const file = join(temporaryFolder(t), 'tasks.sqlite')
      const output = await runModule(OPEN, pathToFileURL(join(driver, 'lib/index.js')).href, file)
      assert.match(
        output,
        /^TaskStoreError CANNOT_OPEN better-sqlite3 \S+ is not built .* run: npm (rebuild|install --force) better-sqlite3/,
      )
      assert.equal(existsSync(file), false)
    },
  )
}
