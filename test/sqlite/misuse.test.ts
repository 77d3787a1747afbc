import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import test from 'node:test'
import { isUniqcTaskId, TaskStore, TaskStoreError } from 'uniqc-task-store'
import { memory, wrong } from '../support/store.ts'
import { temporaryFile } from '../support/temporary.ts'

const TASK = { taskId: 'a', backend: 'b', status: 'running' } as const

test('a shard of very many circuits does not end the process when its task is refreshed', () => {
  const program = `import { TaskStore } from 'uniqc-task-store'
    const store = new TaskStore({ file: ':memory:' })
    store.save({ taskId: 'a', backend: 'b', status: 'running' })
    try {
      store.addShard({ uniqcTaskId: 'a', platformTaskId: 'p', circuitCount: 2 ** 53 - 1 }, { refreshTask: true })
    } catch (error) {
      console.log(error.code, error.invalid.field, store.getShards('a').length)
    }`
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  assert.equal(output, 'INVALID_TASK circuitCount 0\n')
})

test('the offset of a shard stays a whole number that can be read', () => {
  using store = memory()
  store.save(TASK)
  const shard = { uniqcTaskId: 'a', platformTaskId: 'p', circuitCount: Number.MAX_SAFE_INTEGER }
  for (let n = 0; n < 2; n++) store.addShard(shard)
  assert.throws(() => store.addShard(shard), { code: 'INVALID_TASK' })
  assert.deepEqual(
    store.getShards('a').map(({ subIndexOffset }) => subIndexOffset),
    [0, Number.MAX_SAFE_INTEGER],
  )
})

for (const value of [null, 5, true, () => 1, new Map(), new Date(), Symbol('s'), []]) {
  test(`page(${String(value)}) is a TypeError`, () => {
    using store = memory()
    assert.throws(() => store.page(wrong(value)), TypeError)
  })
}
test('page takes a limit that is undefined for one that is left out', () => {
  using store = memory()
  assert.deepEqual(store.page({ limit: undefined }), { items: [] })
})

test('a path that the driver would open by another name is a TypeError, and no file is made', async (t) => {
  const file = `${temporaryFile(t)} `
  using store = memory()
  assert.throws(() => new TaskStore({ file }), /options\.file must not end in white space/)
  assert.throws(() => store.mergeFile(`${file}\n`), TypeError)
  await assert.rejects(async () => store.backup(file), TypeError)
  assert.throws(() => TaskStore.restoreBackup(file, { file: temporaryFile(t) }), TypeError)
  assert.deepEqual(readdirSync(dirname(file)), [])
})

test('what a getter said first is stored, or nothing is', () => {
  for (const second of [Number.NaN, undefined, () => 1, -0, 2 ** 60]) {
    using store = memory()
    let asked = 0
    const value = {
      get x() {
        return asked++ ? second : 1
      },
    }
    store.save({ ...TASK, result: wrong([value]) })
    assert.deepStrictEqual(store.get('a')?.result, [{ x: 1 }])
  }
})

for (const value of [1n, [1n], Array.from({ length: 1e5 }).reduce<unknown[]>((inner) => [inner], [])]) {
  test(`a time zone that is ${Array.isArray(value) ? 'an array' : 'a bigint'} is refused by name`, () => {
    using store = memory()
    for (const call of [
      () => store.archive.archiveOlderThan({ hours: 1, timeZone: wrong(value) }),
      () => store.importFile('x', { timeZone: wrong(value) }),
    ]) {
      assert.throws(call, (error) => error instanceof TypeError && /timeZone must be/.test(error.message))
    }
  })
}

for (const path of ['x'.repeat(5000), '/etc/passwd/x']) {
  test(`a path that cannot be asked for is CANNOT_OPEN (${path.slice(0, 20)})`, () => {
    using store = memory()
    for (const call of [
      () => store.importFile(path),
      () => store.mergeFile(path),
      () => store.exportFile(path, { replace: true }),
    ]) {
      assert.throws(call, (error) => error instanceof TaskStoreError && error.code === 'CANNOT_OPEN')
    }
  })
}

test('null is no archived, and no synchronous', () => {
  using store = memory()
  assert.throws(() => store.list({ archived: wrong(null) }), TypeError)
  assert.throws(() => new TaskStore({ file: ':memory:', synchronous: wrong(null) }), TypeError)
})
test('aggregateStatus of what is no list is a TypeError', () => {
  for (const value of [5, true, {}, 'text'])
    assert.throws(() => TaskStore.aggregateStatus(wrong(value)), TypeError)
})
test('isUniqcTaskId knows no array, and throws for nothing', () => {
  assert.equal(isUniqcTaskId(wrong([`uqt_${'0'.repeat(32)}`])), false)
  assert.equal(isUniqcTaskId(wrong(Symbol('s'))), false)
})
test('a generator function is no work of a transaction', () => {
  using store = memory()
  assert.throws(
    () =>
      store.transaction(function* () {
        yield store.save(TASK)
      }),
    TypeError,
  )
})
test('a promise that is refused and rejects does not end the process', () => {
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
