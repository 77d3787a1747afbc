import assert from 'node:assert/strict'
import test from 'node:test'
import { fromJson, TaskPersistence, TaskStore, TaskStoreError } from 'uniqc-task-store'
import { needsPython, runPython } from '../support/processes.ts'
import { temporaryFile } from '../support/temporary.ts'

const TASK = { taskId: 'a', backend: 'b', status: 'running' } as const
const SHARD = { uniqcTaskId: 'a', platformTaskId: 'p', shardIndex: 0 } as const
/** What TypeScript would refuse. */
const any = (value: unknown) => value as never

/** Each with the path of the first one. */
const HOLDING: readonly (readonly [value: { [key: string]: unknown }, path: string])[] = [
  [{ note: '\ud800' }, '.note'],
  [{ note: 'x\udfff' }, '.note'],
  [{ '\ud800': 1 }, '["\\ud800"]'],
  [{ a: '\\ud800', b: [1, { c: 'x\ud83dy' }, '\ud800'] }, '.b[1].c'],
  [{ a: Number.NaN, b: [['\udead']] }, '.b[0][0]'],
  [{ big: 2n ** 70n, 'a b': { '\udead': '\ud800' } }, '["a b"]["\\udead"]'],
]
for (const [value, path] of HOLDING) {
  test(`metadata with a lone surrogate at ${path} is refused, and nothing is written`, () => {
    using store = new TaskStore({ file: ':memory:' })
    store.save({ ...TASK, metadata: { kept: 1 } })
    for (const call of [
      () => store.save({ ...TASK, metadata: any(value) }),
      () => store.saveMany([{ ...TASK, metadata: any(value) }]),
      () => store.update('a', { metadata: any(value) }),
    ]) {
      assert.throws(call, isRefused(`metadata${path}`))
    }
    assert.deepEqual(store.get('a')?.metadata, { kept: 1 })
    assert.throws(() => new TaskPersistence(store).update('a', value), {
      code: 'INVALID_TASK',
      message: new RegExp(`^task "a": ${escaped(path.replace(/^\./, ''))} holds a lone surrogate`),
    })
  })

  test(`the result of a shard with a lone surrogate at ${path} is refused, and nothing is written`, () => {
    using store = new TaskStore({ file: ':memory:' })
    store.save(TASK)
    const { shardIndex: _, ...added } = SHARD
    for (const call of [
      () => store.saveShard({ ...SHARD, result: any([value]) }),
      () => store.addShard({ ...added, result: any([value]) }, { refreshTask: true }),
    ]) {
      assert.throws(call, isRefused(`result[0]${path}`))
    }
    assert.deepEqual(store.getShards('a'), [])
  })

  test(`the result of a task keeps a lone surrogate at ${path}`, () => {
    using store = new TaskStore({ file: ':memory:' })
    store.save({ ...TASK, result: any(value) })
    assert.deepEqual(store.get('a')?.result, value)
    store.update('a', { result: any([value]) })
    assert.deepEqual(store.get('a')?.result, [value])
  })
}

test('the text of an unreadable cell that SQLite cannot store is refused', () => {
  using store = new TaskStore({ file: ':memory:' })
  const unreadable = fromJson('{"$unreadable":"torn \\ud800"}')
  for (const task of [
    { ...TASK, result: unreadable },
    { ...TASK, metadata: any(unreadable) },
  ]) {
    assert.throws(() => store.save(task), { code: 'INVALID_TASK', message: /lone surrogate/ })
  }
})

test('text that only looks like a lone surrogate is stored, and so are whole pairs', () => {
  using store = new TaskStore({ file: ':memory:' })
  const metadata = {
    path: 'C:\\ud800',
    '\\udead': '\\\\ud800',
    emoji: '😀',
    list: ['\\ud83d', '\ud83d\ude00'],
  }
  store.save({ ...TASK, metadata })
  store.saveShard({ ...SHARD, result: metadata })
  assert.deepEqual(store.get('a')?.metadata, metadata)
  assert.deepEqual(store.getShards('a')[0]?.result, metadata)
})

test('metadata that is nested deeply is looked through', () => {
  using store = new TaskStore({ file: ':memory:' })
  let deep: unknown = ['\ud800']
  for (let depth = 0; depth < 1000; depth++) deep = [deep]
  assert.throws(() => store.save({ ...TASK, metadata: any({ deep }) }), {
    code: 'INVALID_TASK',
    message: /metadata\.deep(\[0\]){1001} holds a lone surrogate/,
  })
})

test('a stored lone surrogate does not keep other keys from being changed', (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.save(TASK)
  store.db.$client.prepare('UPDATE tasks SET metadata_json = ?').run('{"old": "\\ud800"}')
  store.update('a', { metadata: { new: 1 } })
  assert.deepEqual(store.get('a')?.metadata, { old: '\ud800', new: 1 })
})

test('what is stored, Python can write back as UnifiedQuantum does', needsPython, async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.save({ ...TASK, metadata: { text: '😀\\ud800', n: 1 } })
  const output = await runPython(
    `
import json, sqlite3, sys
c = sqlite3.connect(sys.argv[1])
(cell,) = c.execute("SELECT metadata_json FROM tasks").fetchone()
c.execute("UPDATE tasks SET metadata_json = ?", (json.dumps({**json.loads(cell), "n": 2}, ensure_ascii=False),))
c.commit()
print("written")
`,
    file,
  )
  assert.equal(output.trim(), 'written')
  assert.deepEqual(store.get('a')?.metadata, { text: '😀\\ud800', n: 2 })
})

/** Whether an error names the task, the field with the path in it, and who cannot bear it. */
function isRefused(field: string) {
  return (error: unknown) => {
    assert.ok(error instanceof TaskStoreError)
    const { code, invalid, message } = error
    assert.deepEqual([code, invalid?.taskId, invalid?.field], ['INVALID_TASK', 'a', field])
    assert.match(message, /UnifiedQuantum/)
    return true
  }
}

const escaped = (text: string) => text.replace(/[[\]\\.]/g, '\\$&')
