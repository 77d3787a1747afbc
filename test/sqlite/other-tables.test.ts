import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import { adoptFile } from '../../dist/src/sqlite/adopt-file.js'
import released from '../../src/sqlite/migrating/released-migrations.json' with { type: 'json' }
import { needsPython, runModule, runPython } from '../support/processes.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const UNIC = 0x554e4943
const LEDGER = '__uniqc_task_store_migrations'
const TASK = { taskId: 'a', backend: 'b', status: 'running' } as const

/** Opens a file, runs SQL on it and closes it again. */
function prepare(file: string, sql: string): void {
  const database = new Database(file)
  database.exec(sql)
  database.close()
}

/** Uses a store on a connection that is handed in, and closes both. */
function withStore<T>(file: string, use: (store: TaskStore) => T, options: Database.Options = {}): T {
  const database = new Database(file, options)
  try {
    return use(new TaskStore({ database }))
  } finally {
    database.close()
  }
}

const saveAndCount = (store: TaskStore) => {
  store.save(TASK)
  return store.count()
}

function read(file: string, sql: string): unknown[] {
  const database = new Database(file, { readonly: true })
  try {
    return database.prepare(sql).pluck().all()
  } finally {
    database.close()
  }
}

const stamps = (file: string) => [
  ...read(file, 'PRAGMA application_id'),
  ...read(file, 'PRAGMA user_version'),
]
const applied = (file: string) => read(file, `SELECT created_at FROM ${LEDGER} ORDER BY created_at`)
const WHENS = released.map(({ when }) => when)
const tableNames = (file: string) =>
  read(file, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")
const OUR_TABLES = [
  LEDGER,
  'archived_task_shards',
  'archived_tasks',
  'task_shards',
  'tasks',
  'uniqc_merged_files',
]

const REFUSED: readonly (readonly [what: string, sql: string, code: string, message: RegExp])[] = [
  [
    'with a table tasks of another program',
    'PRAGMA application_id = 42; CREATE TABLE tasks (id, title)',
    'FOREIGN_FILE',
    /a table tasks without the column task_id/,
  ],
  [
    'with a newer ledger, whatever its own version',
    `PRAGMA application_id = 42; PRAGMA user_version = 1;
     CREATE TABLE ${LEDGER} (id, hash, created_at); INSERT INTO ${LEDGER} VALUES (1, 'x', 9900000000000)`,
    'SCHEMA_TOO_NEW',
    /migration 9900000000000/,
  ],
  [
    'of a newer UnifiedQuantum, with a table of another program',
    `PRAGMA application_id = ${UNIC}; PRAGMA user_version = 6; CREATE TABLE notes (text)`,
    'SCHEMA_TOO_NEW',
    /version 6/,
  ],
]

for (const [what, sql, code, message] of REFUSED) {
  test(`a database ${what} is refused where it is handed in, and not touched`, (t) => {
    const file = temporaryFile(t)
    prepare(file, sql)
    const before = readFileSync(file)
    assert.throws(() => withStore(file, saveAndCount), { code, message })
    assert.deepEqual(readFileSync(file), before)
  })
}

/** Files of another program, without our tables. */
const HOSTS: readonly (readonly [what: string, sql: string])[] = [
  [
    'with an application_id of its own',
    'PRAGMA application_id = 42; PRAGMA user_version = 9; CREATE TABLE notes (text)',
  ],
  [
    'with an application_id of its own, at version 3',
    'PRAGMA application_id = 42; PRAGMA user_version = 3; CREATE TABLE notes (text)',
  ],
  ['with an application_id of its own and no table', 'PRAGMA application_id = 42'],
  ['without an application_id, at version 3', 'PRAGMA user_version = 3; CREATE TABLE notes (text)'],
  ['without an application_id, at version 5', 'PRAGMA user_version = 5; CREATE TABLE notes (text)'],
  ['without an application_id, at version 9', 'PRAGMA user_version = 9; CREATE TABLE notes (text)'],
  ['without an application_id, at version -1', 'PRAGMA user_version = -1; CREATE TABLE notes (text)'],
]

for (const [what, sql] of HOSTS) {
  test(`a database of another program ${what} takes our tables beside its own, and keeps its stamps`, (t) => {
    const file = temporaryFile(t)
    prepare(file, sql)
    const before = stamps(file)
    const theirs = tableNames(file)
    for (let time = 1; time <= 2; time++) {
      assert.equal(withStore(file, saveAndCount), 1)
      assert.deepEqual(stamps(file), before)
      assert.deepEqual(applied(file), WHENS)
      assert.deepEqual(tableNames(file), [...OUR_TABLES, ...theirs].toSorted())
    }
  })

  test(`a database of another program ${what} is refused by its path, before and after it took our tables`, (t) => {
    const file = temporaryFile(t)
    prepare(file, sql)
    for (const isBefore of [true, false]) {
      const before = readFileSync(file)
      for (const readonly of [false, true]) {
        assert.throws(() => new TaskStore({ file, readonly }), {
          code: 'FOREIGN_FILE',
          message: /belongs to another program .* hand it in as the database option/,
        })
      }
      assert.throws(() => adoptFile(file), { code: 'FOREIGN_FILE' })
      assert.deepEqual(readFileSync(file), before)
      assert.deepEqual(readdirSync(dirname(file)), ['tasks.sqlite'])
      if (isBefore) withStore(file, saveAndCount)
    }
  })
}

test('a host that moves its own version on finds its tasks at each of them', (t) => {
  const file = temporaryFile(t)
  prepare(file, 'PRAGMA user_version = 1; CREATE TABLE notes (text)')
  for (const version of [1, 4, 5, 6]) {
    prepare(file, `PRAGMA user_version = ${version}`)
    assert.equal(withStore(file, saveAndCount), 1)
    assert.deepEqual(stamps(file), [0, version])
  }
})

test('a host that stamps its file once it has our tables finds its tasks', (t) => {
  const file = temporaryFile(t)
  prepare(file, 'CREATE TABLE notes (text)')
  withStore(file, saveAndCount)
  assert.deepEqual(stamps(file), [UNIC, 5])
  prepare(file, 'PRAGMA application_id = 42; PRAGMA user_version = 2')
  assert.equal(withStore(file, saveAndCount), 1)
  assert.deepEqual(stamps(file), [42, 2])
})

test('a database of another program that nobody stamped is stamped, and then opened by its path too', (t) => {
  const file = temporaryFile(t)
  prepare(file, "CREATE TABLE notes (text); INSERT INTO notes VALUES ('theirs')")
  assert.throws(() => new TaskStore({ file }), { code: 'FOREIGN_FILE', message: /the table notes/ })
  assert.equal(withStore(file, saveAndCount), 1)
  assert.deepEqual(stamps(file), [UNIC, 5])
  using store = new TaskStore({ file })
  assert.equal(store.count(), 1)
  assert.deepEqual(read(file, 'SELECT text FROM notes'), ['theirs'])
})

test('a file of ours with tables of its user, whose stamps were lost, is stamped again', (t) => {
  const file = temporaryFile(t)
  new TaskStore({ file }).close()
  prepare(file, 'CREATE TABLE notes (text); PRAGMA application_id = 0; PRAGMA user_version = 0')
  new TaskStore({ file }).close()
  assert.deepEqual(stamps(file), [UNIC, 5])
})

test('a readonly connection to a database without our tables is READONLY, and says how to go on', (t) => {
  const file = temporaryFile(t)
  prepare(file, 'PRAGMA user_version = 9; CREATE TABLE notes (text)')
  assert.throws(() => withStore(file, (store) => store.count(), { readonly: true }), {
    code: 'READONLY',
    message: /lacks tables of this release .* hand it in once with a connection that may write/,
  })
  withStore(file, saveAndCount)
  assert.equal(
    withStore(file, (store) => store.count(), { readonly: true }),
    1,
  )
})

test('a host that lost one of our tables is damaged, as a file of ours would be', (t) => {
  const file = temporaryFile(t)
  prepare(file, 'PRAGMA user_version = 9; CREATE TABLE notes (text)')
  withStore(file, saveAndCount)
  prepare(file, 'DROP TABLE task_shards')
  assert.throws(() => withStore(file, saveAndCount), {
    code: 'CORRUPT_FILE',
    message: /lost the table task_shards/,
  })
})

test('old tables that a host holds are brought up to date by our ledger alone', (t) => {
  const file = temporaryFile(t)
  const migration = (name: string) =>
    readFileSync(join(ROOT, 'migrations/sqlite', name), 'utf8').replaceAll('--> statement-breakpoint', '')
  prepare(
    file,
    `${migration('0000_create_tasks.sql')}
     INSERT INTO tasks (task_id, backend, status, submit_time, update_time) VALUES ('old', 'b', 'success', '1', '2');
     PRAGMA application_id = 42; PRAGMA user_version = 7; CREATE TABLE notes (text)`,
  )
  const found = withStore(file, (store) => store.get('old'))
  assert.match(found?.taskId ?? '', /^uqt_/)
  assert.deepEqual(stamps(file), [42, 7])
  assert.deepEqual(applied(file), WHENS)
})

test('tables of its user in an old file that nobody stamped do not make it another program’s, also half-way', (t) => {
  const file = temporaryFile(t)
  prepare(
    file,
    `${readFileSync(join(ROOT, 'migrations/sqlite/0000_create_tasks.sql'), 'utf8').replaceAll('--> statement-breakpoint', '')}
     PRAGMA application_id = 0; CREATE TABLE notes (text)`,
  )
  adoptFile(file)
  assert.deepEqual(stamps(file), [UNIC, 1])
  using store = new TaskStore({ file })
  assert.equal(saveAndCount(store), 1)
  assert.deepEqual(stamps(file), [UNIC, 5])
})

test('many processes that hand in one database of another program at once migrate it once', async (t) => {
  const file = temporaryFile(t)
  prepare(file, 'PRAGMA journal_mode = WAL; PRAGMA user_version = 9; CREATE TABLE notes (text)')
  const open = `
    import Database from 'better-sqlite3'
    import { TaskStore } from 'uniqc-task-store'
    const [file, taskId, start] = process.argv.slice(1)
    while (Date.now() < Number(start)) {}
    const database = new Database(file, { timeout: 20000 })
    const store = new TaskStore({ database })
    store.save({ taskId, backend: 'b', status: 'running' })
    database.close()`
  const start = String(Date.now() + 1500)
  await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((taskId) => runModule(open, file, taskId, start)))
  assert.deepEqual(applied(file), WHENS)
  assert.deepEqual(read(file, 'SELECT task_id FROM tasks ORDER BY task_id'), ['a', 'b', 'c', 'd', 'e', 'f'])
  assert.deepEqual(stamps(file), [0, 9])
})

test(
  'a Python that owns the file writes its tables while another process adds ours',
  needsPython,
  async (t) => {
    const file = temporaryFile(t)
    prepare(file, 'PRAGMA journal_mode = WAL; PRAGMA user_version = 9; CREATE TABLE notes (text)')
    const writer = `
import sqlite3, sys
for i in range(200):
    with sqlite3.connect(sys.argv[1], timeout=20) as c:
        c.execute("INSERT INTO notes VALUES (?)", (i,))
    c.close()`
    const open = `
    import Database from 'better-sqlite3'
    import { TaskStore } from 'uniqc-task-store'
    const database = new Database(process.argv[1], { timeout: 20000 })
    const store = new TaskStore({ database })
    store.save({ taskId: 'a', backend: 'b', status: 'running' })
    database.close()`
    await Promise.all([runPython(writer, file), runModule(open, file)])
    assert.deepEqual(read(file, 'SELECT count(*) FROM notes'), [200])
    assert.deepEqual(read(file, 'SELECT count(*) FROM tasks'), [1])
    assert.deepEqual(stamps(file), [0, 9])
  },
)

/** A project of somebody else that keeps tables in the file, with a drizzle-kit of its own. */
class Project {
  readonly file: string
  readonly #folder: string

  constructor(t: TestContext) {
    this.#folder = temporaryFolder(t)
    this.file = join(this.#folder, 'lab.sqlite')
    symlinkSync(join(ROOT, 'node_modules'), join(this.#folder, 'node_modules'))
    // As docs/querying.md says.
    this.#write(
      'drizzle.config.ts',
      `import { defineConfig } from 'drizzle-kit'
      export default defineConfig({
        dialect: 'sqlite',
        schema: './schema.ts',
        out: './drizzle',
        dbCredentials: { url: './lab.sqlite' },
        tablesFilter: ['lab_*'],
      })`,
    )
  }

  /** Its schema: a table lab_notes of these columns, and each of the others. */
  setSchema(columns: readonly string[], ...others: readonly string[]): void {
    const table = (name: string, names: readonly string[]) =>
      `export const ${name} = sqliteTable('${name}', { ${names.map((column) => `${column}: text('${column}')`).join(', ')} })`
    this.#write(
      'schema.ts',
      `import { sqliteTable, text } from 'drizzle-orm/sqlite-core'
      ${table('lab_notes', columns)}
      ${others.map((name) => table(name, ['id'])).join('\n')}`,
    )
  }

  kit(...args: readonly string[]): string {
    return execFileSync(process.execPath, [join(ROOT, 'node_modules/drizzle-kit/bin.cjs'), ...args], {
      cwd: this.#folder,
      env: { ...process.env, NODE_V8_COVERAGE: '' },
      encoding: 'utf8',
      stdio: 'pipe',
    })
  }

  /** Writes its next migration, made at this moment of its own. Returns the SQL. */
  generate(name: string, when: number): string {
    this.kit('generate', '--name', name)
    const journalFile = join(this.#folder, 'drizzle/meta/_journal.json')
    const journal = JSON.parse(readFileSync(journalFile, 'utf8')) as {
      entries: { tag: string; when: number }[]
    }
    const entry = journal.entries.at(-1)
    assert.ok(entry?.tag.endsWith(name) === true, 'nothing was generated')
    entry.when = when
    writeFileSync(journalFile, JSON.stringify(journal))
    return readFileSync(join(this.#folder, `drizzle/${entry.tag}.sql`), 'utf8')
  }

  #write(name: string, text: string): void {
    writeFileSync(join(this.#folder, name), text)
  }
}

const theirLedger = (file: string) =>
  read(file, "SELECT hash || ' ' || created_at FROM __drizzle_migrations ORDER BY created_at")
const columnsOf = (file: string, table: string) =>
  read(file, `SELECT name FROM pragma_table_info('${table}')`)

/** When its migrations were made. */
const MOMENTS: readonly (readonly [what: string, first: number, second: number])[] = [
  ['older than ours', 1_600_000_000_000, 1_600_000_001_000],
  ['newer than ours', 1_900_000_000_000, 1_900_000_001_000],
]

for (const [what, first, second] of MOMENTS) {
  test(`migrations of another project, ${what}, are applied before and after a store uses the file`, (t) => {
    const project = new Project(t)
    const { file } = project
    project.setSchema(['id'])
    project.generate('first', first)
    project.kit('migrate')
    assert.throws(() => new TaskStore({ file }), { code: 'FOREIGN_FILE', message: /__drizzle_migrations/ })
    const ledger = theirLedger(file)
    assert.equal(withStore(file, saveAndCount), 1)
    assert.deepEqual(theirLedger(file), ledger)
    project.setSchema(['id', 'note'], 'lab_runs')
    const sql = project.generate('second', second)
    assert.doesNotMatch(sql, /task/)
    project.kit('migrate')
    assert.deepEqual(columnsOf(file, 'lab_notes'), ['id', 'note'])
    assert.equal(theirLedger(file).length, 2)
    using store = new TaskStore({ file })
    assert.equal(store.count(), 1)
    assert.deepEqual(applied(file), WHENS)
    assert.equal(theirLedger(file).length, 2)
  })

  test(`migrations of another project, ${what}, are applied to a file that a store made`, (t) => {
    const project = new Project(t)
    const { file } = project
    {
      using store = new TaskStore({ file })
      store.save(TASK)
    }
    project.setSchema(['id'])
    project.generate('first', first)
    project.kit('migrate')
    project.setSchema(['id', 'note'])
    project.generate('second', second)
    project.kit('migrate')
    assert.deepEqual(columnsOf(file, 'lab_notes'), ['id', 'note'])
    using store = new TaskStore({ file })
    assert.equal(store.count(), 1)
    assert.deepEqual(applied(file), WHENS)
    assert.deepEqual(stamps(file), [UNIC, 5])
  })
}

test('a push of another project changes its own tables, before and after a store uses the file', (t) => {
  const project = new Project(t)
  const { file } = project
  project.setSchema(['id'])
  project.kit('push', '--force')
  assert.equal(withStore(file, saveAndCount), 1)
  const ours = (path: string) => tableNames(path).filter((name) => !String(name).startsWith('lab_'))
  project.setSchema(['id', 'note'], 'lab_runs')
  project.kit('push', '--force')
  assert.deepEqual(columnsOf(file, 'lab_notes'), ['id', 'note'])
  project.setSchema(['id'])
  project.kit('push', '--force')
  assert.deepEqual(tableNames(file), [...OUR_TABLES, 'lab_notes'].toSorted())
  assert.deepEqual(ours(file), OUR_TABLES)
  using store = new TaskStore({ file })
  assert.equal(store.get('a')?.status, 'running')
  assert.deepEqual(store.check().findings, [])
})

test('our drizzle-kit leaves the tables and the ledger of another project alone', (t) => {
  const project = new Project(t)
  const { file } = project
  project.setSchema(['id'])
  project.generate('first', 1_600_000_000_000)
  project.kit('migrate')
  withStore(file, saveAndCount)
  const ledger = theirLedger(file)
  execFileSync(process.execPath, [join(ROOT, 'node_modules/drizzle-kit/bin.cjs'), 'migrate'], {
    cwd: ROOT,
    env: { ...process.env, UNIQC_TASKS_FILE: file, NODE_V8_COVERAGE: '' },
    stdio: 'pipe',
  })
  assert.deepEqual(theirLedger(file), ledger)
  assert.deepEqual(applied(file), WHENS)
  using store = new TaskStore({ file })
  assert.equal(store.count(), 1)
})
