import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { atTerminal, CTRL_C, cli, cliJson, ended, needsTerminal, start } from '../support/cli.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

/** So many that a signal comes in the middle. */
const TASKS = 8000

const line = (i: number) =>
  JSON.stringify({
    ...{ task_id: `task-${i}`, backend: 'originq:WK_C180', status: 'success', shots: 1000 },
    ...{ submit_time: '2026-01-01T00:00:00', update_time: '2026-01-01T00:00:00' },
    ...{
      result: { '00': 512, '11': 488 },
      metadata: { circuit: 'H q[0]; '.repeat(20) },
      error_message: null,
    },
  })

let lines: string

function makeLines(t: TestContext): string {
  const file = join(temporaryFolder(t), 'tasks.jsonl')
  lines ??= Array.from({ length: TASKS }, (_, i) => `${line(i)}\n`).join('')
  writeFileSync(file, lines)
  return file
}

let whole: Buffer

/** A file with all tasks. */
function makeFile(t: TestContext): string {
  const file = temporaryFile(t)
  if (whole === undefined) {
    const store = new TaskStore({ file, synchronous: 'NORMAL' })
    store.importFile(makeLines(t))
    store.close()
    whole = readFileSync(file)
  }
  writeFileSync(file, whole)
  return file
}

/** Interrupts a command as soon as something is so, which it makes so. */
async function interruptOnce(child: ReturnType<typeof start>, isSo: () => boolean) {
  const end = ended(child)
  while (child.exitCode === null && !isSo()) await new Promise((fulfil) => setTimeout(fulfil, 2))
  child.kill('SIGINT')
  return end
}

function countIn(file: string, archived = false): number {
  try {
    using store = new TaskStore({ file, readonly: true })
    return archived ? store.archive.count() : store.count()
  } catch {
    // It is not there yet.
    return 0
  }
}

const isSound = async (file: string) => {
  const { isSound } = (await cliJson(['check', '--file', file])) as { isSound: boolean }
  return isSound
}

test('an import that is interrupted keeps what was imported, says how to go on, and goes on', async (t) => {
  const [file, lines] = [temporaryFile(t), makeLines(t)]
  const { code, output, errors } = await interruptOnce(
    start(['import', lines, '--file', file]),
    () => countIn(file) > 0,
  )
  assert.deepEqual([code, output], [130, ''])
  const [, imported, read] =
    /^error: interrupted while importing: (\d+) of (\d+) records that were read are imported and stay; the same command goes on\n$/.exec(
      errors,
    ) ?? []
  assert.ok(imported !== undefined, errors)
  assert.equal(countIn(file), Number(imported))
  assert.ok(Number(imported) > 0 && Number(read) < TASKS, errors)
  assert.ok(await isSound(file))
  const report = (await cliJson(['import', lines, '--file', file])) as Record<string, number>
  assert.deepEqual([report.imported, report.unchanged], [TASKS - Number(imported), Number(imported)])
})

test('an export that is interrupted leaves no file, and the same command begins again', async (t) => {
  const file = makeFile(t)
  const folder = temporaryFolder(t)
  const to = join(folder, 'tasks.jsonl')
  const { code, output, errors } = await interruptOnce(
    start(['export', to, '--file', file]),
    () => readdirSync(folder).length > 0,
  )
  assert.deepEqual([code, output], [130, ''])
  assert.equal(
    errors,
    'error: interrupted while exporting: no file was written; the same command begins again\n',
  )
  assert.deepEqual(readdirSync(folder), [])
  assert.deepEqual(await cliJson(['export', to, '--file', file]), { tasks: TASKS, shards: 0 })
})

test('a prune that is interrupted keeps what was archived, and goes on', async (t) => {
  const file = makeFile(t)
  const args = ['prune', '--older-than', '1d', '--file', file]
  const { code, output, errors } = await interruptOnce(start(args), () => countIn(file, true) > 0)
  assert.deepEqual([code, output], [130, ''])
  assert.match(
    errors,
    /^error: interrupted while archiving: what was done stays done.*the same command goes on\n$/,
  )
  const archived = countIn(file, true)
  assert.ok(archived > 0 && archived < TASKS, String(archived))
  assert.equal(archived + countIn(file), TASKS)
  assert.ok(await isSound(file))
  assert.equal((await cli(args)).output, `archived ${TASKS - archived} tasks\n`)
})

test('deletions, copies and backups that are interrupted leave the store whole', async (t) => {
  const file = makeFile(t)
  const other = join(temporaryFolder(t), 'other.sqlite')
  const copied = await interruptOnce(start(['copy', '--to', other, '--file', file]), () => countIn(other) > 0)
  assert.equal(copied.code, 130)
  assert.match(copied.errors, /interrupted while copying: \d+ tasks were read/)
  assert.ok(await isSound(other))
  const folder = temporaryFolder(t)
  const backup = join(folder, 'backup.sqlite')
  const backedUp = await interruptOnce(
    start(['backup', backup, '--file', file]),
    () => readdirSync(folder).length > 0,
  )
  assert.equal(backedUp.code, 130)
  assert.deepEqual(readdirSync(folder), [])
  const cleared = await interruptOnce(start(['clear', '--yes', '--file', file]), () => countIn(file) < TASKS)
  assert.equal(cleared.code, 130)
  assert.match(cleared.errors, /interrupted while deleting: what is deleted stays deleted/)
  assert.ok(await isSound(file))
})

test('at a terminal the progress is shown, and Ctrl-C ends the call', needsTerminal, async (t) => {
  const [file, lines] = [temporaryFile(t), makeLines(t)]
  const { code, screen } = await atTerminal(80, ['import', lines, '--file', file], {
    // The bar has moved.
    typed: [['[1-9][0-9]*/s', CTRL_C]],
  })
  assert.equal(code, 130)
  assert.match(screen, /error: interrupted while importing: \d+ of \d+ records/)
  assert.ok(screen.endsWith('the same command goes on\n'), screen.slice(-200))
  const whole = await atTerminal(80, ['import', lines, '--file', file])
  assert.equal(whole.code, 0)
  assert.match(
    whole.lines.at(-1) ?? '',
    /done: 8,000 read, [\d,]+ imported, [\d,]+ unchanged, 0 superseded, 0 skipped$/,
  )
})
