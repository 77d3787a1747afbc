import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fill } from '../fill.ts'

export interface CommandLineOptions {
  readonly file: string
  readonly count: number
}

const MAIN = join(import.meta.dirname, '../../dist/cli/main.js')

/** What `list` does, without the command line. */
const SCRIPT = `
  const { TaskStore } = await import('uniqc-task-store')
  const store = new TaskStore({ file: process.argv[1], readonly: true })
  const tasks = store.listSummaries({ limit: 20 })
  store.close()
  console.log(tasks.map((task) => Object.values(task).join('\\t')).join('\\n'))`

/** Milliseconds of a process, from its start to its end. */
export function run({ file, count }: CommandLineOptions) {
  fill(file, count)
  const empty = join(dirname(file), 'empty.js')
  writeFileSync(empty, '')
  const time = (...args: readonly string[]) => {
    const start = performance.now()
    execFileSync(process.execPath, args, { stdio: 'ignore' })
    return performance.now() - start
  }
  const script = ['--input-type=module', '--eval', SCRIPT, '--', file]
  // The first of each loads its files from the disk.
  for (const args of [[empty], [MAIN, '--help'], script]) time(...args)
  return {
    'an empty script': time(empty),
    '--help': time(MAIN, '--help'),
    'a script that lists': time(...script),
    list: time(MAIN, 'list', '--file', file),
  }
}
