// UNIQC_KILLS: how many processes are killed. Default 40. UNIQC_KILLS_SEED: when; it is printed.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { describe, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { type NewTaskInfo, type NewTaskShard, type TaskShard, TaskStore } from 'uniqc-task-store'
import { copyFixture, needsFixtures, readExpected } from '../support/fixtures.ts'
import { collect, firstOutput, spawnModule } from '../support/processes.ts'
import { assertSound } from '../support/sound-file.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const KILLS = Number(process.env.UNIQC_KILLS ?? 40)
const SEED = Number(process.env.UNIQC_KILLS_SEED ?? Date.now() % 2 ** 31)

/** As many as go over several batches of every call. */
const TASKS = 250
const IDS = Array.from({ length: TASKS }, (_, i) => `t${i}`)
const SHARDS = [0, 1]
/** The first of them are archived where a file is taken in. */
const ARCHIVED = IDS.slice(0, 90)
/** The last of them stay when they are taken in; the others are deleted, to be taken in again. */
const KEPT = IDS.slice(130)

/** Kills come within so many milliseconds after the child has begun. */
const WITHIN = 120

/** Numbers from 0 to 1 that follow from a seed. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

const taskOf = (taskId: string) =>
  ({
    taskId,
    backend: 'originq:full',
    status: 'success',
    submitTime: '2026-01-01T00:00:00+00:00',
    result: { of: taskId },
    metadata: { of: taskId },
  }) satisfies NewTaskInfo

function fill(store: TaskStore): void {
  store.transaction(() => {
    store.saveMany(IDS.map(taskOf))
    for (const uniqcTaskId of IDS) {
      for (const index of SHARDS) {
        store.addShard({
          uniqcTaskId,
          platformTaskId: `${uniqcTaskId}-${index}`,
          status: 'success',
          result: index,
        })
      }
    }
  })
}

/** The shards of a task wherever it is, which is one place. */
function placeOf(store: TaskStore, taskId: string) {
  const live = store.get(taskId)
  const archived = store.archive.get(taskId)
  assert.ok(live === undefined || archived === undefined, `${taskId} is in one place`)
  const shards = live ? store.getShards(taskId) : store.archive.getShards(taskId)
  return { task: live ?? archived, shards }
}

/** A task is there whole, with all its shards, or it is not there at all. */
function assertWhole(store: TaskStore, taskId: string): boolean {
  const { task, shards } = placeOf(store, taskId)
  if (task === undefined) {
    assert.deepEqual(shards, [])
    return false
  }
  assert.deepEqual([task.result, task.metadata], [{ of: taskId }, { of: taskId }])
  assert.deepEqual(
    shards.map(({ platformTaskId, result }: TaskShard) => [platformTaskId, result]),
    SHARDS.map((index) => [`${taskId}-${index}`, index]),
  )
  return true
}

const wholeTasks = (store: TaskStore) => IDS.filter((taskId) => assertWhole(store, taskId))

/** What is killed. */
interface Call {
  readonly name: string
  /** Makes what the child finds, and returns the child's other argument. */
  readonly prepare?: (t: TestContext, store: TaskStore) => string
  /** What the child runs, over and over: `i` counts up, `done` tells the parent what is on the disk. */
  readonly loop: string
  /** Looks at what is there, given what the child said was done. */
  readonly verify: (store: TaskStore, done: readonly string[]) => void
  /** The call that was interrupted, once more, and what is there after it. */
  readonly repeat: (store: TaskStore, done: readonly string[], other: string) => void
}

const MOVED: Pick<Call, 'verify'> = {
  verify: (store) => {
    assert.deepEqual(wholeTasks(store), IDS)
  },
}

function exportFilled(t: TestContext, change: (store: TaskStore) => void): string {
  const folder = temporaryFolder(t)
  using source = new TaskStore({ file: join(folder, 'source.sqlite') })
  fill(source)
  source.archive.archiveMany(ARCHIVED)
  change(source)
  return folder
}

const DELETE_SOME = `store.archive.deleteMany(IDS.slice(0, 90))
  store.transaction(() => IDS.slice(90, 130).forEach((id) => store.delete(id)))`

/** Taken in from a file: what is there is whole, and after the call has come to its end what is not deleted is there. */
const TAKEN_IN: Pick<Call, 'verify'> = {
  verify: (store, done) => {
    const whole = wholeTasks(store)
    if (done.length > 0) assert.deepEqual(whole.slice(-KEPT.length), KEPT)
  },
}

const CALLS: readonly Call[] = [
  {
    name: 'save',
    loop: `store.save({ taskId: 'new' + i, backend: 'b', status: 'running', result: { i }, metadata: { i } }); done(i)`,
    verify: (store, done) => {
      for (const i of done) assert.deepEqual(store.get(`new${i}`)?.result, { i: Number(i) })
      for (const { taskId, result, metadata } of store.list()) {
        assert.deepEqual([`new${metadata.i}`, result], [taskId, metadata])
      }
      assert.ok(store.count() - done.length <= 1, 'only the call that was interrupted is not told')
    },
    repeat: (store, done) => {
      const i = done.length
      store.save({ taskId: `new${i}`, backend: 'b', status: 'running', result: { i }, metadata: { i } })
      assert.equal(store.count(), i + 1)
    },
  },
  {
    name: 'update',
    prepare: (_, store) => {
      store.saveMany(IDS.slice(0, 5).map(taskOf))
      return ''
    },
    loop: `store.update('t' + (i % 5), { result: i, metadata: { ['k' + i]: i } }); done(i)`,
    verify: (store, done) => {
      for (const i of done.map(Number)) assert.equal(store.get(`t${i % 5}`)?.metadata[`k${i}`], i)
      for (const { taskId, result, metadata } of store.list()) {
        const { of, ...keys } = metadata
        assert.equal(of, taskId)
        const last = Object.values(keys).at(-1) ?? { of }
        assert.deepEqual(result, last, 'result and metadata are of one call')
      }
    },
    repeat: (store, done) => {
      const i = done.length
      store.update(`t${i % 5}`, { result: i, metadata: { [`k${i}`]: i } })
      const keys = store.list().flatMap(({ metadata }) => Object.keys(metadata))
      assert.equal(keys.length, 5 + i + 1)
    },
  },
  {
    name: 'addShard',
    prepare: (_, store) => {
      store.saveMany(IDS.slice(0, 3).map((taskId) => ({ ...taskOf(taskId), result: null })))
      return ''
    },
    loop: `store.addShard(
        { uniqcTaskId: 't' + (i % 3), platformTaskId: 'p' + i, circuitCount: 2, status: 'success', result: [i, i] },
        { refreshTask: true },
      ); done(i)`,
    verify: (store, done) => {
      for (const i of done) assert.equal(store.findShards(`p${i}`).length, 1)
      for (const { taskId, result } of store.list()) {
        const shards = store.getShards(taskId)
        assert.deepEqual(
          shards.map((shard) => shard.shardIndex),
          [...shards.keys()],
        )
        assert.deepEqual(result, shards.length === 0 ? null : shards.flatMap((shard) => shard.result))
      }
    },
    repeat: (store, done) => {
      const i = done.length
      const uniqcTaskId = `t${i % 3}`
      const [stored] = store.findShards(`p${i}`)
      const shard: Omit<NewTaskShard, 'shardIndex'> = {
        uniqcTaskId,
        platformTaskId: `p${i}`,
        circuitCount: 2,
        status: 'success',
        result: [i, i],
      }
      const options = { refreshTask: true }
      if (stored === undefined) store.addShard(shard, options)
      else store.saveShard({ ...shard, shardIndex: stored.shardIndex }, options)
      assert.equal(IDS.slice(0, 3).flatMap((taskId) => store.getShards(taskId)).length, i + 1)
    },
  },
  {
    name: 'archiveMany',
    prepare: (_, store) => {
      fill(store)
      return ''
    },
    loop: `store.archive.archiveMany(IDS); done('archived'); store.archive.restoreMany(IDS); done('restored')`,
    ...MOVED,
    repeat: (store) => {
      const outcomes = new Set(store.archive.archiveMany(IDS).map(({ outcome }) => outcome))
      for (const outcome of outcomes) assert.match(outcome, /^(archived|already-there)$/)
      assert.equal(store.archive.count(), TASKS)
    },
  },
  {
    name: 'restoreMany',
    prepare: (_, store) => {
      fill(store)
      store.archive.archiveMany(IDS)
      return ''
    },
    loop: `store.archive.restoreMany(IDS); done('restored'); store.archive.archiveMany(IDS); done('archived')`,
    ...MOVED,
    repeat: (store) => {
      const outcomes = new Set(store.archive.restoreMany(IDS).map(({ outcome }) => outcome))
      for (const outcome of outcomes) assert.match(outcome, /^(restored|already-there)$/)
      assert.equal(store.count(), TASKS)
    },
  },
  {
    name: 'archiveOlderThan',
    prepare: (_, store) => {
      fill(store)
      return ''
    },
    loop: `store.archive.archiveOlderThan({ hours: 1 }); done('archived'); store.archive.restoreMany(IDS); done('restored')`,
    ...MOVED,
    repeat: (store) => {
      const left = store.count()
      assert.equal(store.archive.archiveOlderThan({ hours: 1 }).archived.length, left)
      assert.equal(store.archive.count(), TASKS)
    },
  },
  {
    name: 'importFile',
    prepare: (t) => {
      const folder = exportFilled(t, (source) => {
        source.exportFile(join(source.cacheDir ?? '', 'tasks.jsonl'))
      })
      return join(folder, 'tasks.jsonl')
    },
    loop: `store.importFile(other); done('in'); ${DELETE_SOME}`,
    ...TAKEN_IN,
    repeat: (store, _, file) => {
      const { imported, unchanged, skipped } = store.importFile(file)
      assert.deepEqual([imported + unchanged, skipped], [TASKS, []])
      assert.deepEqual(wholeTasks(store), IDS)
    },
  },
  {
    name: 'mergeFile',
    prepare: (t) =>
      join(
        exportFilled(t, () => undefined),
        'source.sqlite',
      ),
    loop: `store.mergeFile(other); done('in'); ${DELETE_SOME}`,
    ...TAKEN_IN,
    repeat: (store, _, file) => {
      const { added, unchanged, conflicts } = store.mergeFile(file)
      assert.deepEqual([added + unchanged, conflicts], [TASKS, []])
      assert.deepEqual(wholeTasks(store), IDS)
    },
  },
  {
    name: 'clearCompleted',
    prepare: (_, store) => {
      fill(store)
      for (const taskId of IDS.slice(0, 20)) store.update(taskId, { status: 'running' })
      return ''
    },
    loop: `store.saveMany(IDS.map((id) => ({ taskId: 'more-' + id, backend: 'b', status: 'failed' }))); done('in');
      for (let k = 0; k < 9; k++) store.saveMany(IDS.map((id) => ({ taskId: k + id, backend: 'b', status: 'failed' })))
      store.clearCompleted(); done('out')`,
    verify: (store, done) => {
      for (const taskId of IDS.slice(0, 20)) assert.ok(assertWhole(store, taskId))
      wholeTasks(store)
      // One saveMany is one transaction.
      const more = store.list({ backend: 'b' }).filter(({ taskId }) => taskId.startsWith('more-')).length
      if (done.length === 0) assert.ok(more === 0 || more === TASKS)
    },
    repeat: (store) => {
      store.clearCompleted()
      assert.deepEqual(
        store.list().map(({ taskId }) => taskId),
        IDS.slice(0, 20).reverse(),
      )
    },
  },
]

const CHILD = (loop: string) => `
  import { writeSync } from 'node:fs'
  import { TaskStore } from 'uniqc-task-store'
  const [file, other, count] = process.argv.slice(1)
  const IDS = Array.from({ length: Number(count) }, (_, i) => 't' + i)
  const done = (what) => writeSync(1, what + '\\n')
  const store = new TaskStore({ file })
  writeSync(1, 'begins\\n')
  for (let i = 0; ; i++) { ${loop} }
`

/** Runs a child until it is killed some time after it has begun, and returns what it said was done. */
async function runAndKill(source: string, args: readonly string[], wait: number): Promise<string[]> {
  const child = spawnModule(source, ...args)
  const printed = collect(child)
  const closed = once(child, 'close')
  await firstOutput(child)
  await setTimeout(wait)
  child.kill('SIGKILL')
  const [, signal] = await closed
  assert.equal(signal, 'SIGKILL', printed.errors)
  // A line is one write, so each is whole.
  return printed.output.split('\n').slice(1, -1)
}

const OLD = ['uniqc-0.0.4-schema1', 'uniqc-0.0.8-schema2', 'uniqc-0.0.11-schema3']

/** A call's part of the kills; migrating is one, too. */
const roundsOf = (index: number) => Math.max(1, Math.ceil((KILLS - index) / (CALLS.length + 1)))

describe('killed processes', { concurrency: 3 }, () => {
  CALLS.forEach((call, index) => {
    const rounds = roundsOf(index)
    test(`${call.name}, killed ${rounds} times: everything acknowledged is there, and nothing is half done`, async (t) => {
      t.diagnostic(`UNIQC_KILLS_SEED=${SEED}`)
      const random = randomFrom(SEED + index)
      const template = temporaryFile(t)
      const filled = new TaskStore({ file: template })
      const other = call.prepare?.(t, filled) ?? ''
      filled.close()
      for (let round = 0; round < rounds; round++) {
        const file = temporaryFile(t)
        copyFileSync(template, file)
        const before = new TaskStore({ file })
        // If no other process has it open, the next one has to recover the log.
        const isAlone = random() < 0.5
        if (isAlone) before.close()
        const done = await runAndKill(CHILD(call.loop), [file, other, String(TASKS)], random() * WITHIN)
        // Without waiting: the dead child holds no lock.
        using store = isAlone ? new TaskStore({ file, timeout: 0 }) : before
        if (!isAlone) store.db.$client.pragma('busy_timeout = 0')
        assertSound(file)
        store.save({ taskId: 'second', backend: 'b', status: 'running' })
        assert.ok(store.delete('second'))
        call.verify(store, done)
        call.repeat(store, done, other)
        call.verify(store, done)
        assertSound(file)
      }
    })
  })

  test('a migration that is killed leaves each file old or new, and it opens', needsFixtures, async (t) => {
    t.diagnostic(`UNIQC_KILLS_SEED=${SEED}`)
    const random = randomFrom(SEED + CALLS.length)
    const child = `
    import { writeSync } from 'node:fs'
    import { TaskStore } from 'uniqc-task-store'
    writeSync(1, 'begins\\n')
    for (const file of process.argv.slice(1)) {
      new TaskStore({ file }).close()
      writeSync(1, file + '\\n')
    }
    setInterval(() => undefined, 1000)
  `
    for (let round = 0; round < roundsOf(CALLS.length); round++) {
      const copies = [...OLD, ...OLD].map((name) => ({ file: copyFixture(t, name), name }))
      const files = copies.map(({ file }) => file)
      const done = await runAndKill(child, files, random() * WITHIN)
      for (const { file, name } of copies) {
        const { count, tasks, archived = [] } = readExpected(name)
        const database = new Database(file)
        const version = database.pragma('user_version', { simple: true })
        assert.equal(database.prepare('SELECT count(*) FROM tasks').pluck().get(), count)
        database.close()
        assert.ok(version === Number(name.at(-1)) || version === 5, `version ${version}`)
        if (done.includes(file)) assert.equal(version, 5)
        using store = new TaskStore({ file, timeout: 0 })
        assertSound(file)
        assert.deepEqual([store.count(), store.archive.count()], [count, archived.length])
        for (const { task_id, status, result } of tasks) {
          const task = store.get(task_id)
          assert.deepEqual([task?.status, task?.result], [status, result])
          assert.equal(store.getShards(task_id).length, 1)
        }
        for (const { task_id, result } of archived) {
          assert.deepEqual(store.archive.get(task_id)?.result, result)
          assert.equal(store.archive.getShards(task_id).length, 1)
        }
      }
    }
  })
})
