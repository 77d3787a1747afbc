import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type NewTaskInfo, TaskStore, toJson } from 'uniqc-task-store'
import { cli, cliJson, environment, MAIN } from '../support/cli.ts'
import { copyFixture, needsFixtures } from '../support/fixtures.ts'
import { temporaryFile } from '../support/temporary.ts'

const TASK = { backend: 'originq:WK_C180', status: 'success' } as const

function fileOf(t: TestContext, tasks: readonly NewTaskInfo[]): string {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.saveMany(tasks)
  return file
}

for (const name of ['uniqc-0.0.4-schema1', 'uniqc-0.0.11-schema3', 'uniqc-0.0.16-schema5']) {
  test(
    `list of ${name} is what a store lists, and leaves file and folder as they are`,
    needsFixtures,
    async (t) => {
      const file = copyFixture(t, name)
      const before = readFileSync(file)
      const store = new TaskStore({ file, readonly: true })
      const [all, newest] = [store.list(), store.listSummaries({ limit: 20 })]
      store.close()
      assert.deepEqual(await cliJson(['list', '--file', file, '--all']), JSON.parse(toJson(all)))
      const { output, errors, code } = await cli(['list', '--file', file])
      assert.deepEqual([code, errors], [0, ''])
      const lines = output.split('\n').slice(0, -1)
      assert.deepEqual(
        lines.map((line) => line.split('\t').slice(0, 6)),
        newest.map((task) => [
          task.taskId,
          task.status,
          task.backend,
          String(task.shots),
          task.submitTime,
          task.updateTime,
        ]),
      )
      assert.deepEqual(readdirSync(dirname(file)), ['tasks.sqlite'])
      assert.ok(readFileSync(file).equals(before), 'the file was written')
    },
  )
}

test('an empty list is [], no line, and a line of titles in CSV', async (t) => {
  const file = fileOf(t, [])
  assert.equal((await cli(['list', '--file', file, '--json'])).output, '[]\n')
  assert.deepEqual(await cli(['list', '--file', file]), { code: 0, output: '', errors: '' })
  const { output } = await cli(['list', '--file', file, '--format', 'csv'])
  assert.equal(output, 'taskId,status,backend,shots,submitTime,updateTime,errorMessage\r\n')
})

test('filters, limits and places choose what is listed', async (t) => {
  const day = (n: number) => `2026-05-0${n}T08:00:00.000000+00:00`
  const file = fileOf(t, [
    { ...TASK, taskId: 'a', submitTime: day(1) },
    { ...TASK, taskId: 'b', submitTime: day(2), status: 'failed' },
    { ...TASK, taskId: 'c', submitTime: day(3), backend: 'originq' },
    { ...TASK, taskId: 'd', submitTime: day(4), backend: 'ibm:ibm_fez', status: 'running' },
    { ...TASK, taskId: 'old', submitTime: day(1) },
  ])
  const store = new TaskStore({ file })
  store.archive.archive('old')
  store.close()
  const cases: readonly (readonly [args: string, ids: string])[] = [
    ['', 'd c b a'],
    ['--limit 2', 'd c'],
    ['-s failed --status running', 'd b'],
    ['-p originq', 'c b a'],
    ['--backend originq', 'c'],
    ['--since 2026-05-02', 'd c b'],
    ['--since 2026-05-02T08:00Z', 'd c b'],
    ['--until 2026-05-02', 'b a'],
    ['--until 2026-05-02T07:00+00:00', 'a'],
    ['--since 1d', ''],
    ['--archived', 'old'],
    ['--archived too --all', 'd c b a old'],
  ]
  await Promise.all(
    cases.map(async ([args, ids]) => {
      const { output, errors } = await cli(['list', '--file', file, ...args.split(' ').filter(Boolean)])
      const found = output
        .split('\n')
        .slice(0, -1)
        .map((line) => line.split('\t')[0])
      assert.deepEqual([found.join(' '), errors], [ids, ''], args)
    }),
  )
})

test('what a terminal or a spreadsheet would obey is shown escaped, and JSON keeps its value', async (t) => {
  const odd = '\u001b[2Jx\n\u009b31m\u202ey\u2028'
  const file = fileOf(t, [
    { ...TASK, taskId: '=cmd|x', errorMessage: `+"q", ${odd}` },
    { ...TASK, taskId: '@a', backend: '-b' },
  ])
  const escaped = '\\x1b[2Jx\\n\\u009b31m\\u202ey\\u2028'
  const list = async (...args: string[]) => (await cli(['list', '--file', file, ...args])).output
  const [second, first] = (await list('--format', 'csv')).split('\r\n').slice(1)
  assert.match(first ?? '', /^'=cmd\|x,|^"'=cmd\|x",/)
  assert.ok(first?.endsWith(`"'+""q"", ${escaped}"`), first)
  assert.match(second ?? '', /^"?'@a"?,success,"?'-b"?,/)
  assert.ok((await list()).includes(`\t+"q", ${escaped}\n`))
  const json = await list('--json')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
  assert.doesNotMatch(json.replaceAll('\n', ''), /[\x00-\x1f\x7f-\x9f\u202e\u2028]/)
  assert.equal(JSON.parse(json)[1].errorMessage, `+"q", ${odd}`)
})

test('NaN and large integers are in JSON what toJson makes of them', async (t) => {
  const file = fileOf(t, [{ ...TASK, taskId: 'a', result: { f: Number.NaN, n: 2n ** 70n } }])
  assert.deepEqual(((await cliJson(['list', '--file', file])) as { result: unknown }[])[0]?.result, {
    f: { $float: 'NaN' },
    n: { $int: '1180591620717411303424' },
  })
})

test('more tasks than are read at once are listed, and a pipe that is closed ends the list quietly', async (t) => {
  const tasks = Array.from({ length: 2500 }, (_, i) => ({
    ...TASK,
    taskId: `task-${i}`,
    metadata: { circuit: 'x'.repeat(200) },
  }))
  const file = fileOf(t, tasks)
  const { output } = await cli(['list', '--file', file, '--all'])
  assert.equal(new Set(output.split('\n').slice(0, -1)).size, 2500)
  assert.equal((await cli(['list', '--file', file, '-l', '2100'])).output.split('\n').length, 2101)
  for (const form of ['--json', '--format=csv', '--format=plain']) {
    const shell = `"$0" "$@" | head -1 | wc -l; echo "\${PIPESTATUS[0]}"`
    const child = spawn(
      'bash',
      ['-c', shell, process.execPath, MAIN, 'list', '--file', file, '--all', form],
      {
        env: environment(),
      },
    )
    const [texts, errors] = [[] as string[], [] as string[]]
    child.stdout.on('data', (data) => texts.push(String(data)))
    child.stderr.on('data', (data) => errors.push(String(data)))
    await new Promise((fulfil) => child.on('close', fulfil))
    assert.deepEqual([texts.join(''), errors.join('')], ['1\n0\n', ''], form)
  }
})

test('a disk that takes no more ends the list with an error on one line', async (t) => {
  const file = fileOf(t, [{ ...TASK, taskId: 'a' }])
  if (!existsSync('/dev/full')) return t.skip('there is no /dev/full here')
  const { status, stderr } = spawnSync(
    'bash',
    ['-c', '"$0" "$@" > /dev/full', process.execPath, MAIN, 'list', '--file', file],
    { env: environment(), encoding: 'utf8' },
  )
  assert.deepEqual([status, stderr], [1, 'error: ENOSPC: no space left on device, write\n'])
})
