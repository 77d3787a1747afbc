import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { PostgresTaskStore } from 'uniqc-task-store/postgres'
import { atTerminal, cli, cliJson, needsTerminal, start } from '../support/cli.ts'
import { freshSchema, needsPostgres, query, sharedServer } from '../support/postgres.ts'
import { temporaryFile } from '../support/temporary.ts'

const ID = 'uqt_0123456789abcdef0123456789abcdef'
const ENDED = ['success', 'failed', 'cancelled'] as const

test('every command works on a server', needsPostgres, async (t) => {
  const { url } = await sharedServer()
  const schema = freshSchema()
  const env = { UNIQC_TASKS_URL: url }
  const run = (...args: string[]) => cli([...args, '--schema', schema], env)
  const json = (...args: string[]) => cliJson([...args, '--schema', schema], env)
  const file = temporaryFile(t)
  const local = new TaskStore({ file })
  local.save({
    taskId: ID,
    backend: 'originq:WK_C180',
    status: 'success',
    shots: 12,
    result: { '00': 5, '11': 7 },
  })
  local.addShard({ uniqcTaskId: ID, platformTaskId: 'P', status: 'success' })
  for (const status of ENDED)
    local.save({ taskId: `local-${status}`, backend: 'b', status, submitTime: '2026-01-01' })
  local.close()

  await t.test('what reads a schema that is missing creates nothing, and says what to do', async () => {
    for (const command of [
      ['list'],
      ['show', ID],
      ['stats'],
      ['check'],
      ['path'],
      ['watch'],
      ['export', '/nowhere/x'],
    ]) {
      const { code, errors } = await run(...command)
      assert.equal(code, 1)
      assert.match(errors, /^error: .*is missing or not up to date.*\n {2}run "uniqc-tasks migrate"\n$/)
    }
    assert.deepEqual(await query(url, 'SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]), [])
  })

  await t.test('migrate creates it', async () => {
    const [dry, done] = [await run('migrate', '--dry-run'), await run('migrate')]
    assert.equal(dry.output, 'pending\t0000_create_tables\n')
    assert.equal(done.output, `${dry.output}applied\t0000_create_tables\n`)
    assert.deepEqual(await json('migrate'), { pending: [], applied: [] })
    assert.deepEqual(await json('list'), [])
  })

  await t.test('copy and merge fill it from a file, and copy makes a file of it', async () => {
    const to = ['copy', '--to', url, '--to-schema', schema, '--file', file]
    assert.equal(((await cliJson([...to, '--dry-run'])) as { added: number }).added, 4)
    assert.deepEqual(await json('list'), [])
    assert.equal(((await cliJson([...to, '--status', 'success'])) as { added: number }).added, 2)
    const merged = (await json('merge', file)) as Record<string, unknown>
    assert.deepEqual([merged.added, merged.unchanged], [2, 2])
    const back = temporaryFile(t)
    assert.equal(((await json('copy', '--to', back)) as { added: number }).added, 4)
    using copied = new TaskStore({ file: back, readonly: true })
    assert.equal(copied.getShards(ID)[0]?.platformTaskId, 'P')
  })

  await t.test('its tasks are listed, shown and counted', async () => {
    const store = await PostgresTaskStore.open({ url, schema })
    t.after(() => store.close())
    const ids = (await store.listSummaries()).map(({ taskId }) => taskId)
    assert.deepEqual(
      ((await json('list', '--all')) as { taskId: string }[]).map(({ taskId }) => taskId),
      ids,
    )
    assert.deepEqual(
      (await run('list', '--all')).output
        .split('\n')
        .slice(0, -1)
        .map((line) => line.split('\t')[0]),
      ids,
    )
    assert.deepEqual(((await json('show', 'uqt_0')) as { counts: unknown }).counts, [
      [
        ['00', 5],
        ['11', 7],
      ],
    ])
    assert.equal((await run('show', 'loca')).code, 2)
    assert.match((await run('shards', ID)).output, /^0\tP\t/)
    assert.equal(((await json('stats')) as { tasks: number }).tasks, 4)
    const { output } = await run('path')
    assert.equal(output, `${url}\n`)
    assert.deepEqual(await json('check'), { isSound: true, findings: [] })
  })

  await t.test('its tasks are exported and imported', async () => {
    const lines = join(dirname(file), 'tasks.jsonl')
    assert.deepEqual(await json('export', lines), { tasks: 4, shards: 1 })
    assert.equal(((await json('import', lines)) as { unchanged: number }).unchanged, 4)
    assert.equal(((await json('import', lines, '--dry-run')) as { unchanged: number }).unchanged, 4)
  })

  await t.test('its tasks are archived, restored, pruned, cleared and deleted', async () => {
    assert.equal((await run('archive', 'uqt_0')).output, `archived\t${ID}\n`)
    assert.equal((await run('restore', 'uqt_0')).output, `restored\t${ID}\n`)
    assert.equal((await run('prune', '--older-than', '7d')).output, 'archived 3 tasks\n')
    assert.equal(
      (await run('prune', '--archived', '--older-than', '7d', '-s', 'failed', '--yes')).output,
      'deleted 1 task\n',
    )
    assert.equal(
      (await run('delete', '--archived', 'local-success', '--yes')).output,
      'deleted\tlocal-success\n',
    )
    assert.equal(
      (await run('clear', '--yes')).output,
      'deleted 1 task with the status success, failed, cancelled\n',
    )
    assert.equal(((await json('list', '--archived', 'too')) as unknown[]).length, 1)
  })

  await t.test('two that watch see what another program writes', async (t) => {
    const store = await PostgresTaskStore.open({ url, schema })
    const watching = [1, 2].map(() =>
      start(['watch', '--json', '--interval', '20ms', '--schema', schema], env),
    )
    t.after(async () => {
      for (const child of watching) child.kill('SIGKILL')
      await store.close()
    })
    const lists = watching.map((child) => child.stdout.setEncoding('utf8')[Symbol.asyncIterator]())
    const next = () => Promise.all(lists.map(async (list) => (await list.next()).value))
    assert.deepEqual(await next(), ['[]\n', '[]\n'])
    await store.save({ taskId: 'new', backend: 'b', status: 'running' })
    for (const list of await next()) assert.match(list, /^\[\{"taskId":"new",.*"status":"running"/)
  })

  await t.test('a terminal shows its tasks', needsTerminal, async () => {
    const { code, lines } = await atTerminal(80, ['list', '--archived', '--schema', schema], { env })
    assert.equal(code, 0)
    assert.match(lines[1] ?? '', /^local-cancelled +cancelled +b +0 /)
  })
})
