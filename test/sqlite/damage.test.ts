import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import test, { type TestContext } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import Database from 'better-sqlite3'
import { asc, count, desc, eq, sql } from 'drizzle-orm'
import { type BetterSQLite3Database, drizzle } from 'drizzle-orm/better-sqlite3'
import { TaskStore, TaskStoreError } from 'uniqc-task-store'
import { archivedTaskShards, archivedTasks, taskShards, tasks } from 'uniqc-task-store/schema'
import { firstOutput, kill, runModule, spawnModule } from '../support/processes.ts'
import { memory } from '../support/store.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const SEED = process.env.DAMAGE_SEED ?? String(Date.now())
const IDS = Array.from({ length: 24 }, (_, i) => `uqt_${String(i).padStart(32, '0')}`)

/** A file with live and archived tasks and shards, some too long for one page. It has no log. */
function fill(file: string): void {
  using store = new TaskStore({ file })
  for (const [i, taskId] of IDS.entries()) {
    store.save({
      taskId,
      backend: i % 2 === 0 ? 'originq:WK_C180' : 'ibm:ibm_fez',
      status: i % 3 === 0 ? 'running' : 'success',
      shots: i,
      submitTime: `2026-01-01T00:00:${String(i).padStart(2, '0')}`,
      result: i % 8 === 1 ? { counts: 'x'.repeat(9000) } : { '00': i },
      metadata: { i, text: 'y'.repeat(i * 20) },
      errorMessage: i === 5 ? 'e'.repeat(5000) : null,
    })
    for (let s = 0; s < i % 4; s++) {
      store.addShard({ uniqcTaskId: taskId, platformTaskId: `job-${i}-${s}`, status: 'success', result: [s] })
    }
    if (i % 3 === 2) store.archive.archive(taskId)
  }
}

/** A question to a store, and how a plain program asks SQLite for the same. */
interface Question {
  readonly name: string
  readonly ask: (store: TaskStore) => unknown
  readonly askPlainly: (db: BetterSQLite3Database) => unknown
}

const newest = (table: typeof tasks | typeof archivedTasks) => [desc(table.submitTime), desc(sql`rowid`)]

const QUESTIONS: readonly Question[] = [
  {
    name: 'list',
    ask: (store) => store.list(),
    askPlainly: (db) =>
      db
        .select()
        .from(tasks)
        .orderBy(...newest(tasks))
        .all(),
  },
  {
    name: 'count',
    ask: (store) => store.count(),
    askPlainly: (db) => db.select({ n: count() }).from(tasks).get()?.n,
  },
  {
    name: 'archive.list',
    ask: (store) => store.archive.list(),
    askPlainly: (db) =>
      db
        .select()
        .from(archivedTasks)
        .orderBy(...newest(archivedTasks))
        .all(),
  },
  {
    name: 'archive.count',
    ask: (store) => store.archive.count(),
    askPlainly: (db) => db.select({ n: count() }).from(archivedTasks).get()?.n,
  },
  ...IDS.flatMap((id): Question[] => [
    {
      name: `get ${id}`,
      ask: (store) => store.get(id),
      askPlainly: (db) => db.select().from(tasks).where(eq(tasks.taskId, id)).get(),
    },
    {
      name: `getShards ${id}`,
      ask: (store) => store.getShards(id),
      askPlainly: (db) =>
        db
          .select()
          .from(taskShards)
          .where(eq(taskShards.uniqcTaskId, id))
          .orderBy(asc(taskShards.shardIndex))
          .all(),
    },
    {
      name: `archive.get ${id}`,
      ask: (store) => store.archive.get(id),
      askPlainly: (db) => db.select().from(archivedTasks).where(eq(archivedTasks.taskId, id)).get(),
    },
    {
      name: `archive.getShards ${id}`,
      ask: (store) => store.archive.getShards(id),
      askPlainly: (db) =>
        // Those whose task is gone are not given.
        db.select().from(archivedTasks).where(eq(archivedTasks.taskId, id)).get() === undefined
          ? []
          : db
              .select()
              .from(archivedTaskShards)
              .where(eq(archivedTaskShards.uniqcTaskId, id))
              .orderBy(asc(archivedTaskShards.shardIndex))
              .all(),
    },
  ]),
]

const askAll = (store: TaskStore) => QUESTIONS.map(({ ask }) => ask(store))

const ALLOWED = ['CORRUPT_FILE', 'CANNOT_OPEN', 'FOREIGN_FILE', 'SCHEMA_TOO_NEW', 'MIGRATION_FAILED']

/** The code of what is thrown, which must be one that tells of a bad file, and must name it. */
function codeOf(error: unknown, file: string, what: string): string {
  assert.ok(error instanceof TaskStoreError, `${what}: ${error}`)
  assert.ok(ALLOWED.includes(error.code), `${what}: ${error.code} ${error.message}`)
  assert.ok(error.message.includes(file), `${what}: ${error.message}`)
  return error.code
}

/** What came of all the questions to damaged files, by kind. */
type Tally = Map<'stored' | 'refused to open' | 'refused' | 'differs' | 'unreadable', number>

/** Opens damaged bytes and asks everything: each answer is what was stored, or what SQLite says, or an error. */
function examine(file: string, bytes: Buffer, stored: readonly unknown[], readonly: boolean, what: string) {
  const tally: Tally = new Map()
  const add = (kind: Parameters<Tally['set']>[0]) => tally.set(kind, (tally.get(kind) ?? 0) + 1)
  writeFileSync(file, bytes)
  try {
    using store = new TaskStore({ file, readonly, timeout: 0 })
    for (const [index, { name, ask, askPlainly }] of QUESTIONS.entries()) {
      const where = `${what}, ${name}`
      try {
        const answer = ask(store)
        if (isDeepStrictEqual(answer, stored[index])) add('stored')
        else {
          const plain = new Database(file, { readonly: true })
          assert.deepEqual(answer, askPlainly(drizzle({ client: plain })), where)
          plain.close()
          const isUnreadable = JSON.stringify([answer]).includes('"$unreadable"')
          add(isUnreadable ? 'unreadable' : 'differs')
        }
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error
        codeOf(error, file, where)
        add('refused')
      }
    }
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error
    codeOf(error, file, what)
    assert.ok(readFileSync(file).equals(bytes), `${what}: refused, and changed`)
    add('refused to open')
  }
  if (readonly) assert.ok(readFileSync(file).equals(bytes), `${what}: changed`)
  for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true })
  return tally
}

interface Sample {
  readonly good: Buffer
  readonly pageSize: number
  readonly stored: readonly unknown[]
  readonly copy: string
}

function makeSample(t: TestContext): Sample {
  const file = temporaryFile(t)
  fill(file)
  const good = readFileSync(file)
  using store = new TaskStore({ file, readonly: true })
  const pageSize = store.db.$client.pragma('page_size', { simple: true }) as number
  return { good, pageSize, stored: askAll(store), copy: join(dirname(file), 'damaged.sqlite') }
}

/** Examines every damaged file, opened either way. */
function examineAll(sample: Sample, damaged: readonly (readonly [what: string, bytes: Buffer])[]): Tally {
  const total: Tally = new Map()
  for (const [what, bytes] of damaged) {
    for (const readonly of [true, false]) {
      const where = `${what}${readonly ? ', readonly' : ''} (DAMAGE_SEED=${SEED})`
      for (const [kind, n] of examine(sample.copy, bytes, sample.stored, readonly, where)) {
        total.set(kind, (total.get(kind) ?? 0) + n)
      }
    }
  }
  return total
}

const has = (tally: Tally, ...kinds: Parameters<Tally['get']>[0][]) => {
  for (const kind of kinds) assert.ok(tally.has(kind), `none of ${kind} among ${JSON.stringify([...tally])}`)
}

function random(name: string, length: number): Buffer {
  return createHash('shake256', { outputLength: length }).update(`${SEED} ${name}`).digest()
}

const DAMAGES: readonly (readonly [what: string, damage: (sample: Sample, page: number) => Buffer])[] = [
  ['zeros', ({ pageSize }) => Buffer.alloc(pageSize)],
  ['random bytes', ({ pageSize }, page) => random(String(page), pageSize)],
  [
    'another page',
    ({ good, pageSize }, page) => {
      const others = good.length / pageSize - 1
      const other = (page + 1 + (random(`page ${page}`, 4).readUInt32LE() % others)) % (others + 1)
      return good.subarray(other * pageSize, (other + 1) * pageSize)
    },
  ],
]

for (const [what, damage] of DAMAGES) {
  test(`whatever page is overwritten with ${what}, each call returns what the file holds or throws`, (t) => {
    t.diagnostic(`DAMAGE_SEED=${SEED}`)
    const sample = makeSample(t)
    const pages = Array.from({ length: sample.good.length / sample.pageSize }, (_, page) => page)
    assert.ok(pages.length > 30)
    const tally = examineAll(
      sample,
      pages.map((page) => {
        const bytes = Buffer.from(sample.good)
        damage(sample, page).copy(bytes, page * sample.pageSize)
        return [`page ${page + 1} is ${what}`, bytes]
      }),
    )
    has(tally, 'stored', 'refused', 'refused to open')
    if (what !== 'another page') has(tally, 'differs', 'unreadable')
  })
}

test('wherever a file is cut off, it is refused or returns what was stored', (t) => {
  const sample = makeSample(t)
  const cuts: number[] = []
  for (let page = 0; page < sample.good.length; page += sample.pageSize) {
    // Of no byte at all, and of one, SQLite makes a new database.
    if (page > 0) cuts.push(page)
    cuts.push(page + 2, page + 512, page + sample.pageSize - 1)
  }
  const tally = examineAll(
    sample,
    cuts.map((length) => [`cut off after ${length}`, sample.good.subarray(0, length)]),
  )
  has(tally, 'stored', 'refused to open')
  assert.deepEqual([tally.has('differs'), tally.has('unreadable')], [false, false])
})

test('whichever byte of the header is damaged, the file is refused or returns what was stored', (t) => {
  const sample = makeSample(t)
  const damaged: [string, Buffer][] = []
  for (let at = 0; at < 100; at++) {
    const old = sample.good[at] ?? 0
    for (const byte of new Set([old ^ 0xff, (old + 1) & 0xff, 0])) {
      if (byte === old) continue
      const bytes = Buffer.from(sample.good)
      bytes[at] = byte
      damaged.push([`byte ${at} is ${byte}, not ${old}`, bytes])
    }
  }
  const tally = examineAll(sample, damaged)
  has(tally, 'stored', 'refused to open')
  assert.deepEqual([tally.has('differs'), tally.has('unreadable')], [false, false])
})

type Prepare = (file: string) => void

const NO_DATABASES: readonly (readonly [what: string, code: string, advice: RegExp, prepare: Prepare])[] = [
  ['text', 'CORRUPT_FILE', /check the path/, (file) => writeFileSync(file, 'text '.repeat(300))],
  ['short text', 'CORRUPT_FILE', /check the path/, (file) => writeFileSync(file, 'text')],
  [
    'an old tasks.jsonl',
    'CORRUPT_FILE',
    /check the path/,
    (file) => writeFileSync(file, '{"task_id":"a"}\n'),
  ],
  [
    'a file of random bytes',
    'CORRUPT_FILE',
    /check the path/,
    (file) => writeFileSync(file, random('file', 9000)),
  ],
  [
    'a file with only the first bytes of a database',
    'CORRUPT_FILE',
    /check the path/,
    (file) => writeFileSync(file, 'SQLite format 3\0'),
  ],
  ['a folder', 'CANNOT_OPEN', /check/, (file) => mkdirSync(file)],
]

for (const [what, code, advice, prepare] of NO_DATABASES) {
  test(`${what} in place of the file is ${code} and stays as it is; once it is removed, the store works`, (t) => {
    const file = temporaryFile(t)
    using open = new TaskStore({ file })
    open.save({ taskId: 'before', backend: 'b', status: 'running' })
    const kept = join(temporaryFolder(t), 'kept.sqlite')
    open.db.$client.prepare('VACUUM INTO ?').run(kept)
    for (const ending of ['', '-wal', '-shm']) rmSync(file + ending)
    prepare(file)
    const bytes = () => (statSync(file).isFile() ? readFileSync(file, 'latin1') : 'a folder')
    const before = bytes()
    const calls: (() => unknown)[] = [
      () => new TaskStore({ file }),
      () => new TaskStore({ file, readonly: true }),
      () => open.save({ taskId: 'after', backend: 'b', status: 'running' }),
    ]
    for (const call of calls) {
      assert.throws(call, (error: TaskStoreError) => {
        assert.equal(codeOf(error, file, what), code)
        assert.match(error.message, advice)
        return true
      })
      assert.equal(bytes(), before)
    }
    rmSync(file, { recursive: true })
    for (const ending of ['-wal', '-shm']) rmSync(file + ending, { force: true })
    copyFileSync(kept, file)
    assert.equal(open.save({ taskId: 'after', backend: 'b', status: 'running' }).taskId, 'after')
    using again = new TaskStore({ file })
    assert.deepEqual(
      again
        .list()
        .map(({ taskId }) => taskId)
        .sort(),
      ['after', 'before'],
    )
  })
}

test('an empty file is an empty store if readonly and stays as it is; a writer fills it', (t) => {
  const file = temporaryFile(t)
  writeFileSync(file, '')
  {
    using store = new TaskStore({ file, readonly: true })
    assert.deepEqual(
      [store.list(), store.count(), store.archive.list(), store.getShards('a')],
      [[], 0, [], []],
    )
  }
  assert.equal(readFileSync(file).length, 0)
  using store = new TaskStore({ file })
  assert.equal(store.save({ taskId: 'a', backend: 'b', status: 'running' }).taskId, 'a')
})

const LOGS: readonly (readonly [what: string, make: (t: TestContext) => Buffer])[] = [
  ['not a log', () => random('log', 50_000)],
  ['empty', () => Buffer.alloc(0)],
  [
    "another file's",
    (t) => {
      const other = temporaryFile(t)
      using store = new TaskStore({ file: other })
      store.save({ taskId: 'other', backend: 'b', status: 'running' })
      return readFileSync(`${other}-wal`)
    },
  ],
]

for (const [what, make] of LOGS) {
  test(`next to a -wal that is ${what}, a reader changes nothing; without it all tasks are there`, (t) => {
    const { good, stored, copy: file } = makeSample(t)
    writeFileSync(file, good)
    const log = make(t)
    writeFileSync(`${file}-wal`, log)
    try {
      using store = new TaskStore({ file, readonly: true })
      for (const { name, ask } of QUESTIONS) {
        try {
          ask(store)
        } catch (error) {
          codeOf(error, file, name)
        }
      }
    } catch (error) {
      codeOf(error, file, 'open')
    }
    assert.ok(readFileSync(file).equals(good))
    for (const ending of ['-wal', '-shm']) rmSync(file + ending, { force: true })
    using store = new TaskStore({ file })
    assert.deepEqual(askAll(store), stored)
  })
}

/** Opens each file that is named as its user may: not as root, who may write everything. */
const TRY_ALL = `
  import { TaskStore } from 'uniqc-task-store'
  new TaskStore({ file: ':memory:' }).close()
  if (process.getuid() === 0) {
    process.setgroups([])
    process.setgid(65534)
    process.setuid(65534)
  }
  const attempt = (work) => {
    try {
      return { value: work() }
    } catch (error) {
      return { code: error.code, message: error.message, isOurs: error.name === 'TaskStoreError' }
    }
  }
  const results = JSON.parse(process.argv[1]).map(({ file, readonly }) => {
    let store
    const opened = attempt(() => { store = new TaskStore({ file, readonly, timeout: 0 }) })
    if (!store) return { opened }
    const read = attempt(() => store.list().map((task) => task.taskId).sort())
    const saved = attempt(() => store.save({ taskId: 'saved', backend: 'b', status: 'running' }).taskId)
    store.close()
    return { opened, read, saved }
  })
  console.log(JSON.stringify(results))
`

interface Outcome {
  readonly value?: unknown
  readonly code?: string
  readonly message?: string
  readonly isOurs?: boolean
}
interface Tried {
  readonly opened: Outcome
  readonly read?: Outcome
  readonly saved?: Outcome
}

const OLD_FILE = resolve(import.meta.dirname, '../files/uniqc-0.0.7-schema1.sqlite')

interface Obstacle {
  readonly what: string
  /** Sets it up, and returns what undoes it. */
  readonly put: (file: string, t: TestContext) => () => void
  /** The outcome of opening, then of saving if it opened. */
  readonly writing: readonly string[]
  readonly reading: readonly string[]
  readonly isOld?: boolean
}

/** Its mode when it is put up; then all may do everything. */
function restrict(path: string, mode: number): () => void {
  chmodSync(path, mode)
  return () => chmodSync(path, 0o777)
}

const OBSTACLES: readonly Obstacle[] = [
  {
    what: 'a file that may only be read',
    put: (file) => restrict(file, 0o444),
    writing: ['opens', 'READONLY'],
    reading: ['opens', 'READONLY'],
  },
  {
    what: 'an old file that may only be read',
    put: (file) => restrict(file, 0o444),
    writing: ['READONLY'],
    reading: ['opens', 'READONLY'],
    isOld: true,
  },
  {
    what: 'a folder that may only be read, and no log',
    put: (file) => restrict(dirname(file), 0o555),
    writing: ['READONLY'],
    reading: ['READONLY'],
  },
  {
    what: 'a folder that may only be read, and a log that a crash left',
    put: (file) => {
      const crashed = `${file}.crashed`
      using store = new TaskStore({ file })
      store.save({ taskId: 'a', backend: 'b', status: 'success' })
      copyFileSync(`${file}-wal`, crashed)
      store.close()
      copyFileSync(crashed, `${file}-wal`)
      chmodSync(`${file}-wal`, 0o666)
      return restrict(dirname(file), 0o555)
    },
    writing: ['CANNOT_OPEN'],
    reading: ['CANNOT_OPEN'],
  },
  {
    what: 'a folder that may only be read, where another has the file open',
    put: (file, t) => {
      const other = new TaskStore({ file })
      t.after(() => other.close())
      other.update('a', { shots: 7 })
      return restrict(dirname(file), 0o555)
    },
    writing: ['opens', 'saved'],
    reading: ['opens', 'READONLY'],
  },
  {
    what: 'a file that may not be read',
    put: (file) => restrict(file, 0o000),
    writing: ['CANNOT_OPEN'],
    reading: ['CANNOT_OPEN'],
  },
  {
    what: 'a folder that may not be entered',
    put: (file) => restrict(dirname(file), 0o000),
    writing: ['CANNOT_OPEN'],
    reading: ['CANNOT_OPEN'],
  },
  {
    what: 'a folder that may only be read, and no file',
    put: (file) => {
      rmSync(file)
      return restrict(dirname(file), 0o555)
    },
    writing: ['CANNOT_OPEN'],
    reading: ['CANNOT_OPEN'],
  },
]

const needsModes = process.platform === 'win32' ? { skip: 'there are no modes of files here' } : {}

test(
  'a file without permission throws the right code, stays as it is, and works once permitted',
  needsModes,
  async (t) => {
    const cases = [false, true].flatMap((readonly) =>
      OBSTACLES.map((obstacle) => {
        const file = join(temporaryFolder(t), 'folder', 'tasks.sqlite')
        chmodSync(dirname(dirname(file)), 0o755)
        mkdirSync(dirname(file))
        if (obstacle.isOld) copyFileSync(OLD_FILE, file)
        else {
          using store = new TaskStore({ file })
          store.save({ taskId: 'a', backend: 'b', status: 'running' })
        }
        chmodSync(dirname(file), 0o777)
        chmodSync(file, 0o666)
        const remove = obstacle.put(file, t)
        return { obstacle, file, readonly, remove }
      }),
    )
    const tryAll = async () =>
      JSON.parse(
        await runModule(TRY_ALL, JSON.stringify(cases.map(({ file, readonly }) => ({ file, readonly })))),
      ) as Tried[]
    // Root reads what the child may not; any other user asks again when it may.
    const isRoot = process.getuid?.() === 0
    const bytes = (file: string) => (isRoot && existsSync(file) ? readFileSync(file, 'latin1') : '')
    const before = cases.map(({ file }) => bytes(file))
    const during = await tryAll()
    for (const [index, { obstacle, file, readonly, remove }] of cases.entries()) {
      const { what, reading, writing } = obstacle
      const { opened, read, saved } = during[index] as Tried
      const expected = readonly ? reading : writing
      const outcomes = [opened.code ?? 'opens', ...(saved ? [saved.code ?? saved.value] : [])]
      assert.deepEqual(outcomes, expected, `${what}, ${readonly}: ${opened.message}`)
      for (const { code, message, isOurs } of [opened, read, saved].flatMap((outcome) => outcome ?? [])) {
        if (code === undefined) continue
        assert.ok(isOurs, what)
        assert.ok(message?.includes(file), `${what}: ${message}`)
        assert.match(message ?? '', /check|open it without that option/, what)
      }
      if (read && !obstacle.isOld) assert.deepEqual(read.value, ['a'], what)
      if (!expected.includes('saved')) assert.equal(bytes(file), before[index], what)
      remove()
      // What SQLite made beside a file that may only be read may itself only be read.
      for (const ending of ['', '-wal', '-shm']) {
        if (existsSync(file + ending)) chmodSync(file + ending, 0o666)
      }
    }
    for (const [index, { opened, saved }] of (await tryAll()).entries()) {
      const { obstacle, readonly, file } = cases[index] as (typeof cases)[number]
      const isMissing = readonly && !existsSync(file)
      assert.equal(opened.code, isMissing ? 'CANNOT_OPEN' : undefined, `${obstacle.what}: ${opened.message}`)
      if (!readonly) assert.equal(saved?.value, 'saved', `${obstacle.what}: ${saved?.message}`)
    }
  },
)

const HOLD = `
  import { writeSync } from 'node:fs'
  import Database from 'better-sqlite3'
  const database = new Database(process.argv[1])
  database.exec('BEGIN IMMEDIATE')
  database.exec("UPDATE tasks SET backend = 'unseen'")
  writeSync(1, 'held')
  setInterval(() => undefined, 1000)
`

for (const age of ['old', 'new']) {
  for (const isHeld of [false, true]) {
    test(`a readonly store does not write, migrate or lock ${age === 'old' ? 'an old' : 'a new'} file${isHeld ? ' that another process writes' : ''}`, async (t) => {
      const file = temporaryFile(t)
      if (age === 'old') copyFileSync(OLD_FILE, file)
      else fill(file)
      const before = readFileSync(file)
      if (isHeld) {
        const holder = spawnModule(HOLD, file)
        t.after(() => kill(holder))
        await firstOutput(holder)
      }
      const database = new Database(file, { timeout: 0 })
      const version = () => database.pragma('schema_version', { simple: true })
      const versionBefore = version()
      using store = new TaskStore({ file, readonly: true, timeout: 0 })
      const reader = store.iterate()
      assert.notEqual(reader.next().value?.backend, 'unseen')
      assert.equal(store.list().length, store.count())
      assert.ok(store.count() > 0)
      if (!isHeld) database.exec('BEGIN IMMEDIATE; ROLLBACK')
      assert.equal(version(), versionBefore)
      database.close()
      reader.return(undefined)
      store.close()
      assert.ok(readFileSync(file).equals(before))
    })
  }
}

test('exporting and merging a file whose row ids are out of order is CORRUPT_FILE', (t) => {
  const file = temporaryFile(t)
  const store = new TaskStore({ file })
  store.saveMany(
    Array.from({ length: 500 }, (_, i) => ({
      taskId: `task-${i}`,
      backend: 'b',
      status: 'success' as const,
      submitTime: `2026-01-01T00:00:00.${String(i).padStart(6, '0')}`,
      result: { x: 'y'.repeat(200) },
    })),
  )
  // The pages of the table, in the order of its rows.
  const leaves = store.db.$client
    .prepare("SELECT pageno FROM dbstat WHERE name = 'tasks' AND pagetype = 'leaf' ORDER BY path")
    .pluck()
    .all() as number[]
  store.close()
  const good = readFileSync(file)
  let ended = 0
  for (let leaf = 2; leaf < leaves.length; leaf += 3) {
    const page = (number: number) => [(number - 1) * 4096, number * 4096] as const
    const bytes = Buffer.from(good)
    bytes.set(good.subarray(...page(leaves[leaf - 2] as number)), page(leaves[leaf] as number)[0])
    const copy = temporaryFile(t)
    writeFileSync(copy, bytes)
    using damaged = new TaskStore({ file: copy })
    using other = memory()
    for (const call of [
      () => damaged.exportFile(`${copy}.jsonl`, { replace: true }),
      () => other.mergeFile(copy),
      () => damaged.archive.archiveOlderThan({ hours: 1 }),
      () => damaged.clearAll(),
    ]) {
      try {
        call()
      } catch (error) {
        assert.equal((error as TaskStoreError).code, 'CORRUPT_FILE')
        ended++
      }
    }
  }
  assert.ok(ended > 0)
})
