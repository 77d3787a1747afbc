import assert from 'node:assert/strict'
import { existsSync, lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import { memory, RUNNING, wrong } from '../support/store.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

test('the file of a store', async (t) => {
  const folder = temporaryFolder(t)
  await t.test('is in the given folder, created if missing, for its owner only', () => {
    using store = new TaskStore(join(folder, 'deep', 'er'))
    assert.equal(store.file, join(folder, 'deep', 'er', 'tasks.sqlite'))
    assert.equal(store.cacheDir, join(folder, 'deep', 'er'))
    assert.equal(statSync(store.file).mode & 0o777, 0o600)
    assert.equal(statSync(join(folder, 'deep')).mode & 0o777, 0o700)
  })
  await t.test('is the given file', () => {
    using store = new TaskStore({ file: join(folder, 'other.db') })
    assert.equal(store.file, join(folder, 'other.db'))
  })
  await t.test('is the target of a link, even if it does not exist yet; the link stays', () => {
    const [first, second, target] = ['first', 'second', 'target.sqlite'].map((name) => join(folder, name))
    symlinkSync('second', first as string)
    symlinkSync(target as string, second as string)
    for (let round = 0; round < 2; round++) {
      using store = new TaskStore({ file: first as string })
      store.save(RUNNING)
    }
    assert.ok(lstatSync(first as string).isSymbolicLink())
    assert.ok(lstatSync(second as string).isSymbolicLink())
    using store = new TaskStore({ file: target as string, readonly: true })
    assert.equal(store.count(), 1)
  })
  await t.test('is the target of a link in a linked folder', () => {
    const deep = join(folder, 'data', 'x', 'y')
    mkdirSync(deep, { recursive: true })
    symlinkSync(deep, join(folder, 'linked'))
    symlinkSync('../real.sqlite', join(deep, 'tasks.sqlite'))
    for (let round = 0; round < 2; round++) {
      using store = new TaskStore(join(folder, 'linked'))
      store.save(RUNNING)
    }
    assert.ok(existsSync(join(folder, 'data', 'x', 'real.sqlite')))
    assert.equal(existsSync(join(folder, 'real.sqlite')), false)
  })
  await t.test('is CANNOT_OPEN if links lead to each other', () => {
    const [a, b] = [join(folder, 'a'), join(folder, 'b')]
    symlinkSync(a, b)
    symlinkSync(b, a)
    assert.throws(() => new TaskStore({ file: a }), { code: 'CANNOT_OPEN' })
    assert.ok(lstatSync(a).isSymbolicLink())
  })
  await t.test('is in $UNIQC_CACHE_DIR, or else in ~/.uniqc/cache', () => {
    const { UNIQC_CACHE_DIR, HOME } = process.env
    try {
      process.env.UNIQC_CACHE_DIR = join(folder, 'from-environment')
      using store = new TaskStore()
      assert.equal(store.cacheDir, join(folder, 'from-environment'))
      delete process.env.UNIQC_CACHE_DIR
      process.env.HOME = folder
      using byDefault = new TaskStore()
      assert.equal(byDefault.file, join(folder, '.uniqc', 'cache', 'tasks.sqlite'))
    } finally {
      Object.assign(process.env, { HOME, ...(UNIQC_CACHE_DIR && { UNIQC_CACHE_DIR }) })
    }
  })
  await t.test('can be in memory', () => {
    using store = memory()
    assert.deepEqual([store.file, store.cacheDir, store.count()], [':memory:', undefined, 0])
  })
  await t.test('is that of a given database, which stays open', (t) => {
    const database = new Database(temporaryFile(t))
    const store = new TaskStore({ database })
    store.save(RUNNING)
    store.close()
    assert.equal(database.prepare('SELECT count(*) FROM tasks').pluck().get(), 1)
    database.close()
    assert.throws(() => store.count(), { code: 'CLOSED' })
  })
})

const WRONG_OPTIONS: readonly (readonly [options: unknown, message: RegExp])[] = [
  [5, /options must be an object, not a number/],
  [null, /options must be an object, not null/],
  ['', /cacheDir must be a path/],
  [{ path: 'x' }, /options has no "path"/],
  [{ readOnly: true }, /options has no "readOnly"/],
  [{ file: 5 }, /options.file must be a string, not a number/],
  [{ file: '' }, /options.file must be a path/],
  [{ cacheDir: 'a', file: 'b' }, /more than one of/],
  [{ database: {} }, /options.database must be a better-sqlite3 Database/],
  [{ timeout: -1 }, /options.timeout must be a whole number from 0, not -1/],
  [{ timeout: '5' }, /options.timeout must be a whole number, not a string/],
  [{ timeout: 2 ** 31 }, /options.timeout must be at most 2147483647/],
  [{ readonly: 1 }, /options.readonly must be true or false/],
  [{ synchronous: 'OFF' }, /options.synchronous must be 'FULL' or 'NORMAL'/],
  [{ file: ':memory:', synchronous: null }, /options.synchronous must be 'FULL' or 'NORMAL'/],
]

for (const [options, message] of WRONG_OPTIONS) {
  test(`new TaskStore(${JSON.stringify(options)}) is a TypeError`, () => {
    assert.throws(
      () => new TaskStore(wrong(options)),
      (error) => error instanceof TypeError && message.test(error.message),
    )
  })
}

test('a given database with default safe integers, or an old one of a readonly store, is refused', (t) => {
  const file = temporaryFile(t)
  const database = new Database(file)
  database.defaultSafeIntegers(true)
  assert.throws(() => new TaskStore({ database }), /defaultSafeIntegers/)
  database.defaultSafeIntegers(false)
  assert.throws(() => new TaskStore({ database, readonly: true }), { code: 'READONLY' })
  assert.equal(database.prepare('SELECT count(*) FROM temp.sqlite_master').pluck().get(), 0)
  database.close()
})

test('a given database that is closed or in a transaction is a TypeError, and stays as it is', (t) => {
  const file = temporaryFile(t)
  const database = new Database(file)
  database.exec('BEGIN')
  const message = /options.database must be open and not in a transaction/
  assert.throws(() => new TaskStore({ database }), { name: 'TypeError', message })
  assert.equal(database.inTransaction, true)
  database.exec('COMMIT')
  database.close()
  assert.throws(() => new TaskStore({ database }), { name: 'TypeError', message })
  assert.equal(statSync(file).size, 0)
})

test('a given database in memory becomes the store, without a folder', () => {
  const database = new Database(':memory:')
  const store = new TaskStore({ database })
  store.save(RUNNING)
  assert.deepEqual(
    [store.file, store.cacheDir, store.get('a')?.backend],
    [':memory:', undefined, 'originq:WK_C180'],
  )
  store.close()
  assert.equal(database.prepare('SELECT count(*) FROM tasks').pluck().get(), 1)
  database.close()
})

const UNOPENABLE: readonly (readonly [what: string, code: string, prepare: (file: string) => void])[] = [
  ['a folder', 'CANNOT_OPEN', (file) => mkdirSync(file)],
  [
    'a file that is not a database',
    'CORRUPT_FILE',
    (file) =>
      writeFileSync(file, 'this is not a database, but it is long enough to be read as one'.repeat(40)),
  ],
  [
    'a truncated database',
    'CORRUPT_FILE',
    (file) => {
      new TaskStore({ file }).close()
      writeFileSync(file, readFileSync(file).subarray(0, 5000))
    },
  ],
]

for (const [what, code, prepare] of UNOPENABLE) {
  test(`a path to ${what} is ${code} and stays as it is`, (t) => {
    const file = temporaryFile(t)
    prepare(file)
    const before = statSync(file).isFile() ? readFileSync(file) : undefined
    assert.throws(
      () => new TaskStore({ file }).list(),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, code)
        assert.ok(error.message.includes(file))
        return true
      },
    )
    if (before) assert.deepEqual(readFileSync(file), before)
  })
}

test('a missing file cannot be opened readonly, and is not created', (t) => {
  const file = temporaryFile(t)
  assert.throws(() => new TaskStore({ file, readonly: true }), { code: 'CANNOT_OPEN' })
  assert.equal(existsSync(file), false)
})

test('a readonly store reads, and is READONLY for every write', (t) => {
  const file = temporaryFile(t)
  using writer = new TaskStore({ file })
  writer.save(RUNNING)
  using store = new TaskStore({ file, readonly: true })
  assert.equal(store.get('a')?.status, 'running')
  for (const write of [
    () => store.save(RUNNING),
    () => store.saveMany([RUNNING]),
    () => store.update('a', { shots: 1 }),
    () => store.delete('a'),
    () => store.clearCompleted(),
    () => store.clearAll(),
    () => store.transaction(() => 1),
  ]) {
    assert.throws(write, { code: 'READONLY' })
  }
  assert.equal(writer.count(), 1)
})

test('a store whose client the caller closed is CLOSED, for reads and writes', (t) => {
  const store = new TaskStore({ file: temporaryFile(t) })
  store.count()
  store.db.$client.close()
  const calls = [
    () => store.get('a'),
    () => store.list({ platform: 'originq' }),
    () => store.countByStatus(),
    () => store.save({ taskId: 'a', backend: 'b', status: 'running' }),
    () => store.transaction(() => 1),
  ]
  for (const call of calls) assert.throws(call, { code: 'CLOSED' })
})

test('the Drizzle handle of a closed store is CLOSED', (t) => {
  const store = new TaskStore({ file: temporaryFile(t) })
  store.close()
  assert.throws(() => store.db, { code: 'CLOSED' })
})

test('synchronous is FULL by default, and NORMAL on request', (t) => {
  const mode = (store: TaskStore) => store.db.$client.pragma('synchronous', { simple: true })
  using full = new TaskStore({ file: temporaryFile(t) })
  using normal = new TaskStore({ file: temporaryFile(t), synchronous: 'NORMAL' })
  assert.deepEqual([mode(full), mode(normal)], [2, 1])
})

const idsOf = (list: Iterable<{ readonly taskId: string }>) => Array.from(list, ({ taskId }) => taskId)

test('an up-to-date file is opened and read while another store holds the lock', (t) => {
  const file = temporaryFile(t)
  using first = new TaskStore({ file })
  first.save({ taskId: 'a', backend: 'b', status: 'running' })
  first.transaction(() => {
    first.save({ taskId: 'b', backend: 'b', status: 'running' })
    using second = new TaskStore({ file, timeout: 0 })
    assert.deepEqual(idsOf(second.list()), ['a'])
    assert.throws(() => second.delete('a'), { code: 'LOCKED' })
  })
})
