import assert from 'node:assert/strict'
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import { openDriver } from '../../src/sqlite/driver.ts'
import { readRows } from '../support/read-rows.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const TASK = { taskId: 'a', backend: 'originq:WK_C180', status: 'running' } as const

/** A closed store with a task, into which another program has put something. */
function plant(t: TestContext, sql: string): string {
  const file = temporaryFile(t)
  const store = new TaskStore({ file })
  store.save(TASK)
  store.close()
  const database = new Database(file)
  database.exec(sql)
  database.pragma('journal_mode = DELETE')
  database.close()
  return file
}

const KEYLESS = 'backend, status, shots, submit_time, update_time, result_json, metadata_json, error_message'

/** What is refused, with what the message says that helps. */
const FOREIGN: Readonly<Record<string, readonly [sql: string, drop: RegExp]>> = {
  'a trigger on tasks': [
    "CREATE TRIGGER evil AFTER INSERT ON tasks BEGIN UPDATE tasks SET status = 'failed'; END",
    /the trigger evil on tasks.*DROP TRIGGER "evil"/,
  ],
  'a trigger with a quote in its name, on TASK_SHARDS': [
    'CREATE TRIGGER "e""vil" AFTER DELETE ON TASK_SHARDS BEGIN SELECT 1; END',
    /DROP TRIGGER "e""vil"/,
  ],
  'an endless trigger on the archive': [
    `CREATE TRIGGER evil BEFORE INSERT ON archived_tasks BEGIN
       INSERT INTO archived_task_shards SELECT i, i, i, i, i, i, i, i, i, i, i, i FROM
         (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i FROM n); END`,
    /DROP TRIGGER "evil"/,
  ],
  'a view under the name of tasks': [
    'ALTER TABLE tasks RENAME TO mine; CREATE VIEW tasks AS SELECT * FROM mine',
    /the view tasks.*DROP VIEW "tasks"/,
  ],
  'a virtual table under the name of tasks': [
    `DROP TABLE tasks; CREATE VIRTUAL TABLE tasks USING fts5(task_id, ${KEYLESS})`,
    /the table tasks, which is virtual.*DROP TABLE "tasks"/,
  ],
  'a table tasks WITHOUT ROWID': [
    `DROP TABLE tasks; CREATE TABLE tasks (task_id TEXT PRIMARY KEY, ${KEYLESS}) WITHOUT /**/ ROWID`,
    /the table tasks, which is WITHOUT ROWID/,
  ],
  'a table tasks with another key': [
    `DROP TABLE tasks; CREATE TABLE tasks (task_id TEXT, ${KEYLESS}, PRIMARY KEY (task_id, backend))`,
    /the table tasks, which has another key/,
  ],
  'a table tasks whose key is the rowid': [
    `DROP TABLE tasks; CREATE TABLE tasks (task_id INTEGER PRIMARY KEY, ${KEYLESS})`,
    /the table tasks, which has another key/,
  ],
  'a table tasks without a key': [
    `DROP TABLE tasks; CREATE TABLE tasks (task_id TEXT, ${KEYLESS})`,
    /the table tasks, which has another key/,
  ],
}

for (const [what, [sql, message]] of Object.entries(FOREIGN)) {
  test(`a file with ${what} is not opened, merged or restored, and stays as it is`, (t) => {
    const file = plant(t, sql)
    const bytes = readFileSync(file)
    const refused = { code: 'FOREIGN_FILE', message }
    assert.throws(() => new TaskStore({ file }), refused)
    assert.throws(() => new TaskStore({ file, readonly: true }), refused)
    assert.throws(() => new TaskStore(dirname(file)), refused)
    using store = new TaskStore({ file: temporaryFile(t) })
    store.save({ ...TASK, taskId: 'mine' })
    assert.throws(() => store.mergeFile(file), refused)
    assert.throws(() => TaskStore.restoreBackup(file, { file: store.file }), refused)
    assert.throws(() => TaskStore.restoreBackup(store.file, { file }), refused)
    assert.deepEqual(
      store.list().map(({ taskId }) => taskId),
      ['mine'],
    )
    assert.deepEqual(readFileSync(file), bytes)
  })

  test(`a database with ${what} that is handed in opens, and check names it`, (t) => {
    using database = openWith(plant(t, sql))
    const store = new TaskStore({ database: database.client })
    const found = store.check().findings.filter(({ kind }) => kind === 'foreign-object')
    assert.equal(found.length, 1)
    assert.match(found[0]?.rows[0] ?? '', /DROP (TRIGGER|VIEW|TABLE)/)
  })
}

function openWith(file: string) {
  const client = new Database(file)
  return { client, [Symbol.dispose]: () => client.close() }
}

test("a trigger of the user's on a table of his own is nobody's business", (t) => {
  const file = plant(
    t,
    `CREATE TABLE notes (x); CREATE VIEW seen AS SELECT * FROM tasks;
     CREATE TRIGGER own AFTER INSERT ON notes BEGIN DELETE FROM notes WHERE x IS NULL; END`,
  )
  using store = new TaskStore({ file })
  store.db.$client.exec('INSERT INTO notes VALUES (1), (NULL)')
  assert.deepEqual(store.db.$client.prepare('SELECT x FROM notes').pluck().all(), [1])
  assert.deepEqual(store.check().findings, [])
})

test('every connection trusts no schema, and checks the cells of the pages that it reads', (t) => {
  using store = new TaskStore({ file: temporaryFile(t) })
  for (const client of [store.db.$client, openDriver(':memory:', {})]) {
    assert.equal(client.pragma('trusted_schema', { simple: true }), 0)
    assert.equal(client.pragma('cell_size_check', { simple: true }), 1)
  }
})

/** A store with a table of the user's, whose rows refer to tasks. */
function openWithNotes(t: TestContext, rule: string) {
  const store = new TaskStore({ file: temporaryFile(t) })
  t.after(() => store.close())
  store.saveMany([TASK, { ...TASK, taskId: 'b' }])
  store.db.$client.exec(
    `CREATE TABLE notes (text, task TEXT REFERENCES tasks(task_id) ${rule});
     INSERT INTO notes VALUES ('on a', 'a'), ('on b', 'b')`,
  )
  return store
}

for (const rule of ['', 'ON DELETE CASCADE', 'ON DELETE RESTRICT', 'ON DELETE SET NULL']) {
  test(`a restore leaves tables of others as they are (${rule || 'no rule'})`, async (t) => {
    const store = openWithNotes(t, rule)
    const backup = join(temporaryFolder(t), 'backup.sqlite')
    await store.backup(backup)
    store.save({ ...TASK, taskId: 'c' })
    store.db.$client.exec("INSERT INTO notes VALUES ('later', 'a')")
    const report = TaskStore.restoreBackup(backup, { file: store.file })
    assert.deepEqual([report.tasks, report.notRestored], [2, ['notes']])
    const notes = store.db.$client.prepare('SELECT text, task FROM notes').raw().all()
    assert.deepEqual(notes, [
      ['on a', 'a'],
      ['on b', 'b'],
      ['later', 'a'],
    ])
    assert.equal(store.count(), 2)
  })
}

test('a restore that would leave rows of another table without their task is a conflict', async (t) => {
  const store = openWithNotes(t, '')
  const backup = join(temporaryFolder(t), 'backup.sqlite')
  using small = new TaskStore({ file: ':memory:' })
  small.save(TASK)
  await small.backup(backup)
  const before = readRows(store)
  assert.throws(() => TaskStore.restoreBackup(backup, { file: store.file }), {
    code: 'CONFLICT',
    message: /a table notes of another program, 1 rows/,
  })
  assert.deepEqual(readRows(store), before)
  store.db.$client.pragma('foreign_keys = OFF')
  store.db.$client.exec("UPDATE notes SET task = 'nowhere' WHERE task = 'b'")
  store.db.$client.pragma('foreign_keys = ON')
  // It referred to nothing before.
  assert.equal(TaskStore.restoreBackup(backup, { file: store.file }).tasks, 1)
})

test('a restore to a new file makes a store of ours, without what the backup holds of others', async (t) => {
  const store = openWithNotes(t, '')
  store.db.$client.exec(
    `CREATE VIEW seen AS SELECT * FROM notes;
     CREATE TRIGGER own AFTER INSERT ON notes BEGIN SELECT 1; END`,
  )
  const backup = join(temporaryFolder(t), 'backup.sqlite')
  await store.backup(backup)
  for (const spoil of [
    (file: string) => rmSync(file, { force: true }),
    (file: string) => writeFileSync(file, 'x'.repeat(5000)),
  ]) {
    const file = temporaryFile(t)
    spoil(file)
    const report = TaskStore.restoreBackup(backup, { file })
    assert.deepEqual(report.notRestored, ['notes', 'seen'])
    using restored = new TaskStore({ file })
    assert.deepEqual(readRows(restored), readRows(store))
    const objects = restored.db.$client.prepare(
      "SELECT count(*) FROM sqlite_master WHERE name IN ('notes', 'seen', 'own')",
    )
    assert.equal(objects.pluck().get(), 0)
    assert.deepEqual(restored.check().findings, [])
    assert.equal(statSync(file).mode & 0o777, 0o600)
  }
})

test('what a restore writes is for this user alone from its first moment', async (t) => {
  const store = openWithNotes(t, '')
  const folder = temporaryFolder(t)
  const backup = join(folder, 'backup.sqlite')
  await store.backup(backup)
  chmodSync(backup, 0o644)
  const mask = process.umask(0)
  try {
    const file = join(folder, 'new', 'tasks.sqlite')
    TaskStore.restoreBackup(backup, { file })
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.equal(statSync(dirname(file)).mode & 0o777, 0o700)
  } finally {
    process.umask(mask)
  }
})
