import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import test from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { memory, RUNNING } from '../support/store.ts'
import { temporaryFile } from '../support/temporary.ts'

test('a transaction that a full disk ended is DISK_FULL, and writes nothing more', (t) => {
  using store = new TaskStore({ file: temporaryFile(t) })
  const client = store.db.$client
  client.pragma('cache_size = 5')
  client.pragma('max_page_count = 40')
  assert.throws(
    () =>
      store.transaction(() => {
        store.save({ ...RUNNING, taskId: 'first' })
        try {
          store.update('first', { metadata: { much: 'x'.repeat(1_000_000) } })
        } catch {}
        store.save({ ...RUNNING, taskId: 'after' })
      }),
    { code: 'DISK_FULL' },
  )
  assert.equal(store.count(), 0)
  assert.equal(store.save(RUNNING).taskId, 'a')
})

test('a callback that ends its transaction itself is a TypeError, and nothing more is written', () => {
  using store = memory()
  const work = () =>
    store.transaction(() => {
      store.save(RUNNING)
      store.db.$client.exec('ROLLBACK')
      store.save({ ...RUNNING, taskId: 'b' })
    })
  assert.throws(work, { name: 'TypeError', message: /ended its transaction by itself/ })
  assert.equal(store.count(), 0)
  assert.equal(store.save(RUNNING).taskId, 'a')
})

test('a transaction refuses an asynchronous callback, and writes nothing', async () => {
  using store = memory()
  let ran = false
  assert.throws(
    () =>
      store.transaction(async () => {
        ran = true
      }),
    TypeError,
  )
  assert.equal(ran, false)
  assert.throws(
    () =>
      store.transaction(() => {
        store.save(RUNNING)
        return Promise.resolve()
      }),
    TypeError,
  )
  assert.equal(store.count(), 0)
  assert.throws(() => store.transaction(() => store.close()), /inside transaction/)
  assert.equal(store.count(), 0)
})

const TASK = { taskId: 'a', backend: 'b', status: 'running' } as const

test('a transaction refuses a generator function', () => {
  using store = memory()
  assert.throws(
    () =>
      store.transaction(function* () {
        yield store.save(TASK)
      }),
    TypeError,
  )
})

test('a refused promise that is rejected later does not end the process', () => {
  const program = `import { TaskStore } from 'uniqc-task-store'
    const store = new TaskStore({ file: ':memory:' })
    try {
      store.transaction(() => (async () => { await null; throw new Error('later') })())
    } catch (error) {
      console.log(error.name)
    }`
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  assert.equal(output, 'TypeError\n')
})
