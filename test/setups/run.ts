// Runs small projects, each with another tool, against the packed package: `npm run test:setups`, or with the names of
// some of them after `--`. `--node 24` runs them on another Node. Prints whether each works, and with which versions.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { arch, tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { pack } from '../support/consumer.ts'
import { SETUPS, type Setup } from './setups.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const MODULES = join(ROOT, 'node_modules')
const { values, positionals: wanted } = parseArgs({
  options: { node: { type: 'string' } },
  allowPositionals: true,
})

const folder = mkdtempSync(join(tmpdir(), 'uniqc-setups-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const tarball = pack(folder)
const nodeFolder = values.node === undefined ? undefined : installNode(values.node)
const tools = join(folder, 'tools')
const path = [nodeFolder, join(tools, 'node_modules/.bin'), process.env.PATH].filter(Boolean).join(delimiter)

/** Where the headers of Node are. npm hands its setting to what it runs; other managers would find none, and build none. */
const nodedir = execFileSync('npm', ['config', 'get', 'nodedir'], { encoding: 'utf8' }).trim()
const env = {
  ...process.env,
  PATH: path,
  ...(nodedir === 'undefined' || nodedir === 'null' || nodeFolder ? {} : { npm_config_nodedir: nodedir }),
  // A lock file that is not there yet is no mistake of a build server.
  CI: '',
  YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
}
const node = run(folder, 'node', ['--version']).trim()
/** Whether the newest driver would crash this Node. */
const isOld = Number.parseInt(node.slice(1), 10) < 22

function run(cwd: string, command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env, encoding: 'utf8' })
  if (status === 0) return stdout
  throw new Error(`${[command, ...args].join(' ')}\n${error ?? ''}${stdout ?? ''}${stderr ?? ''}`)
}

function installNode(version: string): string {
  const home = join(folder, 'node')
  const system = process.platform === 'win32' ? 'win' : process.platform
  const name = `node-${system}-${arch()}`
  mkdirSync(home)
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--prefix', home, `${name}@${version}`])
  return join(home, 'node_modules', name, 'bin')
}

/** Puts a project, the program and an old file into a folder of its own. */
function prepare(setup: Setup): string {
  const project = join(folder, setup.name)
  cpSync(join(import.meta.dirname, setup.name), project, { recursive: true })
  for (const name of ['program.js', 'in-thread.js', 'fake-timers.js']) {
    cpSync(join(import.meta.dirname, name), join(project, name))
  }
  cpSync(join(ROOT, 'test/files/uniqc-0.0.7-schema1.sqlite'), join(project, 'old.sqlite'))
  return project
}

/** Installs with npm. Version 12 of the driver is not built again for each project: that would take minutes. */
function installWithNpm(project: string): void {
  const packages = [tarball, 'drizzle-orm@^0.45.4', 'better-sqlite3@^12.11.1 || ^13.2.0']
  run(project, 'npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages])
  const driver = join(project, 'node_modules/better-sqlite3')
  const version = versionIn(join(project, 'node_modules'), 'better-sqlite3')
  if (!version.startsWith('12.')) return
  if (nodeFolder === undefined && version === versionIn(MODULES, 'better-sqlite3')) {
    cpSync(join(MODULES, 'better-sqlite3/build'), join(driver, 'build'), { recursive: true })
  } else run(project, 'npm', ['rebuild', 'better-sqlite3'])
}

function versionIn(modules: string, name: string): string {
  return JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')).version
}

/** Runs a setup. Returns the versions that it ran with. */
function check(setup: Setup): string {
  const project = prepare(setup)
  if (setup.install === undefined) installWithNpm(project)
  else {
    if (isOld && setup.onOldNode !== undefined) {
      const manifest = join(project, 'package.json')
      const merged = { ...JSON.parse(readFileSync(manifest, 'utf8')), ...setup.onOldNode }
      writeFileSync(manifest, JSON.stringify(merged))
    }
    for (const [command, ...args] of setup.install(tarball, isOld)) run(project, command, args)
  }
  const versions = (setup.tools ?? []).map((name) => {
    const modules = setup.install === undefined ? join(project, 'node_modules') : join(tools, 'node_modules')
    return `${name} ${versionIn(modules, name)}`
  })
  // Plug'n'Play keeps no folder of it.
  const driver = join(project, 'node_modules/better-sqlite3')
  if (existsSync(driver)) versions.push(`better-sqlite3 ${versionIn(join(driver, '..'), 'better-sqlite3')}`)
  if (setup.isBundled) {
    run(project, 'npm', ['run', 'build'])
    // What the bundle still needs of them it would not find where it is deployed.
    for (const name of ['uniqc-task-store', 'drizzle-orm'])
      rmSync(join(project, 'node_modules', name), { recursive: true })
  }
  if (setup.fails === undefined) {
    for (const [command, ...args] of setup.steps ?? [['npm', 'test']]) run(project, command, args)
  } else checkThatItFails(project, setup.fails)
  return versions.join(', ')
}

function checkThatItFails(project: string, how: RegExp): void {
  try {
    run(project, 'npm', ['test'])
  } catch (error) {
    if (how.test(String(error))) return
    throw error
  }
  throw new Error('it works now: say so in docs/setups.md')
}

const unknown = wanted.filter((name) => !SETUPS.some((setup) => setup.name === name))
if (unknown.length > 0) throw new Error(`there is no setup ${unknown.join(', ')}`)
const setups = SETUPS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
const managers = setups.flatMap(({ install, tools: names }) => (install === undefined ? [] : (names ?? [])))
mkdirSync(tools)
if (managers.length > 0) run(tools, 'npm', ['install', '--no-audit', '--no-fund', ...new Set(managers)])

let failed = 0
console.log(`| setup | ${node}, ${process.platform} ${arch()} | versions |\n|---|---|---|`)
for (const setup of setups) {
  try {
    const versions = check(setup)
    console.log(
      `| ${setup.name} | ${setup.fails === undefined ? 'works' : 'does not work, as documented'} | ${versions} |`,
    )
  } catch (error) {
    failed++
    console.log(`| ${setup.name} | FAILED | |`)
    console.error(error instanceof Error ? error.message.slice(-4000) : error)
  }
  rmSync(join(folder, setup.name), { recursive: true, force: true })
}
process.exitCode = failed === 0 ? 0 : 1
