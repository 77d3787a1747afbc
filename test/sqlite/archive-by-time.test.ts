import assert from 'node:assert/strict'
import test from 'node:test'
import Database from 'better-sqlite3'
import { ArgumentError, TaskStore } from 'uniqc-task-store'
import { temporaryFile } from '../support/temporary.ts'

const HOUR = 3_600_000
const ago = (hours: number) => new Date(Date.now() - hours * HOUR)

/** A store whose tasks are named by how many hours ago they were submitted and updated. */
function open() {
  const store = new TaskStore({ file: ':memory:' })
  for (const [submitted, updated] of [
    [50, 50],
    [50, 2],
    [2, 1],
  ] as const) {
    const times = { submitTime: ago(submitted), updateTime: ago(updated) }
    const task = { taskId: `${submitted} ${updated}`, backend: 'b', status: 'success', ...times } as const
    store.save(task, { keepUpdateTime: true })
  }
  return store
}

test('archiveOlderThan by another time is an ArgumentError, and nothing is moved', () => {
  using store = open()
  for (const by of ['archivedAt', 'update_time', '', null, 5]) {
    assert.throws(
      () => store.archive.archiveOlderThan({ hours: 24, by: by as never }),
      (error) => error instanceof ArgumentError && error.argument === 'by',
    )
  }
  assert.equal(store.count(), 3)
})

test('archiveOlderThan goes by the submit time unless it is told to go by the update time', () => {
  for (const [by, archived] of [
    [undefined, ['50 50', '50 2']],
    ['submitTime', ['50 50', '50 2']],
    ['updateTime', ['50 50']],
  ] as const) {
    using store = open()
    const expected = { archived, conflicts: [], unreadable: [] }
    assert.deepEqual(store.archive.archiveOlderThan({ hours: 24, by, dryRun: true }), expected)
    assert.deepEqual(store.archive.archiveOlderThan({ hours: 24, by }), expected)
    assert.deepEqual(
      store.archive
        .list()
        .map(({ taskId }) => taskId)
        .toSorted(),
      archived.toSorted(),
    )
  }
})

test('a time that cannot be read is reported only where archiveOlderThan goes by it', () => {
  using store = open()
  store.db.$client.exec("UPDATE tasks SET update_time = 'noon' WHERE task_id = '50 2'")
  assert.deepEqual(store.archive.archiveOlderThan({ hours: 24, by: 'updateTime' }), {
    archived: ['50 50'],
    conflicts: [],
    unreadable: ['50 2'],
  })
  assert.deepEqual(store.archive.archiveOlderThan({ hours: 24 }).archived, ['50 2'])
})

test('an update takes a task out of those that are old by their update time', () => {
  using store = open()
  const before = store.archive.archiveOlderThan({ hours: 24, by: 'updateTime', dryRun: true })
  store.update('50 50', { metadata: { seen: true } })
  assert.deepEqual(before.archived, ['50 50'])
  assert.deepEqual(store.archive.archiveOlderThan({ hours: 24, by: 'updateTime' }).archived, [])
})

test("a task that a trigger of the user's makes run again stays, although it was found to be old", (t) => {
  const file = temporaryFile(t)
  // More than a batch of them before the one that is changed.
  const taskIds = [...Array.from({ length: 40 }, (_, i) => `uqt_${i}`), 'uqt_last']
  const tasks = taskIds.map(
    (taskId) => ({ taskId, backend: 'b', status: 'success', submitTime: ago(50) }) as const,
  )
  new TaskStore({ file })[Symbol.dispose]()
  const database = new Database(file)
  database.exec(
    `CREATE TABLE notes (task_id TEXT REFERENCES tasks ON DELETE CASCADE);
     CREATE TRIGGER again AFTER DELETE ON notes BEGIN
       UPDATE tasks SET status = 'running' WHERE task_id = 'uqt_last'; END`,
  )
  database.close()
  using store = new TaskStore({ file })
  store.saveMany(tasks)
  const other = new Database(file)
  other.exec("INSERT INTO notes VALUES ('uqt_0')")
  other.close()
  assert.deepEqual(store.archive.archiveOlderThan({ hours: 24 }).archived, taskIds.slice(0, -1))
  assert.equal(store.get('uqt_last')?.status, 'running')
})
