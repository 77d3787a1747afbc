import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { ListedTask, TaskFilter, TaskListOptions, TaskStore } from 'uniqc-task-store'
import { archivedTasks, tasks } from 'uniqc-task-store/schema'
import { memory } from '../support/store.ts'

const BACKENDS = [
  'originq',
  'originq:WK_C180',
  'originq:full',
  'originq-x',
  'originq;',
  'ibm',
  'ibm:fez',
  'dummy:a:b',
]
const STATUSES = ['pending', 'running', 'success', 'failed', 'cancelled', 'queued']
const TIMES = ['2026-01-01', '2026-01-02', '2026-01-02T00:00:00', '2026-01-03']

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

type Row = typeof ROW extends fc.Arbitrary<infer R> ? R : never

function fill(store: TaskStore, rows: readonly Row[]): void {
  store.transaction(() => {
    for (const [index, { isArchived, ...row }] of rows.entries()) {
      const task = { ...row, taskId: `t${index}`, updateTime: '2026-02-01' }
      if (isArchived)
        store.db
          .insert(archivedTasks)
          .values({ ...task, archivedAt: 'then' })
          .run()
      else store.db.insert(tasks).values(task).run()
    }
  })
}

/** The ids that a list gives, found the plain way. */
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

function* pages(store: TaskStore, options: TaskListOptions): Generator<ListedTask> {
  let after: string | undefined
  do {
    const page = store.page({ ...options, after })
    yield* page.items
    after = page.next
  } while (after !== undefined)
}

test('whatever the filter: list, summaries, pages, iterate and count give what the plain way gives', () => {
  fc.assert(
    fc.property(
      fc.array(ROW, { maxLength: 40 }),
      FILTER,
      ARCHIVED,
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 0, max: 9 }),
      (rows, filter, archived, limit, offset) => {
        using store = memory()
        fill(store, rows)
        const expected = expectedIds(rows, filter, archived)
        const options = { ...filter, archived }
        assert.deepEqual(idsOf(store.list(options)), expected)
        assert.deepEqual(idsOf(store.listSummaries(options)), expected)
        assert.deepEqual(idsOf(store.iterate(options)), expected)
        assert.deepEqual(idsOf(pages(store, { ...options, limit })), expected)
        const some = { ...options, limit, offset }
        assert.deepEqual(idsOf(store.list(some)), expected.slice(offset, offset + limit))
        assert.deepEqual(idsOf(store.iterate(some)), expected.slice(offset, offset + limit))
        const [live, archive] = [false, true].map((side) => expectedIds(rows, filter, side))
        assert.equal(store.count(filter), live?.length)
        assert.equal(store.archive.count(filter), archive?.length)
        const byStatus = Object.values(store.countByStatus(filter))
        assert.equal(
          byStatus.reduce((sum, count) => sum + count, 0),
          live?.length,
        )
        for (const [status, count] of Object.entries(store.countByStatus(filter))) {
          assert.equal(count, live?.filter((id) => rows[Number(id.slice(1))]?.status === status).length)
        }
      },
    ),
    { numRuns: 300 },
  )
})

test('more backends than one query can merge are listed all the same', () => {
  using store = memory()
  const rows = Array.from({ length: 900 }, (_, i) => ({
    backend: `many:${i % 300}`,
    status: STATUSES[i % 5] as string,
    submitTime: TIMES[i % 3] as string,
    isArchived: i % 7 === 0,
  }))
  fill(store, rows)
  for (const filter of [{ platform: 'many' }, { platform: 'many', status: ['failed', 'success'] }]) {
    const expected = expectedIds(rows, filter, 'both')
    assert.deepEqual(idsOf(store.list({ ...filter, archived: 'both' })), expected)
    assert.deepEqual(idsOf(pages(store, { ...filter, archived: 'both', limit: 101 })), expected)
    assert.equal(store.count(filter), expectedIds(rows, filter, false).length)
  }
})

test('a page is stable while others insert and delete', () => {
  using store = memory()
  const add = (taskId: string, submitTime: string) =>
    store.save({ taskId, backend: 'b', status: 'running', submitTime })
  for (let i = 0; i < 10; i++) add(`t${i}`, '2026-01-01')
  const first = store.page({ limit: 4 })
  add('newer', '2026-01-02')
  add('same time', '2026-01-01')
  store.delete('t6')
  store.delete('t3')
  const rest = idsOf(store.page({ limit: 9, after: first.next }).items)
  assert.deepEqual(
    [idsOf(first.items), rest],
    [
      ['t9', 't8', 't7', 't6'],
      ['t5', 't4', 't2', 't1', 't0'],
    ],
  )
})

test('what is no cursor is refused by name', () => {
  using store = memory()
  for (const i of [1, 2, 3]) store.save({ taskId: `t${i}`, backend: 'b', status: 'running' })
  const { next = '' } = store.page({ limit: 1 })
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
      assert.throws(
        call,
        (error) => error instanceof TypeError && /after is not a cursor/.test(error.message),
      )
    }
  }
  assert.throws(() => store.page({ limit: 0 }), /limit must be a whole number from 1/)
  assert.throws(() => store.page({ limit: -1 }), /limit must be a whole number from 1/)
})

test('behind a cursor a narrower time gives only what is in both', () => {
  using store = memory()
  for (let day = 1; day <= 9; day++) {
    const task = { taskId: `t${day}`, backend: 'b', status: 'success' } as const
    store.save({ ...task, submitTime: `2026-01-0${day}` })
  }
  const { next } = store.page({ limit: 2 })
  const idsBehind = (filter: TaskFilter) => store.list({ ...filter, after: next }).map(({ taskId }) => taskId)
  assert.deepEqual(idsBehind({ submittedBefore: '2026-01-04' }), ['t3', 't2', 't1'])
  assert.deepEqual(idsBehind({ submittedBefore: '2026-01-09' }), ['t7', 't6', 't5', 't4', 't3', 't2', 't1'])
  assert.deepEqual(idsBehind({ submittedAfter: '2026-01-05' }), ['t7', 't6'])
  assert.deepEqual(idsBehind({ submittedAfter: '2026-01-08' }), [])
})

test('more statuses or backends than can be merged are listed and paged in the same order', () => {
  using store = memory()
  const count = 150
  const task = { status: 'success', updateTime: '2026-02-01' } as const
  store.transaction(() => {
    for (let i = 0; i < count; i++) {
      const row = {
        ...task,
        taskId: `t${i}`,
        backend: `p:${i % 120}`,
        submitTime: `2026-01-01T${(i * 7) % count}`,
      }
      store.db
        .insert(tasks)
        .values({ ...row, status: `s${i}` })
        .run()
    }
  })
  const newest = store.list()
  const statuses = newest.map(({ status }) => status)
  for (const filter of [{ status: statuses }, { platform: 'p' }, { platform: 'p', status: statuses }]) {
    assert.deepEqual(store.list(filter), newest)
    assert.equal(store.count(filter), count)
    const paged = []
    for (let after: string | undefined; ; ) {
      const { items, next } = store.page({ ...filter, limit: 40, after })
      paged.push(...items)
      if (next === undefined) break
      after = next
    }
    assert.deepEqual(paged, newest)
  }
})
