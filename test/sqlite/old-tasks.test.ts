import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const NOW = '2026-05-10T00:00:00.000000+00:00'
const TASK = { backend: 'originq:WK_C180', updateTime: NOW } as const

/** A store on a clock that stands still, without a store of UnifiedQuantum's in the temporary folder. */
function open(t: TestContext): TaskStore {
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse(NOW) })
  const { TMPDIR } = process.env
  process.env.TMPDIR = temporaryFolder(t)
  t.after(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  })
  const store = new TaskStore({ file: temporaryFile(t) })
  t.after(() => store.close())
  return store
}

test('long-pending names live tasks that are not done, and neither finished nor archived ones', (t) => {
  const store = open(t)
  const submitTime = '2026-05-02T00:00:00.000000+00:00'
  for (const status of ['pending', 'running', 'success', 'failed', 'cancelled'] as const) {
    store.save({ ...TASK, taskId: `live-${status}`, status, submitTime })
    store.save({ ...TASK, taskId: `archived-${status}`, status, submitTime })
    store.archive.archive(`archived-${status}`)
  }
  store.save({
    ...TASK,
    taskId: 'exactly',
    status: 'running',
    submitTime: '2026-05-03T00:00:00.000000+00:00',
  })
  store.save({ ...TASK, taskId: 'longer', status: 'running', submitTime: '2026-05-02T23:59:59.999999+00:00' })
  const { findings } = store.check()
  assert.deepEqual(
    findings.map(({ kind, rows }) => [kind, rows]),
    [['long-pending', ['live-pending', 'live-running', 'longer']]],
  )
})

test('archiveOlderThan leaves a task that was submitted exactly so many hours ago, and takes one a microsecond older', (t) => {
  const store = open(t)
  const times = {
    younger: '2026-05-09T22:30:00.000001+00:00',
    exactly: '2026-05-09T22:30:00.000000+00:00',
    older: '2026-05-09T22:29:59.999999+00:00',
  }
  for (const [taskId, submitTime] of Object.entries(times)) {
    store.save({ ...TASK, taskId, status: 'success', submitTime })
  }
  assert.deepEqual(store.archive.archiveOlderThan({ hours: 1.5 }).archived, ['older'])
  assert.deepEqual(
    store.list().map(({ taskId }) => taskId),
    ['younger', 'exactly'],
  )
})

test('archiveOlderThan reports archived shards without a task as a conflict, and archives the others', (t) => {
  const store = open(t)
  const submitTime = '2026-05-01'
  for (const taskId of ['before', 'in-the-way', 'after']) {
    store.save({ ...TASK, taskId, status: 'success', submitTime })
    store.addShard({ uniqcTaskId: taskId, platformTaskId: `p-${taskId}`, status: 'success' })
  }
  store.archive.archive('in-the-way')
  store.db.$client.exec("DELETE FROM archived_tasks WHERE task_id = 'in-the-way'")
  store.save({ ...TASK, taskId: 'in-the-way', status: 'success', submitTime })
  const report = { archived: ['before', 'after'], conflicts: ['in-the-way'], unreadable: [] }
  assert.deepEqual(store.archive.archiveOlderThan({ hours: 1, dryRun: true }), report)
  assert.deepEqual(store.archive.archiveOlderThan({ hours: 1 }), report)
  assert.equal(store.get('in-the-way')?.status, 'success')
  assert.equal(store.archive.count(), 2)
})
