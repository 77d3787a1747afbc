import assert from 'node:assert/strict'
import test from 'node:test'
import type { NewTaskInfo, TaskListOptions } from 'uniqc-task-store'
import type { OpenStore } from '../support/any-store.ts'
import { saveSeventyTasks } from './seventy-tasks.ts'

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

const DONE = { taskId: 'a', backend: 'originq:WK_C180', status: 'success' } as const

export function listContract(open: OpenStore): void {
  for (const [filter, matches] of FILTERS) {
    test(`list and the counts agree with the filter ${JSON.stringify(filter)}`, async (t) => {
      const store = await open(t)
      const newestFirst = await saveSeventyTasks(store)
      const expected = newestFirst.filter(matches).map((task) => task.taskId)
      const ids = async (options: object) => (await store.list(options)).map((task) => task.taskId)
      assert.deepEqual(await ids(filter), expected)
      assert.deepEqual(await ids({ ...filter, limit: 3 }), expected.slice(0, 3))
      assert.deepEqual(await ids({ ...filter, limit: 3, offset: 2 }), expected.slice(2, 5))
      assert.deepEqual(await ids({ ...filter, offset: 2 }), expected.slice(2))
      assert.deepEqual(await ids({ ...filter, limit: 0 }), [])
      assert.deepEqual(await ids({ ...filter, limit: -1 }), expected)
      assert.equal(await store.count(filter), expected.length)
      const counts = await store.countByStatus(filter)
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

  test('page treats an undefined limit as no limit', async (t) => {
    const store = await open(t)
    assert.deepEqual(await store.page({ limit: undefined }), { items: [] })
  })

  test('a backend that does not belong to the given platform matches no task', async (t) => {
    const store = await open(t)
    await store.save({ taskId: 'a', backend: 'ibm:fez', status: 'success' })
    for (const platform of ['originq', 'ib', 'ibm:fez:x']) {
      const filter = { backend: 'ibm:fez', platform }
      assert.deepEqual(
        [await store.count(filter), await store.list(filter), (await store.countByStatus(filter)).success],
        [0, [], 0],
      )
    }
    assert.equal(await store.count({ backend: 'ibm:fez', platform: 'ibm' }), 1)
  })

  test('list returns live tasks, archived tasks or both, with every filter and limit, in order', async (t) => {
    const store = await open(t)
    const save = (taskId: string, submitTime: string, more: Partial<NewTaskInfo> = {}) =>
      store.save({ ...DONE, taskId, submitTime, ...more })
    await save('1', '2026-01-01')
    await save('2', '2026-01-02', { backend: 'ibm:ibm_fez' })
    await save('3', '2026-01-03', { status: 'failed' })
    await save('4', '2026-01-04', { backend: 'originq' })
    await save('5', '2026-01-05', { status: 'running' })
    await save('6', '2026-01-06', { backend: 'originq2:x' })
    await store.archive.archiveMany(['2', '4', '5'])
    const idsOf = (tasks: readonly { readonly taskId: string }[]) => tasks.map((task) => task.taskId).join('')
    const rows: readonly (readonly [
      options: Omit<TaskListOptions, 'archived'>,
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
      const of = async (archived?: boolean | 'both') => idsOf(await store.list({ ...options, archived }))
      assert.deepEqual(
        [await of(), await of(false), await of(true), await of('both')],
        [live, live, archived, both],
        JSON.stringify(options),
      )
      assert.equal(idsOf(await store.archive.list(options)), archived)
    }
    assert.equal(await store.archive.count({ platform: 'originq' }), 2)
  })

  test('a list of both places tells when each task was archived; other lists do not', async (t) => {
    const store = await open(t)
    await store.save({
      ...DONE,
      submitTime: '2026-01-01',
      result: { n: 2n ** 70n },
      metadata: { m: Number.NaN },
    })
    await store.save({ ...DONE, taskId: 'b', submitTime: '2026-01-02' })
    await store.archive.archive('b')
    const [live, archived] = [await store.get('a'), await store.archive.get('b')]
    assert.ok(archived?.archivedAt)
    assert.deepEqual(await store.list({ archived: 'both' }), [archived, { ...live, archivedAt: null }])
    assert.deepEqual(await store.list({ archived: true }), [archived])
    assert.deepEqual(await store.list(), [live])
    // A task that is in both places is two records.
    await store.save({ ...DONE, taskId: 'b', submitTime: '2026-01-02' })
    assert.equal((await store.list({ archived: 'both' })).length, 3)
  })
}
