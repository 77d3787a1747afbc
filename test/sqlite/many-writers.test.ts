// UNIQC_WRITER_FILES: how many files they write, one after the other. Default 1.
import assert from 'node:assert/strict'
import test from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { needsPython, runModule, runPython } from '../support/processes.ts'
import { assertSound } from '../support/sound-file.ts'
import { temporaryFile } from '../support/temporary.ts'

const FILES = Number(process.env.UNIQC_WRITER_FILES ?? 1)
/** How often each process makes its calls. */
const ROUNDS = 25
const NODES = 8
const PYTHONS = 2
const SHARDS = 3
const times = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, i) => make(i))

/** Counts up in records of its own and in shared ones. Each counter stands in two places of its record. */
const NODE_WRITER = `
  import { TaskStore } from 'uniqc-task-store'
  const [file, name, rounds] = process.argv.slice(1)
  const store = new TaskStore({ file })
  for (let n = 1; n <= Number(rounds); n++) {
    store.save({ taskId: name + '-' + n, backend: 'b', status: 'success', result: { n }, metadata: { n } })
    store.update('own-' + name, { result: { n }, metadata: { n } })
    store.update('shared', { metadata: { [name]: n } })
    store.transaction(() => {
      const { count } = store.get('together').result
      store.update('together', { result: { count: count + 1 } })
      for (const shard of store.getShards('together')) {
        store.saveShard({ ...shard, result: { count: count + 1 } })
      }
    })
    store.addShard({ uniqcTaskId: 'grows', platformTaskId: name + '-' + n, status: 'success', result: n }, { refreshTask: true })
    if (n % 2 === 0) store.archive.archive(name + '-' + n)
    if (n % 4 === 0) store.archive.restore(name + '-' + n)
    if (n % 10 === 5) store.delete(name + '-' + n)
  }
  store.close()
`

/** As the original: a connection for each call, and the lock waited for as long as here. */
const PYTHON_WRITER = `
import json, sqlite3, sys
path, name, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
for n in range(1, rounds + 1):
    c = sqlite3.connect(path, timeout=5)
    c.execute("PRAGMA journal_mode=WAL")
    c.execute("PRAGMA foreign_keys=ON")
    for task_id in (f"{name}-{n}", f"own-{name}"):
        c.execute("INSERT INTO tasks (task_id, backend, status, shots, submit_time, update_time, result_json, metadata_json, error_message)"
                  " VALUES (?, 'b', 'success', 0, '2026', '2026', ?, ?, NULL) ON CONFLICT(task_id) DO UPDATE SET"
                  " result_json = excluded.result_json, metadata_json = excluded.metadata_json",
                  (task_id, json.dumps({"n": n}), json.dumps({"n": n})))
    c.commit()
    c.close()
`

/** Reads until the writers are done. Prints how often it read, and what it saw of records that were not whole. */
const READER = `
  import { eq } from 'drizzle-orm'
  import { TaskStore } from 'uniqc-task-store'
  import { taskShards, tasks } from 'uniqc-task-store/schema'
  const store = new TaskStore({ file: process.argv[1] })
  const faults = []
  let reads = 0
  const last = {}
  while (store.get('end') === undefined) {
    reads++
    for (const { taskId, result, metadata } of store.list({ archived: 'both', backend: 'b' })) {
      if (result?.n !== metadata.n) faults.push([taskId, result, metadata])
      if (!taskId.startsWith('own-')) continue
      if (metadata.n < last[taskId]) faults.push([taskId, 'went back', last[taskId], metadata.n])
      last[taskId] = metadata.n
    }
    const together = store.db
      .select({ task: tasks.result, shard: taskShards.result })
      .from(tasks)
      .innerJoin(taskShards, eq(taskShards.uniqcTaskId, tasks.taskId))
      .where(eq(tasks.taskId, 'together'))
      .all()
    if (together.length !== ${SHARDS} || together.some(({ task, shard }) => task.count !== shard.count)) faults.push(together)
    const grown = store.db
      .select({ task: tasks.result, shard: taskShards.result })
      .from(tasks)
      .innerJoin(taskShards, eq(taskShards.uniqcTaskId, tasks.taskId))
      .where(eq(tasks.taskId, 'grows'))
      .orderBy(taskShards.shardIndex)
      .all()
    const values = [grown[0]?.task ?? []].flat()
    if (JSON.stringify(values) !== JSON.stringify(grown.map(({ shard }) => shard))) faults.push(values)
  }
  store.close()
  console.log(JSON.stringify({ reads, faults: faults.slice(0, 5) }))
`

async function writeAtOnce(file: string, pythons: number): Promise<void> {
  using store = new TaskStore({ file })
  const writers = times(NODES, (i) => `node${i}`)
  const pythonWriters = times(pythons, (i) => `python${i}`)
  for (const taskId of ['shared', 'together', 'grows'])
    store.save({ taskId, backend: 'c', status: 'running' })
  store.update('together', { result: { count: 0 } })
  for (const platformTaskId of times(SHARDS, String)) {
    store.addShard({ uniqcTaskId: 'together', platformTaskId, result: { count: 0 } })
  }
  for (const name of writers) {
    store.save({
      taskId: `own-${name}`,
      backend: 'b',
      status: 'running',
      result: { n: 0 },
      metadata: { n: 0 },
    })
  }
  const reading = runModule(READER, file)
  // Awaited when the writers are done: until then its failure would be an unhandled rejection.
  reading.catch(() => undefined)
  // Each ends with an error if a call of it had one.
  const ended = await Promise.allSettled([
    ...writers.map((name) => runModule(NODE_WRITER, file, name, String(ROUNDS))),
    ...pythonWriters.map((name) => runPython(PYTHON_WRITER, file, name, String(ROUNDS))),
  ])
  store.save({ taskId: 'end', backend: 'c', status: 'success' })
  const { reads, faults } = JSON.parse(await reading) as { reads: number; faults: unknown[] }
  assert.deepEqual(
    ended.filter(({ status }) => status === 'rejected'),
    [],
  )
  assert.deepEqual(faults, [])
  assert.ok(reads > 0)

  for (const name of [...writers, ...pythonWriters]) {
    assert.deepEqual(store.get(`own-${name}`)?.metadata, { n: ROUNDS })
    const isNode = writers.includes(name)
    for (let n = 1; n <= ROUNDS; n++) {
      const [live, archived] = [store.get(`${name}-${n}`), store.archive.get(`${name}-${n}`)]
      const isArchived = isNode && n % 2 === 0 && n % 4 !== 0
      const isDeleted = isNode && n % 10 === 5
      assert.deepEqual(isArchived ? archived?.result : live?.result, isDeleted ? undefined : { n })
      assert.equal(isArchived ? live : archived, undefined)
    }
  }
  assert.deepEqual(store.get('shared')?.metadata, Object.fromEntries(writers.map((name) => [name, ROUNDS])))
  assert.deepEqual(store.get('together')?.result, { count: NODES * ROUNDS })
  const grown = store.getShards('grows')
  assert.deepEqual(
    grown.map(({ shardIndex }) => shardIndex),
    times(NODES * ROUNDS, (i) => i),
  )
  assert.deepEqual(
    grown.map(({ platformTaskId }) => platformTaskId).toSorted(),
    writers.flatMap((name) => times(ROUNDS, (i) => `${name}-${i + 1}`)).toSorted(),
  )
  assertSound(file)
}

test(`${NODES} processes write at once without an error, readers see whole records, and nothing is lost`, async (t) => {
  for (let i = 0; i < FILES; i++) await writeAtOnce(temporaryFile(t), 0)
})

test(
  `${NODES} processes of Node and ${PYTHONS} of Python write at once without an error, and nothing is lost`,
  needsPython,
  async (t) => {
    for (let i = 0; i < FILES; i++) await writeAtOnce(temporaryFile(t), PYTHONS)
  },
)
