import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { TaskStore, TaskStoreError } from 'uniqc-task-store'
import { WorkerTaskStore } from 'uniqc-task-store/worker'
import { RUNNING } from '../support/store.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { lastThread } from '../support/threads.ts'
import { openWorker } from '../support/worker.ts'

const lost = (outcome: 'not-done' | 'unknown') => ({
  name: 'TaskStoreError',
  code: 'DISCONNECTED',
  outcome,
})

test('after its thread ended idly, a store goes on in another one', async (t) => {
  const store = await openWorker(t)
  await store.save(RUNNING)
  const first = lastThread()
  await first.terminate()
  assert.equal((await store.get('a'))?.taskId, 'a')
  assert.notEqual(lastThread(), first)
})

/** Writes a file of many tasks, whose import takes many batches. */
function makeImport(t: TestContext): string {
  const file = join(temporaryFolder(t), 'tasks.jsonl')
  const record = { platform: 'originq', status: 'running', submit_time: '2026-01-01' }
  const line = (i: number) => JSON.stringify({ task_id: `t${i}`, ...record })
  writeFileSync(file, Array.from({ length: 5000 }, (_, i) => `${line(i)}\n`).join(''))
  return file
}

test('a write that was under way may be done, and what was asked after it is not', async (t) => {
  const store = await openWorker(t)
  const thread = lastThread()
  const file = makeImport(t)
  const calls = [
    store.importFile(file, { onProgress: () => void thread.terminate() }),
    store.get('a'),
    store.save(RUNNING),
  ].map((call) => call.catch((error) => error))
  for (const [i, outcome] of ['unknown', 'not-done', 'not-done'].entries()) {
    const error = await calls[i]
    assert.ok(error instanceof TaskStoreError, `it is ${error}`)
    assert.deepEqual([error.code, error.outcome], ['DISCONNECTED', outcome])
    assert.match(error.message, outcome === 'unknown' ? /may have been done or not/ : /changed nothing/)
    assert.ok(error.cause instanceof Error, 'it has no cause')
  }
  assert.equal((await store.importFile(file)).read, 5000)
  assert.equal(await store.count(), 5000)
})

test('a transaction is undone when the thread ends, with its savepoints, and its lock is free', async (t) => {
  const store = await openWorker(t)
  const inside: unknown[] = []
  const transaction = store.transaction(async (tx) => {
    await tx.save(RUNNING)
    await tx.transaction(async (inner) => {
      await inner.save({ ...RUNNING, taskId: 'b' })
      await lastThread().terminate()
      for (const over of [inner, tx]) inside.push(await over.save(RUNNING).catch((error) => error.code))
    })
  })
  await assert.rejects(transaction, lost('not-done'))
  const other = new Database(store.file, { timeout: 0 })
  other.exec('BEGIN IMMEDIATE; COMMIT')
  other.close()
  assert.equal(await store.count(), 0)
  assert.equal(inside[0], 'DISCONNECTED')
})

test('a transaction whose thread ended runs again if it may', async (t) => {
  const store = await openWorker(t)
  let runs = 0
  await store.transaction(
    async (tx) => {
      await tx.save(RUNNING)
      if (++runs === 1) await lastThread().terminate()
    },
    { retries: 1 },
  )
  assert.deepEqual([runs, await store.count()], [2, 1])
})

test('a transaction that is killed around its commit is whole or not there, as its error says', async (t) => {
  const store = await openWorker(t)
  const seen = new Set<string>()
  for (let i = 0; i < 40; i++) {
    const ids = [`${i}-1`, `${i}-2`]
    let turns = i % 8
    const ended = store
      .transaction(async (tx) => {
        for (const taskId of ids) await tx.save({ ...RUNNING, taskId })
        setImmediate(async function kill() {
          if (turns-- > 0) setImmediate(kill)
          else await lastThread().terminate()
        })
      })
      .then(
        () => 'done',
        (error) => error.outcome,
      )
    const outcome = await ended
    const there = (await store.getMany(ids).catch(() => store.getMany(ids))).filter(
      (task) => task !== undefined,
    )
    if (outcome === 'done') assert.equal(there.length, 2, 'it was acknowledged and is not there')
    else if (outcome === 'not-done') assert.equal(there.length, 0, 'it is there although it was not done')
    else assert.ok(outcome === 'unknown' && there.length !== 1, `${outcome}, and ${there.length} are there`)
    seen.add(outcome)
  }
  assert.ok(seen.size > 1, [...seen].join())
})

test('tasks that were sent before the thread ended are not saved without the others', async (t) => {
  const store = await openWorker(t)
  async function* tasks() {
    for (let i = 0; i < 3000; i++) {
      if (i === 2500) await lastThread().terminate()
      yield { ...RUNNING, taskId: `t${i}` }
    }
  }
  await assert.rejects(store.saveMany(tasks()), lost('not-done'))
  assert.equal(await store.count(), 0)
  assert.equal(await store.saveMany([RUNNING]), 1)
})

test('an iteration goes on in the next thread', async (t) => {
  const store = await openWorker(t)
  await store.saveMany(Array.from({ length: 500 }, (_, i) => ({ ...RUNNING, taskId: `t${i}` })))
  const ids = new Set<string>()
  for await (const { taskId } of store.iterate()) {
    ids.add(taskId)
    if (ids.size === 250) await lastThread().terminate()
  }
  assert.equal(ids.size, 500)
})

test('a store in memory is gone with its thread, and says so instead of being empty', async () => {
  const store = await WorkerTaskStore.open({ file: ':memory:' })
  await store.save(RUNNING)
  await lastThread().terminate()
  await assert.rejects(store.get('a'), { code: 'CLOSED', message: /its tasks with it/ })
  await assert.rejects(store.save(RUNNING), { code: 'CLOSED' })
  await store.close()
})

test('a file that cannot be opened by the next thread is the error of the call that asked for it', async (t) => {
  const folder = temporaryFolder(t)
  const store = await WorkerTaskStore.open({ file: join(folder, 'tasks.sqlite'), create: false }).catch(
    () => undefined,
  )
  assert.equal(store, undefined)
  const file = join(folder, 'other.sqlite')
  new TaskStore({ file }).close()
  const opened = await WorkerTaskStore.open({ file, create: false })
  await lastThread().terminate()
  const other = new Database(file)
  other.pragma('user_version = 99')
  await assert.rejects(opened.get('a'), { code: 'SCHEMA_TOO_NEW' })
  other.pragma('user_version = 5')
  other.close()
  assert.equal(await opened.get('a'), undefined)
  await opened.close()
})

test('a backup that was under way leaves nothing behind that could be taken for one', async (t) => {
  const store = await openWorker(t)
  await store.saveMany(
    Array.from({ length: 3000 }, (_, i) => ({ ...RUNNING, taskId: `t${i}`, result: 'x'.repeat(2000) })),
  )
  const copy = join(temporaryFolder(t), 'copy.sqlite')
  const thread = lastThread()
  const backup = store.backup(copy, { onProgress: () => void thread.terminate() })
  await assert.rejects(backup, lost('unknown'))
  assert.equal(existsSync(copy), false)
  await store.backup(copy)
  assert.equal(existsSync(copy), true)
})

test('close resolves although the thread ends meanwhile', async (t) => {
  const store = await openWorker(t)
  const closing = store.close()
  await lastThread().terminate()
  await closing
  await assert.rejects(store.get('a'), { code: 'CLOSED' })
})
