import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { Pool } from 'pg'
import { copyTasks, TaskStore } from 'uniqc-task-store'
import { PostgresTaskStore } from 'uniqc-task-store/postgres'
import { copyFixture, FIXTURE_NAMES } from '../support/fixtures.ts'
import { freshSchema, needsPostgres, openPostgres, query, sharedServer } from '../support/postgres.ts'
import { rowsByKey } from '../support/read-rows.ts'
import { RUNNING, wrong } from '../support/store.ts'
import { temporaryFolder } from '../support/temporary.ts'

test('every fixture is copied to PostgreSQL and back cell for cell', needsPostgres, async (t) => {
  for (const name of FIXTURE_NAMES) {
    const file = new TaskStore({ file: copyFixture(t, name) })
    t.after(() => file.close())
    const team = await openPostgres(t)
    const total = file.count() + file.archive.count()
    const report = await copyTasks(file, team)
    assert.deepEqual([report.read, report.added, report.conflicts], [total, total, []], name)
    const again = await copyTasks(file, team)
    assert.deepEqual([again.read, again.unchanged], [total, total], `${name}, again`)
    const back = new TaskStore({ file: join(temporaryFolder(t), 'back.sqlite') })
    t.after(() => back.close())
    await copyTasks(team, back)
    assert.deepEqual(rowsByKey(back), rowsByKey(file), name)
    assert.deepEqual(await team.list({ archived: 'both' }), file.list({ archived: 'both' }), name)
  }
})

test(
  'a cell that is not JSON keeps a null character, and its spelling, both ways',
  needsPostgres,
  async (t) => {
    const file = new TaskStore({ file: ':memory:' })
    t.after(() => file.close())
    const cells = [
      'torn \0 text',
      '{"$unreadable":"a\\u0000b"}',
      '{"$unreadable":"x"}',
      '{"a": 1.0, "a":2 }',
      'NaN',
    ]
    for (const [i, cell] of cells.entries()) {
      file.save({ ...RUNNING, taskId: `t${i}` })
      file.db.$client.prepare('UPDATE tasks SET result_json = ? WHERE task_id = ?').run(cell, `t${i}`)
    }
    const team = await openPostgres(t)
    await copyTasks(file, team)
    for (const { taskId } of file.list()) assert.deepEqual(await team.get(taskId), file.get(taskId))
    const back = new TaskStore({ file: ':memory:' })
    t.after(() => back.close())
    await copyTasks(team, back)
    assert.deepEqual(rowsByKey(back), rowsByKey(file))
  },
)

test(
  'a task with a null character in a text is a conflict, and the others are copied',
  needsPostgres,
  async (t) => {
    const file = new TaskStore({ file: ':memory:' })
    t.after(() => file.close())
    file.save({ ...RUNNING, errorMessage: 'nul \0' })
    file.save({ ...RUNNING, taskId: 'b' })
    const team = await openPostgres(t)
    const { added, conflicts } = await copyTasks(file, team)
    assert.equal(added, 1)
    assert.equal(conflicts[0]?.taskId, 'a')
    assert.match(conflicts[0]?.reason ?? '', /errorMessage holds a null character/)
  },
)

const COUNT = 4500

test('a copy that is aborted is completed by the same call', needsPostgres, async (t) => {
  const file = new TaskStore({ file: ':memory:' })
  t.after(() => file.close())
  file.saveMany(Array.from({ length: COUNT }, (_, i) => ({ ...RUNNING, taskId: `t${i}` })))
  const team = await openPostgres(t)
  const stop = new AbortController()
  const reason = new Error('enough')
  const told: number[] = []
  const onProgress = ({ read }: { read: number }) => told.push(read) === 2 && stop.abort(reason)
  await assert.rejects(copyTasks(file, team, { signal: stop.signal, onProgress }), reason)
  assert.equal(told.length, 2)
  assert.equal(await team.count(), told[1])
  const { added, unchanged } = await copyTasks(file, team)
  assert.deepEqual([added + unchanged, unchanged], [COUNT, told[1]])
})

test(
  'a dry run writes nothing, a filter selects, the newer record wins unless overwrite is given',
  needsPostgres,
  async (t) => {
    const file = new TaskStore({ file: ':memory:' })
    t.after(() => file.close())
    const team = await openPostgres(t)
    file.saveMany([RUNNING, { ...RUNNING, taskId: 'b', status: 'failed' }])
    assert.equal((await copyTasks(file, team, { dryRun: true })).added, 2)
    assert.equal(await team.count(), 0)
    assert.equal((await copyTasks(file, team, { filter: { status: 'failed' } })).added, 1)
    await team.update('b', { shots: 5 })
    assert.equal((await copyTasks(file, team)).kept, 1)
    assert.equal((await team.get('b'))?.shots, 5)
    await copyTasks(file, team, { overwrite: true })
    assert.deepEqual(await team.get('b'), file.get('b'))
    await assert.rejects(copyTasks(wrong({}), team), { argument: 'from' })
    await assert.rejects(copyTasks(file, file), TypeError)
    await assert.rejects(copyTasks(file, team, wrong({ fliter: {} })), /no "fliter"/)
  },
)

test(
  'a task that is saved while a copy adds it is not replaced by an older record',
  needsPostgres,
  async (t) => {
    const file = new TaskStore({ file: ':memory:' })
    t.after(() => file.close())
    const task = { ...RUNNING, submitTime: '2026-01-01T00:00:00' }
    file.saveMany([task, { ...task, taskId: 'b' }])
    const schema = freshSchema()
    const other = await openPostgres(t, { schema })
    const { url } = await sharedServer()
    const pool = new Pool({ connectionString: url })
    t.after(() => pool.end())
    let hasSaved = false
    pool.on('connect', (client) => {
      const send = client.query.bind(client) as (...args: unknown[]) => unknown
      client.query = ((query: { text: string }, ...rest: unknown[]) => {
        if (hasSaved || !/^INSERT INTO \S+\.tasks/.test(query.text)) return send(query, ...rest)
        hasSaved = true
        other.save({ ...task, shots: 7 }).then(() => send(query, ...rest), assert.ifError)
      }) as typeof client.query
    })
    const team = await openPostgres(t, { url: undefined, pool, connections: undefined, schema })
    const { added, kept } = await copyTasks(file, team)
    assert.deepEqual([added, kept], [1, 1])
    assert.equal((await team.get(task.taskId))?.shots, 7)
    assert.deepEqual(await team.get('b'), file.get('b'))
  },
)

test(
  'a copy into tables that the server has not counted yet reads none of them whole',
  needsPostgres,
  async (t) => {
    const file = new TaskStore({ file: ':memory:' })
    t.after(() => file.close())
    const add = (n: number) => {
      file.save({ ...RUNNING, taskId: `t${n}`, backend: n < 20 ? 'few' : 'most' })
      file.addShard({ uniqcTaskId: `t${n}`, platformTaskId: `p${n}`, status: 'running' })
    }
    for (let n = 0; n < COUNT; n++) add(n)
    const { url } = await sharedServer()
    const schema = freshSchema()
    const team = await openPostgres(t, { schema })
    const [tables, isOurs] = [
      ['tasks', 'task_shards'],
      `schemaname = '${schema}' AND relname IN ('tasks', 'task_shards')`,
    ]
    for (const table of tables) {
      await query(url, `ALTER TABLE ${schema}.${table} SET (autovacuum_enabled = false)`)
    }
    await copyTasks(file, team)
    // A connection that ends tells its statistics.
    await team.close()
    const scans = () =>
      query(url, `SELECT relname, seq_scan FROM pg_stat_user_tables WHERE ${isOurs} ORDER BY 1`)
    const before = await scans()
    const again = await PostgresTaskStore.open({ url, schema })
    await copyTasks(file, again, { filter: { backend: 'few' } })
    await again.close()
    assert.deepEqual(await scans(), before)
  },
)
