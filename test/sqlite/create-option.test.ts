import assert from 'node:assert/strict'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { RUNNING, wrong } from '../support/store.ts'
import { temporaryFile } from '../support/temporary.ts'

test('create must be true or false', (t) => {
  const file = temporaryFile(t)
  assert.throws(() => new TaskStore({ file, create: wrong('no') }), { name: 'TypeError', argument: 'create' })
})

test('with create: false a file that is missing is CANNOT_OPEN, and neither it nor its folder is made', (t) => {
  const file = temporaryFile(t)
  for (const cacheDir of [dirname(file), join(dirname(file), 'deeper')]) {
    assert.throws(() => new TaskStore({ cacheDir, create: false }), {
      code: 'CANNOT_OPEN',
      message: `${join(cacheDir, 'tasks.sqlite')} does not exist; check the path`,
    })
  }
  assert.deepEqual(readdirSync(dirname(file)), [])
})

test('with create: false a file that is there is written, and one that is removed is not made again', (t) => {
  const file = temporaryFile(t)
  new TaskStore({ file }).close()
  using store = new TaskStore({ file, create: false })
  store.save(RUNNING)
  for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true })
  assert.throws(() => store.save(RUNNING), { code: 'CANNOT_OPEN' })
  new TaskStore({ file }).close()
  assert.equal(store.save(RUNNING).taskId, RUNNING.taskId)
})

test('a store that only reads leaves no log behind', (t) => {
  const file = temporaryFile(t)
  new TaskStore({ file }).close()
  const store = new TaskStore({ file, readonly: true })
  store.list()
  store.close()
  store.close()
  assert.deepEqual(readdirSync(dirname(file)), ['tasks.sqlite'])
})

test('a store that only reads leaves the log of others', (t) => {
  const file = temporaryFile(t)
  using writer = new TaskStore({ file })
  writer.save(RUNNING)
  new TaskStore({ file, readonly: true }).close()
  assert.deepEqual(readdirSync(dirname(file)).sort(), [
    'tasks.sqlite',
    'tasks.sqlite-shm',
    'tasks.sqlite-wal',
  ])
})

test('a path that leads through a file is CANNOT_OPEN for a store that only reads', (t) => {
  const file = temporaryFile(t)
  writeFileSync(file, '')
  for (const options of [{ readonly: true }, { create: false }]) {
    assert.throws(() => new TaskStore({ file: join(file, 'x.sqlite'), ...options }), { code: 'CANNOT_OPEN' })
  }
})
