import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { copyTasks, TaskStore } from 'uniqc-task-store'
import { copyFixture, FIXTURE_NAMES } from '../support/fixtures.ts'
import { needsPostgres, openPostgres } from '../support/postgres.ts'
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

test('a copy that is aborted is completed by the same call', needsPostgres, async (t) => {
  const file = new TaskStore({ file: ':memory:' })
  t.after(() => file.close())
  file.saveMany(Array.from({ length: 450 }, (_, i) => ({ ...RUNNING, taskId: `t${i}` })))
  const team = await openPostgres(t)
  const stop = new AbortController()
  const reason = new Error('enough')
  const onProgress = ({ read }: { read: number }) => read >= 200 && stop.abort(reason)
  await assert.rejects(copyTasks(file, team, { signal: stop.signal, onProgress }), reason)
  assert.equal(await team.count(), 200)
  const { added, unchanged } = await copyTasks(file, team)
  assert.deepEqual([added, unchanged], [250, 200])
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
