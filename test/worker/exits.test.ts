import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { assertSound } from '../support/sound-file.ts'
import { temporaryFolder } from '../support/temporary.ts'

const ROOT = join(import.meta.dirname, '../..')

/** Runs a program that has a store, and returns how it ended and the ids of the tasks that it left. */
function run(t: TestContext, program: string) {
  const file = join(temporaryFolder(t), 'tasks.sqlite')
  const text = `
    import Database from 'better-sqlite3'
    import { WorkerTaskStore } from 'uniqc-task-store/worker'
    const file = process.argv[1]
    const store = await WorkerTaskStore.open({ file })
    const task = (taskId) => ({ taskId, backend: 'b', status: 'running' })
    ${program}
  `
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', text, file],
    { cwd: ROOT, encoding: 'utf8', timeout: 60_000 },
  )
  using store = new TaskStore({ file })
  assertSound(file)
  return { status, signal, stdout, stderr, ids: store.list().map(({ taskId }) => taskId) }
}

test('a program that forgets to close its store ends by itself', (t) => {
  const { status, ids } = run(t, `await store.save(task('a'))`)
  assert.deepEqual([status, ids], [0, ['a']])
})

test('a call that nobody waits for is done before the program ends', (t) => {
  const { status, ids } = run(t, `store.save(task('a')); store.transaction((tx) => tx.save(task('b')))`)
  assert.deepEqual([status, ids.sort()], [0, ['a', 'b']])
})

test('a store that is being closed keeps the program until it is closed', (t) => {
  const { status, ids } = run(t, `store.save(task('a')); store.close()`)
  assert.deepEqual([status, ids], [0, ['a']])
})

test('what was acknowledged stays when the process exits, and an open transaction is undone', (t) => {
  const { status, signal, ids } = run(
    t,
    `await store.save(task('a'))
    await store.transaction(async (tx) => {
      await tx.save(task('b'))
      process.exit(3)
    })`,
  )
  assert.deepEqual([status, signal, ids], [3, null, ['a']])
})

test('a process exits as it is told while a call waits for a lock', (t) => {
  const { status, signal, stderr, ids } = run(
    t,
    `const other = new Database(file)
    other.exec('BEGIN IMMEDIATE')
    store.save(task('a'))
    store.save(task('b'))
    setTimeout(() => process.exit(3), 100)`,
  )
  assert.deepEqual([status, signal, ids], [3, null, []], stderr)
})

test('a process exits as it is told in the middle of a long call', (t) => {
  const { status, signal, stderr } = run(
    t,
    `function* tasks() { for (let i = 0; i < 100_000; i++) yield task(\`t\${i}\`) }
    let parts = 0
    store.saveMany(tasks()).catch(() => undefined)
    setTimeout(() => process.exit(3), 100)`,
  )
  assert.deepEqual([status, signal], [3, null], stderr)
})

test('an error that nobody catches ends the program as always', (t) => {
  const { status, signal, stderr } = run(t, `store.get(5)`)
  assert.deepEqual([status, signal], [1, null])
  assert.match(stderr, /taskId must be a string, not a number/)
})
