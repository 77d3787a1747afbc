import assert from 'node:assert/strict'
import test from 'node:test'
import type Database from 'better-sqlite3'
import { type ArchiveMoveOptions, generateTaskId, type NewTaskInfo, type TaskStore } from 'uniqc-task-store'
import { insertShard } from '../support/insert-shard.ts'
import { memory, wrong } from '../support/store.ts'

const DONE = { taskId: 'a', backend: 'originq:WK_C180', status: 'success' } as const

const TABLES = ['tasks', 'task_shards', 'archived_tasks', 'archived_task_shards'] as const
type Rows = Record<(typeof TABLES)[number], Record<string, unknown>[]>

/** Every row as it stands in the file, by its id: JSON as text, numbers to the digit. */
function rowsOf(database: Database.Database): Rows {
  const rows = (table: string) => {
    const key = table.endsWith('tasks') ? 'task_id' : 'uniqc_task_id, shard_index'
    return database.prepare(`SELECT * FROM ${table} ORDER BY ${key}`).safeIntegers().all()
  }
  return Object.fromEntries(TABLES.map((table) => [table, rows(table)])) as Rows
}

const withoutArchivedAt = (rows: readonly Record<string, unknown>[]) =>
  rows.map(({ archived_at: _, ...row }) => row)

/** A task with shards, whose every text says which one it is. */
function saveWithShards(store: TaskStore, task: NewTaskInfo, mark: string, shards: number) {
  store.save({ ...task, result: mark })
  store.deleteShards(task.taskId)
  for (let i = 0; i < shards; i++) {
    store.addShard({ uniqcTaskId: task.taskId, platformTaskId: `${mark}-${i}`, result: mark })
  }
}

/** A task under a new id that replaced this old one. */
function saveReplacing(store: TaskStore, oldId: string): string {
  const taskId = generateTaskId()
  store.save({ ...DONE, taskId, metadata: { legacy_platform_id: oldId } })
  insertShard(store, taskId, oldId)
  return taskId
}

const MISUSES: readonly (readonly [what: string, call: (store: TaskStore) => unknown, message: RegExp])[] = [
  ['archive(5)', (s) => s.archive.archive(wrong(5)), /taskId must be a string/],
  ['archive() with null', (s) => s.archive.archive('a', wrong(null)), /options must be an object/],
  ['archive() with an unknown option', (s) => s.archive.archive('a', wrong({ force: true })), /no "force"/],
  [
    'archive() with onConflict newer',
    (s) => s.archive.archive('a', wrong({ onConflict: 'newer' })),
    /onConf/,
  ],
  ['restore(undefined)', (s) => s.archive.restore(wrong(undefined)), /taskId must be a string/],
  [
    'restore() with onConflict true',
    (s) => s.archive.restore('a', wrong({ onConflict: true })),
    /onConflict/,
  ],
  ['archiveMany() of a text', (s) => s.archive.archiveMany('a'), /taskIds must be an iterable/],
  ['archiveMany() of a number behind an id', (s) => s.archive.archiveMany(wrong(['a', 5])), /taskIds must/],
  ['archiveMany() with dryRun', (s) => s.archive.archiveMany(['a'], wrong({ dryRun: true })), /no "dryRun"/],
  ['restoreMany() of null', (s) => s.archive.restoreMany(wrong(null)), /taskIds must be an iterable/],
  ['restoreMany() of a null', (s) => s.archive.restoreMany(wrong(['b', null])), /taskIds must be a string/],
  ['deleteMany() of a number', (s) => s.archive.deleteMany(wrong(['b', 7])), /taskIds must be a string/],
  ['delete(5)', (s) => s.archive.delete(wrong(5)), /taskId must be a string/],
  ['get(5)', (s) => s.archive.get(wrong(5)), /taskId must be a string/],
  ['getShards(5)', (s) => s.archive.getShards(wrong(5)), /taskId must be a string/],
  ['archive.list() with archived', (s) => s.archive.list(wrong({ archived: true })), /no "archived"/],
  ['archive.count() with a limit', (s) => s.archive.count(wrong({ limit: 1 })), /no "limit"/],
  ['list() with archived yes', (s) => s.list(wrong({ archived: 'yes' })), /archived must be/],
  ['list() with archived 1', (s) => s.list(wrong({ archived: 1 })), /archived must be/],
  ['archiveOlderThan()', (s) => s.archive.archiveOlderThan(wrong(undefined)), /options must be an object/],
  ...[
    [{}, /hours must/],
    [{ hours: '1' }, /hours must/],
    [{ hours: -1 }, /hours must/],
    [{ hours: Number.NaN }, /hours must/],
    [{ hours: Infinity }, /hours must/],
    [{ hours: 0, days: 1 }, /no "days"/],
    [{ hours: 0, statuses: [5] }, /statuses must/],
    [{ hours: 0, statuses: null }, /statuses must/],
    [{ hours: 0, dryRun: 1 }, /dryRun must/],
    [{ hours: 0, timeZone: 'Mars' }, /timeZone must.*"Mars"/],
    [{ hours: 0, timeZone: 8 }, /timeZone must/],
    [{ hours: 0, onConflict: 'both' }, /onConflict must/],
  ].map(
    ([options, message]) =>
      [
        `archiveOlderThan(${JSON.stringify(options)})`,
        (store: TaskStore) => store.archive.archiveOlderThan(wrong(options)),
        message as RegExp,
      ] as const,
  ),
]

for (const [what, call, message] of MISUSES) {
  test(`${what} is a TypeError, and nothing moves`, () => {
    using store = memory()
    store.save({ ...DONE, submitTime: '2020-01-01' })
    store.save({ ...DONE, taskId: 'b' })
    store.archive.archive('b')
    const before = rowsOf(store.db.$client)
    assert.throws(
      () => call(store),
      (error) => error instanceof TypeError && message.test(error.message),
    )
    assert.deepEqual(rowsOf(store.db.$client), before)
  })
}

test('what does not exist is false, undefined, empty', () => {
  using store = memory()
  store.save(DONE)
  const { archive } = store
  assert.deepEqual(
    [archive.archive('gone'), archive.restore('gone'), archive.restore('a'), archive.delete('a')],
    [false, false, false, false],
  )
  assert.equal(archive.get('a'), undefined)
  assert.deepEqual(archive.getShards('a'), [])
  assert.deepEqual([archive.list(), archive.count(), store.count()], [[], 0, 1])
  assert.deepEqual(archive.archiveMany([]), [])
})

test('a task and its shards are archived with one time, and come back without it', () => {
  using store = memory()
  saveWithShards(store, DONE, 'live', 2)
  const [task, shards] = [store.get('a'), store.getShards('a')]
  assert.equal(store.archive.archive('a'), true)
  assert.deepEqual([store.get('a'), store.getShards('a'), store.findShards('live-0')], [undefined, [], []])
  const archived = store.archive.get('a')
  const archivedAt = archived?.archivedAt
  assert.match(archivedAt ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/)
  assert.deepEqual(archived, { ...task, archivedAt })
  assert.deepEqual(
    store.archive.getShards('a'),
    shards.map((shard) => ({ ...shard, archivedAt })),
  )
  assert.equal(store.archive.restore('a'), true)
  assert.deepEqual([store.get('a'), store.getShards('a')], [task, shards])
  assert.deepEqual([store.archive.get('a'), store.archive.getShards('a')], [undefined, []])
})

test('an archived task that is deleted is gone with its shards', () => {
  using store = memory()
  saveWithShards(store, DONE, 'live', 2)
  saveWithShards(store, { ...DONE, taskId: 'b' }, 'other', 1)
  store.archive.archiveMany(['a', 'b'])
  assert.equal(store.archive.delete('a'), true)
  assert.equal(store.archive.delete('a'), false)
  const rows = rowsOf(store.db.$client)
  assert.deepEqual([rows.archived_tasks.length, rows.archived_task_shards.length], [1, 1])
  assert.equal(store.archive.getShards('b').length, 1)
})

/** A store with a task both live, with one shard, and archived, with two. */
function conflicting(): TaskStore {
  const store = memory()
  saveWithShards(store, DONE, 'archived', 2)
  store.archive.archive('a')
  saveWithShards(store, DONE, 'live', 1)
  saveWithShards(store, { ...DONE, taskId: 'other' }, 'other', 1)
  return store
}

for (const direction of ['archive', 'restore'] as const) {
  test(`${direction}: a task that is live and archived is a CONFLICT that names it, and nothing moves`, () => {
    using store = conflicting()
    const before = rowsOf(store.db.$client)
    for (const options of [undefined, {}, { onConflict: 'throw' }] as readonly (
      | ArchiveMoveOptions
      | undefined
    )[]) {
      assert.throws(
        () => store.archive[direction]('a', options),
        (error: Error & { code?: string }) =>
          error.code === 'CONFLICT' && /"a" is also .*onConflict/.test(error.message),
      )
    }
    assert.deepEqual(rowsOf(store.db.$client), before)
  })

  for (const winner of ['live', 'archived'] as const) {
    test(`${direction} with onConflict ${winner}: that record stays, with its own shards alone`, () => {
      using store = conflicting()
      const before = rowsOf(store.db.$client)
      assert.equal(store.archive[direction]('a', { onConflict: winner }), true)
      const after = rowsOf(store.db.$client)
      const [tasks, shards, noTasks, noShards] =
        direction === 'archive'
          ? (['archived_tasks', 'archived_task_shards', 'tasks', 'task_shards'] as const)
          : (['tasks', 'task_shards', 'archived_tasks', 'archived_task_shards'] as const)
      const ofA = (row: Record<string, unknown>) => (row.task_id ?? row.uniqc_task_id) === 'a'
      const [wonTasks, wonShards] =
        winner === 'live'
          ? [before.tasks, before.task_shards]
          : [before.archived_tasks, before.archived_task_shards]
      assert.deepEqual(withoutArchivedAt(after[tasks].filter(ofA)), withoutArchivedAt(wonTasks.filter(ofA)))
      assert.deepEqual(withoutArchivedAt(after[shards].filter(ofA)), withoutArchivedAt(wonShards.filter(ofA)))
      assert.equal(after[shards].filter(ofA).length, winner === 'live' ? 1 : 2)
      assert.deepEqual([after[noTasks].filter(ofA), after[noShards].filter(ofA)], [[], []])
      assert.ok(store.get('other') && store.getShards('other').length === 1)
    })
  }
}

test('an id that was replaced finds its task in the archive; where several replaced it, AMBIGUOUS_ID', () => {
  using store = memory()
  const taskId = saveReplacing(store, 'old')
  assert.equal(store.archive.archive('old'), true)
  assert.equal(store.archive.archive('old'), false)
  assert.equal(store.archive.get('old')?.taskId, taskId)
  assert.equal(store.archive.getShards('old').length, 1)
  assert.equal(store.archive.restore('old'), true)
  assert.equal(store.get('old')?.taskId, taskId)
  store.archive.archive('old')
  const another = saveReplacing(store, 'old')
  store.archive.archive(another)
  const before = rowsOf(store.db.$client)
  const ambiguous = (error: Error & { code?: string }) =>
    error.code === 'AMBIGUOUS_ID' && error.message.includes(taskId) && error.message.includes(another)
  assert.throws(() => store.archive.restore('old'), ambiguous)
  assert.throws(() => store.archive.get('old'), ambiguous)
  assert.throws(() => store.archive.getShards('old'), ambiguous)
  assert.throws(() => store.archive.delete('old'), ambiguous)
  store.archive.restoreMany([taskId, another])
  assert.throws(() => store.archive.archive('old'), ambiguous)
  store.archive.archiveMany([taskId, another])
  assert.deepEqual(
    withoutArchivedAt(rowsOf(store.db.$client).archived_tasks),
    withoutArchivedAt(before.archived_tasks),
  )
  store.archive.delete(another)
  assert.equal(store.archive.delete('old'), true)
  assert.equal(store.archive.count(), 0)
})

const outcomes = (reports: readonly { taskId: string; outcome: string; error?: { code: string } }[]) =>
  reports.map(({ taskId, outcome, error }) => [taskId, outcome, ...(error ? [error.code] : [])])

test('archiveMany and restoreMany say of each id what happened, in the order of the ids', () => {
  using store = conflicting()
  const one = saveReplacing(store, 'one')
  saveReplacing(store, 'two')
  saveReplacing(store, 'two')
  function* ids() {
    yield* ['a', 'other', 'gone', 'one', 'two', one, 'other']
  }
  assert.deepEqual(outcomes(store.archive.archiveMany(ids())), [
    ['a', 'conflict', 'CONFLICT'],
    ['other', 'archived'],
    ['gone', 'not-found'],
    ['one', 'archived'],
    ['two', 'ambiguous-id', 'AMBIGUOUS_ID'],
    [one, 'already-there'],
    ['other', 'already-there'],
  ])
  assert.deepEqual(
    store.archive
      .list()
      .map((task) => task.taskId)
      .toSorted(),
    ['a', 'other', one].toSorted(),
  )
  assert.deepEqual(outcomes(store.archive.archiveMany(new Set(['a']), { onConflict: 'live' })), [
    ['a', 'archived'],
  ])
  assert.equal(store.archive.get('a')?.result, 'live')
  store.save({ ...DONE, result: 'later' })
  assert.deepEqual(outcomes(store.archive.restoreMany(['gone', 'one', 'a', 'other', 'other', one])), [
    ['gone', 'not-found'],
    ['one', 'restored'],
    ['a', 'conflict', 'CONFLICT'],
    ['other', 'restored'],
    ['other', 'already-there'],
    [one, 'already-there'],
  ])
  assert.deepEqual(outcomes(store.archive.restoreMany(['a'], { onConflict: 'archived' })), [
    ['a', 'restored'],
  ])
  assert.equal(store.get('a')?.result, 'live')
  assert.deepEqual([store.archive.count(), store.count()], [0, 5])
})

test('deleteMany deletes archived tasks alone, and says of each id what happened', () => {
  using store = conflicting()
  const ids = [saveReplacing(store, 'old'), saveReplacing(store, 'old')]
  store.archive.archiveMany(ids)
  const live = rowsOf(store.db.$client).tasks
  assert.deepEqual(outcomes(store.archive.deleteMany(['a', 'other', 'old', 'a', ids[0] ?? '', 'old'])), [
    ['a', 'deleted'],
    ['other', 'not-found'],
    ['old', 'ambiguous-id', 'AMBIGUOUS_ID'],
    ['a', 'not-found'],
    [ids[0], 'deleted'],
    ['old', 'deleted'],
  ])
  const rows = rowsOf(store.db.$client)
  assert.deepEqual([rows.archived_tasks, rows.archived_task_shards], [[], []])
  assert.deepEqual(rows.tasks, live)
})

test('many more ids than are moved under one lock are all moved, and all come back', () => {
  using store = memory()
  const ids = Array.from({ length: 1003 }, (_, i) => `t${i}`)
  store.saveMany(ids.map((taskId) => ({ ...DONE, taskId, result: taskId })))
  for (const taskId of ids) insertShard(store, taskId, taskId)
  const before = rowsOf(store.db.$client)
  const all = (outcome: string) => ids.map((taskId) => ({ taskId, outcome }))
  assert.deepEqual(store.archive.archiveMany(ids), all('archived'))
  assert.equal(store.archive.count(), ids.length)
  assert.deepEqual(store.archive.restoreMany(ids), all('restored'))
  assert.deepEqual(rowsOf(store.db.$client), before)
  store.archive.archiveMany(ids)
  assert.deepEqual(store.archive.deleteMany(ids), all('deleted'))
  assert.deepEqual(rowsOf(store.db.$client).archived_task_shards, [])
})

test('a bulk call inside a transaction that throws has moved nothing', () => {
  using store = conflicting()
  const before = rowsOf(store.db.$client)
  assert.throws(
    () =>
      store.transaction(() => {
        store.archive.archiveMany(['a', 'other'])
        store.archive.archiveOlderThan({ hours: 0, onConflict: 'live' })
        throw new Error('undo')
      }),
    /undo/,
  )
  assert.deepEqual(rowsOf(store.db.$client), before)
})
