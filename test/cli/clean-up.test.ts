import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { cli, cliJson } from '../support/cli.ts'
import { temporaryFile } from '../support/temporary.ts'

const DAY = 86_400_000
const STATUSES = ['pending', 'running', 'success', 'failed', 'cancelled'] as const

/** A file with a task of each status of so many days ago. */
function makeFile(t: TestContext, days: readonly number[]): string {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.saveMany(
    days.flatMap((day) =>
      STATUSES.map((status) => ({
        taskId: `${status}-${day}`,
        backend: 'b',
        status,
        submitTime: new Date(Date.now() - day * DAY),
      })),
    ),
  )
  return file
}

function idsIn(file: string, archived = false): string {
  using store = new TaskStore({ file, readonly: true })
  return store
    .listSummaries({ archived })
    .map(({ taskId }) => taskId)
    .sort()
    .join(' ')
}

test('clear deletes what has ended, and what is pending or running only if it is named', async (t) => {
  const file = makeFile(t, [1])
  const refused = await cli(['clear', '--file', file])
  assert.equal(refused.code, 2)
  assert.match(
    refused.errors,
    /^error: Delete 3 tasks with the status success, failed, cancelled for good\?.*nothing was done\n {2}give --yes\n$/,
  )
  assert.equal(
    (await cli(['clear', '--file', file, '--dry-run'])).output,
    'would delete 3 tasks with the status success, failed, cancelled\n',
  )
  assert.equal(idsIn(file).split(' ').length, 5)
  assert.deepEqual(await cli(['clear', '--yes', '-s', 'failed', '--file', file]), {
    ...{ code: 0, errors: '' },
    output: 'deleted 1 task with the status failed\n',
  })
  await cli(['clear', '--force', '--file', file])
  assert.equal(idsIn(file), 'pending-1 running-1')
  assert.deepEqual(await cliJson(['clear', '--yes', '--status', 'pending', '--file', file]), {
    ...{ statuses: ['pending'], tasks: 1, isDryRun: false },
  })
  assert.equal(idsIn(file), 'running-1')
  // There is nothing to ask about.
  assert.equal((await cli(['clear', '--file', file])).code, 0)
})

test('prune archives old tasks that have ended', async (t) => {
  const file = makeFile(t, [1, 40])
  assert.deepEqual(await cli(['prune', '--older-than', '30d', '--file', file]), {
    ...{ code: 0, output: 'archived 3 tasks\n', errors: '' },
  })
  assert.equal(idsIn(file, true), 'cancelled-40 failed-40 success-40')
  const report = (await cliJson(['prune', '--older-than', '12h', '-s', 'running', '--file', file])) as {
    archived: string[]
  }
  assert.deepEqual(report.archived.sort(), ['running-1', 'running-40'])
  assert.equal(
    (await cli(['prune', '--older-than', '0s', '--by', 'update', '--file', file])).output,
    'archived 3 tasks\n',
  )
})

test('prune --archived deletes old archived tasks for good, and asks first', async (t) => {
  const file = makeFile(t, [1, 40, 400])
  await cli(['prune', '--older-than', '1h', '--file', file])
  const before = idsIn(file, true)
  const old = ['prune', '--archived', '--older-than', '100d', '--file', file]
  const refused = await cli(old)
  assert.equal(refused.code, 2)
  assert.match(refused.errors, /There is no terminal/)
  assert.equal(idsIn(file, true), before)
  assert.equal((await cli([...old, '--dry-run'])).output, 'would delete 3 tasks\n')
  assert.equal((await cli([...old, '--yes', '-s', 'failed'])).output, 'deleted 1 task\n')
  assert.equal((await cli([...old, '--yes'])).output, 'deleted 2 tasks\n')
  assert.equal(idsIn(file, true).split(' ').length, 6)
  assert.equal(idsIn(file).split(' ').length, 6)
})

test('a task whose time cannot be read is left alone, and reported', async (t) => {
  const file = makeFile(t, [40])
  const store = new TaskStore({ file })
  store.archive.archive('success-40')
  store.db.$client.exec("UPDATE tasks SET submit_time = '!' WHERE status = 'failed'")
  store.db.$client.exec("UPDATE archived_tasks SET submit_time = '!'")
  store.close()
  const live = await cli(['prune', '--older-than', '30d', '--file', file])
  assert.deepEqual(live, {
    code: 0,
    output: 'archived 1 task\n',
    errors: '1 task left alone, whose time cannot be read\n',
  })
  const archived = (await cliJson([
    'prune',
    '--archived',
    '--yes',
    '--older-than',
    '30d',
    '--file',
    file,
  ])) as object
  assert.deepEqual(archived, {
    deleted: ['cancelled-40'],
    conflicts: [],
    unreadable: ['success-40'],
    isDryRun: false,
  })
})
