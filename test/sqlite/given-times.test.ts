import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { ArgumentError, TaskPersistence, TaskStore, TaskStoreError } from 'uniqc-task-store'
import { readRows } from '../support/read-rows.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const TASK = { taskId: 'a', backend: 'b', status: 'running' } as const
const SHARD = { uniqcTaskId: 'a', platformTaskId: 'p' } as const
const RECORD = { task_id: 'a', platform: 'b', status: 'running' } as const
const DATE = new Date('2026-05-03T01:02:03.004Z')
const STORED = '2026-05-03T01:02:03.004000+00:00'

/** A store with one task and one shard. */
function open() {
  const store = new TaskStore({ file: ':memory:' })
  store.save(TASK)
  store.addShard(SHARD)
  return store
}

type Write = readonly [name: string, field: string, call: (store: TaskStore, time: string | Date) => unknown]

const WRITES: readonly Write[] = [
  ['save', 'submitTime', (store, submitTime) => store.save({ ...TASK, submitTime })],
  [
    'save',
    'updateTime',
    (store, updateTime) => store.save({ ...TASK, updateTime }, { keepUpdateTime: true }),
  ],
  ['saveMany', 'submitTime', (store, submitTime) => store.saveMany([{ ...TASK, submitTime }])],
  [
    'saveMany',
    'updateTime',
    (store, updateTime) => store.saveMany([{ ...TASK, updateTime }], { keepUpdateTime: true }),
  ],
  ['update', 'submitTime', (store, submitTime) => store.update('a', { submitTime })],
  [
    'update',
    'updateTime',
    (store, updateTime) => store.update('a', { updateTime }, { keepUpdateTime: true }),
  ],
  ['addShard', 'submitTime', (store, submitTime) => store.addShard({ ...SHARD, submitTime })],
  [
    'saveShard',
    'updateTime',
    (store, updateTime) =>
      store.saveShard({ ...SHARD, shardIndex: 0, updateTime }, { keepUpdateTime: true, refreshTask: true }),
  ],
  [
    'TaskPersistence.save',
    'submit_time',
    (store, submit_time) => new TaskPersistence(store).save({ ...RECORD, submit_time }),
  ],
  [
    'TaskPersistence.save',
    'update_time',
    (store, update_time) => new TaskPersistence(store).save('a', 'b', 'running', null, { update_time }),
  ],
  [
    'TaskPersistence.update',
    'update_time',
    (store, update_time) => new TaskPersistence(store).update('a', { update_time }),
  ],
  [
    'TaskPersistence.upsert',
    'submit_time',
    (store, submit_time) => new TaskPersistence(store).upsert({ task_id: 'a', submit_time }),
  ],
]

for (const [name, field, call] of WRITES) {
  test(`${name} refuses a ${field} that is not a time, and nothing is written`, () => {
    using store = open()
    const before = readRows(store)
    for (const time of ['yesterday', '7 days ago', '', '2026-02-31', '2026', new Date(Number.NaN)]) {
      assert.throws(
        () => call(store, time),
        (error) => {
          assert.ok(error instanceof TaskStoreError)
          assert.deepEqual([error.code, error.invalid?.field], ['INVALID_TASK', field])
          assert.match(
            error.message,
            /must be an ISO 8601 date or time, or a Date, not .*; leave it out, and the sto/,
          )
          return true
        },
      )
    }
    assert.deepEqual(readRows(store), before)
  })

  test(`${name} stores a ${field} that is a Date as the store writes times, and a text as it is given`, () => {
    for (const [given, stored] of [
      [DATE, STORED],
      ['2026-05-03', '2026-05-03'],
      ['2026-05-03 01:02:03,5+08', '2026-05-03 01:02:03,5+08'],
    ] as const) {
      using store = open()
      call(store, given)
      const key = /submit/.test(field) ? 'submitTime' : 'updateTime'
      const [row] = /Shard/.test(name) ? store.getShards('a').slice(-1) : store.list()
      assert.equal(row?.[key], stored)
    }
  })
}

test('what save and update return has the time that is stored', () => {
  using store = open()
  assert.equal(store.save({ ...TASK, submitTime: DATE }).submitTime, STORED)
  assert.equal(store.update('a', { submitTime: DATE })?.submitTime, STORED)
  assert.equal(store.addShard({ ...SHARD, submitTime: DATE }).submitTime, STORED)
})

for (const option of ['submittedAfter', 'submittedBefore'] as const) {
  test(`a filter with ${option} that is not a time is an ArgumentError`, () => {
    using store = open()
    const filter = (time: string | Date) => ({ [option]: time })
    for (const time of ['yesterday', '', '2026', new Date(Number.NaN), new Date(8.64e15)]) {
      for (const call of [
        () => store.list(filter(time)),
        () => store.listSummaries(filter(time)),
        () => store.page(filter(time)),
        () => store.iterate(filter(time)),
        () => store.count(filter(time)),
        () => store.countByStatus(filter(time)),
        () => store.archive.list(filter(time)),
        () => store.archive.count(filter(time)),
        () => store.exportFile('x', filter(time)),
      ]) {
        assert.throws(call, (error) => {
          assert.ok(error instanceof ArgumentError)
          assert.deepEqual([error.code, error.argument], ['ERR_INVALID_ARG_VALUE', option])
          return true
        })
      }
    }
  })
}

test('a task that was read with an unreadable time is saved back without it, and the stored one stays', () => {
  using store = open()
  store.db.$client.exec("UPDATE tasks SET submit_time = 'yesterday'")
  const task = store.get('a')
  assert.ok(task)
  const again = { ...task, status: 'success' } as const
  assert.throws(() => store.save(again), {
    code: 'INVALID_TASK',
    message: /^task "a": submitTime must be .*, not "yesterday"; leave it out, and the stored one stays$/,
  })
  const { submitTime: _, ...rest } = again
  assert.equal(store.save(rest).submitTime, 'yesterday')
  assert.equal(store.update('a', { status: 'failed' })?.submitTime, 'yesterday')
  assert.equal(store.get('a')?.submitTime, 'yesterday')
})

test('a task with an unreadable time can be updated on the condition that no one else did', () => {
  using store = open()
  store.db.$client.exec("UPDATE tasks SET update_time = 'noon'")
  assert.equal(store.update('a', { shots: 1 }, { ifUpdateTime: 'morning' }), undefined)
  assert.equal(store.update('a', { shots: 1 }, { ifUpdateTime: 'noon' })?.shots, 1)
})

/** Times as another program may have written them. */
const UNREADABLE = ['yesterday', '', '2026', ' 2026-01-01', '2026-02-31']

test('archive and restore keep any time', () => {
  using store = open()
  for (const time of UNREADABLE) {
    setTimes(store, time)
    const before = readRows(store)
    store.archive.archive('a')
    assert.equal(store.archive.get('a')?.submitTime, time)
    store.archive.restore('a')
    assert.deepEqual(readRows(store), before)
  }
})

test('an export, an import and a merge keep any time, and check finds it', (t) => {
  const folder = temporaryFolder(t)
  using store = new TaskStore({ file: temporaryFile(t) })
  store.save(TASK)
  store.addShard(SHARD)
  for (const [index, time] of UNREADABLE.entries()) {
    setTimes(store, time)
    const file = join(folder, `${index}.jsonl`)
    store.exportFile(file)
    using imported = new TaskStore({ file: ':memory:' })
    assert.deepEqual(imported.importFile(file).skipped, [])
    using merged = new TaskStore({ file: ':memory:' })
    assert.equal(merged.mergeFile(store.file).added, 1)
    for (const copy of [imported, merged]) {
      assert.deepEqual(readRows(copy), readRows(store))
      const found = copy.check().findings.find(({ kind }) => kind === 'invalid-time')
      assert.deepEqual(found?.rows, ['a', 'a, shard 0'])
    }
  }
})

test('the old files keep any time, and check finds it', (t) => {
  const folder = temporaryFolder(t)
  const times = { submit_time: '', update_time: 'noon' }
  writeFileSync(join(folder, 'tasks.jsonl'), `${JSON.stringify({ ...RECORD, ...times })}\n`)
  const cached = { c: { task_id: 'c', backend: 'b', status: 'running', ...times, metadata: {} } }
  writeFileSync(join(folder, 'tasks.json'), JSON.stringify(cached))
  using store = new TaskStore({ file: ':memory:' })
  assert.deepEqual(store.importFile(folder).skipped, [])
  assert.deepEqual(
    store.list().map(({ taskId, submitTime, updateTime }) => [taskId, submitTime, updateTime]),
    [
      ['c', '', 'noon'],
      ['a', '', 'noon'],
    ],
  )
  assert.deepEqual(store.check().findings.find(({ kind }) => kind === 'invalid-time')?.rows, ['a', 'c'])
})

/** Sets every time of the one task and its shard. */
function setTimes(store: TaskStore, time: string): void {
  for (const table of ['tasks', 'task_shards']) {
    store.db.$client.prepare(`UPDATE ${table} SET submit_time = ?, update_time = ?`).run(time, time)
  }
}
