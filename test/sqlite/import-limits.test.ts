import assert from 'node:assert/strict'
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { temporaryFolder } from '../support/temporary.ts'

const exported = (taskId: string, result: string) =>
  `{"task_id":"${taskId}","backend":"originq","status":"success","shots":0,"submit_time":"2026-05-03","update_time":"2026-05-03","metadata":{},"error_message":null,"archived_at":null,"shards":[],"result":${result}}\n`

for (const digits of ['', '-', '-0', '+1', '00', '01', '1.5', ' 1', '1 ', '0x1', '1n', '1e3', '١']) {
  test(`an export with {"$int":${JSON.stringify(digits)}} is skipped with the reason, and the lines around it are not`, (t) => {
    const file = join(temporaryFolder(t), 'export.jsonl')
    const bad = exported('bad', `{"$int":${JSON.stringify(digits)}}`)
    writeFileSync(file, exported('before', '{"$int":"123"}') + bad + exported('after', '{"$int":"-7"}'))
    using store = new TaskStore({ file: ':memory:' })
    const { read, imported, skipped } = store.importFile(file)
    assert.deepEqual([read, imported], [3, 2])
    assert.deepEqual(
      skipped.map(({ line, taskId }) => [line, taskId]),
      [[2, 'bad']],
    )
    assert.match(skipped[0]?.reason ?? '', /"\$int" must hold the digits of an integer in a string/)
    assert.equal(store.get('before')?.result, 123)
    assert.equal(store.get('after')?.result, -7)
    assert.equal(store.get('bad'), undefined)
  })
}

test('what is appended while importFile reads is for the next call', (t) => {
  const file = join(temporaryFolder(t), 'tasks.jsonl')
  // More than is held in memory, so that the file is read twice, and more than one batch.
  const result = JSON.stringify('x'.repeat(300_000))
  for (let i = 0; i < 115; i++) appendFileSync(file, exported(`t${i}`, result))
  using store = new TaskStore({ file: ':memory:' })
  let isAppended = false
  const onProgress = () => {
    if (isAppended) return
    isAppended = true
    appendFileSync(file, exported('new', '1') + exported('t114', '2'))
  }
  const first = store.importFile(file, { onProgress })
  assert.deepEqual([first.read, first.imported, first.superseded, first.skipped], [115, 115, 0, []])
  assert.equal(store.get('new'), undefined)
  const second = store.importFile(file, { overwrite: true })
  assert.deepEqual([second.read, second.imported, second.superseded], [117, 2, 1])
  assert.equal(store.get('new')?.result, 1)
  assert.equal(store.get('t114')?.result, 2)
})

test('large records are written few at a time', (t) => {
  const file = join(temporaryFolder(t), 'tasks.jsonl')
  const result = JSON.stringify('x'.repeat(3_000_000))
  writeFileSync(file, Array.from({ length: 7 }, (_, i) => exported(`t${i}`, result)).join(''))
  using store = new TaskStore({ file: ':memory:' })
  const told: number[] = []
  store.importFile(file, { onProgress: ({ read }) => told.push(read) })
  assert.deepEqual(told, [3, 6, 7])
  assert.equal(store.count(), 7)
})
