import assert from 'node:assert/strict'
import test from 'node:test'
import { setImmediate } from 'node:timers/promises'
import Database from 'better-sqlite3'
import {
  type ArchivedTaskInfo,
  type ArchiveMoveOptions,
  type ArchiveOlderThanOptions,
  generateTaskId,
  type NewTaskInfo,
  type TaskShard,
  TaskStore,
} from 'uniqc-task-store'
import { copyFixture, FIXTURE_NAMES, needsFixtures, readExpected } from '../support/fixtures.ts'
import { insertShard } from '../support/insert-shard.ts'
import { kill, runModule, spawnModule } from '../support/processes.ts'
import { memory, wrong } from '../support/store.ts'
import { temporaryFile } from '../support/temporary.ts'

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

function rowsOfFile(file: string): Rows {
  const database = new Database(file, { readonly: true })
  try {
    return rowsOf(database)
  } finally {
    database.close()
  }
}

const withoutArchivedAt = (rows: readonly Record<string, unknown>[]) =>
  rows.map(({ archived_at: _, ...row }) => row)

/** In the order of SQLite. */
const keyOf = (row: Record<string, unknown>) => `${row.task_id ?? row.uniqc_task_id} ${row.shard_index}`

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

for (const name of FIXTURE_NAMES) {
  test(`${name}: every task archived and restored leaves every cell as it was`, needsFixtures, (t) => {
    const file = copyFixture(t, name)
    new TaskStore({ file }).close()
    const before = rowsOfFile(file)
    assert.ok(before.tasks.length > 0 && before.task_shards.length > 0)
    using store = new TaskStore({ file })
    const ids = store.list().map((task) => task.taskId)
    assert.ok(ids.every((taskId) => store.archive.archive(taskId)))
    const archived = rowsOfFile(file)
    assert.deepEqual([archived.tasks, archived.task_shards], [[], []])
    assert.equal(archived.archived_tasks.length, before.archived_tasks.length + ids.length)
    const shards = before.archived_task_shards.length + before.task_shards.length
    assert.equal(archived.archived_task_shards.length, shards)
    assert.ok(ids.every((taskId) => store.archive.restore(taskId)))
    assert.deepEqual(rowsOfFile(file), before)
  })

  test(
    `${name}: every archived task restored and archived again has a new time alone`,
    needsFixtures,
    (t) => {
      const file = copyFixture(t, name)
      new TaskStore({ file }).close()
      const before = rowsOfFile(file)
      using store = new TaskStore({ file })
      const ids = store.archive.list().map((task) => task.taskId)
      assert.equal(ids.length, (readExpected(name).archived ?? []).length)
      assert.ok(ids.every((taskId) => store.archive.restore(taskId)))
      const restored = rowsOfFile(file)
      // Shards whose task is gone belong to nobody who could be restored.
      assert.deepEqual(restored.archived_tasks, [])
      assert.equal(restored.tasks.length, before.tasks.length + ids.length)
      assert.ok(ids.every((taskId) => store.archive.archive(taskId)))
      const after = rowsOfFile(file)
      assert.deepEqual([after.tasks, after.task_shards], [before.tasks, before.task_shards])
      for (const table of ['archived_tasks', 'archived_task_shards'] as const) {
        assert.deepEqual(withoutArchivedAt(after[table]), withoutArchivedAt(before[table]))
      }
    },
  )
}

/** A shard under the names of UnifiedQuantum. */
const pythonShard = (shard: TaskShard) => ({
  uniqc_task_id: shard.uniqcTaskId,
  shard_index: shard.shardIndex,
  platform_task_id: shard.platformTaskId,
  backend: shard.backend,
  circuit_count: shard.circuitCount,
  sub_index_offset: shard.subIndexOffset,
  status: shard.status,
  result: shard.result,
  error_message: shard.errorMessage,
  submit_time: shard.submitTime,
  update_time: shard.updateTime,
})

const pythonTask = (task: ArchivedTaskInfo) => ({
  task_id: task.taskId,
  backend: task.backend,
  status: task.status,
  result: task.result,
  shots: task.shots,
  submit_time: task.submitTime,
  update_time: task.updateTime,
  metadata: task.metadata,
  error_message: task.errorMessage,
  archived_at: task.archivedAt,
})

for (const name of FIXTURE_NAMES.filter((name) => /schema5|upgraded/.test(name))) {
  test(`${name}: shards and archive equal what UnifiedQuantum answered`, needsFixtures, (t) => {
    const { shards = {}, archived = [] } = readExpected(name)
    using store = new TaskStore({ file: copyFixture(t, name) })
    assert.ok(Object.keys(shards).length > 0)
    for (const [taskId, expected] of Object.entries(shards)) {
      assert.deepEqual(store.getShards(taskId).map(pythonShard), expected)
    }
    const byId = (a: { task_id: string }, b: { task_id: string }) => (a.task_id < b.task_id ? -1 : 1)
    assert.deepEqual(store.archive.list().map(pythonTask).sort(byId), archived.toSorted(byId))
    for (const expected of archived) {
      const task = store.archive.get(expected.task_id)
      assert.deepEqual(task && pythonTask(task), expected)
    }
  })
}

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

/** A store with shards at the other place whose task is gone, and a task of that id with one shard. */
function orphaned(direction: 'archive' | 'restore'): TaskStore {
  const store = conflicting()
  const { $client } = store.db
  $client.pragma('foreign_keys = OFF')
  $client.exec(`DELETE FROM ${direction === 'archive' ? 'archived_tasks' : 'tasks'} WHERE task_id = 'a'`)
  $client.pragma('foreign_keys = ON')
  return store
}

for (const direction of ['archive', 'restore'] as const) {
  test(`${direction}: shards that lie there without their task are a CONFLICT, and never win`, () => {
    const before = rowsOf(orphaned(direction).db.$client)
    for (const onConflict of ['throw', 'live', 'archived'] as const) {
      using store = orphaned(direction)
      if (onConflict === 'throw') {
        assert.throws(() => store.archive[direction]('a'), {
          code: 'CONFLICT',
          message: /"a" is not (?:live|in the archive), but shards of it are; /,
        })
        const after = rowsOf(store.db.$client)
        assert.deepEqual(
          [after.tasks.length, after.archived_tasks.length],
          [before.tasks.length, before.archived_tasks.length],
        )
        assert.deepEqual([after.task_shards.length, after.archived_task_shards.length], [2, 2])
        continue
      }
      assert.equal(store.archive[direction]('a', { onConflict }), true)
      const [task, shards] =
        direction === 'archive'
          ? [store.archive.get('a'), store.archive.getShards('a')]
          : [store.get('a'), store.getShards('a')]
      const mark = direction === 'archive' ? 'live' : 'archived'
      assert.equal(task?.result, mark)
      assert.deepEqual(
        shards.map((shard) => shard.result),
        direction === 'archive' ? ['live'] : ['archived', 'archived'],
      )
      const after = rowsOf(store.db.$client)
      assert.equal(after.task_shards.length + after.archived_task_shards.length, shards.length + 1)
    }
  })
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

const HOUR = 3_600_000
/** The wall clock at an offset so many hours ago: `2026-05-03T01:02:03`. */
const wall = (hoursAgo: number, offset = 0) =>
  new Date(Date.now() - (hoursAgo - offset) * HOUR).toISOString().slice(0, 19)

/** Each against 24 hours. */
const TIMES: readonly (readonly [
  what: string,
  time: () => string,
  is: 'archived' | 'unreadable' | 'left',
  timeZone?: string,
])[] = [
  ['25 hours ago', () => `${wall(25)}.123456+00:00`, 'archived'],
  ['23 hours ago', () => `${wall(23)}.123456+00:00`, 'left'],
  ['25 hours ago, with a Z', () => `${wall(25)}Z`, 'archived'],
  ['25 hours ago, with a blank', () => `${wall(25).replace('T', ' ')}+0000`, 'archived'],
  ['25 hours ago, later as text', () => `${wall(25, 14)}+14:00`, 'archived'],
  ['23 hours ago, earlier as text', () => `${wall(23, -12)}-12:00`, 'left'],
  ['in an hour', () => `${wall(-1)}Z`, 'left'],
  ['a date long ago', () => '2020-01-01', 'archived'],
  ['naive, 25 hours ago in UTC', () => wall(25), 'archived', 'UTC'],
  ['naive, 23 hours ago in UTC', () => wall(23), 'left', 'UTC'],
  ['naive, 25 hours ago at +08:00', () => wall(25, 8), 'archived', '+08:00'],
  ['naive, 25 hours ago in Shanghai', () => wall(25, 8), 'archived', 'Asia/Shanghai'],
  ['naive, 23 hours ago in Shanghai', () => wall(23, 8), 'left', 'Asia/Shanghai'],
  ['naive, 25 hours ago in Shanghai, read as UTC', () => wall(25, 8), 'left', 'UTC'],
  ['with an offset, which a zone does not change', () => `${wall(25)}+00:00`, 'archived', '-11:00'],
  ['no time', () => 'yesterday', 'unreadable'],
  ['a 31st of February', () => '2020-02-31T00:00:00Z', 'unreadable'],
  ['a number', () => '1577836800', 'unreadable'],
]

for (const [what, time, is, timeZone] of TIMES) {
  test(`archiveOlderThan: a submit time ${what}: ${is}`, () => {
    using store = memory()
    saveWithShards(store, { ...DONE, submitTime: time() }, 'live', 1)
    const before = rowsOf(store.db.$client)
    const options = { hours: 24, timeZone }
    const expected = { archived: [], conflicts: [], unreadable: [], ...(is !== 'left' && { [is]: ['a'] }) }
    assert.deepEqual(store.archive.archiveOlderThan({ ...options, dryRun: true }), expected)
    assert.deepEqual(rowsOf(store.db.$client), before)
    assert.deepEqual(store.archive.archiveOlderThan(options), expected)
    assert.equal(store.archive.getShards('a').length, is === 'archived' ? 1 : 0)
    if (is !== 'archived') assert.deepEqual(rowsOf(store.db.$client), before)
  })
}

test('archiveOlderThan takes terminal tasks alone, or those of the statuses that are named', () => {
  const archived = (options: Partial<ArchiveOlderThanOptions>) => {
    using store = memory()
    for (const status of ['pending', 'running', 'success', 'failed', 'cancelled'] as const) {
      store.save({ ...DONE, taskId: status, status, submitTime: '2020-01-01' })
    }
    store.save({ ...DONE, taskId: 'queued', submitTime: 'no time' })
    store.db.$client.exec("UPDATE tasks SET status = 'queued' WHERE task_id = 'queued'")
    const report = store.archive.archiveOlderThan({ hours: 1, ...options })
    const ids = store.archive.list().map((task) => task.taskId)
    assert.deepEqual(ids.toSorted(), report.archived.toSorted())
    return [report.archived, report.unreadable]
  }
  assert.deepEqual(archived({}), [['success', 'failed', 'cancelled'], []])
  assert.deepEqual(archived({ statuses: 'running' }), [['running'], []])
  assert.deepEqual(archived({ statuses: ['pending', 'failed'] }), [['pending', 'failed'], []])
  assert.deepEqual(archived({ statuses: [] }), [[], []])
  assert.deepEqual(archived({ statuses: ['queued'] }), [[], ['queued']])
})

test('archiveOlderThan reports conflicts and leaves them, unless it is told which record wins', () => {
  const due = { hours: 1, statuses: ['success'] }
  const setUp = () => {
    const store = conflicting()
    store.db.$client.exec("UPDATE tasks SET submit_time = '2020-01-01'")
    return store
  }
  using store = setUp()
  const before = rowsOf(store.db.$client)
  const expected = { archived: ['other'], conflicts: ['a'], unreadable: [] }
  assert.deepEqual(store.archive.archiveOlderThan({ ...due, dryRun: true }), expected)
  assert.deepEqual(rowsOf(store.db.$client), before)
  assert.deepEqual(store.archive.archiveOlderThan(due), expected)
  assert.equal(store.get('a')?.result, 'live')
  assert.equal(store.archive.get('a')?.result, 'archived')

  for (const onConflict of ['live', 'archived'] as const) {
    using store = setUp()
    const options = { ...due, onConflict }
    const all = { archived: ['a', 'other'], conflicts: [], unreadable: [] }
    assert.deepEqual(store.archive.archiveOlderThan({ ...options, dryRun: true }), all)
    assert.deepEqual(rowsOf(store.db.$client).tasks.length, 2)
    assert.deepEqual(store.archive.archiveOlderThan(options), all)
    assert.equal(store.count(), 0)
    assert.equal(store.archive.get('a')?.result, onConflict)
    assert.equal(store.archive.getShards('a').length, onConflict === 'live' ? 1 : 2)
  }
})

test('a dry run needs no store that may write, and a real one does', (t) => {
  const file = temporaryFile(t)
  {
    using store = new TaskStore({ file })
    store.save({ ...DONE, submitTime: '2020-01-01' })
  }
  using store = new TaskStore({ file, readonly: true })
  assert.deepEqual(store.archive.archiveOlderThan({ hours: 1, dryRun: true }).archived, ['a'])
  assert.throws(() => store.archive.archiveOlderThan({ hours: 1 }), { code: 'READONLY' })
  assert.throws(() => store.archive.archive('a'), { code: 'READONLY' })
  assert.throws(() => store.archive.deleteMany(['a']), { code: 'READONLY' })
  assert.equal(store.list({ archived: 'both' }).length, 1)
})

test('archiveOlderThan goes through more tasks than it looks at in one go', () => {
  using store = memory()
  const COUNT = 5_250
  store.saveMany(
    Array.from({ length: COUNT }, (_, i) => ({
      ...DONE,
      taskId: `t${i}`,
      status: i % 5 === 0 ? ('running' as const) : DONE.status,
      submitTime: i % 1000 === 1 ? 'no time' : '2020-01-01',
    })),
  )
  const { archived, conflicts, unreadable } = store.archive.archiveOlderThan({ hours: 1 })
  const due = Array.from({ length: COUNT }, (_, i) => i).filter((i) => i % 5 !== 0)
  const ids = (isUnreadable: boolean) =>
    due.filter((i) => (i % 1000 === 1) === isUnreadable).map((i) => `t${i}`)
  assert.deepEqual(archived, ids(false))
  assert.deepEqual(unreadable, ids(true))
  assert.deepEqual(conflicts, [])
  assert.deepEqual([store.archive.count(), store.count()], [archived.length, COUNT - archived.length])
})

test('another process writes while archiveOlderThan goes on', async (t) => {
  const file = temporaryFile(t)
  const COUNT = 3000
  // Asks for the lock again at once, so as not to sleep where it is free.
  using store = new TaskStore({ file, synchronous: 'NORMAL', timeout: 0 })
  const ids = Array.from({ length: COUNT }, (_, i) => `t${i}`)
  store.saveMany(ids.map((taskId) => ({ ...DONE, taskId, submitTime: '2020-01-01' })))
  const archive = `
    import { TaskStore } from 'uniqc-task-store'
    const { archive } = new TaskStore({ file: process.argv[1], timeout: 60_000 })
    console.log(archive.archiveOlderThan({ hours: 1 }).archived.length)
  `
  let between = 0
  // The lock is free for moments only: on a busy machine it takes more than one go to meet one.
  for (let round = 0; round < 8 && between === 0; round++) {
    store.archive.restoreMany(ids)
    const archiving = runModule(archive, file)
    for (let archived = 0; archived < COUNT; archived = store.archive.count()) {
      for (let i = 0; i < 50; i++) {
        try {
          store.save({ ...DONE, taskId: 'written meanwhile', status: 'running' })
          if (archived > 0 && store.archive.count() < COUNT) between++
          break
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'LOCKED')
        }
      }
      await setImmediate()
    }
    assert.equal((await archiving).trim(), String(COUNT))
    assert.deepEqual(
      store.list().map((task) => task.taskId),
      ['written meanwhile'],
    )
  }
  assert.ok(between > 0, 'a save came between two batches')
})

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

for (const method of ['archiveMany', 'archiveOlderThan'] as const) {
  test(`${method}: killed at any moment, every task is in one place with all its shards`, async (t) => {
    const COUNT = 700
    const ids = Array.from({ length: COUNT }, (_, i) => `t${i}`)
    const file = temporaryFile(t)
    using store = new TaskStore({ file, synchronous: 'NORMAL' })
    store.saveMany(
      ids.map((taskId) => ({ ...DONE, taskId, submitTime: '2020-01-01', result: 'x'.repeat(99) })),
    )
    store.transaction(() => {
      for (const uniqcTaskId of ids) {
        for (const platformTaskId of ['p', 'q']) store.addShard({ uniqcTaskId, platformTaskId, result: 'y' })
      }
    })
    const before = rowsOf(store.db.$client)
    const call = `
      import { TaskStore } from 'uniqc-task-store'
      const [file, method] = process.argv.slice(1)
      const { archive } = new TaskStore({ file })
      const ids = Array.from({ length: ${COUNT} }, (_, i) => 't' + i)
      if (method === 'archiveMany') archive.archiveMany(ids)
      else archive.archiveOlderThan({ hours: 1 })
      console.log('done')
    `
    let halfWay = 0
    for (const threshold of [1, 1, 300]) {
      const child = spawnModule(call, file, method)
      try {
        while (store.archive.count() < threshold && child.exitCode === null) await setImmediate()
      } finally {
        await kill(child)
      }
      const rows = rowsOf(store.db.$client)
      const archived = rows.archived_tasks.length
      if (archived < COUNT) halfWay++
      const together = (live: keyof Rows, archive: keyof Rows) =>
        withoutArchivedAt([...rows[live], ...rows[archive]]).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
      assert.deepEqual(together('tasks', 'archived_tasks'), before.tasks)
      assert.deepEqual(together('task_shards', 'archived_task_shards'), before.task_shards)
      for (const [tasks, shards] of [
        ['tasks', 'task_shards'],
        ['archived_tasks', 'archived_task_shards'],
      ] as const) {
        assert.deepEqual(
          rows[shards].map((row) => row.uniqc_task_id),
          rows[tasks].flatMap((row) => [row.task_id, row.task_id]),
        )
      }
      assert.equal((await runModule(call, file, method)).trim(), 'done')
      assert.deepEqual([store.archive.count(), store.count()], [COUNT, 0])
      store.archive.restoreMany(ids)
      assert.deepEqual(rowsOf(store.db.$client), before)
    }
    assert.ok(halfWay > 0, 'a kill came half-way')
    assert.equal(store.db.$client.pragma('integrity_check', { simple: true }), 'ok')
  })
}

test('archiveMany stops at an error that is no matter of one task, and nothing of its batch is moved', () => {
  using store = memory()
  for (const taskId of ['a', 'b', 'c']) saveWithShards(store, { ...DONE, taskId }, taskId, 2)
  const before = rowsOf(store.db.$client)
  store.db.$client.exec(
    "CREATE TEMP TRIGGER no BEFORE DELETE ON tasks WHEN old.task_id = 'b' BEGIN SELECT RAISE(ABORT, 'not this one'); END",
  )
  assert.throws(() => store.archive.archiveMany(['a', 'b', 'c']), /not this one/)
  assert.deepEqual(rowsOf(store.db.$client), before)
  store.db.$client.exec('DROP TRIGGER no')
  assert.equal(store.archive.archiveMany(['a', 'b', 'c']).length, 3)
  assert.equal(store.archive.count(), 3)
})

test('archiveOlderThan does not report a task that was deleted before its batch', () => {
  using store = memory()
  const ids = Array.from({ length: 102 }, (_, n) => `task-${n}`)
  store.saveMany(ids.map((taskId) => ({ ...DONE, taskId, submitTime: '2020-01-01T00:00:00+00:00' })))
  // A batch is of 100: while the first one is moved, a task of the second one goes.
  store.db.$client.exec(
    `CREATE TEMP TRIGGER gone AFTER INSERT ON archived_tasks WHEN NEW.task_id = 'task-0'
     BEGIN DELETE FROM tasks WHERE task_id = 'task-100'; END`,
  )
  const left = ids.filter((taskId) => taskId !== 'task-100')
  assert.deepEqual(store.archive.archiveOlderThan({ hours: 1 }).archived, left)
  assert.deepEqual([store.count(), store.archive.count()], [0, 101])
})
