import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { ListedTask, TaskFilter, TaskListOptions } from 'uniqc-task-store'
import { type AnyStore, collect, type OpenStore } from '../support/any-store.ts'
import { importTasks } from '../support/import-tasks.ts'
import { throws } from '../support/throws.ts'

export const BACKENDS = [
  'originq',
  'originq:WK_C180',
  'originq:full',
  'originq-x',
  'originq;',
  'ibm',
  'ibm:fez',
  'dummy:a:b',
]
export const STATUSES = ['pending', 'running', 'success', 'failed', 'cancelled', 'queued']
export const TIMES = ['2026-01-01', '2026-01-02', '2026-01-02T00:00:00', '2026-01-03']

/** A task of a generated file: by which of the values above, and whether it is archived. */
const ROW = fc.record({
  backend: fc.constantFrom(...BACKENDS),
  status: fc.constantFrom(...STATUSES),
  submitTime: fc.constantFrom(...TIMES),
  isArchived: fc.boolean(),
})

const FILTER = fc.record(
  {
    status: fc.oneof(fc.constantFrom(...STATUSES), fc.array(fc.constantFrom(...STATUSES), { maxLength: 4 })),
    backend: fc.constantFrom(...BACKENDS),
    platform: fc.constantFrom('originq', 'ibm', 'dummy', 'dummy:a', 'none'),
    submittedAfter: fc.constantFrom(...TIMES),
    submittedBefore: fc.constantFrom(...TIMES),
  },
  { requiredKeys: [] },
)
const ARCHIVED = fc.constantFrom<boolean | 'both'>(false, true, 'both')

const tasksOf = (rows: readonly Row[]) => rows.map((row, index) => ({ ...row, taskId: `t${index}` }))

type Row = typeof ROW extends fc.Arbitrary<infer R> ? R : never

/** The ids that a list returns, found by a plain search. */
function expectedIds(rows: readonly Row[], filter: TaskFilter, archived: boolean | 'both'): string[] {
  const { status, backend, platform, submittedAfter, submittedBefore } = filter
  const counts = [0, 0]
  return rows
    .map((row, index) => {
      const place = row.isArchived ? 1 : 0
      counts[place] = (counts[place] ?? 0) + 1
      return { ...row, taskId: `t${index}`, rowid: counts[place] ?? 0 }
    })
    .filter(
      (row) =>
        (archived === 'both' || archived === row.isArchived) &&
        (status === undefined || [status].flat().includes(row.status)) &&
        (backend === undefined || row.backend === backend) &&
        (platform === undefined || row.backend === platform || row.backend.startsWith(`${platform}:`)) &&
        (submittedAfter === undefined || row.submitTime > submittedAfter) &&
        (submittedBefore === undefined || row.submitTime < submittedBefore),
    )
    .sort(
      (a, b) =>
        (a.submitTime < b.submitTime ? 1 : a.submitTime > b.submitTime ? -1 : 0) ||
        b.rowid - a.rowid ||
        Number(a.isArchived) - Number(b.isArchived),
    )
    .map(({ taskId }) => taskId)
}

const idsOf = (list: Iterable<{ readonly taskId: string }>) => Array.from(list, ({ taskId }) => taskId)

async function* pages(store: AnyStore, options: TaskListOptions): AsyncGenerator<ListedTask> {
  let after: string | undefined
  do {
    const page = await store.page({ ...options, after })
    yield* page.items
    after = page.next
  } while (after !== undefined)
}

export function anyFilterContract(open: OpenStore): void {
  test('list, listSummaries, page, iterate and count agree with a plain search, whatever the filter', async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(ROW, { maxLength: 40 }),
        FILTER,
        ARCHIVED,
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 0, max: 9 }),
        async (rows, filter, archived, limit, offset) => {
          const store = await open(t)
          await importTasks(t, store, tasksOf(rows))
          const expected = expectedIds(rows, filter, archived)
          const options = { ...filter, archived }
          assert.deepEqual(idsOf(await store.list(options)), expected)
          assert.deepEqual(idsOf(await store.listSummaries(options)), expected)
          assert.deepEqual(idsOf(await collect(store.iterate(options))), expected)
          assert.deepEqual(idsOf(await collect(pages(store, { ...options, limit }))), expected)
          const some = { ...options, limit, offset }
          assert.deepEqual(idsOf(await store.list(some)), expected.slice(offset, offset + limit))
          assert.deepEqual(idsOf(await collect(store.iterate(some))), expected.slice(offset, offset + limit))
          const [live, archive] = [false, true].map((side) => expectedIds(rows, filter, side))
          assert.equal(await store.count(filter), live?.length)
          assert.equal(await store.archive.count(filter), archive?.length)
          const byStatus = Object.values(await store.countByStatus(filter))
          assert.equal(
            byStatus.reduce((sum, count) => sum + count, 0),
            live?.length,
          )
          for (const [status, count] of Object.entries(await store.countByStatus(filter))) {
            assert.equal(count, live?.filter((id) => rows[Number(id.slice(1))]?.status === status).length)
          }
          await store.close()
        },
      ),
      { numRuns: 300 },
    )
  })
}

export function pageContract(open: OpenStore): void {
  test('300 backends of one platform are listed and paged in the same order', async (t) => {
    const store = await open(t)
    const rows = Array.from({ length: 900 }, (_, i) => ({
      backend: `many:${i % 300}`,
      status: STATUSES[i % 5] as string,
      submitTime: TIMES[i % 3] as string,
      isArchived: i % 7 === 0,
    }))
    await importTasks(t, store, tasksOf(rows))
    for (const filter of [{ platform: 'many' }, { platform: 'many', status: ['failed', 'success'] }]) {
      const expected = expectedIds(rows, filter, 'both')
      assert.deepEqual(idsOf(await store.list({ ...filter, archived: 'both' })), expected)
      assert.deepEqual(
        idsOf(await collect(pages(store, { ...filter, archived: 'both', limit: 101 }))),
        expected,
      )
      assert.equal(await store.count(filter), expectedIds(rows, filter, false).length)
    }
  })

  test('the next page starts after the last task, whatever others insert and delete', async (t) => {
    const store = await open(t)
    const add = (taskId: string, submitTime: string) =>
      store.save({ taskId, backend: 'b', status: 'running', submitTime })
    for (let i = 0; i < 10; i++) await add(`t${i}`, '2026-01-01')
    const first = await store.page({ limit: 4 })
    await add('newer', '2026-01-02')
    await add('same time', '2026-01-01')
    await store.delete('t6')
    await store.delete('t3')
    const rest = idsOf((await store.page({ limit: 9, after: first.next })).items)
    assert.deepEqual(
      [idsOf(first.items), rest],
      [
        ['t9', 't8', 't7', 't6'],
        ['t5', 't4', 't2', 't1', 't0'],
      ],
    )
  })

  test('an invalid cursor is a TypeError that names the option', async (t) => {
    const store = await open(t)
    for (const i of [1, 2, 3]) await store.save({ taskId: `t${i}`, backend: 'b', status: 'running' })
    const { next = '' } = await store.page({ limit: 1 })
    const text = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const wrong = [
      '',
      'x',
      `${next} `,
      `${next}=`,
      next.slice(0, -2),
      text({}),
      text(['a', 1]),
      text(['a', '1', true]),
    ]
    for (const after of [...wrong, text(['a', 1, true, 1]), text(['a', 1.5, true])]) {
      for (const call of [
        () => store.page({ after }),
        () => store.list({ after }),
        () => store.iterate({ after }),
      ]) {
        await throws(
          call,
          (error) => error instanceof TypeError && /after is not a cursor/.test(error.message),
        )
      }
    }
    await throws(() => store.page({ limit: 0 }), /limit must be a whole number from 1/)
    await throws(() => store.page({ limit: -1 }), /limit must be a whole number from 1/)
  })

  test('an iteration goes by the statuses that it was given, whatever becomes of their array', async (t) => {
    const store = await open(t)
    await store.save({ taskId: 'a', backend: 'b', status: 'running' })
    await store.save({ taskId: 'b', backend: 'b', status: 'failed' })
    const status = ['running']
    const tasks = store.iterate({ status })
    status[0] = 'failed'
    assert.deepEqual(idsOf(await collect(tasks)), ['a'])
  })

  test('after a cursor, a narrower range of times returns only tasks within both', async (t) => {
    const store = await open(t)
    for (let day = 1; day <= 9; day++) {
      const task = { taskId: `t${day}`, backend: 'b', status: 'success' } as const
      await store.save({ ...task, submitTime: `2026-01-0${day}` })
    }
    const { next } = await store.page({ limit: 2 })
    const idsBehind = async (filter: TaskFilter) => idsOf(await store.list({ ...filter, after: next }))
    assert.deepEqual(await idsBehind({ submittedBefore: '2026-01-04' }), ['t3', 't2', 't1'])
    assert.deepEqual(await idsBehind({ submittedBefore: '2026-01-09' }), [
      't7',
      't6',
      't5',
      't4',
      't3',
      't2',
      't1',
    ])
    assert.deepEqual(await idsBehind({ submittedAfter: '2026-01-05' }), ['t7', 't6'])
    assert.deepEqual(await idsBehind({ submittedAfter: '2026-01-08' }), [])
  })

  test('150 statuses and 120 backends are listed and paged in the same order', async (t) => {
    const store = await open(t)
    const count = 150
    const tasks = Array.from({ length: count }, (_, i) => ({
      taskId: `t${i}`,
      backend: `p:${i % 120}`,
      status: `s${i}`,
      submitTime: `2026-01-01T${(i * 7) % count}`,
    }))
    await importTasks(t, store, tasks)
    const newest = await store.list()
    const statuses = newest.map(({ status }) => status)
    for (const filter of [{ status: statuses }, { platform: 'p' }, { platform: 'p', status: statuses }]) {
      assert.deepEqual(await store.list(filter), newest)
      assert.equal(await store.count(filter), count)
      assert.deepEqual(await collect(pages(store, { ...filter, limit: 40 })), newest)
    }
  })
}
