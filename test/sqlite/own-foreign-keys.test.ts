import assert from 'node:assert/strict'
import test from 'node:test'
import { TaskPersistence, TaskStore, TaskStoreError } from 'uniqc-task-store'
import { readRows } from '../support/read-rows.ts'

const DONE = { backend: 'originq', status: 'success', submitTime: '2020-01-01' } as const

/** A store with five tasks, of which a row of a table of the caller's own refers to `b`. */
function open(key: string, more = '') {
  const store = new TaskStore({ file: ':memory:' })
  for (const taskId of ['a', 'b', 'c', 'd', 'e']) {
    store.save({ ...DONE, taskId })
    store.addShard({ uniqcTaskId: taskId, platformTaskId: taskId, status: 'success' })
  }
  store.db.$client.exec(`CREATE TABLE my_notes (id INTEGER PRIMARY KEY, task TEXT ${key}); ${more}`)
  store.db.$client.exec("INSERT INTO my_notes (task) VALUES ('b')")
  return store
}

function isReferredTo(error: unknown, table = 'my_notes') {
  assert.ok(error instanceof TaskStoreError, String(error))
  assert.equal(error.code, 'CONFLICT')
  assert.ok(error.message.includes(`"${table}"`), error.message)
  assert.match(error.message, /ON DELETE CASCADE or SET NULL/)
  assert.match(String((error.cause as { code?: string }).code), /^SQLITE_CONSTRAINT_/)
  return true
}

const KEEPING = {
  'that says nothing of deletion': 'REFERENCES tasks (task_id)',
  'that restricts': 'REFERENCES tasks ON DELETE RESTRICT',
  'in other letters': 'REFERENCES "Tasks" ("TASK_ID")',
  'that is deferred': 'REFERENCES tasks (task_id) DEFERRABLE INITIALLY DEFERRED',
}
for (const [what, key] of Object.entries(KEEPING)) {
  test(`a foreign key ${what} makes a deletion a CONFLICT that names the table, and nothing is deleted`, () => {
    using store = open(key)
    const persistence = new TaskPersistence(store)
    const before = readRows(store)
    for (const call of [
      () => store.delete('b'),
      () => store.archive.archive('b'),
      () => store.clearCompleted(),
      () => store.clearAll(),
      () => persistence.delete('b'),
      () => persistence.clearCompleted(),
      () => store.transaction(() => store.delete('b')),
      () => store.transaction(() => store.transaction(() => store.archive.archive('b'))),
      () => store.transaction(() => store.archive.archiveMany(['a', 'b']).find(({ error }) => fail(error))),
    ]) {
      assert.throws(call, isReferredTo)
      assert.deepEqual(readRows(store), before)
    }
  })

  test(`a foreign key ${what} keeps one of many tasks from being archived, and not the others`, () => {
    using store = open(key)
    const results = store.archive.archiveMany(['a', 'b', 'c', 'x'])
    assert.deepEqual(
      results.map(({ taskId, outcome }) => [taskId, outcome]),
      [
        ['a', 'archived'],
        ['b', 'conflict'],
        ['c', 'archived'],
        ['x', 'not-found'],
      ],
    )
    isReferredTo(results[1]?.error)
    const report = store.archive.archiveOlderThan({ hours: 1 })
    assert.deepEqual(report, { archived: ['d', 'e'], conflicts: ['b'], unreadable: [] })
    assert.deepEqual([store.getShards('b').length, store.archive.getShards('a').length], [1, 1])
    assert.deepEqual([store.count(), store.archive.count()], [1, 4])
  })

  test(`a foreign key ${what} keeps nothing when its row is gone`, () => {
    using store = open(key)
    store.db.$client.exec('DELETE FROM my_notes')
    assert.equal(store.archive.archive('b'), true)
    assert.equal(store.clearCompleted(), 4)
  })
}

test('a live record that a row refers to is not replaced by its archived copy', () => {
  using store = open('REFERENCES tasks (task_id)')
  store.db.$client.exec('DELETE FROM my_notes')
  store.archive.archive('b')
  store.save({ ...DONE, taskId: 'b', shots: 7 })
  store.db.$client.exec("INSERT INTO my_notes (task) VALUES ('b')")
  assert.throws(() => store.archive.restore('b', { onConflict: 'archived' }), isReferredTo)
  assert.throws(() => store.archive.archive('b', { onConflict: 'archived' }), isReferredTo)
  assert.equal(store.get('b')?.shots, 7)
})

test('an archived task and a shard can be referred to as well', () => {
  using store = open(
    'REFERENCES archived_tasks (task_id) DEFERRABLE INITIALLY DEFERRED',
    'DROP TABLE my_notes; CREATE TABLE my_notes (id, task TEXT)',
  )
  store.db.$client.exec(`CREATE TABLE kept (task TEXT REFERENCES archived_tasks (task_id));
    CREATE TABLE part (task TEXT, n INTEGER, FOREIGN KEY (task, n) REFERENCES task_shards (uniqc_task_id, shard_index));
    INSERT INTO part VALUES ('a', 0)`)
  store.archive.archive('b')
  store.db.$client.exec("INSERT INTO kept VALUES ('b')")
  assert.throws(
    () => store.archive.delete('b'),
    (error) => isReferredTo(error, 'kept'),
  )
  assert.deepEqual(
    store.archive.deleteMany(['b']).map(({ outcome }) => outcome),
    ['conflict'],
  )
  assert.throws(
    () => store.archive.restore('b'),
    (error) => isReferredTo(error, 'kept'),
  )
  assert.throws(
    () => store.deleteShards('a'),
    (error) => isReferredTo(error, 'part'),
  )
  assert.throws(
    () => store.delete('a'),
    (error) => isReferredTo(error, 'part'),
  )
})

test('a table that refers to one whose rows go with a task is the one that is named', () => {
  using store = open(
    'REFERENCES tasks ON DELETE CASCADE',
    'CREATE TABLE my_bills (note INTEGER REFERENCES my_notes (id))',
  )
  store.db.$client.exec('INSERT INTO my_bills VALUES (1)')
  assert.throws(
    () => store.delete('b'),
    (error) => isReferredTo(error, 'my_bills'),
  )
  assert.equal(store.count(), 5)
})

test('rows that go with their task or let go of it are in no one’s way', () => {
  for (const [action, rows] of [
    ['CASCADE', []],
    ['SET NULL', [null]],
  ] as const) {
    using store = open(`REFERENCES tasks ON DELETE ${action}`)
    assert.equal(store.archive.archive('b'), true)
    assert.deepEqual(store.db.$client.prepare('SELECT task FROM my_notes').pluck().all(), rows)
  }
})

test("an error of the caller's own statement that no deletion caused stays as it is", () => {
  using store = open('REFERENCES tasks ON DELETE CASCADE')
  const insert = () => store.db.$client.exec("INSERT INTO my_notes (task) VALUES ('nothing')")
  assert.throws(insert, { name: 'SqliteError' })
  assert.throws(() => store.transaction(insert), {
    name: 'SqliteError',
    code: 'SQLITE_CONSTRAINT_FOREIGNKEY',
  })
})

test('the tables are looked up in a file with a virtual table', () => {
  using store = open('REFERENCES tasks', 'CREATE VIRTUAL TABLE words USING fts5(word)')
  assert.throws(() => store.delete('b'), isReferredTo)
})

test('an id that comes twice in a batch is archived once, then found by what it replaced', () => {
  using store = new TaskStore({ file: ':memory:' })
  store.save({ ...DONE, taskId: 'old' })
  store.save({ ...DONE, taskId: 'uqt_x', metadata: { legacy_platform_id: 'old' } })
  store.addShard({ uniqcTaskId: 'uqt_x', platformTaskId: 'old' })
  assert.deepEqual(
    store.archive.archiveMany(['old', 'old', 'uqt_x']).map(({ outcome }) => outcome),
    ['archived', 'archived', 'already-there'],
  )
})

/** Ends a transaction with the error of one of its tasks; with a deferred key it is the commit that does. */
function fail(error: Error | undefined): boolean {
  if (error !== undefined) throw error
  return false
}
