import assert from 'node:assert/strict'
import test from 'node:test'
import { setImmediate } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import type { Row, Rows } from '../support/any-store.ts'
import { copyFixture, FIXTURE_NAMES, isNewest, needsFixtures, readExpected } from '../support/fixtures.ts'
import { kill, runModule, spawnModule } from '../support/processes.ts'
import { byTaskId, pythonShard, pythonTask } from '../support/python-names.ts'
import { byKey, rowsByKey } from '../support/read-rows.ts'
import { memory } from '../support/store.ts'
import { DONE, saveInBothPlaces, saveWithShards } from '../support/tasks-with-shards.ts'
import { temporaryFile } from '../support/temporary.ts'

const withoutArchivedAt = (rows: readonly Row[]) => rows.map(({ archived_at: _, ...row }) => row)

for (const name of FIXTURE_NAMES) {
  test(`${name}: every task archived and restored leaves every cell as it was`, needsFixtures, (t) => {
    const file = copyFixture(t, name)
    new TaskStore({ file }).close()
    const before = rowsByKey(file)
    assert.ok(before.tasks.length > 0 && before.task_shards.length > 0)
    using store = new TaskStore({ file })
    const ids = store.list().map((task) => task.taskId)
    assert.ok(ids.every((taskId) => store.archive.archive(taskId)))
    const archived = rowsByKey(file)
    assert.deepEqual([archived.tasks, archived.task_shards], [[], []])
    assert.equal(archived.archived_tasks.length, before.archived_tasks.length + ids.length)
    const shards = before.archived_task_shards.length + before.task_shards.length
    assert.equal(archived.archived_task_shards.length, shards)
    assert.ok(ids.every((taskId) => store.archive.restore(taskId)))
    assert.deepEqual(rowsByKey(file), before)
  })

  test(
    `${name}: every archived task restored and archived again changes its archive time only`,
    needsFixtures,
    (t) => {
      const file = copyFixture(t, name)
      new TaskStore({ file }).close()
      const before = rowsByKey(file)
      using store = new TaskStore({ file })
      const ids = store.archive.list().map((task) => task.taskId)
      assert.equal(ids.length, (readExpected(name).archived ?? []).length)
      assert.ok(ids.every((taskId) => store.archive.restore(taskId)))
      const restored = rowsByKey(file)
      // Shards whose task is gone have no task that could be restored.
      assert.deepEqual(restored.archived_tasks, [])
      assert.equal(restored.tasks.length, before.tasks.length + ids.length)
      assert.ok(ids.every((taskId) => store.archive.archive(taskId)))
      const after = rowsByKey(file)
      assert.deepEqual([after.tasks, after.task_shards], [before.tasks, before.task_shards])
      for (const table of ['archived_tasks', 'archived_task_shards'] as const) {
        assert.deepEqual(withoutArchivedAt(after[table]), withoutArchivedAt(before[table]))
      }
    },
  )
}

for (const name of FIXTURE_NAMES.filter(isNewest)) {
  test(`${name}: shards and archived tasks equal what UnifiedQuantum answered`, needsFixtures, (t) => {
    const { shards = {}, archived = [] } = readExpected(name)
    using store = new TaskStore({ file: copyFixture(t, name) })
    assert.ok(Object.keys(shards).length > 0)
    for (const [taskId, expected] of Object.entries(shards)) {
      assert.deepEqual(store.getShards(taskId).map(pythonShard), expected)
    }
    assert.deepEqual(store.archive.list().map(pythonTask).sort(byTaskId), archived.toSorted(byTaskId))
    for (const expected of archived) {
      const task = store.archive.get(expected.task_id)
      assert.deepEqual(task && pythonTask(task), expected)
    }
  })
}

/** A store with shards at the other place whose task is gone, and a task of that id with one shard. */
async function orphaned(direction: 'archive' | 'restore'): Promise<TaskStore> {
  const store = memory()
  await saveInBothPlaces(store)
  const { $client } = store.db
  $client.pragma('foreign_keys = OFF')
  $client.exec(`DELETE FROM ${direction === 'archive' ? 'archived_tasks' : 'tasks'} WHERE task_id = 'a'`)
  $client.pragma('foreign_keys = ON')
  return store
}

for (const direction of ['archive', 'restore'] as const) {
  test(`${direction}: shards without their task in the other place are a CONFLICT, and never win`, async () => {
    const before = rowsByKey(await orphaned(direction))
    for (const onConflict of ['throw', 'live', 'archived'] as const) {
      using store = await orphaned(direction)
      if (onConflict === 'throw') {
        assert.throws(() => store.archive[direction]('a'), {
          code: 'CONFLICT',
          message: /"a" is not (?:live|in the archive), but shards of it are; /,
        })
        const after = rowsByKey(store)
        assert.deepEqual(
          [after.tasks.length, after.archived_tasks.length],
          [before.tasks.length, before.archived_tasks.length],
        )
        assert.deepEqual([after.task_shards.length, after.archived_task_shards.length], [2, 2])
        continue
      }
      assert.equal(store.archive[direction]('a', { onConflict }), true)
      const [task, shards] =
        direction === 'archive'
          ? [store.archive.get('a'), store.archive.getShards('a')]
          : [store.get('a'), store.getShards('a')]
      const mark = direction === 'archive' ? 'live' : 'archived'
      assert.equal(task?.result, mark)
      assert.deepEqual(
        shards.map((shard) => shard.result),
        direction === 'archive' ? ['live'] : ['archived', 'archived'],
      )
      const after = rowsByKey(store)
      assert.equal(after.task_shards.length + after.archived_task_shards.length, shards.length + 1)
    }
  })
}

test('a dry run works on a readonly store, and a real run is READONLY', (t) => {
  const file = temporaryFile(t)
  {
    using store = new TaskStore({ file })
    store.save({ ...DONE, submitTime: '2020-01-01' })
  }
  using store = new TaskStore({ file, readonly: true })
  assert.deepEqual(store.archive.archiveOlderThan({ hours: 1, dryRun: true }).archived, ['a'])
  assert.throws(() => store.archive.archiveOlderThan({ hours: 1 }), { code: 'READONLY' })
  assert.throws(() => store.archive.archive('a'), { code: 'READONLY' })
  assert.throws(() => store.archive.deleteMany(['a']), { code: 'READONLY' })
  assert.equal(store.list({ archived: 'both' }).length, 1)
})

test('another process can write while archiveOlderThan runs', async (t) => {
  const file = temporaryFile(t)
  const COUNT = 3000
  // Asks for the lock again at once, so as not to sleep where it is free.
  using store = new TaskStore({ file, synchronous: 'NORMAL', timeout: 0 })
  const ids = Array.from({ length: COUNT }, (_, i) => `t${i}`)
  store.saveMany(ids.map((taskId) => ({ ...DONE, taskId, submitTime: '2020-01-01' })))
  const archive = `
    import { TaskStore } from 'uniqc-task-store'
    const { archive } = new TaskStore({ file: process.argv[1], timeout: 60_000 })
    console.log(archive.archiveOlderThan({ hours: 1 }).archived.length)
  `
  let between = 0
  // The lock is free for moments only: on a busy machine it takes more than one go to meet one.
  for (let round = 0; round < 8 && between === 0; round++) {
    store.archive.restoreMany(ids)
    const archiving = runModule(archive, file)
    for (let archived = 0; archived < COUNT; archived = store.archive.count()) {
      for (let i = 0; i < 50; i++) {
        try {
          store.save({ ...DONE, taskId: 'written meanwhile', status: 'running' })
          if (archived > 0 && store.archive.count() < COUNT) between++
          break
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'LOCKED')
        }
      }
      await setImmediate()
    }
    assert.equal((await archiving).trim(), String(COUNT))
    assert.deepEqual(
      store.list().map((task) => task.taskId),
      ['written meanwhile'],
    )
  }
  assert.ok(between > 0, 'a save came between two batches')
})

for (const method of ['archiveMany', 'archiveOlderThan'] as const) {
  test(`${method}, killed at any moment, leaves every task in one place with all its shards`, async (t) => {
    const COUNT = 700
    const ids = Array.from({ length: COUNT }, (_, i) => `t${i}`)
    const file = temporaryFile(t)
    using store = new TaskStore({ file, synchronous: 'NORMAL' })
    store.saveMany(
      ids.map((taskId) => ({ ...DONE, taskId, submitTime: '2020-01-01', result: 'x'.repeat(99) })),
    )
    store.transaction(() => {
      for (const uniqcTaskId of ids) {
        for (const platformTaskId of ['p', 'q']) store.addShard({ uniqcTaskId, platformTaskId, result: 'y' })
      }
    })
    const before = rowsByKey(store)
    const call = `
      import { TaskStore } from 'uniqc-task-store'
      const [file, method] = process.argv.slice(1)
      const { archive } = new TaskStore({ file })
      const ids = Array.from({ length: ${COUNT} }, (_, i) => 't' + i)
      if (method === 'archiveMany') archive.archiveMany(ids)
      else archive.archiveOlderThan({ hours: 1 })
      console.log('done')
    `
    let halfWay = 0
    for (const threshold of [1, 1, 300]) {
      const child = spawnModule(call, file, method)
      try {
        while (store.archive.count() < threshold && child.exitCode === null) await setImmediate()
      } finally {
        await kill(child)
      }
      const rows = rowsByKey(store)
      const archived = rows.archived_tasks.length
      if (archived < COUNT) halfWay++
      const together = (live: keyof Rows, archive: keyof Rows) =>
        byKey(withoutArchivedAt([...rows[live], ...rows[archive]]))
      assert.deepEqual(together('tasks', 'archived_tasks'), before.tasks)
      assert.deepEqual(together('task_shards', 'archived_task_shards'), before.task_shards)
      for (const [tasks, shards] of [
        ['tasks', 'task_shards'],
        ['archived_tasks', 'archived_task_shards'],
      ] as const) {
        assert.deepEqual(
          rows[shards].map((row) => row.uniqc_task_id),
          rows[tasks].flatMap((row) => [row.task_id, row.task_id]),
        )
      }
      assert.equal((await runModule(call, file, method)).trim(), 'done')
      assert.deepEqual([store.archive.count(), store.count()], [COUNT, 0])
      store.archive.restoreMany(ids)
      assert.deepEqual(rowsByKey(store), before)
    }
    assert.ok(halfWay > 0, 'a kill came half-way')
    assert.equal(store.db.$client.pragma('integrity_check', { simple: true }), 'ok')
  })
}

test('archiveMany stops at an error that does not concern one task, and undoes its batch', async () => {
  using store = memory()
  for (const taskId of ['a', 'b', 'c']) await saveWithShards(store, { ...DONE, taskId }, taskId, 2)
  const before = rowsByKey(store)
  store.db.$client.exec(
    "CREATE TEMP TRIGGER no BEFORE DELETE ON tasks WHEN old.task_id = 'b' BEGIN SELECT RAISE(ABORT, 'not this one'); END",
  )
  assert.throws(() => store.archive.archiveMany(['a', 'b', 'c']), /not this one/)
  assert.deepEqual(rowsByKey(store), before)
  store.db.$client.exec('DROP TRIGGER no')
  assert.equal(store.archive.archiveMany(['a', 'b', 'c']).length, 3)
  assert.equal(store.archive.count(), 3)
})

test('archiveOlderThan skips a task that was deleted before its batch', () => {
  using store = memory()
  const ids = Array.from({ length: 102 }, (_, n) => `task-${n}`)
  store.saveMany(ids.map((taskId) => ({ ...DONE, taskId, submitTime: '2020-01-01T00:00:00+00:00' })))
  // A batch is of 100: while the first one is moved, a task of the second one goes.
  store.db.$client.exec(
    `CREATE TEMP TRIGGER gone AFTER INSERT ON archived_tasks WHEN NEW.task_id = 'task-0'
     BEGIN DELETE FROM tasks WHERE task_id = 'task-100'; END`,
  )
  const left = ids.filter((taskId) => taskId !== 'task-100')
  assert.deepEqual(store.archive.archiveOlderThan({ hours: 1 }).archived, left)
  assert.deepEqual([store.count(), store.archive.count()], [0, 101])
})

const OLD = '2020-01-01T00:00:00+00:00'

/** So many tasks that were submitted long ago, more than a first batch has. */
function saveOld(store: TaskStore, count = 60): string[] {
  const ids = Array.from({ length: count }, (_, n) => `task-${n}`)
  store.saveMany(ids.map((taskId) => ({ ...DONE, taskId, submitTime: OLD })))
  return ids
}

const WRITERS: readonly (readonly [
  what: string,
  open: (store: TaskStore) => TaskStore,
  inTransaction: boolean,
])[] = [
  ['the store itself', (store) => store, false],
  ['the store itself in a transaction', (store) => store, true],
  ['another store', (store) => new TaskStore({ file: store.file }), false],
]
for (const [what, open, inTransaction] of WRITERS) {
  test(`archiveOlderThan goes by what ${what} has written since a task was found`, async (t) => {
    using store = new TaskStore({ file: temporaryFile(t) })
    const ids = saveOld(store)
    await saveWithShards(store, { ...DONE, taskId: 'task-58' }, 'of task-58', 2)
    const writer = open(store)
    let isWritten = false
    const write = () => {
      if (isWritten) return
      isWritten = true
      writer.update('task-40', { status: 'running' })
      writer.delete('task-41')
      writer.archive.archive('task-42')
      writer.save({ ...DONE, taskId: 'task-42', submitTime: OLD })
      writer.save({ ...DONE, taskId: 'task-43', submitTime: new Date() })
      // It takes the rowid of the last task.
      writer.delete('task-59')
      writer.save({ ...DONE, taskId: 'young', submitTime: new Date() })
    }
    const archive = () =>
      store.archive.archiveOlderThan({ hours: 1, onProgress: ({ archived }) => archived > 0 && write() })
    const report = inTransaction ? store.transaction(archive) : archive()
    const left = ['task-40', 'task-42', 'task-43']
    const archived = ids.filter((id) => ![...left, 'task-41', 'task-59'].includes(id))
    assert.deepEqual(report, { archived, conflicts: ['task-42'], unreadable: [] })
    assert.deepEqual(
      store.list().map(({ taskId }) => taskId),
      ['young', 'task-43', 'task-42', 'task-40'],
    )
    assert.equal(store.archive.getShards('task-58').length, 2)
    if (writer !== store) writer.close()
  })
}

test('what a trigger does instead of failing is done while tasks are archived', async () => {
  for (const archive of [
    (store: TaskStore) => store.archive.archiveOlderThan({ hours: 1 }),
    (store: TaskStore, ids: readonly string[]) => store.archive.archiveMany(ids),
    (store: TaskStore, ids: readonly string[]) => ids.map((id) => store.archive.archive(id)),
  ]) {
    using store = memory()
    const ids = saveOld(store, 3)
    const { $client } = store.db
    $client.exec(`CREATE TEMP TABLE backends (name TEXT PRIMARY KEY);
      CREATE TEMP TRIGGER seen AFTER INSERT ON archived_tasks
      BEGIN INSERT OR IGNORE INTO backends VALUES (new.backend); END`)
    archive(store, ids)
    assert.deepEqual([store.count(), store.archive.count()], [0, 3])
    assert.deepEqual($client.prepare('SELECT name FROM backends').pluck().all(), [DONE.backend])
  }
})

test('a task whose id no text of JavaScript holds is left where it is, with its shards', async (t) => {
  const file = temporaryFile(t)
  const store = new TaskStore({ file })
  for (const taskId of ['a', 'b', 'c']) await saveWithShards(store, { ...DONE, taskId }, taskId, 2)
  store.close()
  const database = new Database(file)
  // Not UTF-8, no text, and none at all.
  database.exec(`PRAGMA foreign_keys = OFF;
    UPDATE tasks SET submit_time = '${OLD}';
    UPDATE tasks SET task_id = CAST(x'61ff' AS TEXT) WHERE task_id = 'b';
    UPDATE task_shards SET uniqc_task_id = CAST(x'61ff' AS TEXT) WHERE uniqc_task_id = 'b';
    UPDATE tasks SET task_id = x'62' WHERE task_id = 'c';
    UPDATE task_shards SET uniqc_task_id = x'62' WHERE uniqc_task_id = 'c'`)
  const insertKeyless = `INSERT INTO tasks SELECT NULL, backend, status, shots, submit_time, update_time, result_json,
    metadata_json, error_message FROM tasks LIMIT 1`
  database.exec(insertKeyless)
  database.close()
  using reopened = new TaskStore({ file })
  assert.deepEqual(reopened.archive.archiveOlderThan({ hours: 1 }).archived, ['a'])
  const count = (table: string) => reopened.db.$client.prepare(`SELECT count(*) FROM ${table}`).pluck().get()
  assert.deepEqual(
    ['tasks', 'task_shards', 'archived_tasks', 'archived_task_shards'].map(count),
    [3, 4, 1, 2],
  )
})
