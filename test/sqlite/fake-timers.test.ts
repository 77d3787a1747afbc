import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import test from 'node:test'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import { runModule } from '../support/processes.ts'
import { temporaryFile } from '../support/temporary.ts'

/** Stops the clock of the process alone. */
const STOP_HRTIME = 'process.hrtime = () => [0, 0]\n'

/** The same, as node:test does it: what belongs to the function stays. */
const MOCK_HRTIME = `
  import { mock } from 'node:test'
  mock.method(process, 'hrtime', () => [0, 0])
`

/** Stops every clock, as the fake timers of test runners do: in its object, and by another object in its place. */
const STOP = `
  ${STOP_HRTIME}
  const moment = Date.UTC(2026, 4, 3)
  performance.now = () => 0
  Object.defineProperty(globalThis, 'performance', { value: { now: () => 0 } })
  globalThis.Date = class extends Date {
    constructor(...given) { super(...(given.length > 0 ? given : [moment])) }
    static now() { return moment }
  }
`

/** What test runners do if fake timers are set for all tests: the package is imported after that. */
const REPLACE = `
  ${STOP_HRTIME}
  Object.defineProperty(globalThis, 'performance', { value: { now: () => 0 } })
`

const IMPORT = `
  import Database from 'better-sqlite3'
  const { TaskStore } = await import('uniqc-task-store')
  const file = process.argv[1]
  const codeOf = (work) => { try { return work() } catch (error) { return error.code } }
`

const SAVE = "store.save({ taskId: 'a', backend: 'b', status: 'running' })"

for (const [what, before, after] of [
  ['stopped after the import', '', STOP],
  ['replaced before the import', REPLACE, ''],
  ['of the process mocked before the import', MOCK_HRTIME, ''],
  ['of the process replaced before the import', STOP_HRTIME, ''],
] as const) {
  test(`with a clock ${what}, a write to a locked file is LOCKED after its timeout`, async (t) => {
    const file = temporaryFile(t)
    new TaskStore({ file }).close()
    const other = new Database(file)
    t.after(() => other.close())
    other.exec('BEGIN IMMEDIATE')
    const output = await runModule(
      `${before}${IMPORT}${after}
      const store = new TaskStore({ file, timeout: 300 })
      console.log(codeOf(() => ${SAVE}), codeOf(() => store.clearAll()))`,
      file,
    )
    assert.equal(output, 'LOCKED LOCKED\n')
  })
}

test('with a stopped clock, opening a file whose journal cannot be changed is LOCKED after its timeout', async (t) => {
  const file = temporaryFile(t)
  new TaskStore({ file }).close()
  const other = new Database(file)
  t.after(() => other.close())
  other.pragma('journal_mode = DELETE')
  other.exec('BEGIN IMMEDIATE')
  const output = await runModule(
    `${IMPORT}${STOP}
    console.log(codeOf(() => new TaskStore({ file, timeout: 300 })))`,
    file,
  )
  assert.equal(output, 'LOCKED\n')
})

test('with a stopped clock, a log whose file is gone is waited for only so long', async (t) => {
  const file = temporaryFile(t)
  writeFileSync(`${file}-wal`, '')
  const output = await runModule(
    `${IMPORT}${STOP}
    const store = new TaskStore({ file })
    console.log(${SAVE}.taskId)`,
    file,
  )
  assert.equal(output, 'a\n')
  assert.ok(existsSync(file))
})

test('with a stopped clock, reads go on with the file that the path leads to now', async (t) => {
  const [file, other] = [temporaryFile(t), temporaryFile(t)]
  new TaskStore({ file }).close()
  {
    using store = new TaskStore({ file: other })
    store.save({ taskId: 'a', backend: 'b', status: 'running' })
  }
  const output = await runModule(
    `import { renameSync } from 'node:fs'
    ${IMPORT}${STOP}
    const store = new TaskStore({ file })
    store.count()
    renameSync(process.argv[2], file)
    while (store.get('a') === undefined);
    console.log('found')`,
    file,
    other,
  )
  assert.equal(output, 'found\n')
})

test('times that are stored follow the clock that a test sets', async (t) => {
  const output = await runModule(
    `${IMPORT}${STOP}
    const store = new TaskStore({ file })
    const { submitTime, updateTime } = ${SAVE}
    console.log(submitTime, updateTime)`,
    temporaryFile(t),
  )
  assert.match(output, /^(2026-05-03T00:00:00\.000\d{3}\+00:00\s){2}$/)
})

test('with fake timers that were set after the import, a list is watched all the same', async (t) => {
  const output = await runModule(
    `${IMPORT}
    const { mock } = await import('node:test')
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate'] })
    const store = new TaskStore({ file })
    const seen = []
    for await (const list of store.watch({}, { interval: 5 })) {
      seen.push(list.length)
      if (seen.length === 2) break
      ${SAVE}
    }
    console.log(seen.join())`,
    temporaryFile(t),
  )
  assert.equal(output, '0,1\n')
})
