import assert from 'node:assert/strict'
import test from 'node:test'
import { Worker } from 'node:worker_threads'
import { TaskPersistence, TaskStore } from 'uniqc-task-store'
import { finish, spawnModule } from '../support/processes.ts'
import { temporaryFile } from '../support/temporary.ts'

const START = Date.UTC(2026, 4, 3, 1, 2, 3, 123)
const TASK = { taskId: 'uqt_a', backend: 'originq:WK_C180', status: 'running' } as const
/** What another process that writes in this very millisecond may have stored. */
const STORED = [
  '2026-05-03T01:02:03.123000+00:00',
  '2026-05-03T01:02:03.123999+00:00',
  '2026-05-03T01:02:04.122999+00:00',
]

/** Every way to write a task with a time that the store stamps. */
const WRITES: Readonly<Record<string, (store: TaskStore) => void>> = {
  save: (store) => store.save({ ...TASK, status: 'success' }),
  'save in a transaction': (store) => store.transaction(() => store.save({ ...TASK, status: 'success' })),
  saveMany: (store) => store.saveMany([{ ...TASK, status: 'success' }]),
  'a blind update': (store) => store.update(TASK.taskId, { status: 'success' }),
  'an update of metadata': (store) => store.update(TASK.taskId, { status: 'success', metadata: { a: 1 } }),
  'save of a persistence': (store) => new TaskPersistence(store).save(TASK.taskId, 'originq', 'success'),
  'upsert of a persistence': (store) => new TaskPersistence(store).upsert(TASK.taskId, 'originq', 'success'),
}

for (const [name, write] of Object.entries(WRITES)) {
  for (const legacy of [false, true]) {
    test(`${name} stores another, later time than that of the same moment${legacy ? ', under a replaced id' : ''}`, (t) => {
      t.mock.timers.enable({ apis: ['Date'], now: START })
      for (const updateTime of STORED) {
        using store = new TaskStore({ file: ':memory:' })
        const metadata = legacy ? { legacy_platform_id: 'old' } : {}
        store.save({ ...TASK, metadata, updateTime }, { keepUpdateTime: true })
        if (legacy) store.saveShard({ uniqcTaskId: TASK.taskId, shardIndex: 0, platformTaskId: 'old' })
        write(store)
        const saved = store.get(TASK.taskId)
        assert.equal(saved?.status, 'success')
        assert.ok((saved?.updateTime ?? '') > updateTime, `${saved?.updateTime} after ${updateTime}`)
        assert.equal(store.update(TASK.taskId, { shots: 1 }, { ifUpdateTime: updateTime }), undefined)
      }
    })
  }
}

test('save returns the time that it stored', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: START })
  for (const updateTime of STORED) {
    using store = new TaskStore({ file: ':memory:' })
    store.save({ ...TASK, updateTime }, { keepUpdateTime: true })
    assert.deepEqual(store.save(TASK), store.get(TASK.taskId))
  }
})

test('each row of saveMany differs from the stored one, and from an earlier one of the same call', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: START })
  using store = new TaskStore({ file: ':memory:' })
  const ids = Array.from({ length: 200 }, (_, i) => `t${i}`)
  const updateTime = '2026-05-03T01:02:03.123500+00:00'
  store.saveMany(
    ids.map((taskId) => ({ ...TASK, taskId, updateTime })),
    { keepUpdateTime: true },
  )
  store.saveMany([...ids, ...ids].map((taskId) => ({ ...TASK, taskId })))
  for (const { updateTime: time } of store.list()) assert.ok(time > updateTime, time)
})

test('a time that is given is stored as given, also where the stored one is later', () => {
  using store = new TaskStore({ file: ':memory:' })
  store.save(TASK)
  const updateTime = '2021-01-01'
  store.save({ ...TASK, updateTime }, { keepUpdateTime: true })
  assert.equal(store.get(TASK.taskId)?.updateTime, updateTime)
  store.saveMany([{ ...TASK, updateTime: '2020-01-01' }], { keepUpdateTime: true })
  assert.equal(store.get(TASK.taskId)?.updateTime, '2020-01-01')
})

test('a stored time that is far ahead, or of another form, is replaced by the time now', () => {
  using store = new TaskStore({ file: ':memory:' })
  for (const updateTime of ['2999-01-01T00:00:00.000000+00:00', '9999-12-31', 'tomorrow']) {
    store.save(TASK)
    // As another program may have written it.
    store.db.$client.prepare('UPDATE tasks SET update_time = ?').run(updateTime)
    const before = new Date().toISOString().slice(0, -1)
    assert.ok(store.save(TASK).updateTime >= before)
    assert.ok((store.get(TASK.taskId)?.updateTime ?? '') < updateTime)
  }
})

/**
 * Adds one to a number that a task holds, so many times, in turns: in a transaction, by save or saveMany, and by an update
 * that is made only if nobody has written the task since it was read.
 */
const race = (file: string, start: number, count: number, clock: string) => `
  const { TaskStore } = await import('uniqc-task-store')
  const store = new TaskStore({ file: ${JSON.stringify(file)}, timeout: 60000, synchronous: 'NORMAL' })
  while (Date.now() < ${start});
  ${clock}
  for (let done = 0; done < ${count};) {
    store.transaction(() => {
      const task = store.get('n')
      const added = { ...task, shots: task.shots + 1 }
      if (done % 4) store.save(added)
      else store.saveMany([added])
    })
    done++
    const { updateTime, shots } = store.get('n')
    if (store.update('n', { shots: shots + 1 }, { ifUpdateTime: updateTime })) done++
  }
  store.close()
`

const CLOCKS = {
  'on the clock of the machine': '',
  'on clocks that stand still': `Date.now = () => ${START}`,
}

for (const [what, clock] of Object.entries(CLOCKS)) {
  test(`two processes and a thread that write one task at once, ${what}, lose no update`, async (t) => {
    const file = temporaryFile(t)
    using store = new TaskStore({ file })
    store.save({ ...TASK, taskId: 'n', updateTime: '2020-01-01' }, { keepUpdateTime: true })
    const count = 2000
    const source = race(file, Date.now() + 1500, count, clock)
    const thread = new Worker(`(async () => {${source}})()`, { eval: true })
    await Promise.all([
      finish(spawnModule(source)),
      finish(spawnModule(source)),
      new Promise((fulfil, reject) => thread.once('exit', fulfil).once('error', reject)),
    ])
    const shots = store.get('n')?.shots ?? 0
    // Each may end one beyond its count.
    assert.ok(shots >= 3 * count && shots <= 3 * count + 3, `${3 * count - shots} updates were lost`)
  })
}

test('the tasks of one call stay in the order of their insertion, also if a millisecond has more than a thousand', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2027, 0, 1) })
  using store = new TaskStore({ file: ':memory:' })
  const ids = Array.from({ length: 2500 }, (_, n) => `task-${n}`)
  store.saveMany(ids.map((taskId) => ({ ...TASK, taskId })))
  const listed = store.listSummaries()
  assert.deepEqual(
    listed.map(({ taskId }) => taskId),
    ids.toReversed(),
  )
  assert.equal(new Set(listed.map(({ submitTime }) => submitTime)).size, ids.length)
})
