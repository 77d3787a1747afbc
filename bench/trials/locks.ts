import { spawn } from 'node:child_process'
import { once } from 'node:events'
import Database from 'better-sqlite3'
import { fill } from '../fill.ts'

export interface LocksOptions {
  readonly file: string
  readonly count: number
  readonly call: 'clearCompleted' | 'clearAll' | 'archiveOlderThan' | 'importFile'
}

const CALLS = {
  clearCompleted: 'store.clearCompleted()',
  clearAll: 'store.clearAll()',
  archiveOlderThan: 'store.archive.archiveOlderThan({ hours: 1 })',
  importFile: "store.importFile(file + '.jsonl')",
}

/** How long the write lock is held at most by a call over a whole file, as another connection feels it. */
export async function run({ file, count, call }: LocksOptions) {
  fill(file, count)
  const source = `
    import { TaskStore } from 'uniqc-task-store'
    const [file] = process.argv.slice(1)
    const store = new TaskStore({ file, synchronous: 'NORMAL' })
    ${call === 'importFile' ? "store.exportFile(file + '.jsonl', { replace: true }); store.clearAll()" : ''}
    process.send('ready')
    const start = performance.now()
    ${CALLS[call]}
    console.log((performance.now() - start) / 1000)
    process.disconnect()`
  const { child, done } = start(source, file)
  await once(child, 'message')
  // A probe takes the lock and lets it go, again and again: its longest wait is the longest lock.
  const database = new Database(file, { timeout: 60_000 })
  let longest = 0
  let isDone = false
  const ended = done.then((seconds) => {
    isDone = true
    return seconds
  })
  while (!isDone) {
    const before = performance.now()
    database.exec('BEGIN IMMEDIATE; COMMIT')
    longest = Math.max(longest, performance.now() - before)
    await new Promise((next) => setTimeout(next, 5))
  }
  database.close()
  return { seconds: await ended, 'longest wait, ms': longest }
}

function start(source: string, file: string) {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source, '--', file], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  let output = ''
  child.stdout?.on('data', (data) => {
    output += data
  })
  const done = once(child, 'close').then(() => Number(output))
  return { child, done }
}
