import assert from 'node:assert/strict'
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { TaskStore } from 'uniqc-task-store'
import { anyJson, anyObject, anyShardResult } from '../support/any-json.ts'
import { copyFixture, FIXTURE_NAMES, needsFixtures } from '../support/fixtures.ts'
import { keepMoving, MOVING_TASKS } from '../support/keep-moving.ts'
import { runModule, runModuleWithFileLimit } from '../support/processes.ts'
import { readRows } from '../support/read-rows.ts'
import { asRead, roundTrip } from '../support/round-trip.ts'
import { memory, RUNNING } from '../support/store.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const linesOf = (file: string) => readFileSync(file, 'utf8').split('\n').slice(0, -1)

const needsLimits = process.platform === 'win32' ? { skip: 'there are no file-size limits here' } : {}

for (const isOld of [false, true]) {
  const what = isOld ? 'leaves the old file whole' : 'leaves no file'
  test(`an export to a full disk is DISK_FULL and ${what}`, needsLimits, async (t) => {
    const file = temporaryFile(t)
    using store = new TaskStore({ file })
    const result = 'x'.repeat(10_000)
    store.saveMany(Array.from({ length: 150 }, (_, i) => ({ ...RUNNING, taskId: `t${i}`, result })))
    const folder = temporaryFolder(t)
    const target = join(folder, 'export.jsonl')
    if (isOld) writeFileSync(target, 'old')
    const source = `
      import { TaskStore } from 'uniqc-task-store'
      const [file, target] = process.argv.slice(1)
      // Readonly, so that the limit meets the export alone.
      const store = new TaskStore({ file, readonly: true })
      try {
        store.exportFile(target, { replace: true })
      } catch (error) {
        console.log(error.code, error.message)
      }
    `
    const output = await runModuleWithFileLimit(600, source, file, target)
    assert.match(output, /^DISK_FULL .*export\.jsonl could not be written/)
    assert.deepEqual(readdirSync(folder), isOld ? ['export.jsonl'] : [])
    if (isOld) assert.equal(readFileSync(target, 'utf8'), 'old')
  })
}

const needsModes = process.platform === 'win32' ? { skip: 'there are no modes of files here' } : {}

test('an export can be written into a folder that may not be read', needsModes, async (t) => {
  const folder = temporaryFolder(t)
  chmodSync(folder, 0o333)
  const source = `
    import { TaskStore } from 'uniqc-task-store'
    const store = new TaskStore({ file: ':memory:' })
    store.save({ taskId: 'a', backend: 'b', status: 'running' })
    // Root may read every folder.
    const isRoot = process.getuid() === 0
    if (isRoot) process.seteuid(65534)
    console.log(store.exportFile(process.argv[1]).tasks)
    if (isRoot) process.seteuid(0)
  `
  const target = join(folder, 'export.jsonl')
  assert.equal(await runModule(source, target), '1\n')
  chmodSync(folder, 0o700)
  assert.deepEqual(readdirSync(folder), ['export.jsonl'])
  assert.equal(linesOf(target).length, 1)
})

test('lines of any length are written whole, whatever their characters take', async (t) => {
  using store = memory()
  using copy = memory()
  const lengths = [10, 65_000, 66_000, 131_000, 132_000, 400_000]
  store.saveMany(
    lengths.flatMap((length) =>
      ['x', 'é', '漢', '🧪'].map((character) => ({
        ...RUNNING,
        taskId: `${length} ${character}`,
        result: character.repeat(length / character.length),
      })),
    ),
  )
  await roundTrip(store, copy, join(temporaryFolder(t), 'export.jsonl'))
  assert.deepEqual(copy.list(), store.list())
})

test('a killed export leaves the old file whole, and the next one replaces it', async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  const result = 'x'.repeat(1000)
  store.saveMany(Array.from({ length: 250 }, (_, i) => ({ ...RUNNING, taskId: `t${i}`, result })))
  const target = join(temporaryFolder(t), 'export.jsonl')
  store.exportFile(target)
  const old = readFileSync(target, 'utf8')
  store.save({ ...RUNNING, taskId: 'late' })
  const source = `
    import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    const [file, target, count] = process.argv.slice(1)
    const { writeSync } = fs
    let calls = -Infinity
    // Dies when half of a part is written.
    fs.writeSync = (descriptor, bytes, from) => {
      if (++calls <= Number(count)) return writeSync(descriptor, bytes, from)
      writeSync(descriptor, bytes, from, bytes.length >> 1)
      process.kill(process.pid, 'SIGKILL')
    }
    syncBuiltinESMExports()
    const { TaskStore } = await import('uniqc-task-store')
    const store = new TaskStore({ file })
    calls = 0
    store.exportFile(target, { replace: true })
  `
  for (const calls of [0, 2]) {
    await assert.rejects(runModule(source, file, target, String(calls)), /ended with null/)
    assert.equal(readFileSync(target, 'utf8'), old)
  }
  assert.equal(store.exportFile(target, { replace: true }).tasks, 251)
  assert.equal(linesOf(target).length, 251)
})

for (const name of [...FIXTURE_NAMES, 'hot-wal']) {
  test(`${name}: an export, imported and exported again, is equal`, needsFixtures, async (t) => {
    using store = new TaskStore({ file: copyFixture(t, name) })
    using copy = memory()
    await roundTrip(store, copy, join(temporaryFolder(t), 'export.jsonl'))
    assert.ok(copy.count() > 0)
    assert.deepEqual(await asRead(copy), await asRead(store))
    const rows = readRows(copy)
    const counts = Object.values(rows).map((table) => table.length)
    assert.deepEqual(
      counts,
      Object.values(readRows(store)).map((table) => table.length),
    )
  })
}

for (const name of FIXTURE_NAMES.filter((name) => /-schema[13]$/.test(name))) {
  test(`${name}: a readonly store exports it under its old ids`, needsFixtures, async (t) => {
    const file = copyFixture(t, name)
    using store = new TaskStore({ file, readonly: true })
    using copy = memory()
    await roundTrip(store, copy, join(temporaryFolder(t), 'export.jsonl'))
    assert.deepEqual(copy.list(), store.list())
  })
}

/** The text of a cell that no codec wrote: Python's, an editor's, half of one. */
const anyCell = fc.oneof(
  fc.constantFrom('', 'null', '{', 'torn', '{"a": NaN', '{"$unreadable": "x', '"\\ud800"', '[1.0,\n -0.0]'),
  fc.constantFrom('{"\\u0024int": "5"}', '{"a": 1.0, "a": NaN}', '{"$int": "5"}', '{"$unreadable":"NaN"}'),
  fc.constantFrom('{"\\u0024int": "5", "n": NaN}', '{"n": {"\\u0024int": "5"}, "m": 12345678901234567890}'),
  fc.integer({ min: 1, max: 900 }).map((depth) => `${'['.repeat(depth)}NaN${']'.repeat(depth)}`),
  fc.integer({ min: 1, max: 900 }).map((depth) => `${'{"a":'.repeat(depth)}"$int"${'}'.repeat(depth)}`),
  fc.integer({ min: 1, max: 900 }).map((depth) => `${'['.repeat(depth)}1.0${']'.repeat(depth)}`),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
)

const anyTask = fc.record({
  result: anyJson,
  metadata: anyObject,
  errorMessage: fc.option(fc.string({ unit: 'grapheme', maxLength: 5 })),
  resultCell: fc.option(anyCell),
  // JSON that is not an object is shown by its text, of which an export keeps only what it means.
  metadataCell: fc.option(anyCell.filter((text) => !text.startsWith('['))),
  shardResults: fc.array(anyShardResult, { maxLength: 2 }),
  shardCell: fc.option(anyCell),
  isArchived: fc.boolean(),
})

test('whatever tasks hold, an export imported and exported again is byte for byte equal, and reads the same', async (t) => {
  const folder = temporaryFolder(t)
  await fc.assert(
    fc.asyncProperty(fc.array(anyTask, { minLength: 1, maxLength: 3 }), async (given) => {
      using store = memory()
      const set = (table: string, column: string, id: string, cell: string | null) => {
        if (cell === null) return
        store.db.$client
          .prepare(`UPDATE ${table} SET ${column} = ? WHERE ${table === 'tasks' ? '' : 'uniqc_'}task_id = ?`)
          .run(cell, id)
      }
      for (const [index, task] of given.entries()) {
        const { result, metadata, errorMessage } = task
        const taskId = `t${index}`
        store.save({ ...RUNNING, taskId, result, metadata, errorMessage })
        for (const [i, shardResult] of task.shardResults.entries()) {
          store.addShard({ uniqcTaskId: taskId, platformTaskId: `p${i}`, result: shardResult })
        }
        set('tasks', 'result_json', taskId, task.resultCell)
        set('tasks', 'metadata_json', taskId, task.metadataCell)
        set('task_shards', 'result_json', taskId, task.shardCell)
        if (task.isArchived) store.archive.archive(taskId)
      }
      using copy = memory()
      await roundTrip(store, copy, join(folder, 'export.jsonl'))
      assert.deepEqual(await asRead(copy), await asRead(store))
    }),
    { numRuns: 60 },
  )
})

test('an export is of one moment, whatever another process writes meanwhile', async (t) => {
  using store = new TaskStore({ file: temporaryFile(t) })
  const target = join(temporaryFolder(t), 'export.jsonl')
  const moments = new Set<number>()
  await keepMoving(store, () => {
    for (let i = 0; i < 10 || moments.size < 3; i++) {
      assert.equal(store.exportFile(target, { replace: true }).tasks, MOVING_TASKS)
      const tasks = linesOf(target).map((line) => JSON.parse(line))
      const [{ shots }] = tasks
      assert.ok(tasks.every((task) => task.shots === shots))
      assert.equal(new Set(tasks.map((task) => task.task_id)).size, MOVING_TASKS)
      moments.add(shots)
    }
  })
})

test("the store's own file is never overwritten by an export", (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.save(RUNNING)
  for (const own of [file, `${file}-wal`]) {
    assert.throws(() => store.exportFile(own, { replace: true }), { name: 'TypeError', message: /own file/ })
  }
  assert.equal(store.get('a')?.status, 'running')
})

test('a filtered export walks the table once, without sorting', (t) => {
  const statements: string[] = []
  const database = new Database(temporaryFile(t), { verbose: (text) => statements.push(String(text)) })
  const store = new TaskStore({ database })
  store.save(RUNNING)
  statements.length = 0
  const options = { platform: 'originq', status: ['running', 'failed'], submittedAfter: '2020-01-01' }
  store.exportFile(join(temporaryFolder(t), 'some.jsonl'), options)
  store.clearCompleted(['running', 'failed'])
  const queries = statements.filter((text) => /order by rowid/i.test(text))
  assert.ok(queries.length >= 2)
  for (const query of queries) {
    // A walk begins at minus infinity, which SQLite writes in a way that it does not read.
    const readable = query.replaceAll('-Inf', '-9e999')
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${readable}`).all() as { detail: string }[]
    for (const { detail } of plan) assert.doesNotMatch(detail, /TEMP B-TREE/, query)
  }
  database.close()
})
