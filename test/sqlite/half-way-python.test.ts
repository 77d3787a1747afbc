// What becomes of an old file that a Python is upgrading when a store opens it. It reads every task, and takes the lock
// only when it writes the first of them.
import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import test, { type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import { copyFixture, FIXTURE_NAMES, needsFixtures, readExpected } from '../support/fixtures.ts'
import {
  collect,
  finish,
  firstOutput,
  kill,
  needsPython,
  runModule,
  runPython,
  spawnModule,
  spawnPython,
} from '../support/processes.ts'
import { PYTHON_CALLS } from '../support/python-calls.ts'
import { assertSound } from '../support/sound-file.ts'

const NEEDS = { ...needsPython, ...needsFixtures }
const NAME = FIXTURE_NAMES.find((name) => name.includes('0.0.11-')) ?? ''
const OPENERS = 8
const times = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, i) => make(i))

/** Stands still between what it reads and what it writes, until a file is there. */
const HALF_WAY = `
def pause():
    print("read", flush=True)
    while not os.path.exists(path + ".go"):
        time.sleep(0.002)
print(upgrade(pause))
`

const goOn = (file: string) => writeFileSync(`${file}.go`, '')

/** Opens a file, says so before and after, and counts its tasks. */
const OPEN = `
  import { writeSync } from 'node:fs'
  import { TaskStore } from 'uniqc-task-store'
  const [file, timeout] = process.argv.slice(1)
  writeSync(1, 'opening ')
  const store = new TaskStore({ file, timeout: Number(timeout) })
  writeSync(1, 'opened ' + store.count())
  store.close()
`

async function startHalfWay(t: TestContext, file: string) {
  const python = spawnPython(PYTHON_CALLS + HALF_WAY, file)
  t.after(() => kill(python))
  const done = finish(python)
  done.catch(() => undefined)
  await firstOutput(python)
  return { done }
}

/** The ids that the tasks of a file had before version 5, each as often as a task has it. */
function oldIds(file: string): unknown[] {
  const database = new Database(file, { readonly: true })
  try {
    const read = (shards: string) => database.prepare(`SELECT platform_task_id FROM ${shards}`).pluck().all()
    return [...read('task_shards'), ...read('archived_task_shards')].toSorted()
  } finally {
    database.close()
  }
}

/** That every task was upgraded once, by whomever, and that nothing else lies beside the file. */
function assertUpgradedOnce(file: string, copies: readonly number[]) {
  const { tasks, archived = [] } = readExpected(NAME)
  assert.deepEqual(oldIds(file), [...tasks, ...archived].map(({ task_id }) => task_id).toSorted())
  {
    using store = new TaskStore({ file })
    assert.deepEqual([store.count(), store.archive.count()], [tasks.length, archived.length])
    for (const { task_id } of tasks) assert.equal(store.get(task_id)?.metadata.legacy_platform_id, task_id)
    assert.deepEqual(
      store.check({ pendingDays: 1e6 }).findings.filter(({ kind }) => kind === 'duplicate-task'),
      [],
    )
  }
  assertSound(file)
  const beside = readdirSync(dirname(file)).filter((name) => !/^tasks\.sqlite(\.go)?$/.test(name))
  assert.deepEqual(
    beside.filter((name) => !/^tasks\.sqlite\.before-v5\.[\dTZ.]+$/.test(name)),
    [],
  )
  assert.ok(copies.includes(beside.length), `${beside.length} copies`)
}

test(
  'a store that opens a file beside a Python half-way through its upgrade waits, and no task is doubled',
  NEEDS,
  async (t) => {
    const file = copyFixture(t, NAME)
    const python = await startHalfWay(t, file)
    const opener = spawnModule(OPEN, file, '60000')
    t.after(() => kill(opener))
    const printed = collect(opener)
    const opened = finish(opener)
    await firstOutput(opener)
    // For a while in which it would have opened the file, had it not waited.
    await Promise.race([opened, setTimeout(500)])
    assert.equal(printed.output, 'opening ')
    goOn(file)
    assert.match(await python.done, /True/)
    assert.equal(await opened, `opening opened ${readExpected(NAME).count}`)
    assertUpgradedOnce(file, [0])
  },
)

test(`${OPENERS} stores that wait for one Python all open the file`, NEEDS, async (t) => {
  const file = copyFixture(t, NAME)
  const python = await startHalfWay(t, file)
  const openers = times(OPENERS, () => spawnModule(OPEN, file, '60000'))
  for (const opener of openers) t.after(() => kill(opener))
  const outputs = openers.map((opener) => finish(opener))
  await Promise.all(openers.map((opener) => firstOutput(opener)))
  goOn(file)
  assert.match(await python.done, /True/)
  for (const output of await Promise.all(outputs))
    assert.equal(output, `opening opened ${readExpected(NAME).count}`)
  assertUpgradedOnce(file, [0])
})

const ROUNDS = 12

/** Does to each file, at the same moment as others, what a program does. */
const PYTHON_AT_ONCE = `
start, *files = sys.argv[2:]
while time.time() * 1000 < float(start):
    pass
for path in files:
    upgrade()
`
const OPEN_AT_ONCE = `
  import { TaskStore } from 'uniqc-task-store'
  const [start, ...files] = process.argv.slice(1)
  while (Date.now() < Number(start)) {}
  for (const file of files) new TaskStore({ file, timeout: 60000 }).close()
`

test(
  `a Python and two stores upgrade a file at the same moment, ${ROUNDS} times, and no task is doubled`,
  NEEDS,
  async (t) => {
    const files = times(ROUNDS, () => copyFixture(t, NAME))
    const start = String(Date.now() + 1000)
    await Promise.all([
      runPython(PYTHON_CALLS + PYTHON_AT_ONCE, '', start, ...files),
      ...times(2, () => runModule(OPEN_AT_ONCE, start, ...files)),
    ])
    for (const file of files) assertUpgradedOnce(file, [0, 1])
  },
)

test('a Python that comes while a store upgrades waits, and has nothing left to do', NEEDS, async (t) => {
  const file = copyFixture(t, NAME)
  const more = 5000
  const database = new Database(file)
  database.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${more})
    INSERT INTO tasks (task_id, backend, status, submit_time, update_time, metadata_json)
    SELECT 'more-' || i, 'b', 'success', '2026', '2026', '{"text": "' || hex(randomblob(500)) || '"}' FROM n`)
  database.close()
  const opener = spawnModule(OPEN, file, '60000')
  t.after(() => kill(opener))
  const opened = finish(opener)
  // The first that an upgrade does is to make a copy, when it has the file for itself.
  while (!readdirSync(dirname(file)).some((name) => name.includes('.before-v5.'))) await setTimeout(1)
  assert.equal(await runPython(`${PYTHON_CALLS}print(upgrade())`, file), 'False\n')
  const { count } = readExpected(NAME)
  assert.equal(await opened, `opening opened ${count + more}`)
  assert.equal(new Set(oldIds(file)).size, oldIds(file).length)
})

for (const timeout of [0, 50]) {
  test(
    `a Python that stands still beyond a timeout of ${timeout} is not waited for, and check finds the doubled tasks`,
    NEEDS,
    async (t) => {
      const file = copyFixture(t, NAME)
      const python = await startHalfWay(t, file)
      const { count, archived = [] } = readExpected(NAME)
      using store = new TaskStore({ file, timeout })
      assert.equal(store.count(), count)
      goOn(file)
      assert.match(await python.done, /True/)
      assert.equal(store.count(), 2 * count)
      const { findings } = store.check({ pendingDays: 1e6 })
      const doubled = findings.filter(({ kind }) => kind === 'duplicate-task')
      assert.equal(doubled[0]?.count, 2 * (count + archived.length))
      store.repair(doubled)
      assert.equal(store.count(), count)
    },
  )
}

test(
  'a file that others keep open without a lock is upgraded when the timeout is over',
  needsFixtures,
  (t) => {
    const file = copyFixture(t, NAME)
    using reader = new TaskStore({ file, readonly: true })
    const { count } = readExpected(NAME)
    assert.equal(reader.count(), count)
    {
      using store = new TaskStore({ file, timeout: 50 })
      assert.equal(store.count(), count)
    }
    assert.equal(reader.count(), count)
    assert.ok(
      reader.list().every(({ taskId }) => taskId.startsWith('uqt_')),
      'the reader sees the new ids',
    )
    reader.close()
    assertUpgradedOnce(file, [1])
  },
)

test('a file with a rollback journal is upgraded as one with a log is', needsFixtures, (t) => {
  const file = copyFixture(t, NAME)
  const database = new Database(file)
  assert.equal(database.pragma('journal_mode = DELETE', { simple: true }), 'delete')
  database.close()
  using store = new TaskStore({ file })
  assert.equal(store.db.$client.pragma('journal_mode', { simple: true }), 'wal')
  store.close()
  assertUpgradedOnce(file, [1])
})

test('an upgraded file is shared with others again', needsFixtures, (t) => {
  const file = copyFixture(t, NAME)
  using store = new TaskStore({ file })
  assert.equal(store.db.$client.pragma('locking_mode', { simple: true }), 'normal')
  using other = new TaskStore({ file, timeout: 0 })
  other.save({ taskId: 'a', backend: 'b', status: 'running' })
  assert.equal(store.get('a')?.status, 'running')
})

test(
  'a connection that is handed in and keeps others out upgrades its file, after a copy',
  needsFixtures,
  (t) => {
    const file = copyFixture(t, NAME)
    const database = new Database(file)
    database.pragma('locking_mode = EXCLUSIVE')
    using store = new TaskStore({ database })
    assert.equal(store.count(), readExpected(NAME).count)
    database.close()
    assertUpgradedOnce(file, [1])
  },
)
