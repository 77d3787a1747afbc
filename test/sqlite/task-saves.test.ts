import assert from 'node:assert/strict'
import test from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { type NewTaskInfo, TaskPersistence, TaskStore } from 'uniqc-task-store'
import { dump } from '../support/dump.ts'
import { saveReplacing } from '../support/replaced-id.ts'
import { memory } from '../support/store.ts'
import { temporaryFile } from '../support/temporary.ts'

const IDS = ['uqt_1', 'uqt_2', 'plain', 'platform-id', 'replaced'] as const
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00/g

const anyTask: fc.Arbitrary<NewTaskInfo> = fc.record(
  {
    taskId: fc.constantFrom(...IDS),
    backend: fc.constantFrom('originq', 'ibm:one'),
    status: fc.constantFrom('running', 'success'),
    shots: fc.nat(9),
    submitTime: fc.constantFrom('2026-01-01', '2026-01-02'),
    updateTime: fc.constantFrom('2026-02-01', '2026-02-02'),
    result: fc.constantFrom({ '00': 1 }, null),
    metadata: fc.constantFrom({}, { note: 'x' }, { legacy_platform_id: 'replaced' }),
    errorMessage: fc.constantFrom('failed', null),
  },
  { requiredKeys: ['taskId', 'backend', 'status'] },
) as fc.Arbitrary<NewTaskInfo>

const anyStep = fc.tuple(fc.constantFrom('save', 'delete', 'record'), anyTask, fc.boolean())

/** A store with a task under each kind of an id that a save may meet. */
async function prepared(): Promise<TaskStore> {
  const store = memory()
  await saveReplacing(store, 'replaced', { taskId: 'uqt_new', updateTime: '2026-02-01' })
  await saveReplacing(store, 'platform-id', { taskId: 'uqt_2', updateTime: '2026-02-01', metadata: {} })
  return store
}

test('a save stores the same, whether it meets what the last saves met or not', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 25 }), async (steps) => {
      using store = await prepared()
      using byMany = await prepared()
      const persistence = new TaskPersistence(store)
      for (const [call, task, keepUpdateTime] of steps) {
        if (call === 'delete') assert.equal(store.delete(task.taskId), byMany.delete(task.taskId))
        else if (call === 'save') {
          const saved = store.save(task, { keepUpdateTime })
          assert.deepEqual(saved, store.get(saved.taskId))
          byMany.saveMany([task], { keepUpdateTime })
        } else {
          const { taskId, backend, metadata, shots, status, submitTime, updateTime, result } = task
          persistence.save({
            ...metadata,
            task_id: taskId,
            platform: backend,
            status,
            ...(shots !== undefined && { shots }),
            ...(submitTime !== undefined && { submit_time: submitTime }),
            ...(updateTime !== undefined && { update_time: updateTime }),
            ...(result !== undefined && { result }),
          })
          byMany.saveMany([{ ...task, errorMessage: null }], { keepUpdateTime: true })
        }
        assert.equal(dump(store).replace(TIME, 'now'), dump(byMany).replace(TIME, 'now'))
      }
    }),
    { numRuns: 150 },
  )
})

test('a save sees what another connection has inserted and deleted since the last one', (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file, synchronous: 'NORMAL' })
  const other = new Database(file)
  t.after(() => other.close())
  const insert = other.prepare(
    "INSERT INTO tasks (task_id, backend, status, submit_time, update_time) VALUES (?, 'b', 'running', '2020', '2020')",
  )
  const task = { backend: 'originq', status: 'success' } as const
  for (let i = 0; i < 6; i++) {
    store.save({ ...task, taskId: `uqt_${i}` })
    insert.run(`uqt_other_${i}`)
    const saved = store.save({ ...task, taskId: `uqt_other_${i}` })
    assert.equal(saved.submitTime, '2020')
    other.prepare('DELETE FROM tasks WHERE task_id = ?').run(`uqt_${i}`)
    assert.notEqual(store.save({ ...task, taskId: `uqt_${i}` }).submitTime, '2020')
    assert.deepEqual(store.get(`uqt_other_${i}`), saved)
  }
  assert.equal(store.count({ status: 'success' }), 12)
})

test('a save returns the submit time that is stored, whoever has changed it since the last save', (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file, synchronous: 'NORMAL' })
  const other = new Database(file)
  t.after(() => other.close())
  const task = { taskId: 'uqt_1', backend: 'originq', status: 'running' } as const
  const first = store.save(task)
  assert.equal(store.save(task).submitTime, first.submitTime)
  for (const submitTime of ['2021', '2022']) {
    other.prepare('UPDATE tasks SET submit_time = ?').run(submitTime)
    const saved = store.save(task)
    assert.equal(saved.submitTime, submitTime)
    assert.deepEqual(store.save(task).submitTime, submitTime)
    assert.equal(store.get('uqt_1')?.submitTime, submitTime)
  }
})

test('a task whose submit time is empty is saved each time', (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.save({ taskId: 'task-1', backend: 'b', status: 'pending' })
  const python = new Database(file)
  python.exec("UPDATE tasks SET submit_time = ''")
  python.close()
  for (const shots of [1, 2, 3]) {
    const saved = store.save({ taskId: 'task-1', backend: 'b', status: 'running', shots })
    assert.deepEqual([saved.submitTime, saved.shots], ['', shots])
    assert.deepEqual(store.get('task-1'), saved)
  }
})
