import assert from 'node:assert/strict'
import test from 'node:test'
import Database from 'better-sqlite3'
import type { NewTaskInfo } from 'uniqc-task-store'
import { RUNNING } from '../support/store.ts'
import { openWorker } from '../support/worker.ts'

const task = (i: number): NewTaskInfo => ({ ...RUNNING, taskId: `t${String(i).padStart(5, '0')}` })

async function* overTime(count: number, each: (i: number) => unknown = () => undefined) {
  for (let i = 0; i < count; i++) {
    await each(i)
    yield task(i)
  }
}

for (const count of [0, 1, 249, 250, 251, 3500]) {
  test(`saveMany saves ${count} tasks of an iterable, and of an async one`, async (t) => {
    const store = await openWorker(t)
    assert.equal(await store.saveMany(overTime(count)), count)
    assert.equal(await store.count(), count)
    function* sync() {
      for (let i = 0; i < count; i++) yield { ...task(i), shots: 2 }
    }
    assert.equal(await store.saveMany(sync()), count)
    assert.ok(
      (await store.list()).every(({ shots }) => shots === 2),
      'one was not saved again',
    )
  })
}

test('tasks that come over time are one transaction, and other calls go on meanwhile', async (t) => {
  const store = await openWorker(t)
  const counts: number[] = []
  const saved = await store.saveMany(
    overTime(2500, async (i) => {
      if (i % 500 === 0) counts.push(await store.count())
    }),
  )
  assert.deepEqual([saved, counts], [2500, [0, 0, 0, 0, 0]])
  assert.equal(await store.count(), 2500)
})

test('no more tasks are read than the thread has taken', async (t) => {
  const store = await openWorker(t)
  let read = 0
  function* tasks() {
    for (let i = 0; i < 5000; i++) {
      read++
      yield task(i)
    }
  }
  const seen: number[] = []
  const saving = store.saveMany(tasks())
  let isSaved = false
  saving.then(() => {
    isSaved = true
  })
  while (!isSaved) {
    seen.push(read)
    await new Promise(setImmediate)
  }
  const [part = 0] = seen
  assert.ok(part <= 1000 && new Set(seen).size > 4, `it had read ${[...new Set(seen)]}`)
  assert.ok(
    seen.every((count) => count % part === 0 || count === 5000),
    `it had read ${[...new Set(seen)]}`,
  )
})

test('an iterable that fails, or a task that cannot be stored, leaves nothing, and ends the iterable', async (t) => {
  const store = await openWorker(t)
  const failure = new Error('gone')
  const failing = overTime(3000, (i) => {
    if (i === 2500) throw failure
  })
  await assert.rejects(store.saveMany(failing), failure)
  let isEnded = false
  async function* wrongLast() {
    try {
      yield* overTime(2500)
      yield { ...task(0), shots: -1 }
      yield task(1)
    } finally {
      isEnded = true
    }
  }
  await assert.rejects(store.saveMany(wrongLast()), { code: 'INVALID_TASK' })
  assert.deepEqual([isEnded, await store.count()], [true, 0])
})

test('an iteration reads the next part when the one before is done, and can be left', async (t) => {
  const store = await openWorker(t)
  await store.saveMany(overTime(1000))
  const ids: string[] = []
  for await (const { taskId } of store.iterate()) {
    ids.push(taskId)
    // What comes later in the list is read later.
    if (ids.length === 1) await store.delete('t00000')
    if (ids.length === 900) break
  }
  assert.equal(ids.length, 900)
  const rest: string[] = []
  for await (const { taskId } of store.iterate()) rest.push(taskId)
  assert.equal(rest.length, 999)
  assert.deepEqual(rest.slice(0, 900), ids)
})

test('an iteration refuses wrong options when it is asked for, and is CLOSED with its store', async (t) => {
  const store = await openWorker(t)
  assert.throws(() => store.iterate({ limit: 1.5 }), { argument: 'limit' })
  const iteration = store.iterate()
  await store.close()
  await assert.rejects(iteration.next(), { code: 'CLOSED' })
})

test('the event loop turns while a long list is read, many calls are answered, and a long call runs', async (t) => {
  const store = await openWorker(t)
  const text = 'x'.repeat(500)
  await store.saveMany(
    (function* () {
      for (let i = 0; i < 20_000; i++) yield { ...task(i), metadata: { text } }
    })(),
  )
  const turnsDuring = async (work: Promise<unknown>): Promise<number> => {
    let turns = 0
    let isDone = false
    const turn = () => {
      turns++
      if (!isDone) setImmediate(turn)
    }
    setImmediate(turn)
    await work
    isDone = true
    return turns
  }
  // 10 MB in parts of 100 kB.
  assert.ok((await turnsDuring(store.list())) > 80, 'the list came at once')
  const many = Promise.all(Array.from({ length: 2000 }, (_, i) => store.get(task(i).taskId)))
  // They are asked 500 in a turn.
  assert.ok((await turnsDuring(many)) > 3, 'the answers came at once')
  assert.ok((await turnsDuring(store.check())) > 10, 'the check held the loop')
})

test('calls are answered in the order in which they were made, and close waits for them', async (t) => {
  const store = await openWorker(t)
  const ended: string[] = []
  const calls = [
    store.save(task(0)).then(() => ended.push('save')),
    store.saveMany([task(1)]).then(() => ended.push('saveMany')),
    store.transaction((tx) => tx.count()).then((count) => ended.push(`transaction ${count}`)),
    store.list().then((list) => ended.push(`list ${list.length}`)),
    store.close().then(() => ended.push('close')),
  ]
  await assert.rejects(store.get('a'), { code: 'CLOSED' })
  await Promise.all(calls)
  assert.deepEqual(ended, ['save', 'saveMany', 'transaction 2', 'list 2', 'close'])
})

test('an answer does not wait for the next call, which waits for a lock', async (t) => {
  const store = await openWorker(t)
  // Now both are known to be short.
  for (let i = 0; i < 20; i++) {
    await store.save(RUNNING)
    await store.get('a')
  }
  const other = new Database(store.file)
  other.exec('BEGIN IMMEDIATE')
  const reading = store.get('a')
  const saving = store.save({ ...RUNNING, shots: 2 })
  assert.equal((await reading)?.taskId, 'a')
  other.exec('ROLLBACK')
  other.close()
  assert.equal((await saving).shots, 2)
})

test('close waits for a backup, and other calls go on beside one', async (t) => {
  const store = await openWorker(t)
  await store.saveMany(overTime(2000))
  const copy = `${store.file}.copy`
  const ended: string[] = []
  const backup = store.backup(copy).then(() => ended.push('backup'))
  const get = store.get('t00001').then(() => ended.push('get'))
  await store.close()
  await Promise.all([backup, get])
  assert.deepEqual(ended, ['get', 'backup'])
})

test('backups go on while one call follows the other, and no call stays behind', async (t) => {
  const store = await openWorker(t)
  await store.saveMany(overTime(2000))
  let left = 8
  const backups = Array.from({ length: left }, async (_, i) => {
    await store.backup(`${store.file}.copy${i}`)
    left--
  })
  while (left > 0) await store.get('t00001')
  await Promise.all(backups)
})
