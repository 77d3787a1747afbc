import assert from 'node:assert/strict'
import test from 'node:test'
import { TaskPersistence, TaskStore } from 'uniqc-task-store'
import { needsPython, runPython } from '../support/processes.ts'
import { temporaryFile } from '../support/temporary.ts'

const TASK = { taskId: 'a', backend: 'b', status: 'running' } as const
const BEYOND = 2n ** 53n + 1n

/** The cell, exactly. */
const cellOf = (store: TaskStore, table = 'tasks') =>
  store.db.$client.prepare(`SELECT shots FROM ${table}`).pluck().safeIntegers().get()

test('shots that Python wrote beyond 2^53 are found by check', needsPython, async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  for (const taskId of ['a', 'b', 'archived']) store.save({ ...TASK, taskId, shots: Number.MAX_SAFE_INTEGER })
  const program = `
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.execute("UPDATE tasks SET shots = ? WHERE task_id != 'b'", (2**53 + 1,))
c.commit()
`
  await runPython(program, file)
  store.archive.archive('archived')
  const { findings, isSound } = store.check()
  const found = findings.find(({ kind }) => kind === 'inexact-shots')
  assert.deepEqual([found?.severity, found?.rows, isSound], ['warning', ['a', 'archived'], true])
  assert.equal(store.get('a')?.shots, 2 ** 53)
})

test('an update that does not name shots leaves their cell, and so does a move', () => {
  using store = new TaskStore({ file: ':memory:' })
  store.save(TASK)
  store.db.$client.prepare('UPDATE tasks SET shots = ?').run(BEYOND)
  store.update('a', { status: 'failed' })
  store.update('a', { metadata: { n: 1 }, result: [1] })
  store.update('a', { updateTime: '2026-01-01' }, { keepUpdateTime: true })
  store.addShard({ uniqcTaskId: 'a', platformTaskId: 'p' }, { refreshTask: true })
  const persistence = new TaskPersistence(store)
  persistence.update('a', { note: 1 })
  persistence.upsert({ task_id: 'a', status: 'running', error_message: 'e' })
  assert.equal(cellOf(store), BEYOND)
  store.archive.archive('a')
  assert.equal(cellOf(store, 'archived_tasks'), BEYOND)
  store.archive.restore('a')
  assert.equal(cellOf(store), BEYOND)
})

test('a task that was read with such shots is not saved back as the nearest number', () => {
  using store = new TaskStore({ file: ':memory:' })
  store.save(TASK)
  store.db.$client.prepare('UPDATE tasks SET shots = ?').run(BEYOND)
  const task = store.get('a')
  assert.ok(task)
  assert.throws(() => store.save({ ...task, status: 'failed' }), { code: 'INVALID_TASK', message: /shots/ })
  assert.equal(cellOf(store), BEYOND)
})
