import assert from 'node:assert/strict'
import test from 'node:test'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import { needsPython, runPython } from '../support/processes.ts'
import { temporaryFile } from '../support/temporary.ts'

test(
  'the shard that findShards returns first is the one that Python inserted first',
  needsPython,
  async (t) => {
    const file = temporaryFile(t)
    using store = new TaskStore({ file })
    for (const taskId of ['z', 'm', 'a']) {
      store.save({ taskId, backend: 'originq', status: 'running' })
    }
    const program = `
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
for task in ["z", "a", "m"]:
    c.execute("INSERT INTO task_shards (uniqc_task_id, shard_index, platform_task_id, backend, status, submit_time, update_time) VALUES (?, 0, 'job', 'originq', 'running', '2026-01-01', '2026-01-01')", (task,))
c.commit()
# As the original looks for it: the first row that it comes upon.
print(c.execute("SELECT uniqc_task_id FROM task_shards WHERE platform_task_id = 'job' LIMIT 1").fetchone()[0])
`
    const first = await runPython(program, file)
    assert.deepEqual(
      store.findShards('job').map(({ uniqcTaskId }) => uniqcTaskId),
      ['z', 'a', 'm'],
    )
    assert.equal(store.findShards('job', { backend: 'originq' })[0]?.uniqcTaskId, first.trim())
  },
)

test('findShards reads the shards out of their index in its order', () => {
  const statements: string[] = []
  const database = new Database(':memory:', { verbose: (sql) => statements.push(String(sql)) })
  const store = new TaskStore({ database })
  store.save({ taskId: 'a', backend: 'originq', status: 'running' })
  store.addShard({ uniqcTaskId: 'a', platformTaskId: 'p' })
  statements.length = 0
  store.findShards('p')
  store.findShards('p', { backend: 'originq' })
  const queries = statements.filter((sql) => /^select/i.test(sql))
  assert.equal(queries.length, 2)
  for (const query of queries) {
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${query}`).all() as { detail: string }[]
    assert.deepEqual(
      plan.map(({ detail }) => detail),
      ['SEARCH task_shards USING INDEX task_shards_platform_idx (platform_task_id=?)'],
    )
  }
  database.close()
})
