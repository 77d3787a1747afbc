import assert from 'node:assert/strict'
import test from 'node:test'
import { TaskPersistence, TaskStore } from 'uniqc-task-store'
import { needsPython, runPython } from '../support/processes.ts'
import { temporaryFile } from '../support/temporary.ts'

/** A store with its adapter. */
function open(t: test.TestContext, file = ':memory:') {
  const store = new TaskStore({ file })
  t.after(() => store.close())
  const cells = (taskId = 'a') => {
    const sql = 'SELECT error_message, metadata_json FROM tasks WHERE task_id = ?'
    return store.db.$client.prepare(sql).raw().get(taskId)
  }
  return { store, persistence: new TaskPersistence(store), cells }
}

const FAILED = { task_id: 'a', platform: 'originq', status: 'failed' } as const

test('an error_message that is no text is refused, and nothing is written', (t) => {
  const { store, persistence } = open(t)
  for (const error_message of [5, {}, ['e'], true, '\ud800']) {
    const expected = { code: 'INVALID_TASK', message: /^task "a": error_message / }
    assert.throws(() => persistence.save({ ...FAILED, error_message }), expected)
    assert.throws(() => persistence.update('a', { error_message }), expected)
  }
  assert.equal(store.count(), 0)
})

test('a saved error_message stands in its column and in the metadata', (t) => {
  const { store, persistence, cells } = open(t)
  persistence.save({ ...FAILED, error_message: 'too warm', note: 1 })
  assert.deepEqual(cells(), ['too warm', '{"error_message":"too warm","note":1}'])
  assert.equal(store.get('a')?.errorMessage, 'too warm')
  assert.equal(persistence.load('a')?.error_message, 'too warm')
})

test('an update of the error_message alone keeps the rest of the metadata', (t) => {
  const { persistence, cells } = open(t)
  persistence.save({ ...FAILED, note: { a: [1] }, error_message: 'first' })
  assert.equal(persistence.update('a', { error_message: 'second' }), true)
  assert.deepEqual(cells(), ['second', '{"note":{"a":[1]},"error_message":"second"}'])
  persistence.upsert({ task_id: 'a', error_message: '' })
  assert.deepEqual(cells(), ['', '{"note":{"a":[1]},"error_message":""}'])
})

test('null clears the column and the key, and leaves the rest', (t) => {
  const { store, persistence, cells } = open(t)
  for (const clear of [
    () => persistence.update('a', { error_message: null }),
    () => persistence.upsert({ task_id: 'a', error_message: null }),
    () => persistence.save({ ...FAILED, note: 1, error_message: null }),
  ]) {
    persistence.save({ ...FAILED, note: 1, error_message: 'e' })
    clear()
    assert.deepEqual(cells(), [null, '{"note":1}'])
    assert.ok(!Object.hasOwn(persistence.load('a') ?? {}, 'error_message'))
  }
  store.save({
    taskId: 'b',
    backend: 'x',
    status: 'failed',
    errorMessage: 'e',
    metadata: { error_message: 'e' },
  })
  persistence.update('b', { error_message: null, other: 2 })
  assert.deepEqual(cells('b'), [null, '{"other":2}'])
})

test('null where there is no key leaves the text of the metadata as it is', (t) => {
  const { store, persistence, cells } = open(t)
  store.save({ taskId: 'a', backend: 'x', status: 'failed', errorMessage: 'e' })
  for (const text of ['{ "n" : 1.0 }', '[1,  2]', 'torn']) {
    store.db.$client.prepare('UPDATE tasks SET error_message = ?, metadata_json = ?').run('e', text)
    persistence.update('a', { error_message: null })
    assert.deepEqual(cells(), [null, text])
  }
})

test('the record shows the key where there is one, else the column', (t) => {
  const { store, persistence } = open(t)
  store.save({ taskId: 'a', backend: 'x', status: 'failed', errorMessage: 'column' })
  assert.equal(persistence.load('a')?.error_message, 'column')
  store.update('a', { metadata: { error_message: 'key' } })
  assert.equal(persistence.load('a')?.error_message, 'key')
  assert.equal(persistence.listAll()[0]?.error_message, 'key')
  store.update('a', { metadata: { error_message: null } })
  assert.equal(persistence.load('a')?.error_message, null)
})

test('the store writes the column alone', (t) => {
  const { store, persistence, cells } = open(t)
  persistence.save({ ...FAILED, error_message: 'from the record' })
  store.update('a', { errorMessage: 'from the store' })
  assert.deepEqual(cells(), ['from the store', '{"error_message":"from the record"}'])
  store.update('a', { errorMessage: null })
  assert.deepEqual(cells(), [null, '{"error_message":"from the record"}'])
})

test('a record with an error that was loaded and saved again is the same', (t) => {
  const { persistence, cells } = open(t)
  persistence.save({ ...FAILED, error_message: 'e', note: 1 })
  const before = cells()
  const record = persistence.load('a')
  assert.ok(record)
  persistence.save(record)
  assert.deepEqual(cells(), before)
})

test('each side reads the error_message that the other one wrote', needsPython, async (t) => {
  const file = temporaryFile(t)
  const { store, persistence, cells } = open(t, file)
  persistence.save({ ...FAILED, error_message: 'from Node', note: 1 })
  persistence.save({ ...FAILED, task_id: 'b' })
  // As the original has it: what is not one of its fields is metadata.
  const output = await runPython(
    `
import json, sqlite3, sys
c = sqlite3.connect(sys.argv[1])
read = lambda id: json.loads(c.execute("SELECT metadata_json FROM tasks WHERE task_id = ?", (id,)).fetchone()[0])
print(read("a").get("error_message"))
c.execute("UPDATE tasks SET metadata_json = ? WHERE task_id = 'b'", (json.dumps({**read("b"), "error_message": "from Python"}),))
c.commit()
`,
    file,
  )
  assert.equal(output.trim(), 'from Node')
  assert.equal(persistence.load('b')?.error_message, 'from Python')
  assert.equal(persistence.update('b', { error_message: null }), true)
  assert.deepEqual(cells('b'), [null, '{}'])
  assert.equal(store.get('b')?.errorMessage, null)
})
