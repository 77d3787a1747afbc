import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import test, { type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import Database from 'better-sqlite3'
import { generateSQLiteDrizzleJson, generateSQLiteMigration } from 'drizzle-kit/api'
import { TaskStore } from 'uniqc-task-store'
import * as schema from 'uniqc-task-store/schema'
import { adoptFile } from '../../dist/src/sqlite/adopt-file.js'
import embedded from '../../src/sqlite/migrating/embedded-migrations.json' with { type: 'json' }
import released from '../../src/sqlite/migrating/released-migrations.json' with { type: 'json' }
import { copyFixture, FIXTURE_NAMES, needsFixtures, readExpected } from '../support/fixtures.ts'
import { runModule } from '../support/processes.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const MIGRATIONS = join(ROOT, 'migrations/sqlite')
const journal = JSON.parse(readFileSync(join(MIGRATIONS, 'meta/_journal.json'), 'utf8')) as {
  entries: { idx: number; when: number; tag: string }[]
}
const statements = (tag: string) =>
  readFileSync(join(MIGRATIONS, `${tag}.sql`), 'utf8').split('--> statement-breakpoint')

test('the schema and the migrations agree', async () => {
  const last = String(journal.entries.length - 1).padStart(4, '0')
  const snapshot = JSON.parse(readFileSync(join(MIGRATIONS, `meta/${last}_snapshot.json`), 'utf8'))
  const now = await generateSQLiteDrizzleJson(schema, snapshot.id)
  assert.deepEqual(await generateSQLiteMigration(snapshot, now), [])
})

test('the drift check finds a missing column', async () => {
  const last = String(journal.entries.length - 1).padStart(4, '0')
  const snapshot = JSON.parse(readFileSync(join(MIGRATIONS, `meta/${last}_snapshot.json`), 'utf8'))
  delete snapshot.tables.tasks.columns.error_message
  const now = await generateSQLiteDrizzleJson(schema, snapshot.id)
  assert.deepEqual(await generateSQLiteMigration(snapshot, now), [
    'ALTER TABLE `tasks` ADD `error_message` text;',
  ])
})

test('a released migration never changes', () => {
  for (const { tag, hash } of released) {
    const text = readFileSync(join(MIGRATIONS, `${tag}.sql`))
    assert.equal(createHash('sha256').update(text).digest('hex'), hash, tag)
  }
  const listed = released.map(({ tag, when }) => ({ tag, when }))
  assert.deepEqual(
    listed,
    journal.entries.map(({ tag, when }) => ({ tag, when })),
    'each one is listed',
  )
})

test('a package with changed migrations is MIGRATION_FAILED, says what to do, and migrates nothing', async (t) => {
  const folder = temporaryFolder(t)
  for (const name of ['dist', 'migrations', 'package.json']) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true })
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const index = 'CREATE INDEX `uniqc_tasks_status_time_idx`'
  const code = readdirSync(join(folder, 'dist'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.js'))
    .map((name) => join(folder, 'dist', name))
  const [changed = ''] = code.filter((path) => readFileSync(path, 'utf8').includes(index))
  writeFileSync(
    changed,
    readFileSync(changed, 'utf8').replace(index, () => index.replace('INDEX', 'INDEX ')),
  )
  const { file: old, database } = makeFile(t, 4)
  database.close()
  const before = describeTables(old)
  const fresh = temporaryFile(t)
  const output = await runModule(
    `const [entry, ...files] = process.argv.slice(1)
    const { TaskStore } = await import(entry)
    for (const file of files) {
      try {
        new TaskStore({ file })
      } catch (error) {
        console.log(error.code, error.message)
      }
    }`,
    pathToFileURL(join(folder, 'dist/src/index.js')).href,
    old,
    fresh,
  )
  assert.match(output, /^(MIGRATION_FAILED .*; reinstall the package\n){2}$/)
  assert.deepEqual(describeTables(old), before)
  assert.equal(existsSync(fresh), false)
})

test('the SQL that the package holds is that of the migrations', () => {
  const texts = embedded.map(({ when, text }) => ({ when, text }))
  const files = journal.entries.map(({ tag, when }) => ({
    when,
    text: readFileSync(join(MIGRATIONS, `${tag}.sql`), 'utf8'),
  }))
  assert.deepEqual(texts, files, 'build it again')
})

test('no migration drops or renames a table of UnifiedQuantum, or adds a column to it', () => {
  for (const { tag } of journal.entries) {
    for (const statement of statements(tag)) {
      assert.doesNotMatch(statement, /DROP TABLE (?!`__uniqc_)|RENAME/i, tag)
      assert.match(statement.replace(/^\s*--.*$/gm, ''), /\S/, `${tag} has an empty statement`)
      const added = /ALTER TABLE\s+`(\w+)`\s+ADD\s+`(\w+)`/i.exec(statement)
      if (added) assert.equal(added[2], 'error_message')
    }
  }
})

test('the times of the journal are whole seconds, in order', () => {
  const times = journal.entries.map((entry) => entry.when)
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  )
  assert.equal(new Set(times).size, times.length)
  for (const time of times) assert.match(String(time), /^\d{10}000$/)
  assert.ok(Math.max(...times) < Date.now())
})

/** Everything that SQLite knows of the four tables, but not how their SQL is spelt. */
function describeTables(file: string) {
  const database = new Database(file, { readonly: true })
  const tables = ['tasks', 'archived_tasks', 'task_shards', 'archived_task_shards'].map((table) => ({
    table,
    columns: database.pragma(`table_xinfo(${table})`),
    foreignKeys: database.pragma(`foreign_key_list(${table})`),
    indexes: (database.pragma(`index_list(${table})`) as { name: string; unique: number; origin: string }[])
      .filter(({ name }) => !name.startsWith('uniqc_'))
      .map(({ name, unique, origin }) => ({
        name,
        unique,
        origin,
        columns: database.pragma(`index_info(${name})`),
      }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  }))
  const stamps = [
    database.pragma('application_id', { simple: true }),
    database.pragma('user_version', { simple: true }),
  ]
  database.close()
  return JSON.parse(
    JSON.stringify({ tables, stamps })
      .replaceAll('"type":"text"', '"type":"TEXT"')
      .replaceAll('"type":"integer"', '"type":"INTEGER"'),
  )
}

test('a new file has the tables of UnifiedQuantum 0.0.16', needsFixtures, (t) => {
  const file = temporaryFile(t)
  new TaskStore({ file }).close()
  assert.deepEqual(describeTables(file), describeTables(copyFixture(t, 'uniqc-0.0.16-schema5')))
})

for (const name of FIXTURE_NAMES) {
  test(`${name}: once migrated, it has the tables of UnifiedQuantum 0.0.16, too`, needsFixtures, (t) => {
    const file = copyFixture(t, name)
    new TaskStore({ file }).close()
    assert.deepEqual(describeTables(file), describeTables(copyFixture(t, 'uniqc-0.0.16-schema5')))
  })
}

/** Makes a file as UnifiedQuantum makes it: the migrations up to a version, and no ledger. */
function makeFile(t: TestContext, version: number): { file: string; database: Database.Database } {
  const file = temporaryFile(t)
  const database = new Database(file)
  for (const { tag } of journal.entries.slice(0, version)) {
    for (const statement of statements(tag)) database.exec(statement)
  }
  return { file, database }
}

const INSERT =
  'INSERT INTO tasks (task_id, backend, status, submit_time, update_time, metadata_json) VALUES (?, ?, ?, ?, ?, ?)'
const insert = (database: Database.Database, taskId: string, metadata = '{}') =>
  database.prepare(INSERT).run(taskId, 'originq', 'success', '2026-01-01', '2026-01-02', metadata)

for (let version = 1; version <= 5; version++) {
  test(`a file at version ${version} without a ledger is adopted`, (t) => {
    const { file, database } = makeFile(t, version)
    insert(database, 'old-1')
    database.close()
    using store = new TaskStore({ file })
    assert.equal(store.count(), 1)
    const task = store.get('old-1')
    assert.equal(task?.taskId === 'old-1', version === 5, 'version 5 keeps the ids it is given')
    assert.equal(
      store.db.$client.prepare('SELECT count(*) FROM __uniqc_task_store_migrations').pluck().get(),
      journal.entries.length,
    )
  })
}

const HALF_APPLIED: readonly (readonly [what: string, version: number, sql: string])[] = [
  ['version 0 with a stamp and nothing else', 0, 'PRAGMA application_id = 1431193923'],
  ['version 0 with the table of version 1 and no index', 0, statements('0000_create_tasks')[0] ?? ''],
  ['version 1 with the archive of version 2', 1, statements('0001_create_archived_tasks')[0] ?? ''],
  ['version 2 with half of the columns of version 3', 2, 'ALTER TABLE tasks ADD error_message text'],
  ['version 3 with the tables of version 4', 3, statements('0003_create_task_shards').slice(0, -1).join(';')],
  ['version 3 with one of the tables of version 4', 3, statements('0003_create_task_shards')[0] ?? ''],
  ['version 5 without one of its indexes', 5, 'DROP INDEX task_shards_status_idx'],
]

for (const [what, version, sql] of HALF_APPLIED) {
  test(`a half-made file, ${what}, is completed`, (t) => {
    const { file, database } = makeFile(t, version)
    database.exec(sql)
    const hasTasks = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'tasks'").get() !== undefined
    if (hasTasks) insert(database, 'old-1')
    database.close()
    new TaskStore({ file }).close()
    using again = new TaskStore({ file })
    assert.equal(again.count(), hasTasks ? 1 : 0)
    assert.equal(again.get('old-1') !== undefined, hasTasks)
    const fresh = temporaryFile(t)
    new TaskStore({ file: fresh }).close()
    const names = (path: string) =>
      describeTables(path).tables.map((table: { indexes: unknown }) => table.indexes)
    assert.deepEqual(names(file), names(fresh))
  })
}

test('shards of a half-made version 4 stay with their task', (t) => {
  const { file, database } = makeFile(t, 4)
  insert(database, 'old-1')
  database
    .prepare(`INSERT INTO task_shards (uniqc_task_id, shard_index, platform_task_id, backend, status, submit_time, update_time)
      VALUES ('old-1', 0, 'job-1', 'originq', 'success', '1', '2'), ('old-1', 1, 'job-2', 'originq', 'success', '1', '2')`)
    .run()
  database.close()
  using store = new TaskStore({ file })
  const [task] = store.list()
  const shards = store.db.select().from(schema.taskShards).all()
  assert.deepEqual(
    shards.map((shard) => [shard.uniqcTaskId, shard.shardIndex, shard.platformTaskId]),
    [
      [task?.taskId, 0, 'job-1'],
      [task?.taskId, 1, 'job-2'],
    ],
  )
})

const METADATA: readonly (readonly [before: string, after: string])[] = [
  ['', '{"legacy_platform_id": "ID"}'],
  ['{}', '{"legacy_platform_id": "ID"}'],
  [' { }\n', '{"legacy_platform_id": "ID"}'],
  [
    '{"b": 1.0, "a": NaN, "c": 12345678901234567890123}',
    '{"b": 1.0, "a": NaN, "c": 12345678901234567890123, "legacy_platform_id": "ID"}',
  ],
  ['{"a": [-Infinity, Infinity]}', '{"a": [-Infinity, Infinity], "legacy_platform_id": "ID"}'],
  ['{"NaN": "Infinity \\" NaN"}', '{"NaN": "Infinity \\" NaN", "legacy_platform_id": "ID"}'],
  ['[1, NaN]', '{"legacy_metadata_raw": [1, NaN], "legacy_platform_id": "ID"}'],
  ['null', '{"legacy_metadata_raw": null, "legacy_platform_id": "ID"}'],
  ['"{}"', '{"legacy_metadata_raw": "{}", "legacy_platform_id": "ID"}'],
  ['NaN', '{"legacy_metadata_raw": NaN, "legacy_platform_id": "ID"}'],
  ['not "JSON"', '{"legacy_metadata_raw": "not \\"JSON\\"", "legacy_platform_id": "ID"}'],
  ['{"torn": ', '{"legacy_metadata_raw": "{\\"torn\\": ", "legacy_platform_id": "ID"}'],
  ["{json5: 'yes'}", '{"legacy_metadata_raw": "{json5: \'yes\'}", "legacy_platform_id": "ID"}'],
  ['{"a": NaN.5}', '{"legacy_metadata_raw": "{\\"a\\": NaN.5}", "legacy_platform_id": "ID"}'],
  ['{"a": "\\NaN"}', '{"legacy_metadata_raw": "{\\"a\\": \\"\\\\NaN\\"}", "legacy_platform_id": "ID"}'],
  ['  ', '{"legacy_metadata_raw": "  ", "legacy_platform_id": "ID"}'],
]

for (const [before, after] of METADATA) {
  test(`the rewrite keeps the metadata ${JSON.stringify(before)}`, (t) => {
    const { file, database } = makeFile(t, 3)
    for (const taskId of ['plain', 'quo"te\\ é 🧪']) insert(database, taskId, before)
    database.close()
    using store = new TaskStore({ file })
    for (const taskId of ['plain', 'quo"te\\ é 🧪']) {
      const task = store.get(taskId)
      const text = store.db.$client
        .prepare('SELECT metadata_json FROM tasks WHERE task_id = ?')
        .pluck()
        .get(task?.taskId)
      assert.equal(
        text,
        after.replace('"ID"', () => JSON.stringify(taskId)),
      )
    }
  })
}

const readAll = (file: string) => readFileSync(file).toString('base64')

const REFUSED: readonly (readonly [what: string, code: string, sql: string])[] = [
  ['of another program', 'FOREIGN_FILE', 'PRAGMA application_id = 42; CREATE TABLE notes (text)'],
  ['without a stamp, with the tables of another program', 'FOREIGN_FILE', 'CREATE TABLE notes (text)'],
  ['with a table named tasks of another program', 'FOREIGN_FILE', 'CREATE TABLE tasks (id, title)'],
  [
    'of a newer UnifiedQuantum',
    'SCHEMA_TOO_NEW',
    'PRAGMA application_id = 1431193923; PRAGMA user_version = 6',
  ],
  [
    'with a migration in its ledger that no release had',
    'MIGRATION_FAILED',
    "PRAGMA application_id = 1431193923; CREATE TABLE __uniqc_task_store_migrations (id, hash, created_at); INSERT INTO __uniqc_task_store_migrations VALUES (1, 'x', 1600000000000)",
  ],
  [
    'migrated by a newer release',
    'SCHEMA_TOO_NEW',
    "PRAGMA application_id = 1431193923; CREATE TABLE __uniqc_task_store_migrations (id, hash, created_at); INSERT INTO __uniqc_task_store_migrations VALUES (1, 'x', 9900000000000)",
  ],
  [
    'migrated with other SQL',
    'MIGRATION_FAILED',
    "PRAGMA application_id = 1431193923; CREATE TABLE __uniqc_task_store_migrations (id, hash, created_at); INSERT INTO __uniqc_task_store_migrations VALUES (1, 'x', 1790000000000)",
  ],
]

for (const [what, code, sql] of REFUSED) {
  for (const readonly of [false, true]) {
    test(`a file ${what} is refused${readonly ? ' readonly' : ''} and left untouched`, (t) => {
      const file = temporaryFile(t)
      const database = new Database(file)
      database.exec(sql)
      database.close()
      const before = readAll(file)
      assert.throws(
        () => new TaskStore({ file, readonly }),
        (error: Error) => {
          assert.equal((error as { code?: string }).code, code)
          assert.ok(error.message.includes(file))
          return true
        },
      )
      assert.equal(readAll(file), before)
      assert.deepEqual(readdirSync(dirname(file)), ['tasks.sqlite'])
    })
  }
}

for (const stamp of ['user_version = 3', 'application_id = 0']) {
  test(`a version set back to ${stamp} by a stopped Python is corrected, and no id is replaced`, (t) => {
    const file = temporaryFile(t)
    {
      using store = new TaskStore({ file })
      store.save({ taskId: 'mine', backend: 'b', status: 'running' })
      store.db.$client.pragma(stamp)
    }
    using store = new TaskStore({ file })
    assert.equal(store.get('mine')?.taskId, 'mine')
    assert.equal(store.db.$client.pragma('user_version', { simple: true }), 5)
    assert.equal(store.db.$client.pragma('application_id', { simple: true }), 0x554e4943)
  })
}

test('a database in memory is migrated without a copy', () => {
  const database = new Database(':memory:')
  for (const { tag } of journal.entries.slice(0, 3)) {
    for (const statement of statements(tag)) database.exec(statement)
  }
  insert(database, 'old-1')
  using store = new TaskStore({ database })
  assert.match(store.get('old-1')?.taskId ?? '', /^uqt_/)
  assert.equal(store.getShards('old-1').length, 1)
  database.close()
})

/** What the ledger of a file says, its version, the ids of its tasks, and what is beside it. */
function describeAdopted(file: string) {
  const database = new Database(file, { readonly: true })
  const all = (text: string) => database.prepare(text).pluck().all()
  const hasTasks = all("SELECT 1 FROM sqlite_master WHERE name = 'tasks'").length > 0
  const found = {
    applied: all('SELECT created_at FROM __uniqc_task_store_migrations ORDER BY created_at').map(Number),
    version: database.pragma('user_version', { simple: true }),
    ids: hasTasks ? all('SELECT task_id FROM tasks') : undefined,
    copies: readdirSync(dirname(file)).filter((entry) => entry.includes('before-v5')).length,
  }
  database.close()
  return found
}

const whens = (count: number) => journal.entries.slice(0, count).map(({ when }) => when)

test('a file of another program is not adopted, and stays as it is', (t) => {
  const file = temporaryFile(t)
  const database = new Database(file)
  database.exec('CREATE TABLE notes (text)')
  database.close()
  const before = readAll(file)
  assert.throws(() => adoptFile(file), { code: 'FOREIGN_FILE' })
  assert.equal(readAll(file), before)
})

test('a missing file is created with an empty ledger, so that drizzle-kit runs every migration', (t) => {
  const file = temporaryFile(t)
  adoptFile(file)
  assert.deepEqual(readdirSync(dirname(file)), ['tasks.sqlite'])
  assert.deepEqual(describeAdopted(file), { applied: [], version: 0, ids: undefined, copies: 0 })
})

for (const [version, taskId, copies] of [
  [1, 'old-1', 1],
  [3, 'old-1', 1],
  [3, `uqt_${'0'.repeat(32)}`, 0],
  [3, undefined, 0],
  [5, 'old-1', 0],
] as const) {
  const what = taskId === undefined ? 'without tasks' : `with the task ${taskId}`
  const copied = copies === 0 ? 'without a copy' : 'after a copy'
  test(`a file of version ${version} ${what} is adopted as it is, ${copied}`, (t) => {
    const { file, database } = makeFile(t, version)
    if (taskId !== undefined) insert(database, taskId)
    database.close()
    const ids = taskId === undefined ? [] : [taskId]
    adoptFile(file)
    const adopted = describeAdopted(file)
    assert.deepEqual(adopted, { applied: whens(version), version, ids, copies })
    adoptFile(file)
    assert.deepEqual(describeAdopted(file).applied, adopted.applied, 'once more, it has nothing new to say')
    using store = new TaskStore({ file })
    assert.equal(store.count(), ids.length)
    if (taskId !== undefined) assert.ok(store.get(taskId))
  })
}

test('adopting a file completes what a stopped upgrade began, and no more', (t) => {
  const { file, database } = makeFile(t, 2)
  database.exec('ALTER TABLE tasks ADD error_message text')
  insert(database, 'old-1')
  database.close()
  adoptFile(file)
  const { applied, ids } = describeAdopted(file)
  assert.deepEqual([applied, ids], [whens(3), ['old-1']])
  using store = new TaskStore({ file })
  assert.equal(store.get('old-1')?.errorMessage, null)
})

test('a migrated file that lost a table is CORRUPT_FILE', (t) => {
  const file = temporaryFile(t)
  new TaskStore({ file }).close()
  const database = new Database(file)
  database.exec('DROP TABLE task_shards')
  database.close()
  assert.throws(() => new TaskStore({ file }), {
    code: 'CORRUPT_FILE',
    message: /lost the table task_shards/,
  })
})

test('an up-to-date file opens while another process holds the write lock', (t) => {
  const file = temporaryFile(t)
  new TaskStore({ file }).close()
  const other = new Database(file)
  other.exec('BEGIN IMMEDIATE')
  using store = new TaskStore({ file, timeout: 0 })
  assert.equal(store.count(), 0)
  assert.throws(() => store.save({ taskId: 'a', backend: 'b', status: 'running' }), { code: 'LOCKED' })
  other.close()
})

test('an old file that another process is writing is LOCKED, not half migrated', (t) => {
  const { file, database } = makeFile(t, 3)
  insert(database, 'old-1')
  database.exec('BEGIN IMMEDIATE')
  for (const timeout of [0, 50]) {
    assert.throws(() => new TaskStore({ file, timeout }), { code: 'LOCKED' })
  }
  database.exec('COMMIT')
  assert.equal(database.pragma('user_version', { simple: true }), 3)
  database.close()
  using store = new TaskStore({ file })
  assert.equal(store.get('old-1')?.status, 'success')
})

test('a failed migration leaves the file as it was, and no copy', (t) => {
  const { file, database } = makeFile(t, 3)
  insert(database, 'old-1')
  database.exec("CREATE TRIGGER stop BEFORE UPDATE ON tasks BEGIN SELECT RAISE(ABORT, 'stopped'); END")
  assert.throws(() => new TaskStore({ database }), { code: 'MIGRATION_FAILED', message: /stopped/ })
  assert.equal(database.pragma('user_version', { simple: true }), 3)
  assert.deepEqual(database.prepare('SELECT task_id FROM tasks').pluck().all(), ['old-1'])
  assert.equal(
    database.prepare("SELECT count(*) FROM sqlite_master WHERE name LIKE '%shard%'").pluck().get(),
    0,
  )
  database.exec('DROP TRIGGER stop')
  database.close()
  assert.equal(
    readdirSync(dirname(file)).some((name) => name.includes('before-v5')),
    false,
  )
  using store = new TaskStore({ file })
  assert.equal(store.get('old-1')?.status, 'success')
})

test('a migration that would leave shards without their task is undone', (t) => {
  const { file, database } = makeFile(t, 4)
  insert(database, 'old-1')
  database.exec(`INSERT INTO task_shards (uniqc_task_id, shard_index, platform_task_id, backend, status, submit_time, update_time)
      VALUES ('old-1', 0, 'job-1', 'originq', 'success', '1', '2');
    CREATE TRIGGER lose AFTER UPDATE OF task_id ON tasks BEGIN DELETE FROM tasks WHERE task_id = new.task_id; END`)
  assert.throws(() => new TaskStore({ database }), {
    code: 'MIGRATION_FAILED',
    message: /shards without a task/,
  })
  assert.deepEqual(database.prepare('SELECT uniqc_task_id FROM task_shards').pluck().all(), ['old-1'])
  assert.deepEqual(
    readdirSync(dirname(file)).filter((name) => name.includes('before-v5')),
    [],
  )
  database.exec('DROP TRIGGER lose')
  database.close()
  using store = new TaskStore({ file })
  const [task] = store.list()
  assert.deepEqual(
    store.findShards('job-1').map(({ uniqcTaskId }) => uniqcTaskId),
    [task?.taskId],
  )
})

function drizzleKit(command: string, file: string) {
  return execFileSync(process.execPath, [join(ROOT, 'node_modules/drizzle-kit/bin.cjs'), command], {
    cwd: ROOT,
    // It compiles what its config imports to a text of its own, which a coverage would mix up with the build's.
    env: { ...process.env, UNIQC_TASKS_FILE: file, NODE_V8_COVERAGE: '' },
    encoding: 'utf8',
  })
}

test('drizzle-kit check and generate find nothing to do', (t) => {
  const file = temporaryFile(t)
  assert.match(drizzleKit('check', file), /Everything's fine/)
  assert.match(drizzleKit('generate', file), /No schema changes/)
  assert.equal(existsSync(file), false, 'and do not touch the tasks')
})

test('drizzle-kit migrate creates a file that the store uses as it is', (t) => {
  const file = temporaryFile(t)
  drizzleKit('migrate', file)
  const before = new Database(file, { readonly: true })
  assert.equal(
    before.prepare('SELECT count(*) FROM __uniqc_task_store_migrations').pluck().get(),
    journal.entries.length,
  )
  const version = before.pragma('schema_version', { simple: true })
  before.close()
  using store = new TaskStore({ file })
  assert.equal(store.db.$client.pragma('schema_version', { simple: true }), version)
  store.save({ taskId: 'a', backend: 'b', status: 'running' })
  drizzleKit('migrate', file)
  assert.equal(store.count(), 1)
})

for (const name of FIXTURE_NAMES.filter((name) => /0\.0\.(4|11|16)-schema/.test(name))) {
  test(`${name}: drizzle-kit migrate and the store work on it in either order`, needsFixtures, (t) => {
    const expected = readExpected(name)
    const file = copyFixture(t, name)
    drizzleKit('migrate', file)
    {
      using store = new TaskStore({ file })
      assert.equal(store.count(), expected.count)
      for (const task of expected.tasks) assert.ok(store.get(task.task_id))
    }
    drizzleKit('migrate', file)
    using store = new TaskStore({ file })
    assert.equal(store.count(), expected.count)
    const copies = readdirSync(dirname(file)).filter((entry) => entry.includes('before-v5'))
    assert.equal(copies.length, name.includes('schema5') ? 0 : 1)
  })
}

test('the copy from before version 5 has the permissions of the file', (t) => {
  const { file, database } = makeFile(t, 1)
  insert(database, 'old-1')
  database.close()
  const shared = `${file}.shared`
  copyFileSync(file, shared)
  execFileSync('chmod', ['640', file])
  new TaskStore({ file }).close()
  const copy = readdirSync(dirname(file)).find((entry) => entry.includes('before-v5')) ?? ''
  assert.match(execFileSync('ls', ['-l', join(dirname(file), copy)], { encoding: 'utf8' }), /^-rw-r-----/)
})
