import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { type LongCallOptions, TaskStore } from 'uniqc-task-store'
import { temporaryFile } from '../support/temporary.ts'

const TASK = { backend: 'originq', status: 'success', submitTime: '2020-01-01' } as const

/** The statements that a store ran. */
function open(t: TestContext): { store: TaskStore; database: Database.Database; ran: string[] } {
  const ran: string[] = []
  const database = new Database(temporaryFile(t), { verbose: (sql) => ran.push(String(sql)) })
  t.after(() => database.close())
  return { store: new TaskStore({ database }), database, ran }
}

const CALLS: Readonly<Record<string, (store: TaskStore, options: LongCallOptions<object>) => unknown>> = {
  clearCompleted: (store, options) => store.clearCompleted(undefined, options),
  clearAll: (store, options) => store.clearAll(options),
  archiveOlderThan: (store, options) => store.archive.archiveOlderThan({ hours: 1, ...options }),
}

for (const [name, call] of Object.entries(CALLS)) {
  test(`${name} takes fewer tasks under one lock where each takes long`, (t) => {
    const { store, database } = open(t)
    store.saveMany(Array.from({ length: 60 }, (_, i) => ({ ...TASK, taskId: `t${i}` })))
    const sleeping = new Int32Array(new SharedArrayBuffer(4))
    database.function('take_time', () => void Atomics.wait(sleeping, 0, 0, 5))
    database.exec('CREATE TRIGGER slow BEFORE DELETE ON tasks BEGIN SELECT take_time(); END')
    const left = [60]
    call(store, { onProgress: () => left.push(store.count()) })
    const taken = left.map((count, i) => (left[i - 1] ?? count) - count).filter((count) => count > 0)
    assert.equal(taken[0], 25)
    assert.equal(taken[1], 12)
    assert.ok(Math.max(...taken.slice(2)) <= 12, `${taken}`)
    assert.equal(left.at(-1), 0)
  })
}

test('a merge writes large records few under one lock', (t) => {
  const { store, ran } = open(t)
  const file = temporaryFile(t)
  {
    using other = new TaskStore({ file })
    const result = 'x'.repeat(3_000_000)
    other.saveMany(Array.from({ length: 7 }, (_, i) => ({ ...TASK, taskId: `t${i}`, result })))
  }
  ran.length = 0
  assert.equal(store.mergeFile(file).added, 7)
  assert.equal(ran.filter((sql) => sql === 'COMMIT').length, 3)
  assert.equal(store.count(), 7)
})
