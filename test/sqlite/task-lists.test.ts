import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { type ListedTask, type TaskFilter, type TaskListOptions, TaskStore } from 'uniqc-task-store'
import { archivedTasks, tasks } from 'uniqc-task-store/schema'
import { needsPython, runPython } from '../support/processes.ts'
import { memory } from '../support/store.ts'
import { temporaryFile } from '../support/temporary.ts'

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

const FILTERS: readonly TaskFilter[] = [
  {},
  { status: 'running' },
  { status: ['running', 'pending'] },
  { backend: 'originq:WK_C180' },
  { backend: 'originq:WK_C180', status: 'running' },
  { backend: 'originq:WK_C180', status: ['running', 'pending'] },
  { platform: 'originq' },
  { platform: 'originq', status: 'running' },
  { platform: 'originq', status: ['running', 'pending'] },
]
const RANGE = { submittedAfter: '2026-01-01', submittedBefore: '2026-01-04' }

/** A store that tells every statement that it runs, with its values. */
function openTelling(t: TestContext) {
  const statements: string[] = []
  const database = new Database(temporaryFile(t), {
    verbose: (statement) => statements.push(String(statement)),
  })
  const store = new TaskStore({ database })
  t.after(() => database.close())
  return { store, database, statements }
}

for (const filter of [...FILTERS, ...FILTERS.map((plain) => ({ ...plain, ...RANGE }))]) {
  test(`the plan of ${JSON.stringify(filter)} sorts nothing and scans no table`, (t) => {
    const { store, database, statements } = openTelling(t)
    fill(
      store,
      BACKENDS.flatMap((backend) =>
        STATUSES.flatMap((status) =>
          TIMES.flatMap((submitTime) =>
            [true, false].map((isArchived) => ({ backend, status, submitTime, isArchived })),
          ),
        ),
      ),
    )
    statements.length = 0
    for (const archived of [false, true, 'both'] as const) {
      const options = { ...filter, archived, limit: 2 }
      const { next } = store.page(options)
      assert.ok(next, 'there is a second page')
      assert.ok(store.page({ ...options, after: next }).items.length > 0)
      assert.equal(store.list({ ...options, offset: 1 }).length, 2)
      assert.equal(store.listSummaries(options).length, 2)
    }
    assert.ok(store.count(filter) > 0)
    assert.ok(store.archive.count(filter) > 0)
    store.countByStatus(filter)
    const queries = [...new Set(statements)].filter((statement) => /^\s*(SELECT|WITH)/i.test(statement))
    assert.ok(queries.length > 10)
    for (const query of queries) {
      const plan = database.prepare(`EXPLAIN QUERY PLAN ${query}`).all() as { detail: string }[]
      for (const { detail } of plan) {
        assert.doesNotMatch(detail, /TEMP B-TREE/, query)
        // The merged keys and the steps of an enumeration are no tables; the index is the order of a list.
        const isScan = /^SCAN (?!(?:k|b|s|CONSTANT ROW)\b)/.test(detail)
        const isOrdered = /USING (?:COVERING )?INDEX .*(?:time|status|backend)/.test(detail)
        assert.ok(!isScan || isOrdered, `${detail} of ${query}`)
      }
    }
  })
}

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

test('an iteration holds nothing: others write in it, and the log does not grow', (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  using other = new TaskStore({ file, timeout: 0 })
  store.saveMany(
    Array.from({ length: 1000 }, (_, i) => ({ taskId: `t${i}`, backend: 'b', status: 'running' as const })),
  )
  let seen = 0
  for (const { taskId } of store.iterate()) {
    other.update(taskId, { status: 'success' })
    if (++seen % 100 === 0) {
      const [checkpoint] = other.db.$client.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[]
      assert.equal(checkpoint?.busy, 0)
    }
  }
  assert.equal(seen, 1000)
  assert.equal(store.count({ status: 'success' }), 1000)
})

test('a summary says whether there is a result, and has neither it nor metadata', () => {
  using store = memory()
  const insert = (taskId: string, result: string | null) =>
    store.db.$client
      .prepare("INSERT INTO tasks VALUES (?, 'b', 's', 1, '2026', '2026', ?, 'damaged', 'e')")
      .run(taskId, result)
  const cells: [string, string | null, boolean][] = [
    ['none', null, false],
    ['empty', '', false],
    ['null', 'null', false],
    ['true', 'true', true],
    ['zero', '0', true],
    ['object', '{}', true],
    ['long', JSON.stringify('x'.repeat(9000)), true],
    ['damaged', '{"a', true],
  ]
  for (const [taskId, result] of cells) insert(taskId, result)
  const summaries = store.listSummaries()
  assert.deepEqual(
    Object.fromEntries(summaries.map(({ taskId, hasResult }) => [taskId, hasResult])),
    Object.fromEntries(cells.map(([taskId, , hasResult]) => [taskId, hasResult])),
  )
  assert.deepEqual(summaries[0], {
    taskId: 'damaged',
    backend: 'b',
    status: 's',
    shots: 1,
    submitTime: '2026',
    updateTime: '2026',
    errorMessage: 'e',
    hasResult: true,
  })
})

test('a file that is up to date is opened and read while another one holds the lock', (t) => {
  const file = temporaryFile(t)
  using first = new TaskStore({ file })
  first.save({ taskId: 'a', backend: 'b', status: 'running' })
  first.transaction(() => {
    first.save({ taskId: 'b', backend: 'b', status: 'running' })
    using second = new TaskStore({ file, timeout: 0 })
    assert.deepEqual(idsOf(second.list()), ['a'])
    assert.throws(() => second.delete('a'), { code: 'LOCKED' })
  })
})

test("Python's SQLite uses our indexes, and keeps them right", needsPython, async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.save({ taskId: 'a', backend: 'originq', status: 'running' })
  const output = await runPython(
    `
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
for i in range(500):
    c.execute("INSERT INTO tasks (task_id, backend, status, submit_time, update_time, result_json) VALUES (?, ?, ?, ?, '2026', 'NaN')",
              (f"p{i}", ["originq", "ibm"][i % 2], ["running", "failed", "queued"][i % 3], f"2026-01-{i % 28 + 1:02d}"))
c.execute("UPDATE tasks SET status = 'success' WHERE rowid % 5 = 0")
c.execute("DELETE FROM tasks WHERE rowid % 7 = 0")
c.commit()
for where, values in [("status = ?", ("running",)), ("backend = ? AND status = ?", ("ibm", "failed"))]:
    plan = c.execute(f"EXPLAIN QUERY PLAN SELECT * FROM tasks WHERE {where} ORDER BY submit_time DESC, rowid DESC LIMIT 20", values)
    print(plan.fetchall()[0][3])
print(c.execute("PRAGMA integrity_check").fetchone()[0])
`,
    file,
  )
  assert.deepEqual(output.trim().split('\n'), [
    'SEARCH tasks USING INDEX uniqc_tasks_status_time_idx (status=?)',
    'SEARCH tasks USING INDEX uniqc_tasks_backend_status_time_idx (backend=? AND status=?)',
    'ok',
  ])
  assert.deepEqual(
    store.check().findings.filter(({ severity }) => severity === 'error'),
    [],
  )
  assert.equal(store.list({ platform: 'ibm' }).length, store.count({ backend: 'ibm' }))
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
