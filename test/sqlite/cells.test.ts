import assert from 'node:assert/strict'
import test from 'node:test'
import { eq } from 'drizzle-orm'
import { TaskPersistence, UnreadableJson } from 'uniqc-task-store'
import { tasks } from 'uniqc-task-store/schema'
import { memory, RUNNING, wrong } from '../support/store.ts'

test('cells that are not updated are kept byte for byte', () => {
  using store = memory()
  store.save(RUNNING)
  const client = store.db.$client
  client.exec(
    `UPDATE tasks SET result_json = '{ "p": 1.0, "n": NaN }', metadata_json = '{"b": 1.50,  "a": 2}'`,
  )
  store.update('a', { status: 'success' })
  assert.deepEqual(client.prepare('SELECT result_json, metadata_json FROM tasks').raw().get(), [
    '{ "p": 1.0, "n": NaN }',
    '{"b": 1.50,  "a": 2}',
  ])
})

const UNREADABLE: readonly (readonly [column: string, text: string])[] = [
  ['result_json', '{"torn": '],
  ['result_json', 'nothing'],
  ['metadata_json', '{"torn": '],
  ['metadata_json', '[1]'],
  ['metadata_json', 'null'],
]

for (const [column, text] of UNREADABLE) {
  test(`${column} ${text} is shown as unreadable, listed with the other tasks, and kept`, () => {
    using store = memory()
    store.saveMany([RUNNING, { ...RUNNING, taskId: 'b', metadata: { fine: true } }])
    const client = store.db.$client
    client.prepare(`UPDATE tasks SET ${column} = ? WHERE task_id = 'a'`).run(text)
    const read = () => client.prepare(`SELECT ${column} FROM tasks WHERE task_id = 'a'`).pluck().get()
    assert.equal(store.list().length, 2)
    const task = store.get('a')
    const shown = column === 'result_json' ? task?.result : task?.metadata
    assert.ok((shown as unknown) instanceof UnreadableJson)
    assert.equal((shown as unknown as UnreadableJson).text, text)
    store.update('a', { status: 'failed' })
    assert.equal(read(), text)
    store.save(wrong(task))
    assert.equal(read(), text, 'also when the task is saved as it was read')
    const merged = store.update('a', { metadata: { added: 1 } })
    if (column === 'result_json') assert.equal(read(), text)
    else {
      const raw = text.startsWith('{') ? text : JSON.parse(text)
      assert.deepEqual(merged?.metadata, { legacy_metadata_raw: raw, added: 1 })
      assert.deepEqual(store.get('a'), merged)
    }
  })
}

test('empty cells are null and {}, as in UnifiedQuantum', () => {
  using store = memory()
  store.save({ ...RUNNING, result: 1, metadata: { a: 1 } })
  store.db.$client.exec("UPDATE tasks SET result_json = '', metadata_json = ''")
  assert.deepEqual([store.get('a')?.result, store.get('a')?.metadata], [null, {}])
})

test('a status unknown to UnifiedQuantum is shown, found and counted, and its task can be updated', () => {
  using store = memory()
  store.save(RUNNING)
  store.db.$client.exec("UPDATE tasks SET status = 'paused'")
  assert.equal(store.get('a')?.status, 'paused')
  assert.equal(store.list({ status: 'paused' }).length, 1)
  assert.equal(store.countByStatus().paused, 1)
  assert.equal(store.update('a', { shots: 5 }, { ifStatus: 'paused' })?.status, 'paused')
})

test("an unreadable cell keeps its text when update() or the caller's own query writes it elsewhere", () => {
  using store = memory()
  for (const taskId of ['a', 'b', 'c']) store.save({ ...RUNNING, taskId })
  const { $client } = store.db
  $client.exec(`UPDATE tasks SET result_json = '{"torn', metadata_json = '[1' WHERE task_id = 'a'`)
  const { result = null, metadata = {} } = store.get('a') ?? {}
  assert.ok(result instanceof UnreadableJson && metadata instanceof UnreadableJson)
  store.update('b', { result, metadata })
  store.db.update(tasks).set({ result, metadata }).where(eq(tasks.taskId, 'c')).run()
  const cells = $client.prepare('SELECT result_json, metadata_json FROM tasks ORDER BY task_id').raw().all()
  assert.deepEqual(
    cells,
    Array.from({ length: 3 }, () => ['{"torn', '[1']),
  )
})

test('unreadable metadata is shown whole, and kept when its record is saved', () => {
  using store = memory()
  const persistence = new TaskPersistence(store)
  persistence.save('a', 'p', 'running')
  const client = store.db.$client
  client.exec(`UPDATE tasks SET metadata_json = '{"torn'`)
  const read = () => client.prepare('SELECT metadata_json FROM tasks').pluck().get()
  const [record] = persistence.listAll()
  assert.ok(record)
  assert.ok((record.metadata as unknown) instanceof UnreadableJson)
  persistence.save(record)
  assert.equal(read(), '{"torn')
  persistence.update('a', { status: 'failed' })
  assert.equal(read(), '{"torn')
  persistence.save({ ...record, added: 1 })
  assert.deepEqual(persistence.load('a')?.legacy_metadata_raw, '{"torn')
})

test('a summary tells whether there is a result, and has neither result nor metadata', () => {
  using store = memory()
  const insert = (taskId: string, result: string | null) =>
    store.db.$client
      .prepare("INSERT INTO tasks VALUES (?, 'b', 's', 1, '2026', '2026', ?, 'damaged', 'e')")
      .run(taskId, result)
  const cells: [string, string | null, boolean][] = [
    ['none', null, false],
    ['empty', '', false],
    ['null', 'null', false],
    ['true', 'true', true],
    ['zero', '0', true],
    ['object', '{}', true],
    ['long', JSON.stringify('x'.repeat(9000)), true],
    ['damaged', '{"a', true],
  ]
  for (const [taskId, result] of cells) insert(taskId, result)
  const summaries = store.listSummaries()
  assert.deepEqual(
    Object.fromEntries(summaries.map(({ taskId, hasResult }) => [taskId, hasResult])),
    Object.fromEntries(cells.map(([taskId, , hasResult]) => [taskId, hasResult])),
  )
  assert.deepEqual(summaries[0], {
    taskId: 'damaged',
    backend: 'b',
    status: 's',
    shots: 1,
    submitTime: '2026',
    updateTime: '2026',
    errorMessage: 'e',
    hasResult: true,
  })
})
