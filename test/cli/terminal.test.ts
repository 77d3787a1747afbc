import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import stringWidth from 'string-width'
import { TaskStore } from 'uniqc-task-store'
import { atTerminal, needsTerminal, plain } from '../support/cli.ts'
import { temporaryFile } from '../support/temporary.ts'

const HOUR = 3_600_000
const ID = `uqt_${'0123456789abcdef'.repeat(2)}`

function makeFile(t: TestContext): string {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  const submitTime = new Date(Date.now() - 3 * HOUR)
  const task = { submitTime, status: 'success' } as const
  store.saveMany([
    {
      ...task,
      taskId: ID,
      backend: 'dummy:local:virtual-line-2',
      shots: 100_000,
      result: { '00': 512, '11': 488, '01': -1 },
    },
    { ...task, taskId: '任务-'.repeat(9), backend: 'originq:本源悟空一百八十', status: 'running' },
    { ...task, taskId: 'b', backend: 'b', status: 'failed', errorMessage: `no qubits ${'x'.repeat(300)}` },
    {
      ...task,
      taskId: 'wide',
      backend: 'b',
      result: Object.fromEntries(
        Array.from({ length: 100 }, (_, i) => [i.toString(2).padStart(100, '0'), i]),
      ),
    },
  ])
  store.addShard({ uniqcTaskId: ID, platformTaskId: 'F51AA0AC5D842E74'.repeat(3) })
  return file
}

const COMMANDS = [
  ['list'],
  ['list', '--archived', 'too'],
  ['show', ID],
  ['show', 'wide'],
  ['shards', ID],
  ['stats'],
]

for (const columns of [60, 80, 200]) {
  test(`every table fits ${columns} columns`, needsTerminal, async (t) => {
    const file = makeFile(t)
    for (const args of columns === 200 ? COMMANDS.slice(0, 3) : COMMANDS) {
      const { code, lines } = await atTerminal(columns, [...args, '--file', file])
      assert.equal(code, 0)
      assert.ok(lines.length > 0, args.join(' '))
      for (const line of lines) {
        assert.ok(stringWidth(line) <= columns, `${args.join(' ')}: ${stringWidth(line)}: ${line}`)
      }
    }
  })
}

test(
  'columns are aligned, wide characters counted, and times are told in hours',
  needsTerminal,
  async (t) => {
    const file = makeFile(t)
    const { lines } = await atTerminal(80, ['list', '--file', file])
    const [titles = '', ...rows] = lines
    assert.equal(rows.length, 4)
    const at = titles.indexOf('STATUS')
    for (const row of rows) {
      const [, status] = /(running|success|failed) /.exec(row) ?? []
      assert.equal(stringWidth(row.slice(0, row.indexOf(status ?? '?'))), at, row)
      assert.match(row, / 3 h ago/)
    }
    assert.ok(rows.some((row) => row.startsWith(ID.slice(0, 12))))
  },
)

test('a result without counts is shown as JSON', needsTerminal, async (t) => {
  const file = temporaryFile(t)
  {
    using store = new TaskStore({ file })
    store.save({ taskId: 'empty', backend: 'b', status: 'success', result: {} })
  }
  const { lines } = await atTerminal(80, ['show', 'empty', '--file', file])
  assert.deepEqual(lines.map(plain).slice(-2), ['Result', '{}'])
})

test('statuses have colours, unless NO_COLOR is set', needsTerminal, async (t) => {
  const file = makeFile(t)
  const { screen } = await atTerminal(80, ['list', '--file', file])
  assert.ok(screen.includes('\u001b[32msuccess\u001b[39m'), screen)
  const bare = await atTerminal(80, ['list', '--file', file], { env: { NO_COLOR: '1' } })
  assert.equal(bare.screen, plain(bare.screen))
})

test(
  'show draws the counts as bars with their shares, of many states those measured most often',
  needsTerminal,
  async (t) => {
    const file = makeFile(t)
    const { lines } = await atTerminal(60, ['show', ID.slice(0, 8), '--file', file])
    const bars = lines
      .filter((line) => /^\d\d {2}/.test(line))
      .map((line) => line.replace(/█+/, (bar) => String(bar.length)))
    assert.deepEqual(bars, ['00  512  51.2 %  40', '01   -1   0.0 %', '11  488  48.8 %  38'])
    const many = (await atTerminal(60, ['show', 'wide', '--file', file])).lines
    assert.match(many.at(-1) ?? '', /^\.\.\. and 68 more/)
    const full = (await atTerminal(60, ['show', 'wide', '--file', file, '--full'])).lines
    assert.equal(full.filter((line) => line.includes('%')).length, 100)
  },
)

test('a question is asked, and anything but yes leaves everything as it is', needsTerminal, async (t) => {
  const file = makeFile(t)
  const answers: readonly (readonly [typed: string, code: number, left: number])[] = [
    ['n\r', 1, 4],
    ['\u0004', 1, 4],
    ['\u0003', 1, 4],
    ['y\r', 0, 3],
  ]
  for (const [typed, code, left] of answers) {
    const ended = await atTerminal(80, ['delete', 'wide', '--file', file], { typed: [['\\[y/N\\]', typed]] })
    assert.equal(ended.code, code, JSON.stringify(typed))
    if (code === 1) assert.match(ended.screen, /nothing was done/)
    using store = new TaskStore({ file, readonly: true })
    assert.equal(store.count(), left)
  }
})
