import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { TaskStore } from 'uniqc-task-store'
import { makeTask } from '../peer.ts'
import { pythonScript } from '../python.ts'

export interface PythonWaitsOptions {
  readonly file: string
  readonly seconds: number
}

/** What a Python process that saves every 30 ms feels of this one, which saves without a pause. */
export async function run({ file, seconds }: PythonWaitsOptions) {
  using store = new TaskStore({ file, synchronous: 'NORMAL' })
  const python = spawn('python3', [pythonScript('waits.py'), file, String(seconds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  python.stdout.setEncoding('utf8').on('data', (text) => {
    output += text
  })
  await once(python.stdout, 'data')
  // A call that fails takes another 5 seconds: save until Python has ended, whenever that is.
  let isOver = false
  const closed = once(python, 'close').then(() => {
    isOver = true
  })
  const start = performance.now()
  let saved = 0
  while (!isOver) {
    // Events are seen between the turns only, and these are rare enough to be no pause.
    for (let i = 0; i < 200; i++) store.save(makeTask(saved++ % 10_000, 4))
    await new Promise((next) => setImmediate(next))
  }
  const elapsed = (performance.now() - start) / 1000
  await closed
  const [, line = ''] = output.split('\n')
  const { calls, failures, longest } = JSON.parse(line)
  return {
    'calls of Python': calls,
    'failures of Python': failures,
    'longest wait of Python, ms': longest,
    'saves a second beside it': saved / elapsed,
  }
}
