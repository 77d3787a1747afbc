import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { TaskStore } from 'uniqc-task-store'
import { percentile } from '../percentile.ts'
import { hasPython, pythonScript } from '../python.ts'

export interface WritersOptions {
  readonly file: string
  readonly count: number
}

const NODE = `
  import { TaskStore } from 'uniqc-task-store'
  const [file, name, count] = process.argv.slice(1)
  const store = new TaskStore({ file, synchronous: 'NORMAL' })
  const times = []
  let errors = 0
  for (let i = 0; i < Number(count); i++) {
    const start = performance.now()
    try {
      store.save({ taskId: name + '-' + i, backend: 'originq', status: 'success', result: { '00': i } })
    } catch {
      errors++
    }
    times.push(performance.now() - start)
  }
  console.log(JSON.stringify({ times, errors }))`

const run_ = promisify(execFile)

/** Four processes that write without a pause: two through a store, two in the original's way where python3 is there. */
export async function run({ file, count }: WritersOptions) {
  new TaskStore({ file }).close()
  const options = { maxBuffer: 2 ** 28 }
  const node = (name: string) =>
    run_(process.execPath, ['--input-type=module', '--eval', NODE, '--', file, name, String(count)], options)
  const python = (name: string) =>
    run_('python3', [pythonScript('writers.py'), file, name, String(Math.ceil(count / 10))], options)
  const others = hasPython() ? python : node
  const start = performance.now()
  const outputs = await Promise.all([node('n1'), node('n2'), others('o1'), others('o2')])
  const seconds = (performance.now() - start) / 1000
  const results = outputs.map(({ stdout }) => JSON.parse(stdout) as { times: number[]; errors: number })
  const all = results.flatMap(({ times }) => times)
  return {
    'writes a second': all.length / seconds,
    errors: results.reduce((sum, { errors }) => sum + errors, 0),
    'p99 of a store, ms': p99(results.slice(0, 2).flatMap(({ times }) => times)),
    'p99 of the others, ms': p99(results.slice(2).flatMap(({ times }) => times)),
    'longest, ms': all.reduce((most, time) => Math.max(most, time), 0),
  }
}

const p99 = (times: readonly number[]) => percentile(times, 0.99)
