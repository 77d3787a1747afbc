import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { TaskStore, toJson } from 'uniqc-task-store'
import { cli, cliJson } from '../support/cli.ts'
import { copyFixture, fixturePath, needsFixtures, readLatestById } from '../support/fixtures.ts'
import { temporaryFile } from '../support/temporary.ts'

const TASK = { backend: 'originq:WK_C180', status: 'success' } as const

/** All that a file holds, as text. */
function contentOf(file: string): string {
  using store = new TaskStore({ file, readonly: true })
  const tasks = [...store.iterate({ archived: 'both' })]
  const shards = tasks.map(({ taskId, archivedAt }) =>
    archivedAt === null ? store.getShards(taskId) : store.archive.getShards(taskId),
  )
  return toJson([tasks, shards])
}

function makeFile(t: TestContext): string {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  for (const taskId of ['a', 'b', 'c'])
    store.save({ ...TASK, taskId, result: { f: Number.NaN, n: 2n ** 70n } })
  store.addShard({ uniqcTaskId: 'a', platformTaskId: 'P', status: 'success' })
  store.archive.archive('c')
  return file
}

test(
  'an export is imported into a store that is missing, and the two are equal',
  needsFixtures,
  async (t) => {
    const file = copyFixture(t, 'uniqc-0.0.16-schema5')
    const [lines, other] = [join(dirname(file), 'tasks.jsonl'), temporaryFile(t)]
    const exported = (await cliJson(['export', lines, '--file', file])) as { tasks: number }
    assert.equal(readFileSync(lines, 'utf8').split('\n').length - 1, exported.tasks)
    const report = await cliJson(['import', lines, '--file', other])
    assert.deepEqual(report, {
      files: [lines],
      ...{ read: exported.tasks, imported: exported.tasks, unchanged: 0, superseded: 0, skipped: [] },
    })
    assert.equal(contentOf(other), contentOf(file))
    const again = await cli(['import', lines, '--file', other])
    const plain = `read\t${exported.tasks}\nimported\t0\nunchanged\t${exported.tasks}\nsuperseded\t0\nskipped\t0\n`
    assert.deepEqual(again, { code: 0, output: plain, errors: '' })
  },
)

test('an export takes a filter and a place, and replaces a file only if that is asked', async (t) => {
  const file = makeFile(t)
  const lines = join(dirname(file), 'tasks.jsonl')
  const run = (...args: string[]) => cli(['export', lines, '--file', file, ...args])
  assert.equal((await run('--archived', 'no')).output, 'tasks\t2\nshards\t1\n')
  const refused = await run()
  assert.equal(refused.code, 1)
  assert.match(refused.errors, /already exists.*\n {2}give --replace/)
  assert.equal((await run('--archived', 'only', '--replace')).output, 'tasks\t1\nshards\t0\n')
  assert.equal((await run('--status', 'running', '--replace')).output, 'tasks\t0\nshards\t0\n')
})

test(
  'what UnifiedQuantum kept before SQLite is imported, and a torn line is reported',
  needsFixtures,
  async (t) => {
    const file = temporaryFile(t)
    const { code, output, errors } = await cli(['import', fixturePath('uniq-0.0.3-jsonl'), '--file', file])
    assert.equal(code, 0)
    assert.match(output, /\nskipped\t1\n$/)
    assert.match(errors, /tasks\.jsonl:\d+: /)
    using store = new TaskStore({ file, readonly: true })
    assert.equal(store.count(), Object.keys(readLatestById()).length)
  },
)

test('merge takes in the file of another store', async (t) => {
  const [file, other] = [makeFile(t), temporaryFile(t)]
  assert.deepEqual(await cliJson(['merge', file, '--file', other]), {
    ...{ read: 3, added: 3, updated: 0, unchanged: 0, kept: 0 },
    ...{ conflicts: [], renamed: [] },
  })
  assert.equal(contentOf(other), contentOf(file))
  assert.match(
    (await cli(['merge', file, '--file', other])).output,
    /^read\t3\nadded\t0\nupdated\t0\nunchanged\t3\n/,
  )
})

test('copy writes a file of its own with what was chosen', async (t) => {
  const [file, other] = [makeFile(t), temporaryFile(t)]
  const copied = await cliJson(['copy', '--to', other, '--file', file])
  assert.equal((copied as { added: number }).added, 3)
  assert.equal(contentOf(other), contentOf(file))
  const third = temporaryFile(t)
  const { output } = await cli(['copy', '--to', third, '--archived', 'only', '--file', file])
  assert.match(output, /^read\t1\nadded\t1\n/)
})

test('a dry run says what would be done, and writes nothing', async (t) => {
  const file = makeFile(t)
  const lines = join(dirname(file), 'tasks.jsonl')
  await cli(['export', lines, '--file', file])
  const other = temporaryFile(t)
  new TaskStore({ file: other }).close()
  const [missing, before] = [temporaryFile(t), readFileSync(other)]
  for (const [args, report] of [
    [['import', lines, '--file', other], /"imported":3/],
    [['merge', file, '--file', other], /"added":3/],
    [['copy', '--to', other, '--file', file], /"added":3/],
    [['copy', '--to', missing, '--file', file], /"added":3/],
    [['clear', '--file', file], /"tasks":2,"isDryRun":true/],
    [['prune', '--older-than', '0s', '--file', file], /"archived":\["a","b"\]/],
    [['prune', '--archived', '--older-than', '0s', '--file', file], /"deleted":\["c"\]/],
    [['repair', '--file', file], /"isSound":true/],
    [['migrate', '--file', file], /"applied":\[\]/],
  ] as const) {
    const content = contentOf(file)
    const { code, output, errors } = await cli([...args, '--dry-run', '--json'])
    assert.deepEqual([code, errors], [0, ''], args.join(' '))
    assert.match(output, report, args.join(' '))
    assert.equal(contentOf(file), content, args.join(' '))
    assert.ok(readFileSync(other).equals(before), args.join(' '))
    assert.ok(!existsSync(missing), args.join(' '))
    assert.deepEqual(readdirSync(dirname(other)), ['tasks.sqlite'], args.join(' '))
  }
})

test('what cannot be read is an error that names it', async (t) => {
  const file = makeFile(t)
  const foreign = temporaryFile(t)
  writeFileSync(foreign, 'not a database, but long enough to be looked at as one')
  for (const [args, message] of [
    [['import', '/nowhere/x.jsonl', '--file', file], /x\.jsonl/],
    [['import', file, '--file', temporaryFile(t)], /is a database/],
    [['merge', '/nowhere/x.sqlite', '--file', file], /x\.sqlite does not exist/],
    [['merge', foreign, '--file', file], /tasks\.sqlite/],
    [['list', '--file', foreign], /tasks\.sqlite/],
    [['copy', '--to', foreign, '--file', file], /tasks\.sqlite/],
    [['import', 'x.jsonl', '--dry-run', '--file', '/nowhere/x.sqlite'], /x\.sqlite does not exist/],
  ] as const) {
    const { code, output, errors } = await cli(args)
    assert.deepEqual([code, output], [1, ''], `${args.join(' ')}: ${errors}`)
    assert.match(errors, message)
  }
})
