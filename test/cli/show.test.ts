import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { countsPerCircuit, TaskStore, toJson } from 'uniqc-task-store'
import { cli, cliJson } from '../support/cli.ts'
import { copyFixture, needsFixtures } from '../support/fixtures.ts'
import { temporaryFile } from '../support/temporary.ts'

const ID = 'uqt_0123456789abcdef0123456789abcdef'
const OTHER = 'uqt_0123456789abcdef0123456789abcdee'

function makeFile(t: TestContext): string {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  const result = [{ '00': 5, '11': 7 }, null, [{ key: '0x1', value: 3 }]]
  store.save({
    taskId: ID,
    backend: 'originq:WK_C180',
    status: 'success',
    shots: 12,
    result,
    metadata: { note: 'a\tb' },
  })
  store.addShard({ uniqcTaskId: ID, platformTaskId: 'F51AA0AC', circuitCount: 3 })
  store.save({ taskId: OTHER, backend: 'b', status: 'failed', errorMessage: 'no\nqubits' })
  store.save({ taskId: 'archived-1', backend: 'b', status: 'success' })
  store.addShard({ uniqcTaskId: 'archived-1', platformTaskId: 'P' })
  store.archive.archive('archived-1')
  return file
}

test('show prints a task with its shards and the counts of each circuit', async (t) => {
  const file = makeFile(t)
  const shown = (await cliJson(['show', ID, '--file', file])) as Record<string, unknown>
  using store = new TaskStore({ file, readonly: true })
  const task = store.get(ID)
  assert.deepEqual(
    shown,
    JSON.parse(
      toJson({
        ...task,
        archivedAt: null,
        shards: store.getShards(ID),
        counts: countsPerCircuit(task?.result),
      }),
    ),
  )
  assert.deepEqual(shown.counts, [
    [
      ['00', 5],
      ['11', 7],
    ],
    null,
    [['1', 3]],
  ])
})

test('away from a terminal each detail of a task is a line', async (t) => {
  const file = makeFile(t)
  const lines = (await cli(['show', ID, '--file', file])).output.split('\n')
  for (const line of [`taskId\t${ID}`, 'shots\t12', 'metadata\tnote\t"a\\tb"']) {
    assert.ok(lines.includes(line), `${line} in ${lines.join('\n')}`)
  }
  assert.ok(lines.some((line) => line.startsWith('shard\t0\tF51AA0AC\tpending\t')))
  assert.ok(lines.some((line) => line.startsWith('result\t[{')))
  const failed = (await cli(['show', OTHER, '--file', file])).output
  assert.match(failed, /\nerrorMessage\tno\\nqubits\n$/)
})

test('a result without counts is told from no result', async (t) => {
  const file = temporaryFile(t)
  {
    using store = new TaskStore({ file })
    store.save({ taskId: 'none', backend: 'b', status: 'success' })
    for (const [taskId, result] of Object.entries({ object: {}, list: [], circuits: [{}, { '0': 1 }] })) {
      store.save({ taskId, backend: 'b', status: 'success', result })
    }
  }
  const resultOf = async (id: string) =>
    (await cli(['show', id, '--file', file])).output
      .split('\n')
      .find((line) => /^(result|count)\t/.test(line))
  assert.equal(await resultOf('none'), undefined)
  assert.equal(await resultOf('object'), 'result\t{}')
  assert.equal(await resultOf('list'), 'result\t[]')
  assert.equal(await resultOf('circuits'), 'result\t[{},{"0":1}]')
})

test('an unambiguous beginning of at least 4 characters finds a task, in the archive too', async (t) => {
  const file = makeFile(t)
  const show = async (id: string) =>
    (await cliJson(['show', id, '--file', file])) as {
      taskId: string
      archivedAt: string | null
      shards: unknown[]
    }
  assert.equal((await show(OTHER)).taskId, OTHER)
  const { taskId, archivedAt, shards } = await show('arch')
  assert.deepEqual([taskId, typeof archivedAt, shards.length], ['archived-1', 'string', 1])
  const { output } = await cli(['shards', 'archived', '--file', file])
  assert.deepEqual(await cliJson(['shards', 'archived', '--file', file]), shards)
  assert.match(output, /^0\tP\tpending\tb\t1\t0\t/)
})

test('an ambiguous beginning is wrong use, and lists the ids', async (t) => {
  const file = makeFile(t)
  const { code, output, errors } = await cli(['show', 'uqt_0123', '--file', file])
  assert.deepEqual([code, output], [2, ''])
  assert.equal(
    errors,
    `error: several ids begin with "uqt_0123"; type more of the one that is meant:\n  ${OTHER}\n  ${ID}\n`,
  )
})

test('an id that no task has ends with 3 and says what to do', async (t) => {
  const file = makeFile(t)
  for (const id of ['uqt_9', 'arc', '\u001b[2J', '-', 'uqt_0123456789abcdef0123456789abcdefff']) {
    for (const command of ['show', 'shards']) {
      const { code, output, errors } = await cli([command, '--file', file, '--', id])
      assert.deepEqual([code, output], [3, ''], id)
      assert.match(errors, /^error: no task has the id ".*"\n {2}\S.*\n$/)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
      assert.doesNotMatch(errors, /\x1b/)
    }
  }
})

test(
  'an id from before version 5 finds its task, whether or not the file is of that version',
  needsFixtures,
  async (t) => {
    const old = copyFixture(t, 'uniqc-0.0.7-schema1')
    const upgraded = copyFixture(t, 'uniqc-0.0.7-schema1')
    new TaskStore({ file: upgraded }).close()
    const [first, second] = (await Promise.all(
      [old, upgraded].map((file) => cliJson(['show', 'task-54', '--file', file])),
    )) as { taskId: string; metadata: Record<string, unknown>; counts: unknown }[]
    assert.equal(first?.taskId, 'task-54')
    assert.match(second?.taskId ?? '', /^uqt_/)
    assert.equal(second?.metadata.legacy_platform_id, 'task-54')
    assert.deepEqual(first?.counts, [
      [
        ['00', 512],
        ['11', 488],
      ],
    ])
    assert.deepEqual(second?.counts, first?.counts)
  },
)

test('stats count by status and backend, and tell shots and times of the newest tasks', async (t) => {
  const file = temporaryFile(t)
  const store = new TaskStore({ file })
  const at = (minutes: number) => new Date(Date.UTC(2026, 4, 3, 8, minutes))
  const save = (taskId: string, backend: string, status: 'success' | 'running', minutes: number) =>
    store.save(
      { taskId, backend, status, shots: 100, submitTime: at(0), updateTime: at(minutes) },
      { keepUpdateTime: true },
    )
  for (let i = 0; i < 10; i++) save(`a${i}`, 'ibm:ibm_fez', 'success', i + 1)
  save('b', '__proto__', 'running', 0)
  save('c', 'ibm:ibm_fez', 'success', 0)
  store.archive.archive('c')
  store.close()
  const counted = (await cliJson(['stats', '--file', file])) as Record<string, unknown>
  const none = { pending: 0, running: 0, success: 0, failed: 0, cancelled: 0 }
  const seconds = { least: 60, median: 360, p90: 600, most: 600 }
  assert.deepEqual(counted.byStatus, { ...none, running: 1, success: 10 })
  assert.deepEqual(Object.entries(counted.byBackend as object), [
    ['__proto__', { ...none, running: 1 }],
    ['ibm:ibm_fez', { ...none, success: 10 }],
  ])
  assert.deepEqual(counted.archived, { tasks: 1, byStatus: { ...none, success: 1 } })
  const { byBackend, ...newest } = counted.newest as { byBackend: Record<string, unknown> }
  assert.deepEqual(newest, { tasks: 11, shots: 1100, ended: 10, seconds })
  assert.deepEqual(byBackend['ibm:ibm_fez'], { tasks: 10, shots: 1000, ended: 10, seconds })
  const { output, code } = await cli(['stats', '--file', file])
  assert.equal(code, 0)
  for (const line of ['status\trunning\t1', 'backend\tibm:ibm_fez\tsuccess\t10', 'newest\t\tmedian\t360']) {
    assert.ok(output.split('\n').includes(line), line)
  }
})

test('path prints the file of the option, the variable or the home folder', async (t) => {
  const file = makeFile(t)
  const path = async (args: string[], env: NodeJS.ProcessEnv = {}) =>
    (await cli(['path', ...args], env)).output
  assert.equal(await path(['--file', file]), `${file}\n`)
  const folder = file.replace('/tasks.sqlite', '')
  assert.equal(await path([], { UNIQC_CACHE_DIR: folder }), `${file}\n`)
  assert.equal(await path(['--cache-dir', folder], { UNIQC_CACHE_DIR: '/nowhere' }), `${file}\n`)
  assert.deepEqual(await cliJson(['path', '--file', file]), { kind: 'file', file })
  const { code, errors } = await cli(['path'], { HOME: folder })
  assert.equal(code, 1)
  assert.ok(errors.includes(`${folder}/.uniqc/cache/tasks.sqlite`), errors)
})
