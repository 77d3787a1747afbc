import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import test from 'node:test'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import released from '../../src/sqlite/migrating/released-migrations.json' with { type: 'json' }
import { copyFixture, FIXTURE_NAMES, needsFixtures, readExpected } from '../support/fixtures.ts'
import {
  firstOutput,
  kill,
  needsPython,
  runModule,
  runModuleWithFileLimit,
  runPython,
  spawnModule,
} from '../support/processes.ts'
import { temporaryFile } from '../support/temporary.ts'

const MIGRATIONS = released.length
const ROUNDS = 20
const PROCESSES = 8
const times = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, i) => make(i))

/** Opens each file in turn as soon as every process is there, and prints how many tasks it saw. */
const OPEN_ALL = `
  import { TaskStore } from 'uniqc-task-store'
  const [start, ...files] = process.argv.slice(1)
  while (Date.now() < Number(start)) {}
  for (const file of files) {
    const store = new TaskStore({ file })
    console.log(store.count())
    store.close()
  }
`

async function openAtOnce(files: readonly string[]): Promise<string[]> {
  const start = String(Date.now() + 1200)
  const outputs = await Promise.all(times(PROCESSES, () => runModule(OPEN_ALL, start, ...files)))
  return outputs.flatMap((output) => output.trim().split('\n'))
}

function assertMigratedOnce(file: string, tasks: number) {
  const database = new Database(file, { readonly: true })
  const one = (sql: string) => database.prepare(sql).pluck().get()
  assert.equal(one('SELECT count(*) FROM __uniqc_task_store_migrations'), MIGRATIONS)
  assert.equal(one('SELECT count(DISTINCT created_at) FROM __uniqc_task_store_migrations'), MIGRATIONS)
  assert.equal(one('SELECT count(*) FROM tasks'), tasks)
  assert.equal(one('SELECT count(*) FROM task_shards'), tasks)
  assert.equal(one('SELECT count(DISTINCT platform_task_id) FROM task_shards'), tasks)
  assert.equal(one('PRAGMA integrity_check'), 'ok')
  database.close()
  const copies = readdirSync(dirname(file)).filter((entry) => entry.includes('before-v5'))
  assert.equal(copies.length, tasks > 0 ? 1 : 0)
}

test(`${PROCESSES} processes can open one new file at once, ${ROUNDS} times`, async (t) => {
  const files = times(ROUNDS, () => temporaryFile(t))
  const counts = await openAtOnce(files)
  assert.deepEqual(
    counts,
    times(ROUNDS * PROCESSES, () => '0'),
  )
  for (const file of files) assertMigratedOnce(file, 0)
})

for (const name of FIXTURE_NAMES.filter((name) => /0\.0\.(4|11)-/.test(name))) {
  test(`${PROCESSES} processes can open ${name} at once, ${ROUNDS} times`, needsFixtures, async (t) => {
    const { count } = readExpected(name)
    const files = times(ROUNDS, () => copyFixture(t, name))
    const counts = await openAtOnce(files)
    assert.deepEqual(
      counts,
      times(ROUNDS * PROCESSES, () => String(count)),
    )
    for (const file of files) assertMigratedOnce(file, count)
  })
}

test('4 processes that update 50 metadata keys each of one task leave 200 keys', async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.save({ taskId: 'shared', backend: 'originq', status: 'running' })
  const update = `
    import { TaskStore } from 'uniqc-task-store'
    const [file, name] = process.argv.slice(1)
    const store = new TaskStore({ file })
    for (let i = 0; i < 50; i++) store.update('shared', { metadata: { [name + i]: i } })
    store.close()
  `
  await Promise.all(times(4, (i) => runModule(update, file, `process${i}-`)))
  const metadata = store.get('shared')?.metadata ?? {}
  assert.equal(Object.keys(metadata).length, 200)
  for (let i = 0; i < 50; i++) assert.equal(metadata[`process3-${i}`], i)
})

test('of several processes that claim one task by its status, exactly one gets it', async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.saveMany(times(50, (i) => ({ taskId: `t${i}`, backend: 'b', status: 'pending' as const })))
  const claim = `
    import { TaskStore } from 'uniqc-task-store'
    const [file, name] = process.argv.slice(1)
    const store = new TaskStore({ file })
    let claimed = 0
    for (let i = 0; i < 50; i++) {
      if (store.update('t' + i, { status: 'running', metadata: { name } }, { ifStatus: 'pending' })) claimed++
    }
    store.close()
    console.log(claimed)
  `
  const claimed = await Promise.all(times(4, (i) => runModule(claim, file, `process${i}`)))
  assert.equal(
    claimed.reduce((sum, count) => sum + Number(count), 0),
    50,
  )
})

const needsLimits = process.platform === 'win32' ? { skip: 'there are no file-size limits here' } : {}

test('on a full disk, every acknowledged task is saved, and no other', needsLimits, async (t) => {
  const file = temporaryFile(t)
  new TaskStore({ file }).close()
  const save = `
    import { TaskStore } from 'uniqc-task-store'
    const store = new TaskStore({ file: process.argv[1] })
    const saved = []
    const codes = new Set()
    for (let i = 0; i < 300; i++) {
      try {
        saved.push(store.save({ taskId: 't' + i, backend: 'b', status: 'running', result: 'x'.repeat(3000) }).taskId)
      } catch (error) {
        codes.add(error.code)
      }
    }
    console.log(JSON.stringify({ saved, codes: [...codes] }))
  `
  const { saved, codes } = JSON.parse(await runModuleWithFileLimit(500, save, file)) as {
    saved: string[]
    codes: string[]
  }
  assert.deepEqual(codes, ['DISK_FULL'])
  using store = new TaskStore({ file })
  assert.deepEqual(
    store
      .list()
      .map((task) => task.taskId)
      .toSorted(),
    saved.toSorted(),
  )
  assert.equal(store.save({ taskId: 'later', backend: 'b', status: 'running' }).taskId, 'later')
})

test('a process killed while it saves loses no acknowledged task', async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  const save = `
    import { writeSync } from 'node:fs'
    import { TaskStore } from 'uniqc-task-store'
    const store = new TaskStore({ file: process.argv[1] })
    for (let i = 0; ; i++) {
      store.save({ taskId: 't' + i, backend: 'b', status: 'running', result: { i } })
      writeSync(2, i + '\\n')
      if (i === Number(process.argv[2])) process.kill(process.pid, 'SIGKILL')
    }
  `
  const counts = [3, 40, 111]
  for (const count of counts) {
    store.clearAll()
    await assert.rejects(runModule(save, file, String(count)), /ended with null/)
    assert.equal(store.count(), count + 1)
    assert.deepEqual(store.get(`t${count}`)?.result, { i: count })
  }
  assert.equal(store.db.$client.pragma('integrity_check', { simple: true }), 'ok')
})

test('a process killed inside a transaction leaves nothing of it', async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  const kill = `
    import { TaskStore } from 'uniqc-task-store'
    const store = new TaskStore({ file: process.argv[1] })
    store.transaction(() => {
      store.save({ taskId: 'half', backend: 'b', status: 'running' })
      process.kill(process.pid, 'SIGKILL')
    })
  `
  await assert.rejects(runModule(kill, file), /ended with null/)
  assert.equal(store.count(), 0)
  assert.equal(store.save({ taskId: 'next', backend: 'b', status: 'running' }).taskId, 'next')
})

test('a process killed while it migrates leaves the old file or the new one', needsFixtures, async (t) => {
  const name = FIXTURE_NAMES.find((fixture) => fixture.includes('0.0.11-')) ?? ''
  const { count, tasks } = readExpected(name)
  const versions = new Set<number>()
  // Each round is killed a little later: before, in and after the migration.
  for (let round = 0; round < 30; round++) {
    const file = copyFixture(t, name)
    const child = spawnModule(
      `import { writeSync } from 'node:fs'
      import { TaskStore } from 'uniqc-task-store'
      writeSync(1, 'ready')
      new TaskStore({ file: process.argv[1] }).get('x')
      setInterval(() => undefined, 1000)`,
      file,
    )
    await firstOutput(child)
    await setTimeout(round ** 1.7)
    await kill(child)
    const database = new Database(file)
    const version = database.pragma('user_version', { simple: true }) as number
    assert.equal(database.prepare('SELECT count(*) FROM tasks').pluck().get(), count)
    assert.equal(database.pragma('integrity_check', { simple: true }), 'ok')
    database.close()
    assert.ok(version === 3 || version === 5)
    versions.add(version)
    {
      using store = new TaskStore({ file })
      assert.equal(store.count(), count)
      for (const task of tasks) assert.equal(store.getShards(task.task_id).length, 1)
    }
    const beside = readdirSync(dirname(file)).filter((name) => !/\.before-v5\.[\dTZ.]+$/.test(name))
    assert.deepEqual(beside, ['tasks.sqlite'])
  }
  assert.deepEqual([...versions].toSorted(), [3, 5], 'the kills came on both sides')
})

/** What the original does for each call: a connection, its statement, a commit. */
const PYTHON_WRITER = `
import json, sqlite3, sys
path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
for i in range(count):
    c = sqlite3.connect(path)
    c.execute("PRAGMA journal_mode=WAL")
    c.execute("PRAGMA foreign_keys=ON")
    c.execute("INSERT INTO tasks (task_id, backend, status, shots, submit_time, update_time, result_json, metadata_json, error_message)"
              " VALUES (?, 'originq', 'success', 10, ?, '2026', ?, ?, NULL) ON CONFLICT(task_id) DO UPDATE SET status = excluded.status",
              (f"{name}-{i}", f"2026-01-01T00:00:{i % 60:02d}", json.dumps({"p": float("nan"), "n": 2**70}), json.dumps({"i": i}, ensure_ascii=False)))
    c.commit()
    c.close()
`

test('Python and Node write one file at once, and every record of both is there', needsPython, async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  const node = `
    import { TaskStore } from 'uniqc-task-store'
    const [file, name] = process.argv.slice(1)
    const store = new TaskStore({ file })
    for (let i = 0; i < 300; i++) store.save({ taskId: name + '-' + i, backend: 'b', status: 'running' })
    store.close()
  `
  await Promise.all([
    runPython(PYTHON_WRITER, file, 'python1', '150'),
    runPython(PYTHON_WRITER, file, 'python2', '150'),
    runModule(node, file, 'node1'),
    runModule(node, file, 'node2'),
  ])
  assert.equal(store.count(), 900)
  assert.deepEqual(store.get('python1-77')?.result, { p: Number.NaN, n: 2n ** 70n })
  assert.deepEqual(store.get('python2-149')?.metadata, { i: 149 })
  assert.equal(store.db.$client.pragma('integrity_check', { simple: true }), 'ok')
})

for (const hold of [20, 700]) {
  test(`a process that polls like SQLite gets the lock beside transactions of ${hold} ms without a pause`, async (t) => {
    const file = temporaryFile(t)
    using store = new TaskStore({ file })
    store.save({ taskId: 'other', backend: 'b', status: 'failed' })
    const writer = spawnModule(
      `import { TaskStore } from 'uniqc-task-store'
    const store = new TaskStore({ file: process.argv[1] })
    for (let n = 0; ; n++) {
      store.transaction(() => {
        store.save({ taskId: 'a', backend: 'b', status: 'running', shots: n })
        // The lock is free for a fraction of a hundredth of the time.
        for (const start = Date.now(); Date.now() < start + ${hold}; ) {}
      })
      if (n === ${Math.ceil(1000 / hold)}) console.log('at it')
    }`,
      file,
    )
    t.after(() => kill(writer))
    await firstOutput(writer)
    const database = new Database(file, { timeout: 5000 })
    for (let n = 1; n <= 2; n++) {
      database.prepare("UPDATE tasks SET error_message = ? WHERE task_id = 'other'").run(String(n))
    }
    database.close()
    assert.equal(store.get('other')?.errorMessage, '2')
  })
}

test('a plain Python program reads the same values from a file that Node wrote', needsPython, async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.save({
    taskId: '任务-🧪',
    backend: 'originq:WK_C180',
    status: 'success',
    shots: 1000,
    submitTime: '2026-01-01T00:00:00',
    result: [{ '00': 512 }, null, { p: [0.25, Number.NaN, Infinity, -Infinity, -0] }, '\ud800'],
    metadata: {
      big: 12345678901234567890123n,
      __proto__x: 1,
      ['__proto__']: { a: [] },
      text: 'é\u0000"\\',
    },
    errorMessage: 'none',
  })
  const output = await runPython(
    `
import json, math, sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.row_factory = sqlite3.Row
assert c.execute("PRAGMA user_version").fetchone()[0] == 5
assert c.execute("PRAGMA application_id").fetchone()[0] == 0x554E4943
(r,) = c.execute("SELECT * FROM tasks").fetchall()
assert (r["task_id"], r["backend"], r["status"], r["shots"]) == ("任务-🧪", "originq:WK_C180", "success", 1000), tuple(r)
assert type(r["shots"]) is int
assert r["submit_time"] == "2026-01-01T00:00:00" and r["error_message"] == "none"
result = json.loads(r["result_json"])
assert result[0] == {"00": 512} and result[1] is None and result[3] == "\\ud800"
p = result[2]["p"]
assert p[0] == 0.25 and math.isnan(p[1]) and p[2] == math.inf and p[3] == -math.inf
assert p[4] == 0 and math.copysign(1, p[4]) == -1
metadata = json.loads(r["metadata_json"])
assert metadata == {"big": 12345678901234567890123, "__proto__x": 1, "__proto__": {"a": []}, "text": "é\\x00\\"\\\\"}, metadata
# As the original archives: SELECT * into the archive table.
names = list(r.keys())
c.execute(f"INSERT INTO archived_tasks ({', '.join(names)}, archived_at) SELECT *, '2026' FROM tasks")
c.commit()
print("equal")
`,
    file,
  )
  assert.equal(output.trim(), 'equal')
})
