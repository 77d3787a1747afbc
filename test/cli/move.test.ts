import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { cli, cliJson } from '../support/cli.ts'
import { temporaryFile } from '../support/temporary.ts'

const TASK = { backend: 'b', status: 'success' } as const

function makeFile(t: TestContext): string {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.saveMany(['task-1', 'task-2', 'other'].map((taskId) => ({ ...TASK, taskId })))
  store.addShard({ uniqcTaskId: 'other', platformTaskId: 'P' })
  return file
}

function placesIn(file: string): Record<'live' | 'archived', string[]> {
  using store = new TaskStore({ file, readonly: true })
  const ids = (archived: boolean) => store.listSummaries({ archived }).map(({ taskId }) => taskId)
  return { live: ids(false).sort(), archived: ids(true).sort() }
}

test('archive and restore move tasks by the beginnings of their ids, and say so', async (t) => {
  const file = makeFile(t)
  const archived = await cli(['archive', 'othe', 'task-2', '--file', file])
  assert.deepEqual(archived, { code: 0, output: 'archived\tother\narchived\ttask-2\n', errors: '' })
  assert.deepEqual(placesIn(file), { live: ['task-1'], archived: ['other', 'task-2'] })
  const restored = await cliJson(['restore', 'other', '--file', file])
  assert.deepEqual(restored, [{ taskId: 'other', outcome: 'restored' }])
  assert.deepEqual(placesIn(file), { live: ['other', 'task-1'], archived: ['task-2'] })
})

test('a task that is not there ends with 3, and the others are moved', async (t) => {
  const file = makeFile(t)
  const { code, output, errors } = await cli(['archive', 'gone', 'other', '--file', file])
  assert.deepEqual([code, output], [3, 'not-found\tgone\narchived\tother\n'])
  assert.match(errors, /^error: no live task has the id "gone"\n/)
  const again = await cli(['archive', 'other', '--file', file])
  assert.equal(again.code, 3)
  assert.match(again.errors, /in the archive/)
})

test('an ambiguous beginning ends with 2, and nothing is moved', async (t) => {
  const file = makeFile(t)
  const { code, errors } = await cli(['archive', 'other', 'task', '--file', file])
  assert.equal(code, 2)
  assert.match(errors, /task-1\n {2}task-2\n$/)
  assert.deepEqual(placesIn(file).archived, [])
})

test('a task that is both live and archived is moved only if it is said which record wins', async (t) => {
  const file = makeFile(t)
  const store = new TaskStore({ file })
  store.archive.archive('other')
  store.save({ ...TASK, taskId: 'other', status: 'failed' })
  store.close()
  const refused = await cli(['archive', 'other', '--file', file, '--json'])
  assert.equal(refused.code, 1)
  assert.match(refused.errors, /^error: task "other" is also in the archive/)
  const [{ outcome, reason }] = JSON.parse(refused.output)
  assert.equal(outcome, 'conflict')
  assert.match(reason, /onConflict/)
  const moved = await cli(['archive', 'other', '--on-conflict', 'live', '--file', file])
  assert.equal(moved.code, 0)
  assert.deepEqual(placesIn(file), { live: ['task-1', 'task-2'], archived: ['other'] })
})

test('delete asks, so that away from a terminal it needs --yes', async (t) => {
  const file = makeFile(t)
  const refused = await cli(['delete', 'other', '--file', file])
  assert.deepEqual([refused.code, refused.output], [2, ''])
  assert.match(
    refused.errors,
    /^error: Delete 1 task \(other\) for good\? There is no terminal .* nothing was done\n {2}give --yes\n$/,
  )
  assert.deepEqual(placesIn(file).live, ['other', 'task-1', 'task-2'])
  const deleted = await cli(['delete', 'othe', 'task-1', '--yes', '--file', file])
  assert.deepEqual(deleted, { code: 0, output: 'deleted\tother\ndeleted\ttask-1\n', errors: '' })
  assert.deepEqual(placesIn(file).live, ['task-2'])
})

test('a task that a row of another table refers to stays, and the others are deleted', async (t) => {
  const file = makeFile(t)
  const store = new TaskStore({ file })
  store.db.$client.exec(
    "CREATE TABLE lab_notes (task_id TEXT REFERENCES tasks (task_id)); INSERT INTO lab_notes VALUES ('other')",
  )
  store.close()
  const { code, output, errors } = await cli(['delete', 'other', 'task-1', '--yes', '--file', file])
  assert.deepEqual([code, output], [1, 'conflict\tother\ndeleted\ttask-1\n'])
  assert.match(errors, /^error: .*"lab_notes" refers to a task/)
})

test('delete --archived deletes archived tasks, and nothing else', async (t) => {
  const file = makeFile(t)
  await cli(['archive', 'other', '--file', file])
  assert.equal((await cli(['delete', 'other', '--yes', '--file', file])).code, 3)
  assert.deepEqual(await cliJson(['delete', '--archived', 'other', '--yes', '--file', file]), [
    { taskId: 'other', outcome: 'deleted' },
  ])
  assert.deepEqual(placesIn(file), { live: ['task-1', 'task-2'], archived: [] })
})

test('a command that writes creates no file', async (t) => {
  const file = temporaryFile(t)
  for (const args of [['archive', 'x'], ['restore', 'x'], ['delete', 'x', '--yes'], ['migrate']]) {
    const { code, errors } = await cli([...args, '--file', file])
    assert.equal(code, 1)
    assert.match(errors, /tasks\.sqlite does not exist/)
  }
})
