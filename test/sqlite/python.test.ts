import assert from 'node:assert/strict'
import test from 'node:test'
import { TaskStore, type TaskStoreError, UnreadableJson } from 'uniqc-task-store'
import { copyFixture, FIXTURE_NAMES, needsFixtures, readExpected } from '../support/fixtures.ts'
import { needsPython, runModule, runPython } from '../support/processes.ts'
import { PYTHON_CALLS } from '../support/python-calls.ts'
import { assertSoundDatabase } from '../support/sound-file.ts'
import { temporaryFile } from '../support/temporary.ts'

const python = (source: string, ...args: readonly string[]) => runPython(PYTHON_CALLS + source, ...args)

/** The tasks that every process moves, and the last of them are deleted meanwhile. */
const POOL = Array.from({ length: 16 }, (_, i) => `pool-${i}`)
const SHARDS = 3
/** Of each process. A multiple of 20: then the last thing that it does is to archive its task 3. */
const ROUNDS = 100
const OWN = 20

const PYTHON_WORKER = `
import time
name, seed, pool, rounds, start = sys.argv[2], *map(int, sys.argv[3:])
moved = 0

def attempt(work, *args):
    for _ in range(1000):
        try:
            return work(*args)
        except sqlite3.IntegrityError:
            return False  # Somebody moved it between the reading and the writing.
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
    raise SystemExit("never got the lock")

while time.time() * 1000 < start:
    pass
for i in range(rounds):
    own = f"{name}-{i % 20}"
    if i % 20 == 0:
        attempt(restore, f"{name}-3")
    attempt(save, own, "success", {"round": i, "p": float("nan")}, {"by": name, "big": 2 ** 70})
    attempt(save_shard, own, 0, {"round": i})
    moved += attempt([archive, restore][i // pool % 2], f"pool-{(seed * 5 + i) % pool}")
    if i == rounds // 2:
        attempt(delete, f"pool-{pool - 1 - seed}")
    if i % 20 == 19:
        attempt(archive, f"{name}-3")
print(moved)
`

const NODE_WORKER = `
  import { TaskStore } from 'uniqc-task-store'
  const [file, name, ...numbers] = process.argv.slice(1)
  const [seed, pool, rounds, start] = numbers.map(Number)
  const store = new TaskStore({ file })
  let moved = 0
  while (Date.now() < start) {}
  for (let i = 0; i < rounds; i++) {
    const taskId = name + '-' + (i % 20)
    if (i % 20 === 0) store.archive.restore(name + '-3')
    const result = { round: i, p: NaN }
    store.save({ taskId, backend: 'b', status: 'success', result, metadata: { by: name, big: 2n ** 70n } })
    const shard = { uniqcTaskId: taskId, shardIndex: 0, platformTaskId: taskId + '-job0' }
    store.saveShard({ ...shard, status: 'success', result: { round: i } })
    const shared = 'pool-' + ((seed * 5 + i) % pool)
    if (Math.floor(i / pool) % 2 ? store.archive.restore(shared) : store.archive.archive(shared)) moved++
    if (i === rounds / 2) store.delete('pool-' + (pool - 1 - seed))
    if (i % 20 === 19) store.archive.archive(name + '-3')
  }
  store.close()
  console.log(moved)
`

test(
  'Python and Node save, move and delete at once, and every task is whole, in one place, as last saved',
  needsPython,
  async (t) => {
    const file = temporaryFile(t)
    using store = new TaskStore({ file })
    for (const taskId of POOL) {
      store.save({ taskId, backend: 'b', status: 'success', result: { of: taskId } })
      for (let i = 0; i < SHARDS; i++) {
        store.addShard({ uniqcTaskId: taskId, platformTaskId: `${taskId}-job${i}`, result: { i } })
      }
    }
    const names = ['python1', 'python2', 'node1', 'node2']
    const start = Date.now() + 1000
    const moved = await Promise.all(
      names.map((name, seed) => {
        const args = [file, name, ...[seed, POOL.length, ROUNDS, start].map(String)]
        return name.startsWith('python') ? python(PYTHON_WORKER, ...args) : runModule(NODE_WORKER, ...args)
      }),
    )
    for (const count of moved) assert.ok(Number(count) > 0, 'each process moved some')
    assertSoundDatabase(store.db.$client)

    for (const name of names) {
      for (let i = 0; i < OWN; i++) {
        const taskId = `${name}-${i}`
        const place = i === 3 ? store.archive : store
        const other = i === 3 ? store : store.archive
        const round = ROUNDS - OWN + i
        const { result, metadata } = place.get(taskId) ?? {}
        assert.deepEqual(
          [result, metadata],
          [
            { round, p: Number.NaN },
            { by: name, big: 2n ** 70n },
          ],
        )
        assert.deepEqual(
          place.getShards(taskId).map((shard) => shard.result),
          [{ round }],
        )
        assert.deepEqual([other.get(taskId), other.getShards(taskId)], [undefined, []])
      }
    }
    const deleted = POOL.slice(-names.length)
    for (const taskId of POOL) {
      const tasks = [store, store.archive].flatMap((place) => place.get(taskId) ?? [])
      const shards = [store, store.archive].flatMap((place) => place.getShards(taskId))
      // Python reads a task before it has the lock, and can bring one back that was deleted meanwhile.
      if (deleted.includes(taskId)) assert.ok(tasks.length <= 1 && shards.length <= tasks.length * SHARDS)
      else {
        assert.deepEqual(
          tasks.map((task) => task.result),
          [{ of: taskId }],
        )
        assert.deepEqual(
          shards.map((shard) => shard.result),
          [{ i: 0 }, { i: 1 }, { i: 2 }],
        )
      }
    }
  },
)

test('an open store sees at once what Python does', needsPython, async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  const look = () => ({
    live: store.list().map((task) => task.taskId),
    archived: store.archive.list().map((task) => task.taskId),
    shards: [store.getShards('a').length, store.archive.getShards('a').length],
    found: store.findShards('a-job1').length,
    counts: [store.count(), store.archive.count(), store.countByStatus().success],
  })
  const both = { live: ['b', 'a'], archived: [], shards: [2, 0], found: 1, counts: [2, 0, 2] }
  const steps: readonly (readonly [string, ReturnType<typeof look>])[] = [
    ['for i in "ab": save(i, "success", 1); save_shard(i, 0); save_shard(i, 1)', both],
    ['archive("a")', { live: ['b'], archived: ['a'], shards: [0, 2], found: 0, counts: [1, 1, 1] }],
    ['restore("a")', { ...both, live: ['a', 'b'] }],
    ['save("a", "failed")', { ...both, live: ['a', 'b'], counts: [2, 0, 1] }],
    ['delete("a")', { live: ['b'], archived: [], shards: [0, 0], found: 0, counts: [1, 0, 1] }],
  ]
  for (const [call, expected] of steps) {
    await python(call, file)
    assert.deepEqual(look(), expected, call)
  }
})

/** Every cell of a task and its shards, wherever it is, with its type. */
function readCells(store: TaskStore, taskId: string) {
  const read = (table: string, key: string) =>
    (store.db.$client.prepare(`SELECT * FROM ${table} WHERE ${key} = ?`).all(taskId) as object[]).map(
      (row) => {
        const { archived_at, ...cells } = row as Record<string, unknown>
        return cells
      },
    )
  return {
    task: [...read('tasks', 'task_id'), ...read('archived_tasks', 'task_id')],
    shards: [...read('task_shards', 'uniqc_task_id'), ...read('archived_task_shards', 'uniqc_task_id')],
  }
}

const STRANGE: readonly { readonly [name in 'status' | 'time' | 'json' | 'metadata']: string }[] = [
  { status: 'queued', time: '2026-05-03 01:02:03', json: '{"a": 1.0, "n": NaN}', metadata: '{"k" : 1.0}' },
  { status: '', time: '1746234123', json: '{"torn": [1, 2', metadata: '[1, 2]' },
  { status: 'SUCCESS', time: '昨天', json: '', metadata: '' },
  { status: '完成 🧪', time: '', json: '12345678901234567890123', metadata: '{"__proto__": {"a": -0.0}}' },
  { status: 'success\n', time: '2026-02-30T25:61:00', json: '[1e999, -Infinity]', metadata: 'no JSON' },
  { status: 'null', time: '+12026-01-01', json: '{"a": 1, "a": 2}', metadata: '{"b": "\\ud800"}' },
]

test(
  'records of Python that we would not write are listed, counted, archived and restored unchanged',
  needsPython,
  async (t) => {
    const file = temporaryFile(t)
    using store = new TaskStore({ file })
    await python(
      `
with connection() as c:
    for i, row in enumerate(json.loads(sys.argv[2])):
        c.execute("INSERT INTO tasks VALUES (?, 'b', ?, -1, ?, ?, ?, ?, '')",
                  [f"t{i}", row["status"], row["time"], row["time"], row["json"], row["metadata"]])
        c.execute("INSERT INTO task_shards VALUES (?, 7, '', 'b', 0, -1, ?, ?, '', ?, ?)",
                  [f"t{i}", row["status"], row["json"], row["time"], row["time"]])
`,
      file,
      JSON.stringify(STRANGE),
    )
    const ids = STRANGE.map((_, i) => `t${i}`)
    const before = ids.map((taskId) => readCells(store, taskId))
    assert.deepEqual(
      store
        .list()
        .map((task) => task.taskId)
        .toSorted(),
      ids,
    )
    assert.ok(store.get('t1')?.result instanceof UnreadableJson)
    for (const [i, { status }] of STRANGE.entries()) {
      assert.deepEqual(
        store.list({ status }).map((task) => task.taskId),
        [`t${i}`],
      )
      assert.equal(store.countByStatus()[status], 1)
    }

    const archived = store.archive.archiveMany(ids)
    assert.deepEqual(
      archived,
      ids.map((taskId) => ({ taskId, outcome: 'archived' })),
    )
    assert.deepEqual([store.count(), store.archive.count(), store.archive.list().length], [0, 6, 6])
    assert.deepEqual(
      ids.map((taskId) => readCells(store, taskId)),
      before,
    )
    store.archive.restoreMany(ids)
    assert.deepEqual([store.count(), store.archive.count()], [6, 0])
    assert.deepEqual(
      ids.map((taskId) => readCells(store, taskId)),
      before,
    )
  },
)

const WRITERS = ['Node', 'Python'] as const
for (const writer of WRITERS) {
  for (const archiver of WRITERS) {
    for (const restorer of WRITERS.filter((restorer) => new Set([writer, archiver, restorer]).size > 1)) {
      test(
        `${writer} writes, ${archiver} archives, ${restorer} restores, and the values stay the same`,
        needsPython,
        async (t) => {
          const file = temporaryFile(t)
          using store = new TaskStore({ file })
          const result = { '00': 512, p: [Number.NaN, Infinity, -0], big: 2n ** 70n }
          if (writer === 'Python') {
            const value = '{"00": 512, "p": [math.nan, math.inf, -0.0], "big": 2 ** 70}'
            await python(
              `import math\nsave("a", "success", ${value}, {"名": "值"})\nsave_shard("a", 0, ${value})`,
              file,
            )
          } else {
            store.save({ taskId: 'a', backend: 'b', status: 'success', result, metadata: { 名: '值' } })
            store.addShard({ uniqcTaskId: 'a', platformTaskId: 'a-job0', status: 'success', result })
          }
          const before = new Date().toISOString().slice(0, -1)
          const [cells, task, shards] = [readCells(store, 'a'), store.get('a'), store.getShards('a')]
          assert.deepEqual([task?.result, task?.metadata, shards[0]?.result], [result, { 名: '值' }, result])

          if (archiver === 'Python') await python('archive("a")', file)
          else store.archive.archive('a')
          const { archivedAt = '', ...archived } = store.archive.get('a') ?? {}
          assert.ok(archivedAt >= (archiver === 'Node' ? before : '2026-02-02'))
          assert.deepEqual([archived, store.get('a')], [task, undefined])
          assert.deepEqual(
            store.archive.getShards('a').map(({ archivedAt: shardArchivedAt, ...shard }) => {
              assert.equal(shardArchivedAt, archivedAt)
              return shard
            }),
            shards,
          )

          if (restorer === 'Python') await python('restore("a")', file)
          else store.archive.restore('a')
          assert.deepEqual(
            [store.get('a'), store.getShards('a'), store.archive.get('a')],
            [task, shards, undefined],
          )
          assert.deepEqual(readCells(store, 'a'), cells)
        },
      )
    }
  }
}

test(
  'a task that Python left both live and archived is a conflict, and both stay as they are',
  needsPython,
  async (t) => {
    const file = temporaryFile(t)
    using store = new TaskStore({ file })
    await python('save("a", result=1); save_shard("a", 0, 1); archive("a"); save("a", result=2)', file)
    const before = readCells(store, 'a')
    for (const move of [() => store.archive.archive('a'), () => store.archive.restore('a')]) {
      assert.throws(move, (error: TaskStoreError) => error.code === 'CONFLICT')
      assert.deepEqual(readCells(store, 'a'), before)
    }
    store.archive.restore('a', { onConflict: 'archived' })
    assert.deepEqual([store.get('a')?.result, store.getShards('a').length, store.archive.count()], [1, 1, 0])
  },
)

test('a readonly store of an old file goes on after Python upgrades it, with the new ids', {
  ...needsPython,
  ...needsFixtures,
}, async (t) => {
  const name = FIXTURE_NAMES.find((fixture) => fixture.includes('0.0.11-')) ?? ''
  const { tasks, archived = [] } = readExpected(name)
  const file = copyFixture(t, name)
  using store = new TaskStore({ file, readonly: true })
  const before = store.list()
  assert.equal(before.length, tasks.length)
  await python('upgrade()', file)

  for (const old of before) {
    const task = store.get(old.taskId)
    assert.ok(task)
    assert.match(task.taskId, /^uqt_/)
    const metadata = { ...old.metadata, legacy_platform_id: old.taskId }
    assert.deepEqual(task, { ...old, taskId: task.taskId, metadata })
    assert.deepEqual(
      store.getShards(old.taskId).map(({ platformTaskId, result }) => ({ platformTaskId, result })),
      [{ platformTaskId: old.taskId, result: old.result }],
    )
  }
  assert.equal(store.count(), before.length)
  for (const { task_id } of archived) assert.ok(store.archive.get(task_id)?.taskId.startsWith('uqt_'))
  assert.equal(store.archive.count(), archived.length)
})
