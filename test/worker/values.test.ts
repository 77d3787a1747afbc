import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { runInNewContext } from 'node:vm'
import Database from 'better-sqlite3'
import {
  ArgumentError,
  copyTasks,
  fromJson,
  type JsonValue,
  TaskStore,
  TaskStoreError,
  UnreadableJson,
} from 'uniqc-task-store'
import type { WorkerTaskStore } from 'uniqc-task-store/worker'
import { copyFixture, FIXTURE_NAMES } from '../support/fixtures.ts'
import { rowsByKey } from '../support/read-rows.ts'
import { RUNNING, wrong } from '../support/store.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { openWorker } from '../support/worker.ts'

/** Writes a cell as another program may leave it. */
function setCell(store: WorkerTaskStore, column: string, value: unknown): void {
  const database = new Database(store.file)
  database.prepare(`UPDATE tasks SET ${column} = ?`).run(value)
  database.close()
}

test('every fixture reads in a thread as it does here', async (t) => {
  for (const name of FIXTURE_NAMES) {
    const file = copyFixture(t, name)
    const store = await openWorker(t, { file })
    using here = new TaskStore({ file })
    const options = { archived: 'both' } as const
    assert.deepEqual(await store.list(options), here.list(options), name)
    assert.deepEqual(await store.listSummaries(options), here.listSummaries(options), name)
    assert.deepEqual(await store.archive.list(), here.archive.list(), name)
    for (const { taskId } of here.list()) {
      assert.deepEqual(await store.getShards(taskId), here.getShards(taskId), name)
    }
    assert.deepEqual(await store.check({ timeZone: 'UTC' }), here.check({ timeZone: 'UTC' }), name)
  }
})

for (const cell of [
  '{torn',
  '[1]',
  '',
  'null',
  '"x"',
  '{"a":1.0,"a":2}',
  'NaN',
  `${'['.repeat(200)}${']'.repeat(200)}`,
]) {
  test(`a cell that holds ${JSON.stringify(cell.slice(0, 20))} crosses as it reads here`, async (t) => {
    const store = await openWorker(t)
    await store.save(RUNNING)
    setCell(store, 'result_json', cell)
    setCell(store, 'metadata_json', cell)
    using here = new TaskStore({ file: store.file })
    assert.deepEqual(await store.get('a'), here.get('a'))
    assert.deepEqual(await store.list(), here.list())
  })
}

test('an unreadable cell keeps its text when the task is saved back', async (t) => {
  const store = await openWorker(t)
  await store.save(RUNNING)
  setCell(store, 'result_json', '{torn')
  const task = await store.get('a')
  assert.ok((task?.result as unknown) instanceof UnreadableJson, 'it can be read')
  assert.deepEqual(await store.save({ ...RUNNING, result: task?.result as JsonValue }), {
    ...task,
    updateTime: (await store.get('a'))?.updateTime,
  })
  // Also one whose text is JSON, from elsewhere.
  const odd = fromJson('{"$unreadable":"{ \\"a\\": 1.0 }"}')
  assert.deepEqual((await store.update('a', { result: odd }))?.result, odd)
  using here = new TaskStore({ file: store.file })
  assert.equal(here.db.$client.prepare('SELECT result_json FROM tasks').pluck().get(), '{ "a": 1.0 }')
})

test('a BLOB where a text is expected comes back as the bytes that it is', async (t) => {
  const store = await openWorker(t)
  await store.save(RUNNING)
  await store.addShard({ uniqcTaskId: 'a', platformTaskId: 'p' })
  setCell(store, 'submit_time', Buffer.from([1, 2, 255]))
  const database = new Database(store.file)
  database.prepare('UPDATE task_shards SET backend = ?').run(Buffer.from('x'))
  database.close()
  using here = new TaskStore({ file: store.file })
  assert.deepEqual(await store.list(), here.list())
  assert.deepEqual(await store.listSummaries(), here.listSummaries())
  assert.deepEqual(await store.getShards('a'), here.getShards('a'))
  const ids: string[] = []
  for await (const { taskId } of store.iterate()) ids.push(taskId)
  assert.deepEqual(ids, ['a'])
  using copy = new TaskStore({ file: ':memory:' })
  await copyTasks(store, copy)
  assert.deepEqual(rowsByKey(copy), rowsByKey(here))
})

class Instance {
  readonly x = 1
}

for (const [what, value, message] of [
  ['a class instance', new Instance(), /metadata\.deep\.value is an Instance, which JSON cannot hold/],
  ['a Map', new Map(), /is a Map, which/],
  ['a function', () => 1, /is a function, which/],
  ['a Date', new Date(0), /is a Date, which/],
  ['a Date of another realm', runInNewContext('new Date(0)'), /is a Date, which/],
  ['an Error', new Error('x'), /is an Error, which/],
  ['an object with a symbol', { [Symbol('s')]: 1 }, /has the key Symbol\(s\)/],
  ['a typed array', new Uint8Array(1), /Uint8Array, which JSON cannot hold/],
] as const) {
  test(`${what} in metadata is refused and not flattened on its way`, async (t) => {
    const store = await openWorker(t)
    const metadata = wrong<{ [key: string]: JsonValue }>({ deep: { value } })
    for (const call of [
      () => store.save({ ...RUNNING, metadata }),
      () => store.saveMany([RUNNING, { ...RUNNING, metadata }]),
      () => store.update('a', { metadata }),
    ]) {
      await assert.rejects(call, { code: 'INVALID_TASK', message })
    }
    assert.equal(await store.count(), 0)
  })
}

test('what a getter returns is read once', async (t) => {
  const store = await openWorker(t)
  let reads = 0
  const metadata = {
    get once() {
      return ++reads === 1 ? 'first' : new Instance()
    },
  }
  const saved = await store.save({ ...RUNNING, metadata: wrong(metadata) })
  assert.deepEqual([reads, saved.metadata], [1, { once: 'first' }])
})

test('an option that turns into a function after its check is refused, and other calls are not', async (t) => {
  const store = await openWorker(t)
  let reads = 0
  const options = {
    get limit() {
      return ++reads === 1 ? 1 : () => 1
    },
  }
  const [count, list, get] = await Promise.allSettled([
    store.count(),
    store.list(wrong(options)),
    store.get('a'),
  ])
  assert.deepEqual([count.status, list.status, get.status], ['fulfilled', 'rejected', 'fulfilled'])
  assert.ok(list.status === 'rejected' && list.reason instanceof ArgumentError, 'it was taken')
})

test('an object that changes after the call has no effect', async (t) => {
  const store = await openWorker(t)
  const task = { ...RUNNING, metadata: { a: 1 }, shots: 1 }
  const saving = store.save(task)
  task.metadata.a = 2
  task.shots = 2
  await saving
  const { metadata, shots } = (await store.get('a')) ?? {}
  assert.deepEqual([metadata, shots], [{ a: 1 }, 1])
})

test('an error of the thread is itself, with its code, its cause and the frames of both threads', async (t) => {
  const store = await openWorker(t)
  const file = join(temporaryFolder(t), 'missing', 'export')
  const error = await (async function exportNowhere() {
    await store.exportFile(file)
    return undefined
  })().catch((error) => error)
  assert.ok(error instanceof TaskStoreError, 'it is another error')
  assert.equal(error.code, 'CANNOT_OPEN')
  const cause = error.cause as NodeJS.ErrnoException
  assert.ok(cause instanceof Error, 'it has no cause')
  assert.deepEqual([cause.code, cause.syscall, cause.errno], ['ENOENT', 'open', -2])
  assert.match(
    error.stack ?? '',
    /^TaskStoreError: .*cannot be written[\s\S]*program\.js[\s\S]*exportNowhere/,
  )
  const busy = new Database(store.file)
  busy.exec('BEGIN IMMEDIATE')
  const impatient = await openWorker(t, { file: store.file, timeout: 0 })
  const locked = await impatient.save(RUNNING).catch((error) => error)
  busy.close()
  assert.deepEqual(
    [locked.code, locked.cause.name, locked.cause.code],
    ['LOCKED', 'SqliteError', 'SQLITE_BUSY'],
  )
})

test('an error in a result comes back as itself', async (t) => {
  const store = await openWorker(t)
  await store.save(RUNNING)
  await store.archive.archive('a')
  await store.save(RUNNING)
  const [moved, missing] = await store.archive.archiveMany(['a', 'x'])
  assert.deepEqual([moved?.outcome, missing], ['conflict', { taskId: 'x', outcome: 'not-found' }])
  assert.ok(moved?.error instanceof TaskStoreError && moved.error.code === 'CONFLICT', 'it has no error')
})

test('a long list in a report comes back whole and in its order', async (t) => {
  const store = await openWorker(t)
  const ids = Array.from({ length: 4000 }, (_, i) => `task-${String(i).padStart(4, '0')}`)
  const tasks = ids.map(
    (taskId) => ({ taskId, backend: 'b', status: 'failed', submitTime: '2026-01-01' }) as const,
  )
  await store.saveMany(tasks)
  const { archived, conflicts } = await store.archive.archiveOlderThan({ hours: 1 })
  assert.deepEqual([archived, conflicts], [ids, []])
  const moved = await store.archive.restoreMany(ids)
  assert.deepEqual(
    moved.map(({ taskId }) => taskId),
    ids,
  )
  assert.deepEqual(
    (await store.getMany(['x', ...ids])).map((task) => task?.taskId),
    [undefined, ...ids],
  )
})

test('every call has the result that it has on a store of this thread', async (t) => {
  const file = join(temporaryFolder(t), 'tasks.sqlite')
  using here = new TaskStore({ file })
  here.saveMany(
    Array.from({ length: 30 }, (_, i) => ({
      ...RUNNING,
      taskId: `t${i}`,
      submitTime: `2026-01-01T00:00:${String(i).padStart(2, '0')}`,
    })),
  )
  const store = await openWorker(t, { file })
  assert.deepEqual([store.file, store.cacheDir], [here.file, here.cacheDir])
  const page = here.page({ limit: 7 })
  assert.deepEqual(await store.page({ limit: 7 }), page)
  assert.deepEqual(
    await store.pageSummaries({ limit: 7, after: page.next }),
    here.pageSummaries({ limit: 7, after: page.next }),
  )
  assert.deepEqual(await store.page({ limit: 30 }), here.page({ limit: 30 }))
  assert.deepEqual(await store.countByBackend(), here.countByBackend())
  const iterated: unknown[] = []
  for await (const task of store.iterate({ limit: 12, offset: 3, after: page.next })) iterated.push(task)
  assert.deepEqual(iterated, here.list({ limit: 12, offset: 3, after: page.next }))
})
