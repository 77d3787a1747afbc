import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import test from 'node:test'
import { eq } from 'drizzle-orm'
import { TaskStore, UnreadableJson } from 'uniqc-task-store'
import { taskShards } from 'uniqc-task-store/schema'
import { copyFixture, FIXTURE_NAMES, isNewest, needsFixtures, readExpected } from '../support/fixtures.ts'
import { insertShard } from '../support/insert-shard.ts'
import { runModule } from '../support/processes.ts'
import { readRows } from '../support/read-rows.ts'
import { memory, RUNNING, wrong } from '../support/store.ts'
import { temporaryFile } from '../support/temporary.ts'

const SHARD = { uniqcTaskId: 'a', platformTaskId: 'p' } as const

for (const name of FIXTURE_NAMES.filter((name) => !isNewest(name))) {
  test(`${name}: every old id finds the one shard that repeats its task`, needsFixtures, (t) => {
    const expected = readExpected(name)
    using store = new TaskStore({ file: copyFixture(t, name) })
    for (const old of expected.tasks) {
      const task = store.get(old.task_id)
      assert.ok(task)
      const { backend, status, submitTime, updateTime, errorMessage } = task
      assert.deepEqual(store.getShards(old.task_id), [
        {
          uniqcTaskId: task.taskId,
          shardIndex: 0,
          platformTaskId: old.task_id,
          backend,
          circuitCount: 1,
          subIndexOffset: 0,
          status,
          result: old.result,
          errorMessage,
          submitTime,
          updateTime,
        },
      ])
      assert.equal(
        store.addShard({ uniqcTaskId: old.task_id, platformTaskId: 'next' }).uniqcTaskId,
        task.taskId,
      )
    }
    assert.equal(store.count(), expected.count)
  })
}

test('an unreadable result is a string in a refreshed list, and stays as it is if it is the only one', () => {
  using store = memory()
  store.save(RUNNING)
  store.addShard(SHARD)
  const damaged = '{"00": 5'
  store.db.$client.prepare('UPDATE task_shards SET result_json = ?').run(damaged)
  store.addShard({ ...SHARD, result: 2 }, { refreshTask: true })
  assert.deepEqual(store.get('a')?.result, [damaged, 2])

  store.deleteShards('a')
  store.addShard(
    { ...SHARD, result: wrong(Reflect.construct(UnreadableJson, [damaged])) },
    { refreshTask: true },
  )
  const cell = store.db.$client.prepare('SELECT result_json FROM tasks').pluck().get()
  assert.equal(cell, damaged)
})

test('a refresh treats an unknown status of a shard as not terminal', () => {
  using store = memory()
  store.save({ ...RUNNING, status: 'success' })
  insertShard(store, 'a', 'x')
  store.db.update(taskShards).set({ status: 'queued' }).where(eq(taskShards.uniqcTaskId, 'a')).run()
  store.addShard({ ...SHARD, status: 'success' }, { refreshTask: true })
  assert.equal(store.get('a')?.status, 'running')
})

test('if the task cannot be refreshed, the shard is not saved either', () => {
  using store = memory()
  store.save(RUNNING)
  store.addShard({ ...SHARD, result: 1 })
  const before = readRows(store)
  store.db.$client.exec(
    `CREATE TEMP TRIGGER refuse BEFORE UPDATE ON main.tasks BEGIN SELECT RAISE(ABORT, 'refused'); END`,
  )
  assert.throws(() => store.addShard({ ...SHARD, result: 2 }, { refreshTask: true }), /refused/)
  assert.throws(
    () => store.saveShard({ ...SHARD, shardIndex: 0, result: 2 }, { refreshTask: true }),
    /refused/,
  )
  assert.deepEqual(readRows(store), before)
  store.db.$client.exec('DROP TRIGGER temp.refuse')
  store.addShard({ ...SHARD, result: 2 }, { refreshTask: true })
  assert.deepEqual(store.get('a')?.result, [1, 2])
})

test('4 processes that add 50 shards each to one task leave 200, and one result of all of them', async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.save(RUNNING)
  const add = `
    import { TaskStore } from 'uniqc-task-store'
    const [file, name] = process.argv.slice(1)
    const store = new TaskStore({ file })
    for (let i = 0; i < 50; i++) {
      const circuitCount = 1 + i % 3
      const result = Array(circuitCount).fill(name + i)
      const shard = { uniqcTaskId: 'a', platformTaskId: name + i, status: 'success', circuitCount }
      store.addShard({ ...shard, result: circuitCount === 1 ? result[0] : result }, { refreshTask: true })
    }
  `
  const names = ['p', 'q', 'r', 's']
  await Promise.all(names.map((name) => runModule(add, file, name)))
  const shards = store.getShards('a')
  assert.deepEqual(
    shards.map((shard) => shard.shardIndex),
    [...Array(200).keys()],
  )
  assert.deepEqual(
    shards.map((shard) => shard.platformTaskId).toSorted(),
    names.flatMap((name) => [...Array(50).keys()].map((i) => name + i)).toSorted(),
  )
  let end = 0
  for (const { subIndexOffset, circuitCount } of shards) {
    assert.equal(subIndexOffset, end)
    end += circuitCount
  }
  const task = store.get('a')
  assert.equal(task?.status, 'success')
  assert.deepEqual(
    task?.result,
    shards.flatMap(({ circuitCount, platformTaskId }) => Array(circuitCount).fill(platformTaskId)),
  )
})

test('refreshing the task of a shard with too many circuits is INVALID_TASK, not a crash', () => {
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
