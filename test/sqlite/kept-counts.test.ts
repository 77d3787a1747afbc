import assert from 'node:assert/strict'
import { renameSync, rmSync } from 'node:fs'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { type TaskFilter, TaskStore } from 'uniqc-task-store'
import { checkFilter } from '../../src/rules/task-filter.ts'
import { Connection } from '../../src/sqlite/connection.ts'
import { locateStore } from '../../src/sqlite/store-location.ts'
import { TaskList } from '../../src/sqlite/tables/task-list.ts'
import { needsPython, runModule, runPython } from '../support/processes.ts'
import { temporaryFile } from '../support/temporary.ts'

/** More than are counted each time. */
const MANY = 1200
const STATUSES = ['running', 'success'] as const
const FILTERS: readonly TaskFilter[] = [
  {},
  { status: 'running' },
  { platform: 'originq' },
  { backend: 'ibm:one' },
]

/** A store of many tasks on two backends. */
function openMany(
  t: TestContext,
  options: { readonly file: string } = { file: temporaryFile(t) },
): TaskStore {
  const store = new TaskStore({ ...options, synchronous: 'NORMAL' })
  store.saveMany(
    Array.from({ length: MANY }, (_, i) => ({
      taskId: `task-${i}`,
      backend: i % 3 ? 'originq:one' : 'ibm:one',
      status: STATUSES[i % 2] as (typeof STATUSES)[number],
    })),
  )
  t.after(() => store.close())
  return store
}

type Calls = 'count' | 'countByStatus' | 'countByBackend' | 'listSummaries' | 'archive'

/** Counts, and the tasks that were inserted last: backends and statuses that are looked up for lists are kept, too. */
const countsOf = (store: Pick<TaskStore, Calls>) =>
  FILTERS.map((filter) => [
    store.count(filter),
    store.countByStatus(filter),
    store.countByBackend(filter),
    store.archive.count(filter),
    store.archive.countByStatus(filter),
    store.listSummaries({ ...filter, archived: 'both', limit: 5 }),
  ])

/** What a store says that has counted nothing before. */
function countsOfFile(file: string) {
  using store = new TaskStore({ file, readonly: true })
  return countsOf(store)
}

test('many tasks of an unchanged file are counted once, and again after any change', (t) => {
  const store = openMany(t)
  const connection = new Connection(locateStore({ file: store.file }))
  t.after(() => connection.close())
  const list = new TaskList(connection)
  const count = () => list.countByStatus('live', checkFilter())
  const first = count()
  assert.equal(count(), first)
  store.save({ taskId: 'new', backend: 'b', status: 'running' })
  const second = count()
  assert.notEqual(second, first)
  assert.equal(count(), second)
  connection.transaction(() => connection.live.delete('new'))
  assert.notEqual(count(), second)
  assert.deepEqual(count(), first)
  connection.handOut()
  assert.notEqual(count(), count())
})

/** Each changes the file, or leaves it as it is, in some way. */
const STEPS: Readonly<
  Record<string, (store: TaskStore, other: TaskStore, raw: Database.Database, i: number) => void>
> = {
  save: (store, _, __, i) => store.save({ taskId: `new-${i}`, backend: 'originq:two', status: 'running' }),
  update: (store, _, __, i) => store.update(`task-${i}`, { status: 'failed' }),
  delete: (store, _, __, i) => store.delete(`task-${i}`),
  archive: (store, _, __, i) => store.archive.archive(`task-${i}`),
  restore: (store, _, __, i) => store.archive.restore(`task-${i}`),
  nothing: () => undefined,
  'save of another store': (_, other, __, i) =>
    other.save({ taskId: `other-${i}`, backend: 'ibm:one', status: 'success' }),
  'archive of another store': (_, other, __, i) => other.archive.archive(`task-${i}`),
  'insert past the store': (_, __, raw, i) =>
    raw
      .prepare(
        "INSERT OR REPLACE INTO tasks (task_id, backend, status, submit_time, update_time) VALUES (?, 'originq', 'odd', '2026', '2026')",
      )
      .run(`raw-${i}`),
  'transaction of another connection that is undone': (store, _, raw, i) => {
    raw.exec('BEGIN IMMEDIATE')
    raw.prepare('DELETE FROM tasks WHERE task_id = ?').run(`task-${i}`)
    countsOf(store)
    raw.exec('ROLLBACK')
  },
  'transaction of another connection, with counts before its end': (store, _, raw, i) => {
    raw.exec('BEGIN IMMEDIATE')
    raw.prepare('DELETE FROM tasks WHERE task_id = ?').run(`task-${i}`)
    countsOf(store)
    raw.exec('COMMIT')
  },
  'transaction with counts': (store, _, __, i) =>
    store.transaction(() => {
      store.delete(`task-${i}`)
      countsOf(store)
    }),
  'transaction with counts that is undone': (store, _, __, i) => {
    assert.throws(() =>
      store.transaction(() => {
        store.delete(`task-${i}`)
        countsOf(store)
        throw new Error('undone')
      }),
    )
  },
  'savepoint with counts that is undone': (store, _, __, i) =>
    store.transaction(() => {
      countsOf(store)
      assert.throws(() =>
        store.transaction(() => {
          store.archive.archive(`task-${i}`)
          countsOf(store)
          throw new Error('undone')
        }),
      )
    }),
}

test('counts are those of the file, whatever its connections did between any two', (t) => {
  const names = Object.keys(STEPS)
  const steps = fc.array(fc.tuple(fc.constantFrom(...names), fc.nat(20)), { maxLength: 30 })
  const store = openMany(t)
  using other = new TaskStore({ file: store.file, synchronous: 'NORMAL' })
  const raw = new Database(store.file)
  t.after(() => raw.close())
  fc.assert(
    fc.property(steps, (taken) => {
      for (const [name, i] of taken) {
        STEPS[name]?.(store, other, raw, i)
        assert.deepEqual(countsOf(store), countsOfFile(store.file), name)
      }
    }),
    { numRuns: 15 },
  )
})

test('counts are those of the connection that db hands out, also inside its transactions', (t) => {
  const store = openMany(t)
  const before = countsOf(store)
  const { $client } = store.db
  const remove = $client.prepare('DELETE FROM tasks WHERE rowid < 500')
  $client.exec('BEGIN')
  remove.run()
  const within = countsOf(store)
  assert.notDeepEqual(within, before)
  $client.exec('ROLLBACK')
  assert.deepEqual(countsOf(store), before)
  remove.run()
  assert.deepEqual(countsOf(store), within)
  const rows = $client.prepare("UPDATE tasks SET status = 'odd' RETURNING task_id").iterate()
  rows.next()
  store.count({ status: 'running' })
  rows.return?.()
  assert.deepEqual(countsOf(store), countsOfFile(store.file))
  $client.exec('DROP TABLE task_shards; DELETE FROM tasks')
  assert.equal(store.count(), 0)
})

test('counts are those of a database that was handed in', (t) => {
  const { file } = openMany(t)
  const database = new Database(file)
  t.after(() => database.close())
  const store = new TaskStore({ database })
  const before = countsOf(store)
  database.exec('BEGIN; DELETE FROM tasks')
  assert.equal(store.count(), 0)
  database.exec('ROLLBACK')
  assert.deepEqual(countsOf(store), before)
})

test('counts are those of the file that replaced another one, once the store has followed it', (t) => {
  const store = openMany(t)
  countsOf(store)
  const file = temporaryFile(t)
  using other = new TaskStore({ file })
  other.saveMany(
    Array.from({ length: MANY }, (_, i) => ({
      taskId: `other-${i}`,
      backend: 'ibm:one',
      status: 'failed' as const,
    })),
  )
  other.close()
  for (const ending of ['', '-wal', '-shm']) rmSync(store.file + ending)
  renameSync(file, store.file)
  // A write looks at once.
  store.delete('none')
  assert.equal(store.countByStatus().failed, MANY)
  assert.deepEqual(countsOf(store), countsOfFile(store.file))
})

test('counts of a file in memory follow its changes', (t) => {
  const store = openMany(t, { file: ':memory:' })
  const [[before]] = countsOf(store) as [[number]]
  store.delete('task-1')
  assert.equal(store.count(), before - 1)
})

const DELETE_ONE = `
import { TaskStore } from 'uniqc-task-store'
const store = new TaskStore({ file: process.argv[1] })
store.delete(process.argv[2])
store.close()`

const DELETE_ONE_IN_PYTHON = `
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.execute("DELETE FROM tasks WHERE task_id = ?", (sys.argv[2],))
c.commit()`

for (const [name, run, source, options] of [
  ['process', runModule, DELETE_ONE, {}],
  ['Python', runPython, DELETE_ONE_IN_PYTHON, needsPython],
] as const) {
  test(`what another ${name} deletes between two calls is not counted`, options, async (t) => {
    const store = openMany(t)
    for (let i = 1; i <= 3; i++) {
      assert.equal(store.count(), MANY - i + 1)
      await run(source, store.file, `task-${i}`)
      assert.equal(store.count(), MANY - i)
      assert.deepEqual(countsOf(store), countsOfFile(store.file))
    }
  })
}

test('counts never go back while another process deletes without a pause', async (t) => {
  const store = openMany(t)
  let isDone = false
  const deleter = runModule(
    `import { TaskStore } from 'uniqc-task-store'
    const store = new TaskStore({ file: process.argv[1], synchronous: 'NORMAL' })
    for (let i = 0; i < 150; i++) store.delete('task-' + i)
    store.close()`,
    store.file,
  ).finally(() => {
    isDone = true
  })
  for (let last = MANY; !isDone; ) {
    const count = store.count()
    const { running, success } = store.countByStatus()
    assert.ok(
      count <= last && running + success <= count,
      `${count} of ${last}, then ${running} and ${success}`,
    )
    last = running + success
    // Lets the end of the other one be heard.
    await new Promise((fulfil) => setImmediate(fulfil))
  }
  await deleter
  assert.equal(store.count(), MANY - 150)
})
