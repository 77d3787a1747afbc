import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import test from 'node:test'
import { TaskPersistence, TaskStore } from 'uniqc-task-store'
import { createManual } from '../../build/create-manual.ts'
import type { CliCommand } from '../../src/cli/cli-command.ts'
import { createProgram } from '../../src/cli/program.ts'
import { atTerminal, cli, environment, needsTerminal, plain } from '../support/cli.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8')
const commandsOf = (program: CliCommand) => program.commands as readonly CliCommand[]

test('docs/cli.md is what npm run manual writes', () => {
  assert.ok(read('docs/cli.md') === createManual(), 'docs/cli.md is out of date: npm run manual')
})

test('every command has an example, and says what it prints as JSON', () => {
  for (const command of commandsOf(createProgram())) {
    assert.ok(command.examples.length > 0, command.name())
    assert.ok(command.shape !== undefined, command.name())
  }
})

test('every example is one that the program takes', async () => {
  const lines = [createProgram(), ...commandsOf(createProgram())].flatMap(({ examples }) => examples)
  for (const { line } of lines) {
    const [words = ''] = line.replace(/\$\([^)]*\)/g, 'x').split(/ (?:\||\|\||>) /)
    const program = createProgram()
    let ran = words.includes(' help ')
    for (const command of commandsOf(program)) {
      command.action(() => {
        ran = true
      })
    }
    program.configureOutput({ writeOut: () => undefined })
    await program.parseAsync(words.split(' ').slice(1), { from: 'user' }).catch((error) => {
      if (error.exitCode !== 0) throw error
    })
    assert.ok(ran, line)
  }
})

test('the help of each command shows its examples', async () => {
  const program = createProgram()
  for (const command of commandsOf(program).slice(0, 3)) {
    const { code, output, errors } = await cli([command.name(), '--help'])
    assert.deepEqual([code, errors], [0, ''])
    for (const { line } of command.examples) assert.ok(output.includes(`\n  ${line}\n`), line)
  }
  const { output } = await cli(['--help'])
  for (const command of commandsOf(program))
    assert.ok(output.includes(`\n  ${command.name()} `), command.name())
})

test('help and version load no driver of a database', (t) => {
  const folder = temporaryFolder(t)
  cpSync(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true })
  copyFileSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [join(folder, 'dist/cli/main.js'), ...args], {
      encoding: 'utf8',
      env: environment(),
    })
  for (const args of [['--help'], ['--version'], ['list', '--help'], ['help', 'copy'], ['lst']]) {
    const { status, stderr } = run(...args)
    assert.equal(status, args[0] === 'lst' ? 2 : 0, stderr)
  }
  // There is none in this folder.
  assert.match(run('list').stderr, /better-sqlite3/)
})

test('README shows what list and show print at a terminal', needsTerminal, async (t) => {
  const file = temporaryFile(t)
  const store = new TaskStore({ file })
  const records = new TaskPersistence(store)
  records.save(
    'quickstart-1',
    'originq:WK_C180',
    'success',
    { '00': 512, '11': 488 },
    { shots: 1000, note: 'a Bell pair' },
  )
  store.save({ taskId: 'quickstart-2', backend: 'ibm:ibm_fez', status: 'running', shots: 4096 })
  store.close()
  const masked = (text: string) =>
    text.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'TIME').replace(/\d+ (?:s|min|h|d) ago/g, 'AGO')
  const blocks = [
    ...read('README.md').matchAll(/^npx uniqc-task-store ([^\n]*)\n```\n\n```text\n(.*?)^```$/gms),
  ]
  assert.equal(blocks.length, 2)
  for (const [, command = '', shown = ''] of blocks) {
    const { screen } = await atTerminal(80, [...command.split(' '), '--file', file])
    assert.equal(masked(plain(screen)), masked(shown))
  }
})
