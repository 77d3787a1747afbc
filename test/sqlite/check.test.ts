import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { type Finding, type FindingKind, TaskStore } from 'uniqc-task-store'
import { copyFixture, FIXTURE_NAMES, needsFixtures } from '../support/fixtures.ts'
import { memory } from '../support/store.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const RECENT = '2026-05-03T01:02:03.000000+00:00'

/** A store with a task in each place, each with a shard, on a clock that stands still. */
function open(t: TestContext): TaskStore {
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse('2026-05-04') })
  // Where UnifiedQuantum would have its own store, if this machine had one.
  const { TMPDIR } = process.env
  process.env.TMPDIR = temporaryFolder(t)
  t.after(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  })
  const store = new TaskStore({ file: temporaryFile(t) })
  for (const taskId of ['live', 'old']) {
    store.save({ taskId, backend: 'originq:WK_C180', status: 'success', submitTime: RECENT, result: [1] })
    store.addShard({ uniqcTaskId: taskId, platformTaskId: `p-${taskId}`, status: 'success', result: [1] })
  }
  store.archive.archive('old')
  t.after(() => store.close())
  return store
}

function byKind(findings: readonly Finding[]): Partial<Record<FindingKind, readonly string[]>> {
  return Object.fromEntries(findings.map(({ kind, rows }) => [kind, rows]))
}

test('a sound file has no findings, and a check changes nothing', (t) => {
  const store = open(t)
  const { data_version: before } =
    (store.db.$client.pragma('data_version') as { data_version: number }[])[0] ?? {}
  assert.deepEqual(store.check(), { isSound: true, findings: [] })
  const changes = store.db.$client.prepare('SELECT total_changes()').pluck().get()
  store.check()
  assert.equal(store.db.$client.prepare('SELECT total_changes()').pluck().get(), changes)
  assert.equal(store.db.$client.pragma('data_version', { simple: true }) as number, before)
})

const SPOILED: readonly (readonly [
  kind: FindingKind,
  severity: Finding['severity'],
  rows: readonly string[],
  sql: string,
])[] = [
  ['missing-index', 'warning', ['uniqc_tasks_status_time_idx'], 'DROP INDEX uniqc_tasks_status_time_idx'],
  ['orphan-shard', 'error', ['live'], "DELETE FROM tasks WHERE task_id = 'live'"],
  ['orphan-shard', 'error', ['old'], "DELETE FROM archived_tasks WHERE task_id = 'old'"],
  [
    'live-and-archived',
    'error',
    ['old'],
    `INSERT INTO tasks SELECT task_id, backend, status, shots, submit_time, update_time, result_json,
      metadata_json, error_message FROM archived_tasks`,
  ],
  ['unreadable-json', 'warning', ['live'], `UPDATE tasks SET result_json = '{"a'`],
  ['unreadable-json', 'warning', ['live'], "UPDATE tasks SET metadata_json = '[1]'"],
  ['unreadable-json', 'warning', ['live, shard 0'], "UPDATE task_shards SET result_json = 'x'"],
  ['unreadable-json', 'warning', ['old, shard 0'], "UPDATE archived_task_shards SET result_json = 'x'"],
  ['status-mismatch', 'warning', ['live'], "UPDATE tasks SET status = 'failed'"],
  ['status-mismatch', 'warning', ['old'], "UPDATE archived_task_shards SET status = 'running'"],
  ['invalid-time', 'warning', ['live'], "UPDATE tasks SET submit_time = 'yesterday'"],
  ['invalid-time', 'warning', ['old'], "UPDATE archived_tasks SET update_time = '2026-02-31'"],
  [
    'unknown-status',
    'info',
    ['live'],
    "UPDATE tasks SET status = 'TaskStatus.RUNNING'; DELETE FROM task_shards",
  ],
  [
    'long-pending',
    'info',
    ['live'],
    "UPDATE tasks SET status = 'pending', submit_time = '2026-04-01'; DELETE FROM task_shards",
  ],
]

for (const [kind, severity, rows, sql] of SPOILED) {
  test(`${kind} is found: ${sql.replaceAll(/\s+/g, ' ').slice(0, 60)}`, (t) => {
    const store = open(t)
    store.db.$client.pragma('foreign_keys = OFF')
    store.db.$client.exec(sql)
    const { isSound, findings } = store.check()
    assert.deepEqual(byKind(findings), { [kind]: rows })
    const [finding] = findings
    assert.deepEqual([finding?.severity, finding?.count], [severity, rows.length])
    assert.ok(finding?.message && finding.fix)
    assert.equal(isSound, severity !== 'error')
  })
}

test('a task is long-pending only after the given number of days', (t) => {
  const store = open(t)
  store.save({ taskId: 'new', backend: 'b', status: 'running', submitTime: '2026-05-02T00:00:00+00:00' })
  assert.deepEqual(byKind(store.check().findings), {})
  assert.deepEqual(byKind(store.check({ pendingDays: 1 }).findings), { 'long-pending': ['new'] })
  for (const options of [
    { pendingDays: -1 },
    { pendingDays: Number.NaN },
    { days: 1 },
    { timeZone: 'nowhere' },
  ]) {
    assert.throws(() => store.check(options as object), TypeError)
  }
})

test('damage is found in every page that SQLite can check', (t) => {
  const store = open(t)
  const { file } = store
  store.saveMany(
    Array.from({ length: 300 }, (_, i) => ({ taskId: `t${i}`, backend: 'b', status: 'success' as const })),
  )
  store.close()
  const sound = readFileSync(file)
  const pageSize = sound.readUInt16BE(16)
  let found = 0
  for (let page = 1; page < sound.length / pageSize; page++) {
    const damaged = Buffer.from(sound)
    damaged.fill(0xa5, page * pageSize, (page + 1) * pageSize)
    const copy = join(dirname(file), 'damaged.sqlite')
    writeFileSync(copy, damaged)
    try {
      using opened = new TaskStore({ file: copy, readonly: true })
      const report = opened.check()
      assert.equal(report.isSound, false, `page ${page}`)
      assert.equal(report.findings[0]?.kind, 'damaged-file')
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'CORRUPT_FILE')
    }
    found++
  }
  assert.ok(found > 20)
})

test('a check that fails for another reason than damage throws that error', (t) => {
  const store = open(t)
  store.db.$client.exec('ALTER TABLE task_shards RENAME COLUMN status TO state')
  assert.throws(() => store.check(), /no such column/)
})

test('the last row of a large table is checked, too', (t) => {
  const store = open(t)
  store.saveMany(
    Array.from({ length: 1200 }, (_, i) => ({
      taskId: `t${i}`,
      backend: 'b',
      status: 'success' as const,
      submitTime: RECENT,
    })),
  )
  store.db.$client.exec("UPDATE tasks SET result_json = 'x' WHERE task_id IN ('t0', 't499', 't1199')")
  assert.deepEqual(byKind(store.check().findings), { 'unreadable-json': ['t0', 't499', 't1199'] })
})

test('repair recreates indexes, and recreates the tasks of orphaned shards', (t) => {
  const store = open(t)
  const { $client } = store.db
  store.addShard({
    uniqcTaskId: 'live',
    platformTaskId: 'p2',
    status: 'failed',
    errorMessage: 'chip offline',
  })
  const shards = store.getShards('live')
  $client.pragma('foreign_keys = OFF')
  $client.exec('DROP INDEX uniqc_tasks_status_time_idx; DELETE FROM tasks; DELETE FROM archived_tasks')
  $client.pragma('foreign_keys = ON')
  const { backup, repaired, unrepaired } = store.repair(store.check().findings)
  assert.deepEqual(unrepaired, [])
  assert.deepEqual(repaired, [
    { kind: 'missing-index', rows: ['uniqc_tasks_status_time_idx'] },
    { kind: 'orphan-shard', rows: ['live', 'old'] },
  ])
  assert.deepEqual(byKind(store.check().findings), {})
  const task = store.get('live')
  assert.deepEqual(
    [task?.status, task?.result, task?.errorMessage, task?.backend],
    ['failed', [[1], null], 'chip offline', 'originq:WK_C180'],
  )
  assert.deepEqual(store.getShards('live'), shards)
  assert.equal(store.archive.get('old')?.status, 'success')
  const before = new Database(backup ?? '', { readonly: true })
  assert.equal(before.prepare('SELECT count(*) FROM tasks').pluck().get(), 0, 'the copy is of before')
  before.close()
})

for (const name of FIXTURE_NAMES.filter((name) => name.includes('0.0.4-'))) {
  test(
    `tasks duplicated by two simultaneous upgrades are found, and exact duplicates removed: ${name}`,
    needsFixtures,
    (t) => {
      using store = new TaskStore({ file: copyFixture(t, name) })
      const { $client } = store.db
      const count = store.count()
      const [kept, other] = store.list({ limit: 2 })
      const double = (taskId: string, newId: string) => {
        for (const [table, key] of [
          ['tasks', 'task_id'],
          ['task_shards', 'uniqc_task_id'],
        ]) {
          const row = $client.prepare(`SELECT * FROM ${table} WHERE ${key} = ?`).get(taskId) as Record<
            string,
            unknown
          >
          const names = Object.keys(row)
          const text = `INSERT INTO ${table} (${names}) VALUES (${names.map((column) => `:${column}`)})`
          $client.prepare(text).run({ ...row, [key as string]: newId })
        }
      }
      double(kept?.taskId ?? '', 'uqt_same')
      double(other?.taskId ?? '', 'uqt_other')
      store.update('uqt_other', { errorMessage: 'differs' })
      const { findings } = store.check({ pendingDays: 1e6 })
      const doubled = byKind(findings)['duplicate-task'] ?? []
      assert.deepEqual(doubled.toSorted(), [kept?.taskId, other?.taskId, 'uqt_same', 'uqt_other'].toSorted())
      const { repaired, unrepaired } = store.repair(findings)
      assert.deepEqual(repaired, [{ kind: 'duplicate-task', rows: ['uqt_same'] }])
      assert.deepEqual(
        unrepaired.map(({ rows }) => rows),
        [['uqt_other']],
      )
      assert.equal(store.count(), count + 1)
      assert.deepEqual(store.get(kept?.taskId ?? ''), kept)
    },
  )
}

test('tasks that rightly share a platform task id are not duplicates', (t) => {
  const store = open(t)
  store.save({ taskId: 'second', backend: 'originq:WK_C180', status: 'success', submitTime: RECENT })
  store.addShard({ uniqcTaskId: 'second', platformTaskId: 'p-live', status: 'success' })
  assert.deepEqual(byKind(store.check().findings), {})
})

test('a store in the temporary folder is found, and merged by repair', (t) => {
  const store = open(t)
  const folder = join(tmpdir(), 'uniqc', 'cache')
  mkdirSync(folder, { recursive: true })
  const lost = new TaskStore(folder)
  lost.save({ taskId: 'lost', backend: 'ibm', status: 'success', submitTime: RECENT })
  lost.close()
  const { findings } = store.check()
  assert.deepEqual(byKind(findings), { 'fallback-store': [join(folder, 'tasks.sqlite')] })
  const { repaired, unrepaired } = store.repair(findings)
  assert.deepEqual([repaired[0]?.kind, unrepaired], ['fallback-store', []])
  assert.equal(store.get('lost')?.backend, 'ibm')
  assert.ok(existsSync(join(folder, 'tasks.sqlite')), 'and stays where it is')
})

test('a store in the temporary folder does not report itself', (t) => {
  open(t)
  using store = new TaskStore(join(tmpdir(), 'uniqc', 'cache'))
  assert.deepEqual(store.check(), { isSound: true, findings: [] })
})

test('a store in the temporary folder that is gone before the repair needs none', (t) => {
  const store = open(t)
  const folder = join(tmpdir(), 'uniqc', 'cache')
  new TaskStore(folder).close()
  const { findings } = store.check()
  assert.deepEqual(Object.keys(byKind(findings)), ['fallback-store'])
  rmSync(folder, { recursive: true })
  const { repaired, unrepaired } = store.repair(findings)
  assert.deepEqual([repaired, unrepaired], [[], []])
  assert.equal(store.count(), 1)
})

test('orphaned shards that are not terminal get a task that is not terminal, without a result', (t) => {
  const store = open(t)
  store.saveShard({ uniqcTaskId: 'live', shardIndex: 0, platformTaskId: 'p-live', status: 'running' })
  const { $client } = store.db
  $client.pragma('foreign_keys = OFF')
  $client.exec('DELETE FROM tasks')
  $client.pragma('foreign_keys = ON')
  store.repair(store.check().findings)
  const task = store.get('live')
  assert.deepEqual([task?.status, task?.result], ['running', null])
})

test('shards whose task is in the other place are left unrepaired', (t) => {
  const store = open(t)
  const { $client } = store.db
  $client.pragma('foreign_keys = OFF')
  $client.exec("UPDATE task_shards SET uniqc_task_id = 'old'; DELETE FROM tasks")
  $client.pragma('foreign_keys = ON')
  const { findings } = store.check()
  assert.deepEqual(byKind(findings), { 'orphan-shard': ['old'] })
  const { repaired, unrepaired } = store.repair(findings)
  assert.deepEqual(
    [repaired, unrepaired.map(({ kind, rows }) => [kind, rows])],
    [[], [['orphan-shard', ['old']]]],
  )
  assert.match(unrepaired[0]?.reason ?? '', /decide which to keep/)
  assert.deepEqual([store.count(), store.archive.get('old')?.result], [0, [1]])
  assert.deepEqual(byKind(store.check().findings), byKind(findings))
})

test('a database in memory is repaired without a copy', () => {
  using store = memory()
  store.db.$client.exec('DROP INDEX uniqc_tasks_status_time_idx')
  const { findings } = store.check()
  const { backup, repaired } = store.repair(findings.filter(({ kind }) => kind === 'missing-index'))
  assert.deepEqual([backup, repaired.map(({ kind }) => kind)], [undefined, ['missing-index']])
})

test('a repair that fails changes nothing and leaves no copy', (t) => {
  const store = open(t)
  const { $client } = store.db
  $client.exec('DROP INDEX uniqc_tasks_status_time_idx')
  $client.pragma('foreign_keys = OFF')
  $client.exec(
    "DELETE FROM tasks; CREATE TEMP TRIGGER no BEFORE INSERT ON tasks BEGIN SELECT RAISE(FAIL, 'no'); END",
  )
  const { findings } = store.check()
  assert.throws(() => store.repair(findings), /no/)
  assert.deepEqual(byKind(store.check().findings), byKind(findings))
  assert.deepEqual(
    readdirSync(dirname(store.file)).filter((name) => name.includes('before-repair')),
    [],
  )
})

test('findings that need a decision are left unrepaired, and no copy is made', (t) => {
  const store = open(t)
  store.db.$client.exec("UPDATE tasks SET status = 'failed'")
  const { findings } = store.check()
  const { backup, repaired, unrepaired } = store.repair(findings)
  assert.deepEqual(
    [backup, repaired, unrepaired.map(({ kind }) => kind)],
    [undefined, [], ['status-mismatch']],
  )
  for (const wrong of [undefined, 'x', [1], [{}], [{ kind: 'x' }]]) {
    assert.throws(() => store.repair(wrong as never), TypeError)
  }
})

test('at most five copies from before repairs are kept', (t) => {
  const store = open(t)
  for (let i = 0; i < 7; i++) {
    store.db.$client.exec('DROP INDEX uniqc_tasks_status_time_idx')
    store.repair(store.check().findings)
    t.mock.timers.tick(1000)
  }
  const copies = readdirSync(dirname(store.file)).filter((name) => name.includes('before-repair'))
  assert.equal(copies.length, 5)
  assert.ok(
    copies.every((name) => name > 'tasks.sqlite.before-repair.20260504T000001'),
    'the newest',
  )
})
