import assert from 'node:assert/strict'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import test from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { atTerminal, CTRL_C, ended, needsTerminal, start } from '../support/cli.ts'
import { needsPython, runPython } from '../support/processes.ts'
import { temporaryFile } from '../support/temporary.ts'

const RUNNING = { backend: 'b', status: 'running' } as const

/** Resolves to the next list of a command that watches: its statuses by id. */
async function* listsOf(
  child: ReturnType<typeof start>,
): AsyncGenerator<Record<string, string>, void, undefined> {
  let text = ''
  for await (const data of child.stdout) {
    text += data
    const lines = text.split('\n')
    text = lines.pop() ?? ''
    for (const line of lines) {
      yield Object.fromEntries(
        JSON.parse(line).map(({ taskId, status }: Record<string, string>) => [taskId, status]),
      )
    }
  }
}

test('two that watch see what Python writes beside them, and end quietly', needsPython, async (t) => {
  const file = temporaryFile(t)
  const store = new TaskStore({ file })
  store.save({ ...RUNNING, taskId: 'a' })
  const watching = [1, 2].map(() => start(['watch', '--json', '--interval', '20ms', '--file', file]))
  t.after(() => watching.map((child) => child.kill('SIGKILL')))
  const [first, second] = watching.map(listsOf)
  const next = async () => [await first?.next(), await second?.next()].map((found) => found?.value)
  assert.deepEqual(await next(), [{ a: 'running' }, { a: 'running' }])
  const sql = "UPDATE tasks SET status = 'success', update_time = 'later'"
  await runPython(
    `import sqlite3, sys\nwith sqlite3.connect(sys.argv[1], timeout=30) as db: db.execute(sys.argv[2])`,
    file,
    sql,
  )
  assert.deepEqual(await next(), [{ a: 'success' }, { a: 'success' }])
  store.save({ ...RUNNING, taskId: 'b' })
  assert.deepEqual(await next(), Array(2).fill({ b: 'running', a: 'success' }))
  for (const child of watching) {
    const exited = once(child, 'exit')
    child.kill('SIGINT')
    assert.deepEqual(await exited, [0, null])
  }
  store.close()
})

test('a file that is removed and made again is watched on', async (t) => {
  const file = temporaryFile(t)
  const save = (taskId: string) => {
    using store = new TaskStore({ file })
    store.save({ ...RUNNING, taskId })
  }
  save('a')
  const child = start(['watch', '--json', '--interval', '20ms', '--file', file])
  t.after(() => child.kill('SIGKILL'))
  const lists = listsOf(child)
  assert.deepEqual((await lists.next()).value, { a: 'running' })
  // As UnifiedQuantum clears everything.
  for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true })
  await once(child.stderr, 'data')
  save('b')
  // The next file can be seen before it has a task.
  for await (const list of lists) if ('b' in list) break
  assert.equal(child.exitCode, null)
})

test('away from a terminal the lists follow each other, with an empty line after each', async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  const child = start(['watch', '--interval', '20ms', '--file', file])
  const all = ended(child)
  await once(child.stdout, 'data')
  const shown = once(child.stdout, 'data')
  store.save({ ...RUNNING, taskId: 'a' })
  await shown
  child.kill('SIGINT')
  const { code, output, errors } = await all
  assert.deepEqual([code, errors], [0, ''])
  assert.match(output, /^\na\trunning\tb\t0\t\S+\t\S+\t\n\n$/)
})

test('at a terminal the list is drawn over the one before, until Ctrl-C', needsTerminal, async (t) => {
  const file = temporaryFile(t)
  new TaskStore({ file }).close()
  // The first list has no task; what is typed then is the end.
  const { code, lines, screen } = await atTerminal(80, ['watch', '--file', file], {
    typed: [['no tasks', CTRL_C]],
  })
  assert.equal(code, 0)
  assert.ok(screen.includes('\u001b[H\u001b[J'), screen)
  assert.ok(lines[0]?.startsWith(file), lines[0])
})
