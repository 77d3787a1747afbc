import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { NewTaskInfo, TaskStore } from 'uniqc-task-store'
import { memory } from '../support/store.ts'

function fill(t: TestContext) {
  const store = memory()
  t.after(() => store.close())
  const backends = [
    'originq',
    'originq:WK_C180',
    'originq:PQPUMESH8',
    'originq2',
    'originqx:y',
    'dummy:originq:WK',
    'ibm:ibm_fez',
  ]
  const statuses = ['pending', 'running', 'success', 'failed', 'cancelled'] as const
  const all = Array.from({ length: 70 }, (_, i) => ({
    taskId: `t${i}`,
    backend: backends[i % 7] as string,
    status: statuses[i % 5] as (typeof statuses)[number],
    submitTime: `2026-01-${String(1 + (i % 10)).padStart(2, '0')}T00:00:00.000000+00:00`,
  }))
  assert.equal(store.saveMany(all), 70)
  const newestFirst = all
    .map((task, i) => ({ task, i }))
    .sort((a, b) =>
      a.task.submitTime === b.task.submitTime ? b.i - a.i : a.task.submitTime < b.task.submitTime ? 1 : -1,
    )
    .map(({ task }) => task)
  return { store, newestFirst }
}

type Row = { taskId: string; backend: string; status: string; submitTime: string }
const FILTERS: readonly (readonly [filter: object, matches: (task: Row) => boolean])[] = [
  [{}, () => true],
  [{ status: 'running' }, (task) => task.status === 'running'],
  [{ status: ['running', 'failed'] }, (task) => ['running', 'failed'].includes(task.status)],
  [{ status: [] }, () => false],
  [{ status: "x' OR 1=1 --" }, () => false],
  [{ backend: 'originq' }, (task) => task.backend === 'originq'],
  [{ platform: 'originq' }, (task) => /^originq(:|$)/.test(task.backend)],
  [
    { platform: 'originq', status: ['pending'] },
    (task) => /^originq(:|$)/.test(task.backend) && task.status === 'pending',
  ],
  [{ platform: 'dummy', backend: 'dummy:originq:WK' }, (task) => task.backend === 'dummy:originq:WK'],
  [
    { submittedAfter: '2026-01-03T00:00:00.000000+00:00' },
    (task) => task.submitTime > '2026-01-03T00:00:00.000000+00:00',
  ],
  [
    { submittedBefore: new Date('2026-01-03T00:00:00Z') },
    (task) => task.submitTime < '2026-01-03T00:00:00.000000+00:00',
  ],
  [
    { submittedAfter: '2026-01-03', submittedBefore: '2026-01-05', status: 'success' },
    (task) => task.status === 'success' && task.submitTime > '2026-01-03' && task.submitTime < '2026-01-05',
  ],
  [{ status: undefined, platform: undefined }, () => true],
]

for (const [filter, matches] of FILTERS) {
  test(`list and counts with ${JSON.stringify(filter)}`, (t) => {
    const { store, newestFirst } = fill(t)
    const expected = newestFirst.filter(matches).map((task) => task.taskId)
    const ids = (options: object) => store.list(options).map((task) => task.taskId)
    assert.deepEqual(ids(filter), expected)
    assert.deepEqual(ids({ ...filter, limit: 3 }), expected.slice(0, 3))
    assert.deepEqual(ids({ ...filter, limit: 3, offset: 2 }), expected.slice(2, 5))
    assert.deepEqual(ids({ ...filter, offset: 2 }), expected.slice(2))
    assert.deepEqual(ids({ ...filter, limit: 0 }), [])
    assert.deepEqual(ids({ ...filter, limit: -1 }), expected)
    assert.equal(store.count(filter), expected.length)
    const counts = store.countByStatus(filter)
    assert.equal(
      Object.values(counts).reduce((a, b) => a + b),
      expected.length,
    )
    assert.equal(
      counts.running,
      newestFirst.filter((task) => matches(task) && task.status === 'running').length,
    )
  })
}

test('page takes a limit that is undefined for one that is left out', () => {
  using store = memory()
  assert.deepEqual(store.page({ limit: undefined }), { items: [] })
})

test('a backend that is none of the platform that is asked for has no tasks', () => {
  using store = memory()
  store.save({ taskId: 'a', backend: 'ibm:fez', status: 'success' })
  for (const platform of ['originq', 'ib', 'ibm:fez:x']) {
    const filter = { backend: 'ibm:fez', platform }
    assert.deepEqual(
      [store.count(filter), store.list(filter), store.countByStatus(filter).success],
      [0, [], 0],
    )
  }
  assert.equal(store.count({ backend: 'ibm:fez', platform: 'ibm' }), 1)
})

const DONE = { taskId: 'a', backend: 'originq:WK_C180', status: 'success' } as const

test('list gives live tasks, archived ones or both, with every filter, limit and order', () => {
  using store = memory()
  const save = (taskId: string, submitTime: string, more: Partial<NewTaskInfo> = {}) =>
    store.save({ ...DONE, taskId, submitTime, ...more })
  save('1', '2026-01-01')
  save('2', '2026-01-02', { backend: 'ibm:ibm_fez' })
  save('3', '2026-01-03', { status: 'failed' })
  save('4', '2026-01-04', { backend: 'originq' })
  save('5', '2026-01-05', { status: 'running' })
  save('6', '2026-01-06', { backend: 'originq2:x' })
  store.archive.archiveMany(['2', '4', '5'])
  const ids = (options?: Parameters<TaskStore['list']>[0]) =>
    store
      .list(options)
      .map((task) => task.taskId)
      .join('')
  const rows: readonly (readonly [
    options: Parameters<TaskStore['list']>[0],
    live: string,
    archived: string,
    both: string,
  ])[] = [
    [{}, '631', '542', '654321'],
    [{ limit: 2 }, '63', '54', '65'],
    [{ limit: 0 }, '', '', ''],
    [{ limit: -1 }, '631', '542', '654321'],
    [{ offset: 2 }, '1', '2', '4321'],
    [{ limit: 2, offset: 1 }, '31', '42', '54'],
    [{ status: 'success' }, '61', '42', '6421'],
    [{ status: ['failed', 'running'] }, '3', '5', '53'],
    [{ status: [] }, '', '', ''],
    [{ backend: 'originq' }, '', '4', '4'],
    [{ platform: 'originq' }, '31', '54', '5431'],
    [{ platform: 'ibm', status: 'failed' }, '', '', ''],
    [{ submittedAfter: '2026-01-02' }, '63', '54', '6543'],
    [{ submittedBefore: '2026-01-05', limit: 3 }, '31', '42', '432'],
    [
      { submittedAfter: '2026-01-01', submittedBefore: '2026-01-06', platform: 'originq', offset: 1 },
      '',
      '4',
      '43',
    ],
  ]
  for (const [options, live, archived, both] of rows) {
    const of = (archived?: boolean | 'both') => ids({ ...options, archived })
    assert.deepEqual(
      [of(), of(false), of(true), of('both')],
      [live, live, archived, both],
      JSON.stringify(options),
    )
    assert.equal(
      store.archive
        .list(options)
        .map((task) => task.taskId)
        .join(''),
      archived,
    )
  }
  assert.equal(store.archive.count({ platform: 'originq' }), 2)
})

test('a list of both says of each task whether it is archived; the others are as they were', () => {
  using store = memory()
  store.save({ ...DONE, submitTime: '1', result: { n: 2n ** 70n }, metadata: { m: Number.NaN } })
  store.save({ ...DONE, taskId: 'b', submitTime: '2' })
  store.archive.archive('b')
  const [live, archived] = [store.get('a'), store.archive.get('b')]
  assert.ok(archived?.archivedAt)
  assert.deepEqual(store.list({ archived: 'both' }), [archived, { ...live, archivedAt: null }])
  assert.deepEqual(store.list({ archived: true }), [archived])
  assert.deepEqual(store.list(), [live])
  // A task that is in both places is two records.
  store.save({ ...DONE, taskId: 'b', submitTime: '2' })
  assert.equal(store.list({ archived: 'both' }).length, 3)
})
