import assert from 'node:assert/strict'
import test, { describe } from 'node:test'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import { anyCountContract, manyAndCountsContract } from '../contract/many-and-counts.ts'
import { openFile, openMemory } from '../support/open-store.ts'
import { runModule } from '../support/processes.ts'
import { temporaryFile } from '../support/temporary.ts'

for (const [where, open] of [
  ['in a file', openFile],
  ['in memory', openMemory],
] as const) {
  describe(`a store ${where}`, () => manyAndCountsContract(open))
}
describe('a store in memory, at length', () => anyCountContract(openMemory))

test('getMany shows one moment, whatever another process writes meanwhile', async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  const ids = Array.from({ length: 1500 }, (_, i) => `t${i}`)
  store.saveMany(ids.map((taskId) => ({ taskId, backend: 'b', status: 'running', shots: 0 })))
  let isDone = false
  const writer = runModule(
    `import { TaskStore } from 'uniqc-task-store'
    const store = new TaskStore({ file: process.argv[1] })
    for (let shots = 1; shots <= 40; shots++) {
      store.transaction(() => { for (let i = 0; i < 1500; i++) store.update('t' + i, { shots }) })
    }`,
    file,
  ).finally(() => {
    isDone = true
  })
  const moments = new Set<number | undefined>()
  while (!isDone) {
    const shots = new Set(store.getMany(ids).map((task) => task?.shots))
    assert.equal(shots.size, 1)
    for (const moment of shots) moments.add(moment)
    // Lets the end of the writer be heard.
    await new Promise((fulfil) => setImmediate(fulfil))
  }
  await writer
  assert.ok(moments.size > 1)
})

test('getMany and the counts seek in indexes, and sort nothing', () => {
  const statements: string[] = []
  const database = new Database(':memory:', { verbose: (sql) => statements.push(String(sql)) })
  const store = new TaskStore({ database })
  for (let i = 0; i < 50; i++) {
    const taskId = `t${i}`
    store.save({ taskId, backend: ['originq', 'originq:a', 'ibm'][i % 3] as string, status: 'running' })
    if (i % 2) store.archive.archive(taskId)
  }
  statements.length = 0
  store.getMany(['t0', 't2', 'x'])
  for (const filter of [
    {},
    { status: 'running' },
    { status: ['running', 'failed'] },
    { backend: 'ibm' },
    { platform: 'originq' },
    { submittedAfter: '2020-01-01' },
    { platform: 'originq', status: 'running', submittedBefore: '2030-01-01' },
  ]) {
    store.countByBackend(filter)
    store.archive.countByStatus(filter)
    store.archive.count(filter)
    store.pageSummaries({ ...filter, limit: 2 })
  }
  const queries = [...new Set(statements)].filter((statement) => /^\s*(SELECT|WITH)/i.test(statement))
  assert.ok(queries.length > 20)
  for (const query of queries) {
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${query}`).all() as { detail: string }[]
    for (const { detail } of plan) {
      assert.doesNotMatch(detail, /TEMP B-TREE/, query)
      const isScan = /^SCAN (?!(?:k|b|s|json_each|CONSTANT ROW)\b)/.test(detail)
      assert.ok(
        !isScan || /USING (?:COVERING )?INDEX .*(?:time|status|backend)/.test(detail),
        `${detail} of ${query}`,
      )
    }
  }
  database.close()
})
