import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import { taskShards } from 'uniqc-task-store/schema'
import { copyFixture, FIXTURE_NAMES, needsFixtures, readExpected } from '../support/fixtures.ts'
import { finish, firstOutput, runModule, spawnModule } from '../support/processes.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const TASK = { taskId: 'a', backend: 'originq:WK_C180', status: 'running' } as const

/** What UnifiedQuantum's clear_all does, in a text of JavaScript that defines `clear`. */
const CLEAR = `
  const { unlinkSync } = process.getBuiltinModule('node:fs')
  function clear(file) {
    for (const ending of ['', '-wal', '-shm']) {
      try {
        unlinkSync(file + ending)
      } catch (error) {
        if (error.code !== 'ENOENT') throw error
      }
    }
  }
`

/** Removes a file as clear_all does, in a process of its own. */
function clearAll(file: string) {
  execFileSync(process.execPath, ['--eval', `${CLEAR} clear(process.argv[1])`, file])
}

/** A store that was cleared while the caller reads three tasks from it. */
function clearWhileReading(t: TestContext) {
  const file = temporaryFile(t)
  const store = new TaskStore({ file })
  t.after(() => store.close())
  store.saveMany(['a', 'b', 'c'].map((taskId) => ({ ...TASK, taskId })))
  const rows = store.db.$client.prepare('SELECT task_id FROM tasks ORDER BY task_id').pluck().iterate()
  assert.equal(rows.next().value, 'a')
  clearAll(file)
  return { file, store, rows }
}

/** Resolves when another process has removed a file, and is at something else before it removes the log. */
async function removeSlowly(file: string): Promise<{ ended: Promise<unknown> }> {
  const source = `
    import { unlinkSync, writeSync } from 'node:fs'
    const file = process.argv[1]
    unlinkSync(file)
    writeSync(1, 'half')
    // Long enough for a save that does not wait to go wrong.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
    for (const ending of ['-wal', '-shm']) unlinkSync(file + ending)
  `
  const child = spawnModule(source, file)
  const ended = finish(child)
  await firstOutput(child)
  return { ended }
}

/** The ids that another process finds in a file. */
async function idsElsewhere(file: string): Promise<string[]> {
  const list = `
    import { TaskStore } from 'uniqc-task-store'
    const store = new TaskStore({ file: process.argv[1] })
    console.log(JSON.stringify(store.list().map((task) => task.taskId).sort()))
  `
  return JSON.parse(await runModule(list, file))
}

const ids = (store: TaskStore) =>
  store
    .list()
    .map((task) => task.taskId)
    .toSorted()

/** Asks until the answer holds; a read looks for another file now and then only. */
async function eventually(holds: () => boolean) {
  for (let i = 0; i < 100; i++) {
    if (holds()) return
    await setTimeout(20)
  }
  assert.fail('it did not come to hold')
}

/** A closed file, whose log is part of it, with these tasks. */
function makeFile(file: string, ...taskIds: readonly string[]): string {
  using store = new TaskStore({ file })
  for (const taskId of taskIds) store.save({ ...TASK, taskId })
  return file
}

const integrity = (file: string) => {
  const database = new Database(file)
  try {
    return database.pragma('integrity_check', { simple: true })
  } finally {
    database.close()
  }
}

test('a given database is not reopened: CANNOT_OPEN names the file and says what to do', (t) => {
  const file = temporaryFile(t)
  const database = new Database(file)
  using store = new TaskStore({ database })
  store.save(TASK)
  clearAll(file)
  for (const wasMadeAnew of [false, true]) {
    if (wasMadeAnew) makeFile(file, 'new')
    for (const write of [
      () => store.save({ ...TASK, taskId: 'lost' }),
      () => store.delete('a'),
      () => store.transaction(() => store.save({ ...TASK, taskId: 'lost' })),
    ]) {
      assert.throws(write, (error: Error & { code?: string }) => {
        assert.equal(error.code, 'CANNOT_OPEN')
        assert.match(error.message, /was removed or replaced .* handed in .* open a new connection/)
        return error.message.includes(file)
      })
    }
    assert.equal(existsSync(file), wasMadeAnew)
  }
  assert.equal(database.prepare("SELECT count(*) FROM tasks WHERE task_id = 'lost'").pluck().get(), 0)
  assert.equal(database.open, true)
  database.close()
  using another = new TaskStore({ file })
  assert.deepEqual(ids(another), ['new'])
})

test('a readonly store creates no file: it is CANNOT_OPEN until there is one, and then goes on', async (t) => {
  const file = makeFile(temporaryFile(t), 'first')
  using store = new TaskStore({ file, readonly: true })
  assert.deepEqual(ids(store), ['first'])
  clearAll(file)
  const failed = () => {
    try {
      store.count()
      return false
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'CANNOT_OPEN')
      assert.ok((error as Error).message.includes(file))
      return true
    }
  }
  await eventually(failed)
  // From then on at every call, until there is one.
  assert.ok(failed() && failed())
  assert.equal(existsSync(file), false)
  makeFile(file, 'second')
  assert.deepEqual(ids(store), ['second'])
  assert.equal(store.get('first'), undefined)
  assert.throws(() => store.save(TASK), { code: 'READONLY' })
})

test('an unusable file in place of the store throws its own error code, and stays as it is', (t) => {
  const file = makeFile(temporaryFile(t), 'first')
  using store = new TaskStore({ file })
  clearAll(file)
  const text = 'this is not a database, but it is long enough to be read as one'.repeat(40)
  writeFileSync(file, text)
  assert.throws(() => store.save(TASK), { code: 'CORRUPT_FILE' })
  clearAll(file)
  const foreign = new Database(file)
  foreign.pragma('application_id = 77')
  foreign.exec('CREATE TABLE theirs (x)')
  foreign.close()
  assert.throws(() => store.save(TASK), { code: 'FOREIGN_FILE' })
  clearAll(file)
  store.save(TASK)
  assert.deepEqual(ids(store), ['a'])
})

test('the first save after clear_all goes to a new file, where another process sees it', async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.save({ ...TASK, taskId: 'removed' })
  clearAll(file)
  assert.equal(existsSync(file), false)
  store.save({ ...TASK, taskId: 'kept' })
  assert.deepEqual(await idsElsewhere(file), ['kept'])
  assert.deepEqual(ids(store), ['kept'])
  assert.equal(integrity(file), 'ok')
})

const WRITES: readonly (readonly [what: string, write: (store: TaskStore) => unknown, returned: unknown])[] =
  [
    ['update', (store) => store.update('a', { shots: 1 }), undefined],
    ['delete', (store) => store.delete('a'), false],
    ['deleteShards', (store) => store.deleteShards('a'), 0],
    ['clearAll', (store) => store.clearAll(), 0],
    ['archive', (store) => store.archive.archive('a'), false],
    ['restore', (store) => store.archive.restore('b'), false],
    ['archive.delete', (store) => store.archive.delete('b'), false],
    ['archiveMany', (store) => store.archive.archiveMany(['a'])[0]?.outcome, 'not-found'],
    ['transaction', (store) => store.transaction(() => store.count()), 0],
  ]

for (const [what, write, returned] of WRITES) {
  test(`${what} after clear_all finds nothing of the removed file, even if it ran there before`, (t) => {
    const file = temporaryFile(t)
    using store = new TaskStore({ file })
    // Both prepares the query and leaves something that it would find.
    write(store)
    for (const taskId of ['b', 'a']) store.save({ ...TASK, taskId })
    store.addShard({ uniqcTaskId: 'a', platformTaskId: 'p' })
    store.archive.archive('b')
    clearAll(file)
    assert.deepEqual(write(store), returned)
    assert.equal(existsSync(file), true)
  })
}

test('no query prepared for the removed file answers for the new one', (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  const answers = () => [
    store.get('a')?.result,
    store.getShards('a').map((shard) => shard.platformTaskId),
    store.findShards('old').length,
    store.list({ status: 'running' }).length,
    store.list({ archived: 'both' }).map((task) => task.taskId),
    store.count(),
    store.countByStatus().running,
    store.archive.get('b')?.result,
    store.archive.getShards('b').length,
    store.archive.count(),
    store.db.select().from(taskShards).all().length,
  ]
  const DAYS = { a: '2026-01-01', b: '2026-01-02' }
  const fill = (mark: string) => {
    for (const taskId of ['a', 'b'] as const)
      store.save({ ...TASK, taskId, result: mark, submitTime: DAYS[taskId] })
    for (const uniqcTaskId of ['a', 'b']) store.addShard({ uniqcTaskId, platformTaskId: mark })
    store.archive.archive('b')
  }
  fill('old')
  const expected = ['old', ['old'], 1, 1, ['b', 'a'], 1, 1, 'old', 1, 1, 1]
  assert.deepEqual(answers(), expected)
  clearAll(file)
  store.delete('nothing')
  assert.deepEqual(answers(), [undefined, [], 0, 0, [], 0, 0, undefined, 0, 0, 0])
  fill('new')
  assert.deepEqual(answers(), ['new', ['new'], 0, 1, ['b', 'a'], 1, 1, 'new', 1, 1, 1])
})

test('a read notices that the file was removed', async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.save(TASK)
  clearAll(file)
  await eventually(() => store.count() === 0)
  assert.equal(store.get('a'), undefined)
  assert.deepEqual(await idsElsewhere(file), [])
})

test('two stores on one file go on together after clear_all', (t) => {
  const file = temporaryFile(t)
  using one = new TaskStore({ file })
  using two = new TaskStore({ file })
  one.save(TASK)
  for (let round = 0; round < 5; round++) {
    clearAll(file)
    one.save({ ...TASK, taskId: `one${round}` })
    two.save({ ...TASK, taskId: `two${round}` })
    assert.deepEqual(ids(one), [`one${round}`, `two${round}`])
    assert.deepEqual(ids(two), ids(one))
  }
  assert.equal(integrity(file), 'ok')
})

test('another store in place of the file is used, and its tasks stay', async (t) => {
  const folder = temporaryFolder(t)
  const file = join(folder, 'tasks.sqlite')
  using store = new TaskStore({ file })
  store.save({ ...TASK, taskId: 'first' })
  const other = makeFile(join(folder, 'other.sqlite'), 'theirs')
  clearAll(file)
  renameSync(other, file)
  store.save({ ...TASK, taskId: 'ours' })
  assert.deepEqual(ids(store), ['ours', 'theirs'])
  assert.deepEqual(await idsElsewhere(file), ['ours', 'theirs'])
})

const OLD = FIXTURE_NAMES.filter((name) => /0\.0\.(4|11)-/.test(name))

for (const name of OLD) {
  test(`${name} in place of the file is migrated, and every task is there`, needsFixtures, (t) => {
    const expected = readExpected(name)
    const file = temporaryFile(t)
    using store = new TaskStore({ file })
    store.save(TASK)
    clearAll(file)
    copyFileSync(copyFixture(t, name), file)
    store.save({ ...TASK, taskId: 'ours' })
    assert.equal(store.count(), expected.count + 1)
    for (const { task_id } of expected.tasks)
      assert.equal(store.getShards(task_id)[0]?.platformTaskId, task_id)
    assert.equal(store.db.$client.pragma('user_version', { simple: true }), 5)
    assert.equal(store.get('a'), undefined)
  })

  test(`${name}: a readonly store goes on after another one upgrades the file`, needsFixtures, async (t) => {
    const expected = readExpected(name)
    const file = copyFixture(t, name)
    using store = new TaskStore({ file, readonly: true })
    const oldIds = expected.tasks.map((task) => task.task_id)
    const [first = ''] = oldIds
    const archived = (expected.archived ?? []).length
    assert.deepEqual(ids(store), oldIds.toSorted())
    assert.equal(store.list({ archived: 'both' }).length, oldIds.length + archived)
    assert.deepEqual([store.getShards(first), store.get(first)?.taskId], [[], first])

    const newIds = await idsElsewhere(file)
    assert.deepEqual(ids(store), newIds)
    assert.equal(newIds.filter((id) => oldIds.includes(id)).length, 0)
    for (const oldId of oldIds) {
      assert.equal(store.get(oldId)?.metadata.legacy_platform_id, oldId)
      assert.equal(store.getShards(oldId).length, 1)
    }
    assert.equal(store.archive.count(), archived)
    assert.equal(store.list({ archived: 'both' }).length, oldIds.length + archived)
    assert.throws(() => store.save(TASK), { code: 'READONLY' })

    // What is written later is seen as well.
    makeFile(file, 'later')
    assert.equal(store.get('later')?.taskId, 'later')
  })
}

test('a transaction goes to one file even if it is replaced meanwhile, and the next call to the new one', (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.save({ ...TASK, taskId: 'before' })
  store.transaction(() => {
    store.save({ ...TASK, taskId: 'inside' })
    clearAll(file)
    store.save({ ...TASK, taskId: 'inside too' })
    store.transaction(() => store.save({ ...TASK, taskId: 'nested' }))
    assert.deepEqual(ids(store), ['before', 'inside', 'inside too', 'nested'])
    assert.equal(existsSync(file), false)
  })
  assert.equal(existsSync(file), false)
  store.save({ ...TASK, taskId: 'after' })
  assert.deepEqual(ids(store), ['after'])
})

test('a file that is moved away and back is the same file, and nothing of it is lost', (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.save(TASK)
  store.db.$client.pragma('wal_checkpoint(TRUNCATE)')
  for (const ending of ['', '-wal', '-shm']) renameSync(file + ending, `${file}-away${ending}`)
  for (const ending of ['', '-wal', '-shm']) renameSync(`${file}-away${ending}`, file + ending)
  store.save({ ...TASK, taskId: 'b' })
  assert.deepEqual(ids(store), ['a', 'b'])
})

test('after a removal that stopped half-way, the next save leaves a sound file', async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.save(TASK)
  rmSync(file)
  store.save({ ...TASK, taskId: 'b' })
  assert.deepEqual(ids(store), ['b'])
  assert.deepEqual(await idsElsewhere(file), ['b'])
  assert.equal(integrity(file), 'ok')
})

test('a save during a removal waits for its end, so that its own log is not removed', async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.save(TASK)
  const { ended } = await removeSlowly(file)
  store.save({ ...TASK, taskId: 'b' })
  await ended
  assert.deepEqual(await idsElsewhere(file), ['b'])
  store.save({ ...TASK, taskId: 'c' })
  assert.deepEqual(await idsElsewhere(file), ['b', 'c'])
  assert.equal(integrity(file), 'ok')
})

test('a query that is still being read continues on the old file, and the store goes on with the new one', (t) => {
  const { file, store, rows } = clearWhileReading(t)
  using another = new TaskStore({ file })
  another.save({ ...TASK, taskId: 'new' })
  assert.deepEqual([...rows], ['b', 'c'])
  store.save({ ...TASK, taskId: 'newer' })
  assert.deepEqual(ids(store), ['new', 'newer'])
})

test('a process that saves while another one clears and recreates the file loses no acknowledged task', async (t) => {
  const file = makeFile(temporaryFile(t))
  const stop = `${file}.stop`
  // Each save with the moment when it began, on the clock that all processes share.
  const save = `
    import { existsSync, writeSync } from 'node:fs'
    import { TaskStore } from 'uniqc-task-store'
    const [file, stop, name] = process.argv.slice(1)
    const store = new TaskStore({ file })
    for (let i = 0, left = 20; left > 0; i++) {
      if (existsSync(stop)) left--
      const began = process.hrtime.bigint()
      try {
        store.save({ taskId: name + i, backend: name, status: 'running', result: 'x'.repeat(500) })
      } catch (error) {
        // Removed while it was being opened: an error is no acknowledgement, the next call gets on.
        if (error.name === 'TaskStoreError') continue
        throw error
      }
      writeSync(1, began + ' ' + name + i + '\\n')
    }
    store.close()
  `
  const clear = `
    ${CLEAR}
    import { TaskStore } from 'uniqc-task-store'
    const file = process.argv[1]
    for (let i = 0; i < 15; i++) {
      clear(file)
      const cleared = process.hrtime.bigint()
      const store = new TaskStore({ file })
      store.save({ taskId: 'round' + i, backend: 'b', status: 'running' })
      // A file that is cleared at the very moment when another process opens it is more than SQLite can bear.
      while (!['p', 'q'].every((backend) => store.count({ backend }) > 0)) {
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
      store.close()
      if (i === 14) console.log(String(cleared))
    }
  `
  const saving = ['p', 'q'].map((name) => {
    const child = spawnModule(save, file, stop, name)
    return { started: firstOutput(child), ended: finish(child) }
  })
  const allEnded = Promise.allSettled(saving.map(({ ended }) => ended))
  let cleared: bigint
  try {
    await Promise.all(saving.map(({ started }) => started))
    cleared = BigInt((await runModule(clear, file)).trim())
  } finally {
    // Also where one of them failed: the others would save for ever.
    writeFileSync(stop, '')
    await allEnded
  }
  const outputs = await Promise.all(saving.map(({ ended }) => ended))
  const saved = outputs.flatMap((output) => output.trim().split('\n')).map((line) => line.split(' '))
  const acknowledged = saved
    .filter(([began]) => BigInt(began as string) > cleared)
    .map(([, id]) => id as string)
  assert.ok(acknowledged.length >= 30)
  assert.ok(saved.length > acknowledged.length, 'some were saved before the last clear')
  const found = new Set(await idsElsewhere(file))
  assert.deepEqual(
    acknowledged.filter((id) => !found.has(id)),
    [],
  )
  assert.ok(found.has('round14'))
  assert.equal(integrity(file), 'ok')
})

test('a store opened during a removal waits for its end', async (t) => {
  const folder = temporaryFolder(t)
  const file = join(folder, 'tasks.sqlite')
  using held = new TaskStore({ file })
  held.save(TASK)
  const { ended } = await removeSlowly(file)
  using store = new TaskStore({ file })
  for (const taskId of ['n1', 'n2']) store.save({ ...TASK, taskId })
  await ended
  store.save({ ...TASK, taskId: 'n3' })
  assert.deepEqual(await idsElsewhere(file), ['n1', 'n2', 'n3'])
  assert.equal(store.db.$client.pragma('integrity_check', { simple: true }), 'ok')
})

test('a file that is moved away takes along what was only in its log', (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.save(TASK)
  store.save({ ...TASK, taskId: 'b' })
  const moved = `${file}.moved`
  renameSync(file, moved)
  rmSync(`${file}-shm`)
  rmSync(`${file}-wal`)
  store.save({ ...TASK, taskId: 'c' })
  assert.deepEqual(ids(store), ['c'])
  using away = new TaskStore({ file: moved })
  assert.deepEqual(ids(away), ['a', 'b'])
})

test('a save during a query of the caller goes to the new file, and the query continues', async (t) => {
  const { file, store, rows } = clearWhileReading(t)
  store.save({ ...TASK, taskId: 'new' })
  assert.deepEqual([...rows], ['b', 'c'])
  assert.deepEqual(ids(store), ['new'])
  assert.deepEqual(await idsElsewhere(file), ['new'])
})
