import assert from 'node:assert/strict'
import { linkSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { type MergeOptions, type MergeReport, type NewTaskInfo, TaskStore } from 'uniqc-task-store'
import { copyFixture, FIXTURE_NAMES, needsFixtures } from '../support/fixtures.ts'
import { keepMoving, MOVING_TASKS } from '../support/keep-moving.ts'
import { runModule } from '../support/processes.ts'
import { byKey, readRows } from '../support/read-rows.ts'
import { memory, wrong } from '../support/store.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const at = (hour: number) => `2026-01-01T${String(hour).padStart(2, '0')}:00:00.000000+00:00`
const ID = (digit: number) => `uqt_${String(digit).repeat(32)}`

/** A store on a file of its own, closed with the test. */
function openStore(t: TestContext, file = temporaryFile(t)): TaskStore {
  const store = new TaskStore({ file })
  t.after(() => store.close())
  return store
}

type Given = Partial<NewTaskInfo> & Pick<NewTaskInfo, 'taskId'>

/** Saves a task of midnight, with a shard for each id on its platform. */
function save(store: TaskStore, given: Given, platformIds: readonly string[] = []): void {
  const task = {
    backend: 'originq',
    status: 'running',
    submitTime: at(0),
    updateTime: at(0),
    ...given,
  } as const
  store.save(task, { keepUpdateTime: true })
  for (const [shardIndex, platformTaskId] of platformIds.entries()) {
    saveShard(store, given.taskId, shardIndex, { platformTaskId })
  }
}

function saveShard(store: TaskStore, uniqcTaskId: string, shardIndex: number, fields: object = {}): void {
  const shard = {
    uniqcTaskId,
    shardIndex,
    platformTaskId: `p${shardIndex}`,
    submitTime: at(0),
    updateTime: at(0),
  }
  store.saveShard({ ...shard, ...fields }, { keepUpdateTime: true })
}

/**
 * Merges a file, and checks what must hold for every merge: a dry run reports the same and writes nothing, the
 * counts add up, a second merge changes nothing, and the other file is only read.
 */
function merge(store: TaskStore, file: string, options: MergeOptions = {}): MergeReport {
  const theirs = readFileSync(file)
  const before = readRows(store)
  const dry = store.mergeFile(file, { ...options, dryRun: true })
  assert.deepEqual(readRows(store), before)
  const report = store.mergeFile(file, options)
  assert.deepEqual(report, dry)
  const { read, added, updated, unchanged, kept, conflicts } = report
  assert.equal(read, added + updated + unchanged + kept + conflicts.length)
  const after = readRows(store)
  if (added + updated === 0) assert.deepEqual(after, before)
  const again = store.mergeFile(file, options)
  assert.deepEqual([again.read, again.added, again.updated], [read, 0, 0])
  assert.deepEqual(readRows(store), after)
  assert.deepEqual(readFileSync(file), theirs)
  return report
}

const counts = ({ added, updated, unchanged, kept, conflicts }: MergeReport) => ({
  ...{ added, updated, unchanged, kept },
  conflicts: conflicts.length,
})
const only = (given: Partial<ReturnType<typeof counts>>) => ({
  ...{ added: 0, updated: 0, unchanged: 0, kept: 0, conflicts: 0 },
  ...given,
})

const MISUSES: readonly (readonly [string, unknown[], RegExp])[] = [
  ['no file', [], /^file must be a string/],
  ['an empty file name', [''], /^file must be a path/],
  ['null for options', ['x', null], /^options must be an object/],
  ['an option that does not exist', ['x', { overwrite: true }], /^options has no "overwrite"/],
  ['dryRun that is a string', ['x', { dryRun: 'yes' }], /^dryRun must be true or false/],
  ['a time zone that does not exist', ['x', { timeZone: 'Mars/Olympus' }], /^timeZone must be/],
]
for (const [what, args, message] of MISUSES) {
  test(`${what} is a TypeError`, () => {
    using store = memory()
    assert.throws(() => store.mergeFile(...wrong<[string]>(args)), { name: 'TypeError', message })
  })
}

test("the store's own file is refused, under whatever name", (t) => {
  const store = openStore(t)
  save(store, { taskId: 'a' })
  const folder = temporaryFolder(t)
  const [link, hardLink] = [join(folder, 'link'), join(folder, 'hard-link')]
  symlinkSync(store.file, link)
  linkSync(store.file, hardLink)
  const roundabout = join(dirname(store.file), 'x', '..', 'tasks.sqlite')
  for (const file of [store.file, roundabout, link, hardLink]) {
    assert.throws(() => store.mergeFile(file), { name: 'TypeError', message: /own file/ })
  }
})

test('a file that is missing, foreign or damaged is refused, and no file is created', (t) => {
  const store = openStore(t)
  const folder = temporaryFolder(t)
  assert.throws(() => store.mergeFile(join(folder, 'none.sqlite')), {
    code: 'CANNOT_OPEN',
    message: /none\.sql/,
  })
  assert.deepEqual(readdirSync(folder), [])
  const foreign = new Database(join(folder, 'foreign.sqlite'))
  foreign.exec('CREATE TABLE other (a)')
  foreign.close()
  assert.throws(() => store.mergeFile(join(folder, 'foreign.sqlite')), { code: 'FOREIGN_FILE' })
  assert.throws(() => store.mergeFile(import.meta.filename), { code: 'CORRUPT_FILE' })
})

test('a readonly store merges nothing, but a dry run reports what it would merge', (t) => {
  const other = openStore(t)
  save(other, { taskId: 'a' })
  const { file } = openStore(t)
  using store = new TaskStore({ file, readonly: true })
  assert.throws(() => store.mergeFile(other.file), { code: 'READONLY' })
  assert.deepEqual(counts(store.mergeFile(other.file, { dryRun: true })), only({ added: 1 }))
  assert.equal(store.count(), 0)
})

for (const name of [...FIXTURE_NAMES, 'hot-wal']) {
  test(`${name}: merged into an empty store, it is equal`, needsFixtures, (t) => {
    const other = openStore(t, copyFixture(t, name))
    using store = memory()
    const { added, read, renamed } = merge(store, other.file)
    assert.deepEqual([added, renamed], [read, []])
    assert.equal(read, other.list({ archived: 'both' }).length)
    for (const [table, rows] of Object.entries(readRows(other))) {
      // Where shards are inserted task by task, only their row numbers differ.
      assert.deepEqual(byKey(readRows(store)[table as 'tasks']), byKey(rows), table)
    }
  })

  test(
    `${name}: merged into a separately upgraded copy of itself, it duplicates no task`,
    needsFixtures,
    (t) => {
      const store = openStore(t, copyFixture(t, name))
      const copy = openStore(t, copyFixture(t, name))
      const ids = store.list({ archived: 'both' }).map((task) => task.taskId)
      const theirIds = copy.list({ archived: 'both' }).map((task) => task.taskId)
      const rows = readRows(store)
      const report = merge(store, copy.file)
      assert.deepEqual(counts(report), only({ unchanged: ids.length }))
      assert.deepEqual(readRows(store), rows)
      const renamed = ids.flatMap((ours, i) => (ours === theirIds[i] ? [] : [ours])).toSorted()
      assert.deepEqual(report.renamed.map(({ ours }) => ours).toSorted(), renamed)
      for (const { theirs, ours } of report.renamed) assert.equal(theirIds.indexOf(theirs), ids.indexOf(ours))
    },
  )
}

for (const name of FIXTURE_NAMES.filter((name) => /\d-schema[123]$/.test(name))) {
  test(`${name}: a merge reads the file as it is, and leaves it byte for byte`, needsFixtures, (t) => {
    const file = copyFixture(t, name)
    const bytes = readFileSync(file)
    const store = openStore(t, copyFixture(t, name))
    const rows = readRows(store)
    const tasks = store.list({ archived: 'both' })
    const report = merge(store, file)
    assert.deepEqual(counts(report), only({ unchanged: tasks.length }))
    assert.deepEqual(readRows(store), rows)
    const oldIds = new Map(tasks.map((task) => [task.metadata.legacy_platform_id, task.taskId]))
    assert.deepEqual(new Map(report.renamed.map(({ theirs, ours }) => [theirs, ours])), oldIds)

    // Into an empty store, they keep the ids that they have.
    using empty = memory()
    assert.equal(merge(empty, file).added, tasks.length)
    assert.deepEqual(
      empty.list().map(({ taskId, result }) => [taskId, result]),
      store.list().map(({ metadata, result }) => [metadata.legacy_platform_id, result]),
    )
    assert.deepEqual(readFileSync(file), bytes)
    assert.deepEqual(
      readdirSync(dirname(file)).filter((entry) => !/^tasks\.sqlite(-wal|-shm)?$/.test(entry)),
      [],
    )
  })
}

test(
  'of two separately upgraded copies, the newest update wins both ways, and every old id finds its task',
  needsFixtures,
  (t) => {
    const name = FIXTURE_NAMES.find((fixture) => fixture.includes('0.0.11-')) ?? ''
    const [a, b] = [openStore(t, copyFixture(t, name)), openStore(t, copyFixture(t, name))]
    const oldIds = a.list().map((task) => String(task.metadata.legacy_platform_id))
    const [first = '', second = '', third = ''] = oldIds
    a.update(first, { status: 'failed', metadata: { by: 'a' } })
    b.update(second, { status: 'cancelled', metadata: { by: 'b' } })
    a.update(third, { metadata: { by: 'a' } })
    b.update(third, { metadata: { by: 'b' } })
    const aIds = a.list().map((task) => task.taskId)
    const total = a.list({ archived: 'both' }).length
    assert.deepEqual(counts(merge(a, b.file)), only({ updated: 2, kept: 1, unchanged: total - 3 }))
    assert.deepEqual(counts(merge(b, a.file)), only({ updated: 1, unchanged: total - 1 }))
    assert.deepEqual(
      a.list().map((task) => task.taskId),
      aIds,
    )
    assert.deepEqual(
      [a.get(first)?.metadata.by, a.get(second)?.metadata.by, a.get(third)?.metadata.by],
      ['a', 'b', 'b'],
    )
    for (const id of oldIds) {
      const [ours, theirs] = [a.get(id), b.get(id)]
      assert.equal(ours?.metadata.legacy_platform_id, id)
      assert.deepEqual({ ...theirs, taskId: '' }, { ...ours, taskId: '' })
    }
  },
)

/** What one task is in two stores, and the outcome of merging the second into the first. */
interface Case {
  readonly ours: (store: TaskStore) => void
  readonly theirs: (store: TaskStore) => void
  readonly outcome: Partial<ReturnType<typeof counts>>
  readonly reason?: RegExp
  readonly timeZone?: string
  readonly check?: (store: TaskStore) => void
}
const withShard = (taskId: string, given: Partial<Given> = {}, platformId = 'job') => {
  return (store: TaskStore) => save(store, { taskId, ...given }, [platformId])
}
const both = (...saves: ((store: TaskStore) => void)[]) => {
  return (store: TaskStore) => {
    for (const one of saves) one(store)
  }
}

const CASES: Readonly<Record<string, Case>> = {
  'a task with an equal time and different content is a conflict': {
    ours: withShard(ID(1), { status: 'running' }),
    theirs: withShard(ID(1), { status: 'success', result: { '0': 1 } }),
    outcome: { conflicts: 1 },
    reason: /^differs \((status, result|result, status)\), and neither is newer/,
  },
  'a shard with an equal time and different content is a conflict, and its newer task is not merged': {
    ours: (store) => {
      save(store, { taskId: ID(1) })
      saveShard(store, ID(1), 0, { status: 'running' })
    },
    theirs: (store) => {
      save(store, { taskId: ID(1), updateTime: at(5), status: 'success' })
      saveShard(store, ID(1), 0, { status: 'failed' })
    },
    outcome: { conflicts: 1 },
    reason: /shard 0 status/,
  },
  'a shard with another platform task id is a conflict': {
    ours: withShard(ID(1), {}, 'job-1'),
    theirs: withShard(ID(1), { updateTime: at(5) }, 'job-2'),
    outcome: { conflicts: 1 },
    reason: /shard 0 with the platform id job-2 there and job-1 here/,
  },
  'unreadable times count as equal, so different content is a conflict': {
    ours: both(withShard(ID(1), { shots: 1 }), (store) =>
      store.db.$client.exec("UPDATE tasks SET update_time = 'noon'"),
    ),
    theirs: withShard(ID(1), { updateTime: at(5), shots: 2 }),
    outcome: { conflicts: 1 },
    reason: /differs \(shots\)/,
  },
  'a made-up id submitted at another time is another task': {
    ours: (store) => save(store, { taskId: 'mine' }),
    theirs: (store) => save(store, { taskId: 'mine', submitTime: at(1), updateTime: at(5) }),
    outcome: { conflicts: 1 },
    reason: /two tasks with one id/,
  },
  'a made-up id submitted at the same moment, in another format, is the same task': {
    ours: (store) => save(store, { taskId: 'mine' }),
    theirs: (store) =>
      save(store, { taskId: 'mine', submitTime: '2026-01-01T08:00:00+08:00', updateTime: at(5) }),
    outcome: { updated: 1 },
  },
  'a made-up id of another provider is a conflict': {
    ours: (store) => save(store, { taskId: 'mine', backend: 'originq:WK_C180' }),
    theirs: (store) => save(store, { taskId: 'mine', backend: 'ibm', updateTime: at(5) }),
    outcome: { conflicts: 1 },
    reason: /^is of ibm there and of originq:WK_C180 here/,
  },
  'a platform id on another backend is another task': {
    ours: withShard(ID(1), { backend: 'originq' }),
    theirs: withShard(ID(2), { backend: 'ibm' }),
    outcome: { added: 1 },
    check: (store) => assert.equal(store.count(), 2),
  },
  'a task with one more platform task id is another task': {
    ours: (store) => save(store, { taskId: ID(1) }, ['job-0', 'job-1']),
    theirs: (store) => save(store, { taskId: ID(2) }, ['job-0']),
    outcome: { added: 1 },
  },
  'a task with the same platform task ids is the same task, under its id here': {
    ours: (store) => save(store, { taskId: ID(1) }, ['job-0', 'job-1']),
    theirs: (store) =>
      save(store, { taskId: ID(2), updateTime: at(5), status: 'success' }, ['job-0', 'job-1']),
    outcome: { updated: 1 },
    check: (store) => {
      assert.equal(store.count(), 1)
      assert.equal(store.get(ID(1))?.status, 'success')
    },
  },
  'the second of two tasks there that are one here is a conflict': {
    ours: withShard(ID(1)),
    theirs: both(withShard(ID(2)), withShard(ID(3))),
    outcome: { unchanged: 1, conflicts: 1 },
    reason: new RegExp(`is the same task as ${ID(2)} there and ${ID(1)} here`),
  },
  'a task there that is two tasks here is a conflict that names them': {
    ours: both(withShard(ID(1)), withShard(ID(2))),
    theirs: withShard(ID(3), { updateTime: at(5) }),
    outcome: { conflicts: 1 },
    reason: new RegExp(`several tasks here: ${ID(1)}, ${ID(2)}`),
  },
  'of two tasks here with one platform task id, the one submitted at the same moment is the same task': {
    ours: both(withShard(ID(1)), withShard(ID(2), { submitTime: at(3) })),
    theirs: withShard(ID(3), { submitTime: at(3), updateTime: at(5), status: 'failed' }),
    outcome: { updated: 1 },
    check: (store) =>
      assert.deepEqual([store.get(ID(1))?.status, store.get(ID(2))?.status], ['running', 'failed']),
  },
  "tasks duplicated by Python's racing upgrade are all merged": {
    ours: () => {},
    theirs: both(
      ...[1, 2].map((digit) => withShard(ID(digit), { metadata: { legacy_platform_id: 'job' } })),
      ...[3, 4].map((digit) => withShard(ID(digit), { metadata: { legacy_platform_id: 'other' } }, 'other')),
    ),
    outcome: { added: 4 },
    check: (store) => assert.throws(() => store.get('job'), { code: 'AMBIGUOUS_ID' }),
  },
  'duplicate tasks that are here already each match their own copy': {
    ours: both(withShard(ID(1)), withShard(ID(2))),
    theirs: both(withShard(ID(1)), withShard(ID(2), { updateTime: at(5), status: 'success' })),
    outcome: { unchanged: 1, updated: 1 },
  },
  'an id there that was replaced here finds the task that replaced it, and stays its old id': {
    ours: withShard(ID(1), { metadata: { legacy_platform_id: 'job' } }),
    theirs: (store) => save(store, { taskId: 'job', updateTime: at(5), metadata: { n: 2 } }),
    outcome: { updated: 1 },
    check: (store) => {
      assert.equal(store.count(), 1)
      assert.deepEqual(store.get('job')?.metadata, { n: 2, legacy_platform_id: 'job' })
      assert.equal(store.get('job')?.taskId, ID(1))
    },
  },
  'an id here that was replaced there stays': {
    ours: (store) => save(store, { taskId: 'job' }),
    theirs: withShard(ID(1), {
      updateTime: at(5),
      status: 'success',
      metadata: { legacy_platform_id: 'job' },
    }),
    outcome: { updated: 1 },
    check: (store) => {
      assert.deepEqual(
        store.list().map((task) => [task.taskId, task.status]),
        [['job', 'success']],
      )
      assert.equal(store.getShards('job').length, 1)
    },
  },
  'an archived task stays archived, and is updated from a live one': {
    ours: (store) => {
      withShard(ID(1))(store)
      store.archive.archive(ID(1))
    },
    theirs: withShard(ID(1), { updateTime: at(5), status: 'success' }),
    outcome: { updated: 1 },
    check: (store) => {
      assert.equal(store.count(), 0)
      assert.equal(store.archive.get(ID(1))?.status, 'success')
      assert.equal(store.archive.getShards(ID(1)).length, 1)
    },
  },
  'a live task stays live, and is updated from an archived one': {
    ours: withShard(ID(1)),
    theirs: (store) => {
      withShard(ID(1), { updateTime: at(5), status: 'success' })(store)
      store.archive.archive(ID(1))
    },
    outcome: { updated: 1 },
    check: (store) => assert.deepEqual([store.get(ID(1))?.status, store.archive.count()], ['success', 0]),
  },
  'an archived task that is not here is merged into the archive': {
    ours: () => {},
    theirs: (store) => {
      withShard(ID(1))(store)
      store.archive.archive(ID(1))
    },
    outcome: { added: 1 },
    check: (store) => assert.deepEqual([store.count(), store.archive.getShards(ID(1)).length], [0, 1]),
  },
  'shards are merged one by one: the newer of two, and those of one side only': {
    ours: (store) => {
      save(store, { taskId: ID(1), updateTime: at(3) })
      saveShard(store, ID(1), 0, { updateTime: at(1), status: 'success' })
      saveShard(store, ID(1), 1, { updateTime: at(3), status: 'success' })
      saveShard(store, ID(1), 2, { status: 'failed' })
    },
    theirs: (store) => {
      save(store, { taskId: ID(1), updateTime: at(2), status: 'failed' })
      saveShard(store, ID(1), 0, { updateTime: at(2), status: 'cancelled' })
      saveShard(store, ID(1), 1, { updateTime: at(2), status: 'cancelled' })
      saveShard(store, ID(1), 3, { status: 'cancelled' })
    },
    outcome: { updated: 1 },
    check: (store) => {
      assert.equal(store.get(ID(1))?.status, 'running')
      assert.deepEqual(
        store.getShards(ID(1)).map((shard) => [shard.shardIndex, shard.status]),
        [
          [0, 'cancelled'],
          [1, 'success'],
          [2, 'failed'],
          [3, 'cancelled'],
        ],
      )
    },
  },
  'a record that is newer here is kept': {
    ours: withShard(ID(1), { updateTime: at(5), shots: 1 }),
    theirs: withShard(ID(1), { updateTime: at(4), shots: 2 }),
    outcome: { kept: 1 },
  },
  'a time without an offset is read in the given time zone': {
    ours: withShard(ID(1), { updateTime: at(5), shots: 1 }),
    theirs: withShard(ID(1), { updateTime: '2026-01-01T06:00:00', shots: 2 }),
    timeZone: '+08:00',
    outcome: { kept: 1 },
  },
  'the same local time in another time zone is newer': {
    ours: withShard(ID(1), { updateTime: at(5), shots: 1 }),
    theirs: withShard(ID(1), { updateTime: '2026-01-01T06:00:00', shots: 2 }),
    timeZone: 'UTC',
    outcome: { updated: 1 },
  },
}
for (const [title, { ours, theirs, outcome, reason, timeZone, check }] of Object.entries(CASES)) {
  test(title, (t) => {
    using store = memory()
    const other = openStore(t)
    ours(store)
    theirs(other)
    const report = merge(store, other.file, { timeZone })
    assert.deepEqual(counts(report), only(outcome))
    assert.equal(report.conflicts.length > 0, reason !== undefined)
    for (const conflict of report.conflicts) assert.match(conflict.reason, reason ?? /^$/)
    check?.(store)
  })
}

test('results and metadata are merged byte for byte', (t) => {
  const other = openStore(t)
  save(other, { taskId: ID(1) }, ['p'])
  const cell = '{"b": 1.0, "10": [-0.0,NaN, 12345678901234567890123], "2": "\\u00e9", "__proto__": {}}'
  for (const set of ['tasks SET result_json', 'tasks SET metadata_json', 'task_shards SET result_json']) {
    other.db.$client.prepare(`UPDATE ${set} = ?`).run(cell)
  }
  using store = memory()
  merge(store, other.file)
  assert.deepEqual(readRows(store), readRows(other))
  other.db.$client.exec(`UPDATE tasks SET metadata_json = 'torn', update_time = '${at(5)}'`)
  assert.equal(merge(store, other.file).updated, 1)
  assert.deepEqual(readRows(store), readRows(other))
})

const anyTimed = fc.record({
  hour: fc.integer({ min: 0, max: 9 }),
  status: fc.constantFrom('running', 'success'),
})
const anyStore = fc.array(
  fc.record({
    digit: fc.integer({ min: 1, max: 4 }),
    task: anyTimed,
    shards: fc.uniqueArray(fc.record({ index: fc.integer({ min: 0, max: 2 }), shard: anyTimed }), {
      selector: ({ index }) => index,
    }),
    isArchived: fc.boolean(),
  }),
  { maxLength: 4 },
)

test('any two stores merged both ways hold the same, the newest of each row', (t) => {
  const [a, b] = [openStore(t), openStore(t)]
  // Updates at even hours on one side and at odd ones on the other: of any two one is newer.
  const fill = (
    store: TaskStore,
    given: typeof anyStore extends fc.Arbitrary<infer T> ? T : never,
    odd: number,
  ) => {
    for (const table of ['tasks', 'archived_tasks', 'archived_task_shards']) {
      store.db.$client.exec(`DELETE FROM ${table}`)
    }
    const newest = new Map<string, number>()
    const fields = ({ hour, status }: { hour: number; status: string }, key: string) => {
      const time = 2 * hour + odd
      newest.set(key, time)
      return { updateTime: at(time), status, errorMessage: `${key} of ${time}` } as object
    }
    store.transaction(() => {
      for (const { digit, task, shards, isArchived } of new Map(
        given.map((one) => [one.digit, one]),
      ).values()) {
        save(store, { taskId: ID(digit), ...fields(task, ID(digit)) })
        for (const { index, shard } of shards) {
          const key = `${ID(digit)} ${index}`
          saveShard(store, ID(digit), index, { ...fields(shard, key), platformTaskId: key })
        }
        if (isArchived) store.archive.archive(ID(digit))
      }
    })
    return newest
  }
  const contents = (store: TaskStore) => {
    const tasks = store
      .list({ archived: 'both' })
      .map((task) => [task.taskId, task.status, task.updateTime, task.errorMessage])
    const shards = store.list({ archived: 'both' }).flatMap(({ taskId, archivedAt }) =>
      (archivedAt === null ? store : store.archive).getShards(taskId).map((shard) => {
        const { shardIndex, status, updateTime, errorMessage } = shard
        return [`${taskId} ${shardIndex}`, status, updateTime, errorMessage]
      }),
    )
    return [...tasks, ...shards].toSorted()
  }
  fc.assert(
    fc.property(anyStore, anyStore, (givenA, givenB) => {
      const [newestA, newestB] = [fill(a, givenA, 0), fill(b, givenB, 1)]
      const keys = new Set([...newestA.keys(), ...newestB.keys()])
      const newest = [...keys].map((key) => [key, at(Math.max(newestA.get(key) ?? 0, newestB.get(key) ?? 0))])
      assert.deepEqual(merge(a, b.file).conflicts, [])
      assert.deepEqual(merge(b, a.file).conflicts, [])
      assert.deepEqual(contents(a), contents(b))
      assert.deepEqual(
        contents(a).map(([key, , time]) => [key, time]),
        newest.toSorted(),
      )
    }),
    { numRuns: 30 },
  )
})

const KILLED_TASKS = 600

test('a merge killed at a row has written whole batches, and the same call completes it', async (t) => {
  const other = openStore(t)
  other.transaction(() => {
    for (let i = 0; i < KILLED_TASKS; i++) save(other, { taskId: `t${i}`, metadata: { i } }, [`p${i}`])
    for (let i = 400; i < KILLED_TASKS; i++) other.archive.archive(`t${i}`)
  })
  using undisturbed = memory()
  undisturbed.mergeFile(other.file)
  const expected = readRows(undisturbed)
  const dieAtRow = `
    import { TaskStore } from 'uniqc-task-store'
    const [file, other, table, row] = process.argv.slice(1)
    const store = new TaskStore({ file })
    store.db.$client.function('die', () => process.kill(process.pid, 'SIGKILL'))
    store.db.$client.exec('CREATE TEMP TRIGGER dying AFTER INSERT ON main.' + table + ' WHEN ' + row + ' BEGIN SELECT die(); END')
    store.mergeFile(other)
  `
  const deaths = [
    ['tasks', "NEW.task_id = 't0'", 0],
    ['tasks', "NEW.task_id = 't299'", 200],
    ['task_shards', "NEW.platform_task_id = 'p300'", 300],
    ['archived_tasks', "NEW.task_id = 't400'", 400],
    ['archived_task_shards', "NEW.platform_task_id = 'p599'", 500],
  ] as const
  for (const [table, row, whole] of deaths) {
    const file = temporaryFile(t)
    await assert.rejects(runModule(dieAtRow, file, other.file, table, row), /ended with null/)
    using store = new TaskStore({ file })
    assert.equal(store.db.$client.pragma('integrity_check', { simple: true }), 'ok')
    assert.equal(store.list({ archived: 'both' }).length, whole)
    const report = store.mergeFile(other.file)
    assert.deepEqual(counts(report), only({ unchanged: whole, added: KILLED_TASKS - whole }))
    assert.deepEqual(readRows(store), expected)
  }
})

test('a merge reads the other file at one moment, whatever is written to it meanwhile', async (t) => {
  const other = openStore(t)
  const moments = new Set<number>()
  await keepMoving(other, () => {
    for (let i = 0; i < 10 || moments.size < 3; i++) {
      using store = memory()
      assert.deepEqual(counts(store.mergeFile(other.file)), only({ added: MOVING_TASKS }))
      const tasks = store.list({ archived: 'both' })
      assert.equal(new Set(tasks.map((task) => task.taskId)).size, MOVING_TASKS)
      const [first] = tasks
      assert.ok(tasks.every((task) => task.shots === first?.shots))
      moments.add(first?.shots ?? 0)
    }
  })
})

test('a task that is both live and archived there becomes both here, as the dry run reports', (t) => {
  const other = openStore(t)
  save(other, { taskId: 'x', result: 'archived', updateTime: at(5) })
  other.archive.archive('x')
  save(other, { taskId: 'x', result: 'live', updateTime: at(2) })
  const store = openStore(t)
  const dry = store.mergeFile(other.file, { dryRun: true })
  const report = store.mergeFile(other.file)
  assert.deepEqual(report, dry)
  assert.deepEqual([report.added, report.conflicts], [2, []])
  assert.deepEqual([store.get('x')?.result, store.archive.get('x')?.result], ['live', 'archived'])
})

test('an error for a damaged other file names that file', (t) => {
  const other = openStore(t)
  for (let i = 0; i < 300; i++) save(other, { taskId: `t${i}` }, [`p${i}`])
  const store = openStore(t)
  for (let i = 0; i < 300; i++)
    save(store, { taskId: ID(1).slice(0, -3) + String(i).padStart(3, '0') }, [`p${i}`])
  const { file } = other
  other.close()
  const root = new Database(file, { readonly: true })
    .prepare("SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_tasks_1'")
    .pluck()
    .get() as number
  const bytes = readFileSync(file)
  bytes.fill(0xa5, (root - 1) * 4096, root * 4096)
  writeFileSync(file, bytes)
  assert.throws(
    () => store.mergeFile(file),
    (error: Error & { code?: string }) => error.code === 'CORRUPT_FILE' && error.message.startsWith(file),
  )
})

test('anything but another file is refused', (t) => {
  const store = openStore(t)
  assert.throws(() => store.mergeFile(':memory:'), TypeError)
  assert.throws(() => store.mergeFile(dirname(store.file)), { code: 'CANNOT_OPEN' })
})

const SAME_CELLS: readonly (readonly [what: string, here: string, there: string])[] = [
  ['no result and an empty result', 'result_json = NULL', "result_json = ''"],
  ['an empty result and no result', "result_json = ''", 'result_json = NULL'],
  ['an empty result and null', "result_json = ''", "result_json = 'null'"],
  ['no metadata and empty metadata', "metadata_json = '{}'", "metadata_json = ''"],
  ['empty metadata and no metadata', "metadata_json = ''", "metadata_json = ' { } '"],
]

for (const [what, here, there] of SAME_CELLS) {
  test(`${what} are equal`, (t) => {
    const [ours, theirs] = [openStore(t), openStore(t)]
    for (const [store, cell] of [
      [ours, here],
      [theirs, there],
    ] as const) {
      save(store, { taskId: ID(1) })
      store.db.$client.exec(`UPDATE tasks SET ${cell}`)
    }
    const { file } = theirs
    theirs.close()
    const { unchanged, conflicts } = merge(ours, file)
    assert.deepEqual([unchanged, conflicts], [1, []])
  })
}

for (const metadata of ['[1]', '{"torn', '']) {
  test(`a newer record replaces one whose metadata is ${JSON.stringify(metadata)}`, (t) => {
    const [ours, theirs] = [openStore(t), openStore(t)]
    save(ours, { taskId: ID(1) })
    ours.db.$client.prepare('UPDATE tasks SET metadata_json = ?').run(metadata)
    save(theirs, { taskId: ID(1), updateTime: at(1), metadata: { theirs: 1 } })
    const { file } = theirs
    theirs.close()
    assert.equal(merge(ours, file).updated, 1)
    assert.deepEqual(ours.get(ID(1))?.metadata, { theirs: 1 })
  })
}

test('a newer record without metadata keeps the id under which the store knew the task', (t) => {
  const [ours, theirs] = [openStore(t), openStore(t)]
  save(ours, { taskId: ID(1), metadata: { legacy_platform_id: 'old-1' } }, ['old-1'])
  save(theirs, { taskId: ID(1), updateTime: at(1), status: 'success' }, ['old-1'])
  theirs.db.$client.exec("UPDATE tasks SET metadata_json = ''")
  const { file } = theirs
  theirs.close()
  assert.equal(merge(ours, file).updated, 1)
  assert.deepEqual(
    [ours.get('old-1')?.status, ours.get(ID(1))?.metadata],
    ['success', { legacy_platform_id: 'old-1' }],
  )
})
